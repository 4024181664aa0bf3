package dev.ontogeny.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files of peers that are not what they should be: what is said of them, and that it is a failure.
 */
class BrokenPeerFilesTest {
  @TempDir private Path folder;

  private Path tensors;
  private Path config;

  @BeforeEach
  void write() throws IOException {
    write("saelens", PeerFixture.dictionary("top-k", true));
  }

  private void write(String format, Dictionary dictionary) throws IOException {
    PeerFormat peer = PeerFormats.of(format);
    var unused =
        peer.write(Folder.of(folder.toString()), "it", dictionary, PeerFixture.origin(dictionary));
    tensors = folder.resolve("it").resolve(peer.tensorFile());
    config = folder.resolve("it").resolve(peer.configFile());
  }

  private void refused(String format, String... words) {
    assertThatThrownBy(() -> read(format))
        .isInstanceOfSatisfying(
            Failure.class, failure -> assertThat(failure.kind()).isEqualTo(FailureKind.DATA))
        .message()
        .contains(words);
  }

  private Imported read(String format) throws IOException {
    return PeerFormats.of(format).read(Folder.of(folder.resolve("it").toString()));
  }

  private void say(Consumer<ObjectNode> change) throws IOException {
    ObjectNode node =
        (ObjectNode) Json.read(Files.readString(config), JsonNode.class, config.toString());
    change.accept(node);
    Files.writeString(config, Json.pretty(node));
  }

  private void hold(Consumer<Map<String, Tensor>> change) throws IOException {
    Map<String, Tensor> all;
    try (InputStream in = Files.newInputStream(tensors)) {
      all = Safetensors.read(in, "fixture");
    }
    change.accept(all);
    try (OutputStream out = Files.newOutputStream(tensors)) {
      Safetensors.write(all, Map.of(), out);
    }
  }

  @Test
  void aTensorThatIsMissing() throws IOException {
    hold(all -> all.remove("b_enc"));
    refused(
        "saelens", "sae_weights.safetensors lacks a tensor b_enc of shape [11]", "it has [W_dec");
  }

  @Test
  void aTensorOfAnotherShape() throws IOException {
    hold(all -> all.put("W_enc", Tensor.matrix(11, 7, new float[77])));
    refused("saelens", "tensor W_enc should be of shape [7, 11], it is of [11, 7]");
  }

  @Test
  void aTensorThatNobodyTakes() throws IOException {
    hold(all -> all.put("W_skip", Tensor.matrix(7, 7, new float[49])));
    refused("saelens", "has tensors that topk does not have: [W_skip]");
  }

  @Test
  void aNumberThatIsNone() throws IOException {
    hold(all -> all.get("W_dec").values()[5] = Float.NaN);
    refused("saelens", "tensor W_dec has NaN, at number 5 of its shape [11, 7]");
  }

  @Test
  void aFileThatIsMissingOrCutOff() throws IOException {
    byte[] whole = Files.readAllBytes(tensors);
    Files.write(tensors, Arrays.copyOf(whole, whole.length - 4));
    refused("saelens", "is cut off: it ends before its tensors do");
    Files.delete(tensors);
    refused("saelens", "sae_weights.safetensors does not exist");
    Files.delete(config);
    refused("saelens", "cfg.json does not exist");
  }

  @Test
  void keysThatSayWhatIsNotKnown() throws IOException {
    say(node -> node.put("finetuning_scaling_factor", true));
    refused("saelens", "cfg.json has a key 'finetuning_scaling_factor' that is not known here");
  }

