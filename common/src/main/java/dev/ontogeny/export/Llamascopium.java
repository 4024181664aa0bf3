package dev.ontogeny.export;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Llamascopium of OpenMOSS (Language-Model-SAEs): {@code sae_weights.safetensors} and {@code
 * config.json}. Its crosscoders gate each source by the norm of its decoder rows, so that of ours
 * it has those of ReLU and those that are gated by source. Norms are those of scaled units; a
 * source's scale is told as the average norm of its activations, √d / scale, by which {@code
 * normalize_activations} makes them what they were in training. Autoencoders of one source read
 * activations as they were captured.
 */
final class Llamascopium implements PeerFormat {
  static final String TENSORS = "sae_weights.safetensors";
  static final String CONFIG = "config.json";
  static final String SAE = "sae";
  static final String CROSSCODER = "crosscoder";
  static final String RELU = "relu";
  static final String TOP_K = "topk";
  static final String JUMP_RELU = "jumprelu";

  /** Inputs are multiplied by √d over the average norm that the file says. */
  static final String OF_DATASET = "dataset-wise";

  /** Inputs are read as they are. */
  static final String AS_CAPTURED = "inference";

  static final String NORMALISATION = "norm_activation";
  static final String GATES_BY_NORM = "sparsity_include_decoder_norm";
  static final String DECODER_BIAS = "use_decoder_bias";

  static final String LOG_THRESHOLD = "activation_function.log_jumprelu_threshold";

  static final String AVERAGE_NORM = "dataset_average_activation_norm.";

  @Override
  public String key() {
    return "llamascopium";
  }

  @Override
  public String summary() {
    return "Llamascopium, sae_weights.safetensors and config.json: every type over one source, transcoders between sites of one width, crosscoders of relu and jump-relu-per-source.";
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
    List<Integer> widths = dictionary.sources().stream().map(Source::width).distinct().toList();
    if (widths.size() > 1) {
      return String.format(
          Locale.ROOT,
          "Llamascopium has one width for all that a dictionary reads and writes, and %s has %s",
          dictionary.id(),
          widths);
    }
    Activation rule = dictionary.type().activation();
    return dictionary.crosscoder() && rule != Activation.POSITIVE && !rule.bySource()
        ? Rules.refusesType(
            "Llamascopium", dictionary, "crosscoders of ReLU, or with gates by source")
        : null;
  }

  @Override
  public Imported read(Folder folder) throws IOException {
    return new LlamascopiumReader(folder).read();
  }

  @Override
  public List<PublishedFile> write(Folder folder, String path, Dictionary dictionary, Origin origin)
      throws IOException {
    Map<String, Tensor> tensors =
        dictionary.reconstructed().size() > 1
            ? crosscoder(dictionary, origin)
            : autoencoder(dictionary);
    return List.of(
        PeerFiles.safetensors(folder, path + "/" + TENSORS, tensors),
        PeerFiles.json(folder, path + "/" + CONFIG, config(dictionary, origin)));
  }

  private static Map<String, Tensor> autoencoder(Dictionary dictionary) {
    PlainDictionary plain = PlainDictionary.folded(dictionary).absorbed();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("W_D", PeerFiles.tensor(plain.decoder()));
    tensors.put("W_E", PeerFiles.tensor(plain.encoder()));
    if (plain.threshold().length > 0) {
      tensors.put(LOG_THRESHOLD, Tensor.vector(logarithms(plain.threshold())));
    }
    tensors.put("b_D", Tensor.vector(plain.decoderBias()));
    tensors.put("b_E", Tensor.vector(plain.encoderBias()));
    return tensors;
  }

