package dev.ontogeny.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Llamascopium's rule, written down here, makes of what is written for it. */
class LlamascopiumTest {
  private static final int EACH = 4;

  @TempDir private Path folder;

  private static Dictionary crosscoder(String type) {
    return PeerFixture.over(
        type,
        true,
        new Source(PeerFixture.SITE, 0, EACH),
        new Source(PeerFixture.SITE, 1000, EACH));
  }

  private Map<String, Tensor> written(Dictionary dictionary) throws IOException {
    var unused =
        new Llamascopium()
            .write(Folder.of(folder.toString()), "it", dictionary, PeerFixture.origin(dictionary));
    try (InputStream in = Files.newInputStream(folder.resolve("it/sae_weights.safetensors"))) {
      return Safetensors.read(in, "it");
    }
  }

  private JsonNode config() throws IOException {
    return Json.read(Files.readString(folder.resolve("it/config.json")), JsonNode.class, "it");
  }

  /** Of each source a code of its own: f(pre · ‖d‖) / ‖d‖. */
  @Test
  void gatesAreThoseOfTheSource() throws IOException {
    for (String type : new String[] {"jump-relu-per-source", "relu"}) {
      Dictionary dictionary = crosscoder(type);
      Map<String, Tensor> tensors = written(dictionary);
      float[] encoder = tensors.get("W_E").values();
      float[] decoder = tensors.get("W_D").values();
      int width = dictionary.width();
      for (double[] row : PeerFixture.inputs(dictionary, 20)) {
        double[] pre = new double[width];
        for (int s = 0; s < 2; s++) {
          double norm = tensors.get(average(s)).values()[0];
          for (int latent = 0; latent < width; latent++) {
            pre[latent] += tensors.get("b_E").values()[s * width + latent];
            for (int i = 0; i < EACH; i++) {
              pre[latent] +=
                  row[s * EACH + i]
                      * (Math.sqrt(EACH) / norm)
                      * encoder[(s * EACH + i) * width + latent];
            }
          }
        }
        for (int s = 0; s < 2; s++) {
          double norm = tensors.get(average(s)).values()[0];
          double[] code = new double[width];
          double[] back = new double[EACH];
          for (int latent = 0; latent < width; latent++) {
            int at = (s * width + latent) * EACH;
            double length = 0;
            for (int i = 0; i < EACH; i++) {
              length += decoder[at + i] * decoder[at + i];
            }
            double bar =
                type.equals("relu")
                    ? 0
                    : Math.exp(
                        tensors.get("activation_function.log_jumprelu_threshold").values()[latent]);
            code[latent] = pre[latent] * Math.sqrt(length) > bar ? pre[latent] : 0;
            for (int i = 0; i < EACH; i++) {
              back[i] += code[latent] * decoder[at + i];
            }
          }
          double[] ours = ours(dictionary, row, s);
          for (int i = 0; i < EACH; i++) {
            back[i] =
                (back[i] + tensors.get("b_D").values()[s * EACH + i]) * norm / Math.sqrt(EACH);
          }
          assertThat(back).as(type + " at " + s).containsExactly(ours, within(3e-4));
        }
      }
    }
  }

  private static String average(int source) {
    return "dataset_average_activation_norm." + PeerFixture.SITE + "@" + source * 1000;
  }

  /** What our rule reconstructs at a source. */
  private static double[] ours(Dictionary dictionary, double[] row, int source) {
    float[] bars = dictionary.sourceThreshold(source);
    double[] pre = new double[dictionary.width()];
    float[] scale = dictionary.columnScale();
    for (int latent = 0; latent < pre.length; latent++) {
      pre[latent] = dictionary.encoderBias()[latent];
      for (int column = 0; column < row.length; column++) {
        double scaled = (row[column] - dictionary.inputMean()[column]) * scale[column];
        pre[latent] +=
            (scaled - dictionary.decoderBias()[column]) * dictionary.encoder().at(column, latent);
      }
      double bar = bars == null ? 0 : bars[latent];
      pre[latent] = pre[latent] > bar ? pre[latent] : 0;
    }
    double[] all = PeerFixture.reconstruction(dictionary, pre);
    return Arrays.copyOfRange(all, source * EACH, (source + 1) * EACH);
  }

  @Test
  void itsWidthIsTheOneThatThereIs() throws IOException {
    written(PeerFixture.dictionary("top-k", true));
    JsonNode config = config();
    double factor = config.path("expansion_factor").asDouble();
    assertThat((int) (config.path("d_model").asInt() * factor)).isEqualTo(PeerFixture.WIDTH);
    assertThat(config.path("act_fn").asText()).isEqualTo("topk");
    assertThat(config.path("top_k").asInt()).isEqualTo(PeerFixture.K);
    assertThat(config.path("norm_activation").asText()).isEqualTo("inference");
    assertThat(config.path("sae_type").asText()).isEqualTo("sae");
  }

  @Test
  void whatItCannotSayIsToldByName() {
    assertThat(new Llamascopium().refusal(PeerFixture.metadata(crosscoder("batch-top-k"))))
        .contains("crosscoders of ReLU, or with gates by source,", "is of type batch-top-k");
    assertThat(
            new Llamascopium()
                .refusal(PeerFixture.metadata(PeerFixture.transcoder("relu", true, 5))))
        .contains("one width for all", "[7, 5]");
    Dictionary dictionary = crosscoder("relu");
    Arrays.fill(dictionary.decoder().values(), 8 + 4, 16, 0);
    assertThatThrownBy(() -> written(dictionary))
        .hasMessageContaining("that of latent 1 of some-r1-c1000 is zero at source 1");
  }
}
