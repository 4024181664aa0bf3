package dev.ontogeny.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Llamascopium's rule, written down here, makes of what is written for it. */
class LlamascopiumTest {
  private static final int EACH = 4;
  private static final String AVERAGE_NORM = "dataset_average_activation_norm.";

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
    return AVERAGE_NORM + PeerFixture.SITE + "@" + source * 1000;
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

  private Imported read() throws IOException {
    return new Llamascopium().read(Folder.of(folder.resolve("it").toString()));
  }

  /** Numbers of a crosscoder are those of scaled units there as well, so that nothing is folded. */
  @Test
  void weightsOfCrosscodersComeBackBitByBit() throws IOException {
    for (String type : new String[] {"jump-relu-per-source", "relu"}) {
      Dictionary dictionary = crosscoder(type);
      written(dictionary);
      Imported read = read();
      assertThat(read.places())
          .containsExactly(
              new Imported.Place(PeerFixture.SITE, 0L),
              new Imported.Place(PeerFixture.SITE, 1000L));
      assertThat(read.replica()).isEqualTo(1);
      Dictionary again = read.dictionary(dictionary.sources());
      assertThat(again.type()).isEqualTo(dictionary.type());
      assertThat(again.encoder()).isEqualTo(dictionary.encoder());
      assertThat(again.decoder()).isEqualTo(dictionary.decoder());
      assertThat(again.inputScale()).containsExactly(dictionary.inputScale(), within(1e-6f));
      assertThat(again.threshold()).containsExactly(dictionary.threshold(), within(1e-6f));
      for (double[] row : PeerFixture.inputs(dictionary, 20)) {
        for (int s = 0; s < 2; s++) {
          assertThat(ours(again, row, s))
              .as(type + " at " + s)
              .containsExactly(ours(dictionary, row, s), within(3e-4));
        }
      }
    }
  }

  /** Where nothing is subtracted from inputs, biases come back as well. */
  @Test
  void aTranscoderWithoutScalingComesBackBitByBit() throws IOException {
    for (String type : new String[] {"relu", "top-k"}) {
      Dictionary dictionary = PeerFixture.transcoder(type, false, 7);
      written(dictionary);
      Imported read = read();
      assertThat(read.places())
          .containsExactly(
              new Imported.Place(PeerFixture.SITE, 1000L),
              new Imported.Place(PeerFixture.TARGET, 1000L));
      Dictionary again = read.dictionary(dictionary.sources());
      assertThat(again.type()).isEqualTo(dictionary.type());
      assertThat(again.k()).isEqualTo(dictionary.k());
      assertThat(again.encoder()).isEqualTo(dictionary.encoder());
      assertThat(again.decoder()).isEqualTo(dictionary.decoder());
      assertThat(again.encoderBias()).containsExactly(dictionary.encoderBias());
      assertThat(again.decoderBias()).containsExactly(dictionary.decoderBias());
      assertThat(again.inputScale()).containsOnly(1);
    }
  }

  /**
   * As the library trains by default: inputs of an average norm of √d, and gates by norms, f(pre ·
   * ‖d‖) / ‖d‖. Of the k largest our codes are norms times theirs.
   */
  @Test
  void whatIsScaledAndGatedByNormsIsReadAsItsRuleSays() throws IOException {
    for (String type : new String[] {"relu", "jump-relu", "top-k"}) {
      for (boolean transcoder : new boolean[] {false, true}) {
        Dictionary written =
            transcoder
                ? PeerFixture.transcoder(type, false, 7)
                : PeerFixture.dictionary(type, false);
        Map<String, Tensor> tensors = written(written);
        float[] averages = {3, transcoder ? 0.5f : 3};
        tensors.put(AVERAGE_NORM + PeerFixture.SITE, scalar(averages[0]));
        tensors.put(AVERAGE_NORM + PeerFixture.TARGET, scalar(averages[1]));
        hold(tensors);
        ObjectNode config = (ObjectNode) config();
        // Both are what they are where nobody says.
        config.remove(List.of("norm_activation", "sparsity_include_decoder_norm"));
        Files.writeString(folder.resolve("it/config.json"), Json.pretty(config));
        Dictionary ours = read().dictionary(written.sources());
        assertThat(ours.inputScale()[0]).isEqualTo((float) (Math.sqrt(7) / 3));
        for (double[] row : PeerFixture.inputs(written, 20)) {
          double[] norms = norms(tensors.get("W_D"));
          double[] code = theirs(tensors, written, norms, row, Math.sqrt(7) / averages[0]);
          double[] reconstruction = new double[7];
          for (int i = 0; i < 7; i++) {
            reconstruction[i] = tensors.get("b_D").values()[i];
            for (int latent = 0; latent < code.length; latent++) {
              reconstruction[i] += code[latent] * tensors.get("W_D").values()[latent * 7 + i];
            }
            reconstruction[i] *= averages[1] / Math.sqrt(7);
          }
          if (type.equals("top-k")) {
            Arrays.setAll(code, latent -> code[latent] * norms[latent]);
          }
          double[] own = PeerFixture.code(ours, row);
          assertThat(own).as(type).containsExactly(code, within(3e-5));
          assertThat(PeerFixture.reconstruction(ours, own))
              .containsExactly(reconstruction, within(3e-4));
        }
      }
    }
  }

