package dev.ontogeny.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * SAELens from version 6 on: {@code sae_weights.safetensors} and {@code cfg.json}. What was trained
 * as BatchTopK is published there as JumpReLU, as ours is.
 */
final class SaeLens implements PeerFormat {
  private static final String TENSORS = "sae_weights.safetensors";
  private static final String CONFIG = "cfg.json";

  /** The oldest whose files are read without guessing; newer ones read them likewise. */
  private static final String VERSION = "6.0.0";

  private static final String STANDARD = "standard";
  private static final String TOP_K = "topk";
  private static final String JUMP_RELU = "jumprelu";
  private static final String TRANSCODER = "transcoder";
  private static final String JUMP_RELU_TRANSCODER = "jumprelu_transcoder";

  private static final Set<String> KEYS =
      Set.of(
          "architecture",
          "d_in",
          "d_sae",
          "d_out",
          "dtype",
          "device",
          "apply_b_dec_to_input",
          "normalize_activations",
          "reshape_activations",
          "k",
          "rescale_acts_by_decoder_norm",
          "metadata");

  @Override
  public String key() {
    return "saelens";
  }

  @Override
  public String summary() {
    return "SAELens 6, sae_weights.safetensors and cfg.json: standard, topk, jumprelu, and transcoders of ReLU and JumpReLU.";
  }

  @Override
  public String tensorFile() {
    return TENSORS;
  }

  @Override
  public String configFile() {
    return CONFIG;
  }

  @Override
  public String refusal(DictionaryMetadata dictionary) {
    if (dictionary.crosscoder()) {
      return Rules.refusesCrosscoder("SAELens", dictionary);
    }
    return architecture(dictionary.type(), dictionary.target()) == null
        ? Rules.refusesType(
            "SAELens",
            dictionary,
            dictionary.target() == Target.TRANSCODER
                ? "transcoders of ReLU and JumpReLU"
                : "ReLU, TopK and JumpReLU")
        : null;
  }

  /** What SAELens calls it; null where it has no such thing. */
  private static String architecture(DictionaryType type, Target target) {
    boolean transcoder = target == Target.TRANSCODER;
    return switch (type.activation()) {
      case POSITIVE -> transcoder ? TRANSCODER : STANDARD;
      case LARGEST_OF_ROW -> transcoder ? null : TOP_K;
      case ABOVE_THRESHOLD -> transcoder ? JUMP_RELU_TRANSCODER : JUMP_RELU;
      case ABOVE_THRESHOLD_BY_SOURCE -> null;
    };
  }