  /** Sources are scaled by the library and not centred: what that lacks is put into the biases. */
  private static Map<String, Tensor> crosscoder(Dictionary dictionary, Origin origin) {
    int sources = dictionary.sources().size();
    int each = dictionary.sources().get(0).width();
    int width = dictionary.width();
    int inputs = dictionary.inputs();
    float[] scale = dictionary.columnScale();
    float[] decoderBias = new float[inputs];
    double[] sums = new double[width];
    for (int column = 0; column < inputs; column++) {
      double bias =
          dictionary.decoderBias()[column]
              + (double) dictionary.inputMean()[column] * scale[column];
      decoderBias[column] = (float) bias;
      for (int latent = 0; latent < width; latent++) {
        sums[latent] += bias * dictionary.encoder().at(column, latent);
      }
    }
    // It adds the biases of all sources up: the first has what all of them have.
    float[] encoderBias = new float[sources * width];
    for (int latent = 0; latent < width; latent++) {
      encoderBias[latent] = (float) (dictionary.encoderBias()[latent] - sums[latent]);
    }
    float[] decoder = new float[sources * width * each];
    for (int s = 0; s < sources; s++) {
      for (int latent = 0; latent < width; latent++) {
        System.arraycopy(
            dictionary.decoder().values(),
            latent * inputs + s * each,
            decoder,
            (s * width + latent) * each,
            each);
      }
    }
    requireDirections(decoder, sources, width, each, origin);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("W_D", new Tensor(new int[] {sources, width, each}, decoder));
    tensors.put("W_E", new Tensor(new int[] {sources, each, width}, dictionary.encoder().values()));
    if (dictionary.type().activation().bySource()) {
      tensors.put(LOG_THRESHOLD, Tensor.vector(logarithms(dictionary.threshold())));
    }
    tensors.put("b_D", new Tensor(new int[] {sources, each}, decoderBias));
    tensors.put("b_E", new Tensor(new int[] {sources, width}, encoderBias));
    for (int s = 0; s < sources; s++) {
      float norm = (float) (Math.sqrt(each) / dictionary.inputScale()[s]);
      tensors.put(AVERAGE_NORM + hook(origin, s), new Tensor(new int[0], new float[] {norm}));
    }
    return tensors;
  }

  private static void requireDirections(
      float[] decoder, int sources, int width, int each, Origin origin) {
    for (int row = 0; row < sources * width; row++) {
      boolean any = false;
      for (int column = 0; column < each; column++) {
        any |= decoder[row * each + column] != 0;
      }
      if (!any) {
        throw Failure.data(
            "Llamascopium divides by the norm of each decoder row, and that of latent %d of %s is zero at source %d",
            row % width, origin.id(), row / width);
      }
    }
  }

  private static float[] logarithms(float[] threshold) {
    float[] logarithms = new float[threshold.length];
    for (int latent = 0; latent < threshold.length; latent++) {
      if (!(threshold[latent] >= 0)) {
        throw Failure.data(
            "Llamascopium has logarithms of thresholds, and that of latent %d is %s",
            latent, threshold[latent]);
      }
      logarithms[latent] = (float) Math.log(threshold[latent]);
    }
    return logarithms;
  }

  /** What the activations of a source are called: a site alone would name all its checkpoints. */
  private static String hook(Origin origin, int source) {
    Source own = origin.sources().get(source);
    return own.site() + "@" + own.checkpoint();
  }

  private static ObjectNode config(Dictionary dictionary, Origin origin) {
    boolean crosscoder = dictionary.reconstructed().size() > 1;
    int each = dictionary.sources().get(0).width();
    ObjectNode config = Json.object();
    config.put("sae_type", crosscoder ? CROSSCODER : SAE);
    config.put("d_model", each);
    config.put("expansion_factor", expansion(each, dictionary.width()));
    config.put(DECODER_BIAS, true);
    config.put("act_fn", function(dictionary.type()));
    config.put(NORMALISATION, crosscoder ? OF_DATASET : AS_CAPTURED);
    config.put(GATES_BY_NORM, crosscoder);
    if (dictionary.type().activation() == Activation.LARGEST_OF_ROW) {
      config.put("top_k", dictionary.k());
    }
    if (crosscoder) {
      ArrayNode hooks = config.putArray("hook_points");
      for (int s = 0; s < origin.sources().size(); s++) {
        hooks.add(hook(origin, s));
      }
    } else {
      config.put("hook_point_in", origin.site());
      config.put(
          "hook_point_out",
          dictionary.target() == Target.TRANSCODER ? origin.writtenSite() : origin.site());
      config.put("checkpoint", origin.checkpoint());
    }
    config.put("replica", origin.replica());
    config.put("ontogeny_id", origin.id());
    return config;
  }

  private static String function(DictionaryType type) {
    return switch (type.activation()) {
      case POSITIVE -> RELU;
      case LARGEST_OF_ROW -> TOP_K;
      case ABOVE_THRESHOLD, ABOVE_THRESHOLD_BY_SOURCE -> JUMP_RELU;
    };
  }

  /** A factor that gives the width again when its product with d is cut to a whole number. */
  private static double expansion(int each, int width) {
    double factor = (double) width / each;
    return (int) (each * factor) == width ? factor : Math.nextUp(factor);
  }
}