  private static double[] theirs(
      Map<String, Tensor> tensors, Dictionary dictionary, double[] norms, double[] row, double by) {
    double[] gated = new double[norms.length];
    for (int latent = 0; latent < norms.length; latent++) {
      double pre = tensors.get("b_E").values()[latent];
      for (int i = 0; i < row.length; i++) {
        pre += row[i] * by * tensors.get("W_E").values()[i * norms.length + latent];
      }
      gated[latent] = pre * norms[latent];
    }
    double[] code =
        PeerFixture.code(dictionary.type(), dictionary.k(), dictionary.threshold(), gated);
    Arrays.setAll(code, latent -> code[latent] / norms[latent]);
    return code;
  }

  private static double[] norms(Tensor decoder) {
    double[] norms = new double[decoder.shape()[0]];
    int each = decoder.shape()[1];
    for (int at = 0; at < decoder.values().length; at++) {
      norms[at / each] += decoder.values()[at] * (double) decoder.values()[at];
    }
    Arrays.setAll(norms, latent -> Math.sqrt(norms[latent]));
    return norms;
  }

  private static Tensor scalar(float value) {
    return new Tensor(new int[0], new float[] {value});
  }

  private void hold(Map<String, Tensor> tensors) throws IOException {
    try (OutputStream out = Files.newOutputStream(folder.resolve("it/sae_weights.safetensors"))) {
      Safetensors.write(tensors, Map.of(), out);
    }
  }

  /** It is that one gated by norms, whatever has the axis of sources. */
  @Test
  void aCrosscoderOfOneSourceIsAnAutoencoder() throws IOException {
    for (String type : new String[] {"relu", "jump-relu", "top-k"}) {
      Dictionary dictionary = PeerFixture.dictionary(type, false);
      Map<String, Tensor> tensors = written(dictionary);
      ObjectNode config = (ObjectNode) config();
      config.put("sparsity_include_decoder_norm", true);
      Files.writeString(folder.resolve("it/config.json"), Json.pretty(config));
      Dictionary plain = read().dictionary(dictionary.sources());
      for (String name : List.of("W_E", "W_D", "b_E", "b_D")) {
        int[] shape =
            IntStream.concat(IntStream.of(1), IntStream.of(tensors.get(name).shape())).toArray();
        tensors.put(name, new Tensor(shape, tensors.get(name).values()));
      }
      hold(tensors);
      config.put("sae_type", "crosscoder").putArray("hook_points").add(PeerFixture.SITE + "@1000");
      Files.writeString(folder.resolve("it/config.json"), Json.pretty(config));
      Imported read = read();
      Dictionary one = read.dictionary(dictionary.sources());
      assertThat(read.places()).containsExactly(new Imported.Place(PeerFixture.SITE, 1000L));
      assertThat(one.type()).isEqualTo(plain.type());
      assertThat(one.encoder()).isEqualTo(plain.encoder());
      assertThat(one.decoder()).isEqualTo(plain.decoder());
      assertThat(one.encoderBias()).containsExactly(plain.encoderBias());
      assertThat(one.threshold()).containsExactly(plain.threshold());
    }
  }

  @Test
  void biasesOfSourcesAreAddedUp() throws IOException {
    Map<String, Tensor> tensors = written(crosscoder("relu"));
    float[] before = read().dictionary().encoderBias();
    Arrays.fill(tensors.get("b_E").values(), PeerFixture.WIDTH, 2 * PeerFixture.WIDTH, 2);
    hold(tensors);
    float[] after = read().dictionary().encoderBias();
    for (int latent = 0; latent < PeerFixture.WIDTH; latent++) {
      assertThat(after[latent] - before[latent]).isCloseTo(2, within(1e-5f));
    }
  }

  /** It is saved with whatever memory held where inputs are read as they are. */
  @Test
  void normsThatAreNotUsedMeanNothing() throws IOException {
    Map<String, Tensor> tensors = written(PeerFixture.dictionary("relu", false));
    tensors.put(AVERAGE_NORM + PeerFixture.SITE, scalar(Float.NaN));
    hold(tensors);
    assertThat(read().scale()).containsExactly(1);
  }

  /** What lets all positive pass has minus infinity as its logarithm. */
  @Test
  void thresholdsOfZeroAndInfinityComeBack() throws IOException {
    Dictionary dictionary = PeerFixture.dictionary("jump-relu", false);
    dictionary.threshold()[2] = 0;
    dictionary.threshold()[3] = Float.POSITIVE_INFINITY;
    written(dictionary);
    float[] back = read().dictionary().threshold();
    assertThat(back[2]).isZero();
    assertThat(back[3]).isInfinite();
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
