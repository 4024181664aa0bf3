package dev.ontogeny.export;

import dev.ontogeny.data.Folder;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Reads what {@link Llamascopium} itself saves: x' = √d / norm · x or x, pre = x' W_E + b_E, code =
 * f(pre · ‖d‖) / ‖d‖ or f(pre), d being the latent's row of W_D, and x̂' = code W_D + b_D. Of a
 * crosscoder pre is added up over the sources, and each has its own code. Weights keep their
 * numbers: what inputs are multiplied by becomes the sources' scales.
 */
final class LlamascopiumReader {
  private static final String WIDTH = "d_model";
  private static final String FACTOR = "expansion_factor";
  private static final String FUNCTION = "act_fn";
  private static final String LARGEST = "top_k";
  private static final String GLU = "use_glu_encoder";

  /** What top_k is where nobody says. */
  private static final int DEFAULT_K = 50;

  /** A source of a crosscoder as an export calls it. */
  private static final Pattern HOOK = Pattern.compile("(.+)@(\\d{1,18})");

  /** What the library writes, what an export has beside, and what means nothing here. */
  private static final Set<String> KEYS =
      Set.of(
          "sae_type",
          WIDTH,
          FACTOR,
          Llamascopium.DECODER_BIAS,
          FUNCTION,
          Llamascopium.NORMALISATION,
          Llamascopium.GATES_BY_NORM,
          LARGEST,
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

  private final Folder folder;
  private final PeerConfig config;
  private final boolean crosscoder;

  /** What it reads and writes: of a crosscoder all, else the one that is read and the written. */
  private final List<String> hooks;

  private final int sources;
  private final int each;
  private final int width;
  private final DictionaryType type;
  private final boolean gatesByNorm;

  LlamascopiumReader(Folder folder) throws IOException {
    this.folder = folder;
    config = PeerConfig.read(folder, Llamascopium.CONFIG);
    crosscoder =
        config
            .oneOf("sae_type", List.of(Llamascopium.SAE, Llamascopium.CROSSCODER), null)
            .equals(Llamascopium.CROSSCODER);
    config.onlyKeys(KEYS);
    hooks =
        crosscoder
            ? config.texts("hook_points")
            : Stream.of("hook_point_in", "hook_point_out").map(this::hook).distinct().toList();
    sources = crosscoder ? hooks.size() : 1;
    each = config.size(WIDTH);
    width = width();
    type = type();
    gatesByNorm = flag(Llamascopium.GATES_BY_NORM);
    if (config.flag(GLU, false)) {
      throw config.wrong(GLU, "false: no dictionary here has such an encoder");
    }
  }

  Imported read() throws IOException {
    PeerTensors tensors = PeerTensors.ofSafetensors(folder, Llamascopium.TENSORS);
    float[] encoder = tensors.values("W_E", shape(each, width));
    float[] decoder = tensors.values("W_D", shape(width, each));
    float[] encoderBias = summed(tensors.values("b_E", shape(width)));
    float[] decoderBias =
        flag(Llamascopium.DECODER_BIAS)
            ? tensors.values("b_D", shape(each))
            : new float[sources * each];
    requireDirections(decoder);
    float[] threshold = threshold(tensors, decoder);
    float[] scale = scale(tensors);
    tensors.nothingElse(String.format(Locale.ROOT, "a %s of %s", config.text("sae_type"), type));
    boolean largest = type.activation() == Activation.LARGEST_OF_ROW;
    PlainDictionary dictionary =
        new PlainDictionary(
            type,
            !crosscoder && hooks.size() > 1 ? Target.TRANSCODER : Target.AUTOENCODER,
            largest ? k() : 0,
            Collections.nCopies(sources, each),
            new FloatMatrix(sources * each, width, encoder),
            new float[sources * each],
            encoderBias,
            sideBySide(decoder),
            decoderBias,
            threshold);
    // Codes times norms are compared there, codes here.
    return new Imported(
        gatesByNorm && largest ? dictionary.ofUnitRows() : dictionary,
        hooks.stream().map(this::place).toList(),
        scale,
        /* scaled= */ true,
        config.whole("replica"));
  }

  private String hook(String key) {
    if (!config.has(key)) {
      throw config.wrong(key, "a text");
    }
    return config.text(key);
  }

  private Imported.Place place(String hook) {
    Matcher said = HOOK.matcher(hook);
    return crosscoder && said.matches()
        ? new Imported.Place(said.group(1), Long.valueOf(said.group(2)))
        : new Imported.Place(hook, config.whole("checkpoint"));
  }

  private int width() {
    double latents = each * config.positive(FACTOR);
    if (!(latents >= 1 && latents < Integer.MAX_VALUE)) {
      throw config.wrong(FACTOR, "a number that makes latents of d_model = " + each);
    }
    return (int) latents;
  }

  /** A flag that is set where nobody says, and always of a crosscoder. */
  private boolean flag(String key) {
    boolean set = config.flag(key, true);
    if (crosscoder && !set) {
      throw config.wrong(key, "true for a crosscoder");
    }
    return set;
  }

  private DictionaryType type() {
    String function =
        config.oneOf(
            FUNCTION,
            List.of(
                Llamascopium.RELU,
                Llamascopium.JUMP_RELU,
                Llamascopium.TOP_K,
                "batchtopk",
                "batchlayertopk",
                "layertopk"),
            Llamascopium.RELU);
    switch (function) {
      case Llamascopium.RELU:
        return Rules.POSITIVE;
      case Llamascopium.JUMP_RELU:
        return sources > 1 ? Rules.ABOVE_THRESHOLD_BY_SOURCE : Rules.ABOVE_THRESHOLD;
      case Llamascopium.TOP_K:
        if (sources == 1) {
          return Rules.LARGEST_OF_ROW;
        }
        throw config.wrong(
            FUNCTION,
            "relu or jumprelu for a crosscoder, since each source would have a k largest of its own, which no dictionary here has");
      default:
        throw config.wrong(
            FUNCTION,
            "relu, jumprelu or topk, since codes would follow from whatever rows are encoded together: what is above a threshold can be said as jumprelu with its logarithm as log_jumprelu_threshold");
    }
  }

  private int k() {
    int k = config.has(LARGEST) ? config.size(LARGEST) : DEFAULT_K;
    if (k > width) {
      throw config.wrong(LARGEST, "at most the number of latents, " + width);
    }
    return k;
  }

  /** A crosscoder's tensors have an axis of sources first. */
  private int[] shape(int... axes) {
    return crosscoder
        ? IntStream.concat(IntStream.of(sources), Arrays.stream(axes)).toArray()
        : axes;
  }

  /** The biases of all sources are added up there. */
  private float[] summed(float[] biases) {
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

  private void requireDirections(float[] decoder) {
    FloatMatrix rows = new FloatMatrix(sources * width, each, decoder);
    for (int row = 0; gatesByNorm && row < rows.rows(); row++) {
      if (rows.norm(row) == 0) {
        throw Failure.data(
            "%s: row %d of W_D is zero at source %d, and %s divides by its norm",
            folder.resolve(Llamascopium.TENSORS),
            row % width,
            row / width,
            Llamascopium.GATES_BY_NORM);
      }
    }
  }

  /** Of several sources, ours are compared with pre-activations times norms as well. */
  private float[] threshold(PeerTensors tensors, float[] decoder) {
    if (type.activation().tensors().isEmpty()) {
      return new float[0];
    }
    float[] threshold = tensors.logarithms(Llamascopium.LOG_THRESHOLD, width);
    FloatMatrix rows = new FloatMatrix(sources * width, each, decoder);
    for (int latent = 0; latent < width; latent++) {
      double norm = gatesByNorm && sources == 1 ? rows.norm(latent) : 1;
      threshold[latent] = (float) (Math.exp(threshold[latent]) / norm);
    }
    return threshold;
  }

  /** The decoders of sources, [L, F, d], as rows of all of them, [F, L d]. */
  private FloatMatrix sideBySide(float[] decoder) {
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
  private float[] scale(PeerTensors tensors) {
    String normalisation =
        config.oneOf(
            Llamascopium.NORMALISATION,
            List.of(Llamascopium.OF_DATASET, Llamascopium.AS_CAPTURED, "token-wise", "batch-wise"),
            Llamascopium.OF_DATASET);
    if (!List.of(Llamascopium.OF_DATASET, Llamascopium.AS_CAPTURED).contains(normalisation)) {
      throw config.wrong(
          Llamascopium.NORMALISATION,
          "dataset-wise or inference, since rows would be rescaled by their own norms, which no dictionary here does");
    }
    tensors.names().stream()
        .filter(name -> name.startsWith(Llamascopium.AVERAGE_NORM))
        .forEach(tensors::pass);
    float[] scale = new float[hooks.size()];
    Arrays.fill(scale, 1);
    for (int s = 0; s < scale.length && normalisation.equals(Llamascopium.OF_DATASET); s++) {
      String name = Llamascopium.AVERAGE_NORM + hooks.get(s);
      float norm = tensors.scalar(name);
      scale[s] = (float) (Math.sqrt(each) / norm);
      if (!(scale[s] > 0 && Float.isFinite(scale[s]))) {
        throw Failure.data(
            "%s: tensor %s should be a norm, which is above zero, it is %s",
            folder.resolve(Llamascopium.TENSORS), name, norm);
      }
    }
    return scale;
  }
}