  @Override
  public List<PublishedFile> write(Folder folder, String path, Dictionary dictionary, Origin origin)
      throws IOException {
    Rules.requirePeersThresholds("SAELens", origin, dictionary.threshold());
    boolean transcoder = dictionary.target() == Target.TRANSCODER;
    PlainDictionary plain = PlainDictionary.folded(dictionary);
    if (transcoder) {
      plain = plain.absorbed();
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("W_dec", PeerFiles.tensor(plain.decoder()));
    tensors.put("W_enc", PeerFiles.tensor(plain.encoder()));
    tensors.put("b_dec", Tensor.vector(plain.decoderBias()));
    tensors.put("b_enc", Tensor.vector(plain.encoderBias()));
    if (plain.threshold().length > 0) {
      tensors.put(FurtherTensor.THRESHOLD.name(), Tensor.vector(plain.threshold()));
    }
    ObjectNode config = Json.object();
    config.put("architecture", architecture(plain.type(), plain.target()));
    config.put("d_in", plain.read());
    config.put("d_sae", plain.width());
    if (transcoder) {
      config.put("d_out", plain.written());
    }
    config.put("dtype", "float32");
    config.put("device", "cpu");
    config.put("apply_b_dec_to_input", !transcoder);
    config.put("normalize_activations", "none");
    config.put("reshape_activations", "none");
    if (plain.type().activation() == Activation.LARGEST_OF_ROW) {
      config.put("k", plain.k());
      config.put("rescale_acts_by_decoder_norm", false);
    }
    ObjectNode metadata = config.putObject("metadata");
    metadata.put("sae_lens_version", VERSION);
    metadata.put("model_name", origin.model());
    metadata.put("hook_name", origin.site());
    if (transcoder) {
      metadata.put("hook_name_out", origin.writtenSite());
    }
    metadata.put("checkpoint", origin.checkpoint());
    metadata.put("replica", origin.replica());
    metadata.put("ontogeny_id", origin.id());
    return List.of(
        PeerFiles.safetensors(folder, path + "/" + TENSORS, tensors),
        PeerFiles.json(folder, path + "/" + CONFIG, config));
  }

  @Override
  public Imported read(Folder folder) throws IOException {
    PeerConfig config = PeerConfig.read(folder, CONFIG);
    PeerConfig metadata = config.within("metadata");
    if (metadata.text("sae_lens_version") == null) {
      throw Failure.data(
          "%s has no metadata.sae_lens_version, so it is of SAELens before 6: open it there with SAE.load_from_disk and save it with save_model",
          config.origin());
    }
    config.onlyKeys(KEYS);
    String architecture =
        config.oneOf(
            "architecture",
            List.of(STANDARD, TOP_K, JUMP_RELU, TRANSCODER, JUMP_RELU_TRANSCODER),
            null);
    boolean transcoder = architecture.endsWith(TRANSCODER);
    requirePlainInputs(config);
    int inputs = config.size("d_in");
    int width = config.size("d_sae");
    int outputs = transcoder ? config.size("d_out") : inputs;
    PeerTensors tensors = PeerTensors.ofSafetensors(folder, TENSORS);
    FloatMatrix encoder = tensors.matrix("W_enc", inputs, width);
    FloatMatrix decoder = tensors.matrix("W_dec", width, outputs);
    float[] encoderBias = tensors.vector("b_enc", width);
    float[] decoderBias = tensors.vector("b_dec", outputs);
    boolean subtracts = !transcoder && config.flag("apply_b_dec_to_input", true);
    DictionaryType type =
        architecture.equals(TOP_K)
            ? Rules.LARGEST_OF_ROW
            : architecture.startsWith(JUMP_RELU) ? Rules.ABOVE_THRESHOLD : Rules.POSITIVE;
    float[] threshold =
        Rules.comparesWithThreshold(type)
            ? Rules.ourThresholds(tensors.bars(FurtherTensor.THRESHOLD.name(), width))
            : new float[0];
    tensors.nothingElse(architecture);
    int k = 0;
    if (type.equals(Rules.LARGEST_OF_ROW)) {
      k = config.size("k");
      if (k > width) {
        throw config.wrong("k", "at most d_sae = " + width);
      }
    }
    PlainDictionary dictionary =
        new PlainDictionary(
            type,
            transcoder ? Target.TRANSCODER : Target.AUTOENCODER,
            k,
            List.of(inputs),
            encoder,
            subtracts ? decoderBias.clone() : new float[inputs],
            encoderBias,
            decoder,
            decoderBias,
            threshold);
    if (k > 0 && config.flag("rescale_acts_by_decoder_norm", false)) {
      // Pre-activations count times decoder norms there, and so do codes.
      requireDirections(decoder, folder.resolve(TENSORS));
      dictionary = dictionary.ofUnitRows();
    }
    return Imported.of(
        dictionary,
        metadata.text("hook_name"),
        metadata.text("hook_name_out"),
        metadata.whole("checkpoint"),
        metadata.whole("replica"));
  }

  /** What would be done to inputs at run time cannot be said by weights. */
  private static void requirePlainInputs(PeerConfig config) {
    String normalisation =
        config.oneOf(
            "normalize_activations",
            List.of("none", "expected_average_only_in", "constant_norm_rescale", "layer_norm"),
            "none");
    if (!normalisation.equals("none")) {
      throw config.wrong(
          "normalize_activations",
          normalisation.equals("expected_average_only_in")
              ? "none, since the factor is not in the file: fold it with fold_activation_norm_scaling_factor and save the SAE again"
              : "none, since each row would be rescaled by its own norm, which no dictionary here does");
    }
    config.oneOf("reshape_activations", List.of("none", "hook_z"), "none");
  }

  private static void requireDirections(FloatMatrix decoder, String origin) {
    for (int latent = 0; latent < decoder.rows(); latent++) {
      if (decoder.norm(latent) == 0) {
        throw Failure.data(
            "%s: row %d of W_dec is zero, and rescale_acts_by_decoder_norm divides by its norm",
            origin, latent);
      }
    }
  }
}