  @Test
  void valuesThatAreNotKnown() throws IOException {
    say(node -> node.put("architecture", "gated"));
    refused(
        "saelens", "'architecture' should be one of standard, topk, jumprelu", "it is \"gated\"");
    say(node -> node.put("architecture", "topk").put("k", 12));
    refused("saelens", "'k' should be at most d_sae = 11, it is 12");
    say(node -> node.put("k", 3).put("d_in", "seven"));
    refused("saelens", "'d_in' should be a whole number of at least 1, it is \"seven\"");
    say(node -> node.put("d_in", 7).put("normalize_activations", "expected_average_only_in"));
    refused("saelens", "fold it with fold_activation_norm_scaling_factor");
    say(node -> node.put("normalize_activations", "layer_norm"));
    refused("saelens", "each row would be rescaled by its own norm");
    say(node -> node.put("normalize_activations", "none").remove("metadata"));
    refused("saelens", "it is of SAELens before 6");
    Files.writeString(config, "[1]");
    refused("saelens", "cfg.json should be an object, it is [1]");
    Files.writeString(config, "{");
    refused("saelens", "cfg.json is not the JSON of");
  }

  @Test
  void decoderNormsThatCountAreFolded() throws IOException {
    Dictionary dictionary = PeerFixture.dictionary("top-k", false);
    write("saelens", dictionary);
    say(node -> node.put("rescale_acts_by_decoder_norm", true));
    PlainDictionary read = read("saelens").dictionary();
    for (int latent = 0; latent < read.width(); latent++) {
      double norm = dictionary.decoder().norm(latent);
      assertThat(read.decoder().norm(latent)).isBetween(1 - 1e-6, 1 + 1e-6);
      assertThat(read.encoder().at(2, latent) / norm)
          .isBetween(
              dictionary.encoder().at(2, latent) - 1e-5, dictionary.encoder().at(2, latent) + 1e-5);
    }
    hold(all -> Arrays.fill(all.get("W_dec").values(), 0, 7, 0));
    refused("saelens", "row 0 of W_dec is zero");
  }

  /** Halves are exact as floats; doubles are not. */
  @Test
  void numbersOfOtherTypes() throws IOException {
    String header =
        "{\"W_dec\":{\"dtype\":\"F16\",\"shape\":[1,1],\"data_offsets\":[0,2]},\"W_enc\":{\"dtype\":\"BF16\",\"shape\":[1,1],\"data_offsets\":[2,4]},\"b_dec\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},\"b_enc\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    ByteBuffer numbers = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    numbers.putShort((short) 0x3e00).putShort((short) 0x4040).putFloat(0.5f).putFloat(-1);
    written(header, numbers.array());
    say(node -> node.put("d_in", 1).put("d_sae", 1).put("k", 1));
    PlainDictionary read = read("saelens").dictionary();
    assertThat(read.decoder().at(0, 0)).isEqualTo(1.5f);
    assertThat(read.encoder().at(0, 0)).isEqualTo(3);
    assertThat(read.encoderBias()).containsExactly(-1);
    written(header.replaceFirst("F16", "F64"), numbers.array());
    refused(
        "saelens",
        "is of type",
        "F32, F16, BF16 and whole numbers can be read; cast it to float32");
    written(header.replace("[4,8]", "[6,10]"), numbers.array());
    refused("saelens", "tensor b_dec begins at byte 6, where the one before ends at 4");
    written(header.replace("[2,4]", "[2,9]"), numbers.array());
    refused("saelens", "tensor W_enc should have 2 bytes for each number of its shape");
  }

