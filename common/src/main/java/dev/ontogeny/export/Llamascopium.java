package dev.ontogeny.export;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Llamascopium of OpenMOSS (Language-Model-SAEs): {@code sae_weights.safetensors} and {@code
 * config.json}. Its crosscoders gate each source by the norm of its decoder rows, so that of ours
 * it has those of ReLU and those that are gated by source. Norms are those of scaled units; a
 * source's scale is told as the average norm of its activations, √d / scale, by which {@code
 * normalize_activations} makes them what they were in training. Autoencoders of one source read
 * activations as they were captured. What is read keeps its numbers: where inputs are scaled the
 * factors become the sources' scales.
 */
final class Llamascopium implements PeerFormat {
  private static final String TENSORS = "sae_weights.safetensors";
  private static final String CONFIG = "config.json";
  private static final String SAE = "sae";
  private static final String CROSSCODER = "crosscoder";
  private static final String RELU = "relu";
  private static final String TOP_K = "topk";
  private static final String JUMP_RELU = "jumprelu";

  /** Inputs are multiplied by √d over the average norm that the file says. */
  private static final String OF_DATASET = "dataset-wise";

  /** Inputs are read as they are. */
  private static final String AS_CAPTURED = "inference";

  private static final String NORMALISATION = "norm_activation";
  private static final String GATES_BY_NORM = "sparsity_include_decoder_norm";
  private static final String DECODER_BIAS = "use_decoder_bias";
  private static final String GLU = "use_glu_encoder";

  /** A source of a crosscoder as it is called here, see {@link #hook}. */
  private static final Pattern HOOK = Pattern.compile("(.+)@(\\d{1,18})");

  /**
   * Those that it writes, those of an export beside, and what only training or speed depends on.
   */
  private static final Set<String> KEYS =
      Set.of(
          "sae_type",
          "d_model",
          "expansion_factor",
          DECODER_BIAS,
          "act_fn",
          NORMALISATION,
          GATES_BY_NORM,
          "top_k",
          GLU,
          "hook_point_in",
          "hook_point_out",
          "hook_points",
          "checkpoint",
          "replica",
          "ontogeny_id",
          "use_triton_kernel",
          "sparsity_threshold_for_triton_spmm_kernel",
          "jumprelu_threshold_window",
          "dtype",
          "device");

  private static final String LOG_THRESHOLD = "activation_function.log_jumprelu_threshold";

  /** What top_k is where nobody says. */
  private static final int DEFAULT_K = 50;