  private void written(String header, byte[] numbers) throws IOException {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + text.length + numbers.length).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(tensors, file.putLong(text.length).put(text).put(numbers).array());
  }

  @Test
  void partsThatNoDictionaryHasHere() throws IOException {
    write("sparsify", PeerFixture.dictionary("top-k", true));
    say(node -> node.put("skip_connection", true));
    refused("sparsify", "'skip_connection' should be false: no dictionary here has one");
    say(node -> node.put("skip_connection", false).put("activation", "groupmax"));
    refused("sparsify", "'activation' should be one of topk, it is \"groupmax\"");
    say(node -> node.put("activation", "topk").put("num_latents", 0).put("expansion_factor", 2));
    refused("sparsify", "tensor encoder.weight should be of shape [14, 7], it is of [11, 7]");
    say(node -> node.put("expansion_factor", Integer.MAX_VALUE));
    refused("sparsify", "'expansion_factor' should be smaller");
  }

  @Test
  void whatLlamascopiumSaysAndNoDictionaryHasHere() throws IOException {
    write("llamascopium", PeerFixture.dictionary("top-k", true));
    say(node -> node.put("sae_type", "lorsa"));
    refused("llamascopium", "config.json: 'sae_type' should be one of sae, crosscoder");
    say(node -> node.put("sae_type", "sae").put("rope", 1));
    refused("llamascopium", "config.json has a key 'rope' that is not known here");
    say(node -> node.put("use_glu_encoder", true).remove("rope"));
    refused("llamascopium", "'use_glu_encoder' should be false: no dictionary here has such");
    say(node -> node.put("use_glu_encoder", false).put("act_fn", "batchtopk"));
    refused("llamascopium", "'act_fn' should be relu, jumprelu or topk", "it is \"batchtopk\"");
    say(node -> node.put("act_fn", "topk").put("top_k", 12));
    refused("llamascopium", "'top_k' should be at most the number of latents, 11, it is 12");
    // Where nobody says, it is 50.
    say(node -> node.remove("top_k"));
    refused("llamascopium", "'top_k' should be at most the number of latents, 11, it is absent");
    say(node -> node.put("top_k", 3).put("norm_activation", "token-wise"));
    refused("llamascopium", "'norm_activation' should be dataset-wise or inference, since rows");
    say(node -> node.put("norm_activation", "dataset-wise"));
    String norm = "dataset_average_activation_norm." + PeerFixture.SITE;
    refused("llamascopium", "sae_weights.safetensors lacks a tensor " + norm + " of shape []");
    hold(all -> all.put(norm, new Tensor(new int[0], new float[] {0})));
    refused("llamascopium", "tensor " + norm + " should be a norm, which is above zero, it is 0.0");
    hold(all -> all.put(norm, new Tensor(new int[0], new float[] {Float.NaN})));
    refused("llamascopium", "tensor " + norm + " has NaN");
    say(node -> node.put("norm_activation", "inference").put("expansion_factor", 2));
    refused("llamascopium", "tensor W_E should be of shape [7, 14], it is of [7, 11]");
    say(node -> node.put("expansion_factor", 0.1));
    refused("llamascopium", "'expansion_factor' should be a number that makes latents");
    say(node -> node.put("expansion_factor", 11 / 7.0).remove("hook_point_out"));
    refused("llamascopium", "'hook_point_out' should be a text, it is absent");
    say(node -> node.put("hook_point_out", PeerFixture.SITE).put("use_decoder_bias", false));
    refused("llamascopium", "has tensors that a sae of top-k does not have: [b_D]");
    hold(all -> all.remove("b_D"));
    assertThat(read("llamascopium").dictionary().decoderBias()).containsOnly(0);
  }

  @Test
  void tensorsOfLlamascopiumThatAreNotWhatTheyShouldBe() throws IOException {
    write("llamascopium", PeerFixture.dictionary("jump-relu", true));
    String bars = "activation_function.log_jumprelu_threshold";
    hold(all -> all.get(bars).values()[2] = Float.NaN);
    refused("llamascopium", "tensor " + bars + " has NaN, at number 2 of its shape [11]");
    hold(all -> all.remove(bars));
    refused("llamascopium", "lacks a tensor " + bars + " of shape [11]");
    hold(all -> all.put(bars, Tensor.vector(new float[11])));
    hold(all -> Arrays.fill(all.get("W_D").values(), 14, 21, 0));
    assertThat(read("llamascopium").dictionary().threshold()).containsOnly(1);
    say(node -> node.put("sparsity_include_decoder_norm", true));
    refused(
        "llamascopium",
        "row 2 of W_D is zero at source 0, and sparsity_include_decoder_norm divides");
    hold(all -> all.put("W_E_glu", Tensor.matrix(7, 11, new float[77])));
    say(node -> node.put("sparsity_include_decoder_norm", false));
    refused("llamascopium", "a sae of jump-relu does not have: [W_E_glu]");
  }

  @Test
  void crosscodersThatNoDictionaryIsHere() throws IOException {
    write(
        "llamascopium",
        PeerFixture.over(
            "relu", true, new Source(PeerFixture.SITE, 0, 4), new Source(PeerFixture.SITE, 1, 4)));
    say(node -> node.put("act_fn", "topk"));
    refused("llamascopium", "'act_fn' should be relu or jumprelu for a crosscoder");
    say(node -> node.put("act_fn", "relu").put("sparsity_include_decoder_norm", false));
    refused("llamascopium", "'sparsity_include_decoder_norm' should be true for a crosscoder");
    say(node -> node.put("sparsity_include_decoder_norm", true).putArray("hook_points").add(3));
    refused("llamascopium", "'hook_points' should be a list of texts, at least one, it is [3]");
    say(node -> node.putArray("hook_points").add("only"));
    refused("llamascopium", "tensor W_E should be of shape [1, 4, 11], it is of [2, 4, 11]");
  }

  @Test
  void thresholdsThatWereNeverSet() throws IOException {
    write("dictionary-learning", PeerFixture.dictionary("top-k", true));
    say(node -> ((ObjectNode) node.path("trainer")).put("dict_class", "BatchTopKSAE"));
    refused("dictionary-learning", "threshold of its ae.pt is -1.0: it was never estimated");
    say(node -> ((ObjectNode) node.path("trainer")).put("dict_class", "GatedAutoEncoder"));
    refused("dictionary-learning", "'dict_class' should be one of AutoEncoder,");
    say(
        node ->
            ((ObjectNode) node.path("trainer")).put("dict_class", "AutoEncoderTopK").put("k", 4));
    refused("dictionary-learning", "'k' should be that of ae.pt, which is 3.0, it is 4");
  }

  /** A negative threshold lets negative codes through, which peers cut off first. */
  @Test
  void thresholdsThatPeersDoNotHave() throws IOException {
    Dictionary dictionary = PeerFixture.dictionary("jump-relu", false);
    dictionary.threshold()[4] = -0.5f;
    assertThatThrownBy(() -> write("saelens", dictionary))
        .hasMessageContaining(
            "SAELens sets negative pre-activations to zero, and latent 4 of some-r1-c1000 lets them pass: its threshold is -0.5");
    write("safetensors", dictionary);
    assertThat(read("safetensors").dictionary().threshold()[4]).isEqualTo(-0.5f);
  }

  @Test
  void whatIsNoArchiveOfTensors() throws IOException {
    write("dictionary-learning", PeerFixture.dictionary("relu", true));
    Files.write(tensors, new byte[] {(byte) 0x80, 2, '}', '.'});
    refused("dictionary-learning", "is no archive of PyTorch", "torch.save(module.state_dict()");
    Files.delete(tensors);
    refused("dictionary-learning", "ae.pt does not exist");
  }

  /** Whatever is done to a file, it is read or refused, and nothing else happens. */
  @Test
  void filesOfWhichAnythingIsBroken() throws IOException {
    RandomGenerator random = Seeds.generator(3, "broken");
    for (PeerFormat format : PeerFormats.all()) {
      write(format.key(), PeerFixture.dictionary("top-k", true));
      for (Path file : new Path[] {tensors, config}) {
        byte[] whole = Files.readAllBytes(file);
        for (int i = 0; i < 300; i++) {
          byte[] broken = whole.clone();
          for (int change = random.nextInt(3); change >= 0; change--) {
            broken[random.nextInt(broken.length)] = (byte) random.nextInt();
          }
          Files.write(file, broken);
          try {
            var unused = read(format.key());
          } catch (Failure refused) {
            assertThat(refused.kind()).isEqualTo(FailureKind.DATA);
          }
        }
        Files.write(file, whole);
      }
    }
  }
}