  private static final String AVERAGE_NORM = "dataset_average_activation_norm.";

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
            "Llamascopium", dictionary, "crosscoders of ReLU, or with gates by source,")
        : null;
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

  @Override
  public Imported read(Folder folder) throws IOException {
    PeerConfig config = PeerConfig.read(folder, CONFIG);
    boolean crosscoder =
        config.oneOf("sae_type", List.of(SAE, CROSSCODER), null).equals(CROSSCODER);
    config.onlyKeys(KEYS);
    List<String> hooks =
        crosscoder
            ? config.texts("hook_points")
            : Stream.of("hook_point_in", "hook_point_out").map(key -> site(config, key)).toList();
    boolean transcoder = !crosscoder && !hooks.get(0).equals(hooks.get(1));
    int sources = crosscoder ? hooks.size() : 1;
    int each = config.size("d_model");
    int width = width(config, each);
    DictionaryType type = type(config, sources);
    boolean gatesByNorm = flagOf(config, GATES_BY_NORM, crosscoder);
    boolean hasBias = flagOf(config, DECODER_BIAS, crosscoder);
    if (config.flag(GLU, false)) {
      throw config.wrong(GLU, "false: no dictionary here has such an encoder");
    }
    int[] heads = crosscoder ? new int[] {sources} : new int[0];
    PeerTensors tensors = PeerTensors.ofSafetensors(folder, TENSORS);
    float[] encoder = tensors.values("W_E", shape(heads, each, width));
    float[] decoder = tensors.values("W_D", shape(heads, width, each));
    float[] encoderBias = summed(tensors.values("b_E", shape(heads, width)), width);
    float[] decoderBias =
        hasBias ? tensors.values("b_D", shape(heads, each)) : new float[sources * each];
    double[] norms = new double[width];
    if (gatesByNorm) {
      FloatMatrix rows = new FloatMatrix(sources * width, each, decoder);
      for (int row = 0; row < rows.rows(); row++) {
        norms[row % width] = norm(rows, row, folder);
      }
    }
    float[] threshold = new float[0];
    if (!type.activation().tensors().isEmpty()) {
      threshold = tensors.logarithms(LOG_THRESHOLD, width);
      for (int latent = 0; latent < width; latent++) {
        // Above a bar times a norm: of several sources each has its own, and ours gates likewise.
        double norm = gatesByNorm && sources == 1 ? norms[latent] : 1;
        threshold[latent] = (float) (Math.exp(threshold[latent]) / norm);
      }
    }
    float[] scale = scale(config, tensors, transcoder || crosscoder ? hooks : hooks.subList(0, 1));
    tensors.nothingElse(String.format(Locale.ROOT, "a %s of %s", config.text("sae_type"), type));
    PlainDictionary dictionary =
        new PlainDictionary(
            type,
            transcoder ? Target.TRANSCODER : Target.AUTOENCODER,
            type.activation() == Activation.LARGEST_OF_ROW ? k(config, width) : 0,
            Collections.nCopies(sources, each),
            new FloatMatrix(sources * each, width, encoder),
            new float[sources * each],
            encoderBias,
            sideBySide(decoder, sources, width, each),
            decoderBias,
            threshold);
    if (gatesByNorm && type.activation() == Activation.LARGEST_OF_ROW) {
      // Pre-activations times norms are compared there. Codes are not, but those of ours are.
      dictionary = dictionary.ofUnitRows();
    }
    return new Imported(
        dictionary,
        places(config, crosscoder, transcoder ? hooks : hooks.subList(0, sources)),
        scale,
        /* scaled= */ true,
        config.whole("replica"));
  }

  private static String site(PeerConfig config, String key) {
    if (!config.has(key)) {
      throw config.wrong(key, "a text");
    }
    return config.text(key);
  }

  private static int width(PeerConfig config, int each) {
    double width = each * config.positive("expansion_factor");
    if (!(width >= 1 && width < Integer.MAX_VALUE)) {
      throw config.wrong("expansion_factor", "a number that makes latents of d_model = " + each);
    }
    return (int) width;
  }

  /** A flag that is set by default, and always of a crosscoder. */
  private static boolean flagOf(PeerConfig config, String key, boolean crosscoder) {
    boolean set = config.flag(key, true);
    if (crosscoder && !set) {
      throw config.wrong(key, "true for a crosscoder");
    }
    return set;
  }

  private static DictionaryType type(PeerConfig config, int sources) {
    String function =
        config.oneOf(
            "act_fn",
            List.of(RELU, JUMP_RELU, TOP_K, "batchtopk", "batchlayertopk", "layertopk"),
            RELU);
    switch (function) {
      case RELU:
        return Rules.POSITIVE;
      case JUMP_RELU:
        return sources > 1 ? Rules.ABOVE_THRESHOLD_BY_SOURCE : Rules.ABOVE_THRESHOLD;
      case TOP_K:
        if (sources == 1) {
          return Rules.LARGEST_OF_ROW;
        }
        throw config.wrong(
            "act_fn",
            "relu or jumprelu for a crosscoder, since each source would have a k largest of its own, which no dictionary here has");
      default:
        throw config.wrong(
            "act_fn",
            "relu, jumprelu or topk, since codes would follow from whatever rows are encoded together: what is above a threshold can be said as jumprelu with its logarithm as log_jumprelu_threshold");
    }
  }

  private static int k(PeerConfig config, int width) {
    int k = config.has("top_k") ? config.size("top_k") : DEFAULT_K;
    if (k > width) {
      throw config.wrong("top_k", "at most the number of latents, " + width);
    }
    return k;
  }

  private static int[] shape(int[] heads, int... axes) {
    return IntStream.concat(Arrays.stream(heads), Arrays.stream(axes)).toArray();
  }

  /** It adds up the biases of all sources. */
  private static float[] summed(float[] biases, int width) {
    float[] sums = new float[width];
    for (int latent = 0; latent < width; latent++) {
      double sum = 0;
      for (int at = latent; at < biases.length; at += width) {
        sum += biases[at];
      }
      sums[latent] = (float) sum;
    }
    return sums;
  }

  private static double norm(FloatMatrix rows, int row, Folder folder) {
    double norm = rows.norm(row);
    if (norm == 0) {
      throw Failure.data(
          "%s: row %d of W_D is zero, and %s divides by its norm",
          folder.resolve(TENSORS), row, GATES_BY_NORM);
    }
    return norm;
  }

  /** The decoders of sources, [L, F, d], as rows of all of them, [F, L d]. */
  private static FloatMatrix sideBySide(float[] decoder, int sources, int width, int each) {
    FloatMatrix rows = FloatMatrix.zeros(width, sources * each);
    for (int s = 0; s < sources; s++) {
      for (int latent = 0; latent < width; latent++) {
        System.arraycopy(
            decoder,
            (s * width + latent) * each,
            rows.values(),
            (latent * sources + s) * each,
            each);
      }
    }
    return rows;
  }

  /** What inputs are multiplied by. Of those that are read as they are, the norms mean nothing. */
  private static float[] scale(PeerConfig config, PeerTensors tensors, List<String> hooks) {
    String normalisation =
        config.oneOf(
            NORMALISATION,
            List.of(OF_DATASET, AS_CAPTURED, "token-wise", "batch-wise"),
            OF_DATASET);
    if (!List.of(OF_DATASET, AS_CAPTURED).contains(normalisation)) {
      throw config.wrong(
          NORMALISATION,
          "dataset-wise or inference, since rows would be rescaled by their own norms, which no dictionary here does");
    }
    tensors.names().stream().filter(name -> name.startsWith(AVERAGE_NORM)).forEach(tensors::pass);
    float[] scale = new float[hooks.size()];
    Arrays.fill(scale, 1);
    if (normalisation.equals(OF_DATASET)) {
      for (int s = 0; s < scale.length; s++) {
        String name = AVERAGE_NORM + hooks.get(s);
        float norm = tensors.scalar(name);
        scale[s] = (float) (Math.sqrt(config.size("d_model")) / norm);
        if (!(scale[s] > 0 && Float.isFinite(scale[s]))) {
          throw config.wrong(
              NORMALISATION, "inference where tensor " + name + " is " + norm + ", no norm");
        }
      }
    }
    return scale;
  }

  private static List<Imported.Place> places(
      PeerConfig config, boolean crosscoder, List<String> hooks) {
    Long checkpoint = config.whole("checkpoint");
    return hooks.stream()
        .map(
            hook -> {
              Matcher said = HOOK.matcher(hook);
              return crosscoder && said.matches()
                  ? new Imported.Place(said.group(1), Long.valueOf(said.group(2)))
                  : new Imported.Place(hook, checkpoint);
            })
        .toList();
  }
}
