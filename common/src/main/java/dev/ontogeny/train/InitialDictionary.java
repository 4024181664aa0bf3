package dev.ontogeny.train;

import dev.ontogeny.data.Moments;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/** Where training starts. */
public final class InitialDictionary {
  private InitialDictionary() {}

  /**
   * Random unit directions, encoder tied to the decoder. Inputs are centred by the mean and scaled
   * to a root mean square norm of √d (the moments hold the covariance, whose trace is the mean
   * squared norm); b_dec starts at the geometric median, which outliers do not move. See {@link
   * #fitted} for the length of the encoder.
   */
  public static Dictionary random(Source source, Moments moments, int width, int k, long seed) {
    return random(List.of(source), List.of(moments), width, k, seed);
  }

  /**
   * The same for several sources side by side: a latent begins with one direction in all sources of
   * one width, so that what it becomes in each is comparable; over all of them its norm is one.
   *
   * @param moments of the sources, in their order
   */
  public static Dictionary random(
      List<Source> sources, List<Moments> moments, int width, int k, long seed) {
    return random(sources, Target.AUTOENCODER, moments, width, k, seed);
  }

  /**
   * The same for any target: encoder rows have unit norm over what is read, decoder rows over what
   * is reconstructed, and b_dec is of that alone. See {@link #aimed} for decoders of another site
   * than the encoder's.
   */
  public static Dictionary random(
      List<Source> sources, Target target, List<Moments> moments, int width, int k, long seed) {
    int inputs = sources.stream().mapToInt(Source::width).sum();
    List<Integer> read = target.read(sources.size());
    List<Integer> reconstructed = target.reconstructed(sources.size());
    RandomGenerator random = Seeds.generator(seed, "initial directions");
    float[] decoder = new float[Math.multiplyExact(width, inputs)];
    float[] encoder = new float[width * inputs];
    double[] direction = new double[sources.stream().mapToInt(Source::width).max().orElseThrow()];
    for (int latent = 0; latent < width; latent++) {
      for (int i = 0; i < direction.length; i++) {
        direction[i] = random.nextGaussian();
      }
      double decoderNorm = norm(direction, target.reconstructed(sources));
      double encoderNorm = norm(direction, target.read(sources));
      int at = 0;
      for (int s = 0; s < sources.size(); s++) {
        for (int i = 0; i < sources.get(s).width(); i++, at++) {
          if (reconstructed.contains(s)) {
            decoder[latent * inputs + at] = (float) (direction[i] / decoderNorm);
          }
          if (read.contains(s)) {
            encoder[at * width + latent] = (float) (direction[i] / encoderNorm);
          }
        }
      }
    }
    float[] mean = new float[inputs];
    float[] bias = new float[inputs];
    float[] scales = new float[sources.size()];
    int at = 0;
    for (int s = 0; s < scales.length; s++) {
      scales[s] = scale(sources.get(s), moments.get(s));
      for (int i = 0; i < sources.get(s).width(); i++, at++) {
        mean[at] = (float) moments.get(s).mean()[i];
        if (reconstructed.contains(s)) {
          bias[at] =
              (float)
                  ((moments.get(s).geometricMedian()[i] - moments.get(s).mean()[i]) * scales[s]);
        }
      }
    }
    return new Dictionary(
        k == 0 ? DictionaryTypes.of("relu") : TopK.TYPE,
        sources,
        target,
        k,
        new FloatMatrix(inputs, width, encoder),
        new float[width],
        new FloatMatrix(width, inputs, decoder),
        bias,
        mean,
        scales,
        Map.of());
  }

  /** The norm of a direction that stands in each of some sources, as far as they are wide. */
  private static double norm(double[] direction, List<Source> sources) {
    double squares = 0;
    for (Source source : sources) {
      for (int i = 0; i < source.width(); i++) {
        squares += direction[i] * direction[i];
      }
    }
    return Math.sqrt(squares);
  }

  /**
   * The same transcoder with a decoder that knows where to: row by row the mean of x̃ − b_dec of
   * what is reconstructed over the rows of a batch, weighed by the latent's code, to unit norm
   * (ours). A direction drawn at random has nothing to do with what its latent reads at another
   * site, and the first reconstructions would be worse than none. Latents that fire on no row keep
   * theirs.
   */
  public static Dictionary aimed(Dictionary random, FloatMatrix batch, KernelProvider kernels) {
    int inputs = random.inputs();
    int first = inputs - random.reconstructedColumns();
    SparseCodes codes = new SparseCodes(random.width());
    try (EncodingKernel kernel = kernels.encoding(random, batch.rows())) {
      kernel.encode(batch, codes);
    }
    float[] scale = random.columnScale();
    float[] sums = new float[random.width() * inputs];
    float[] centred = new float[inputs];
    for (int row = 0; row < batch.rows(); row++) {
      for (int i = first; i < inputs; i++) {
        centred[i] =
            (batch.at(row, i) - random.inputMean()[i]) * scale[i] - random.decoderBias()[i];
      }
      for (int at = codes.starts()[row]; at < codes.starts()[row + 1]; at++) {
        float code = codes.values()[at];
        int latent = codes.indices()[at] * inputs;
        for (int i = first; i < inputs; i++) {
          sums[latent + i] += code * centred[i];
        }
      }
    }
    float[] decoder = random.decoder().values().clone();
    for (int latent = 0; latent < random.width(); latent++) {
      double squares = 0;
      for (int i = latent * inputs; i < (latent + 1) * inputs; i++) {
        squares += (double) sums[i] * sums[i];
      }
      for (int i = latent * inputs; i < (latent + 1) * inputs && squares > 0; i++) {
        decoder[i] = (float) (sums[i] / Math.sqrt(squares));
      }
    }
    return with(random, random.encoder(), new FloatMatrix(random.width(), inputs, decoder));
  }

  private static Dictionary with(Dictionary random, FloatMatrix encoder, FloatMatrix decoder) {
    return new Dictionary(
        random.type(),
        random.sources(),
        random.target(),
        random.k(),
        encoder,
        random.encoderBias(),
        decoder,
        random.decoderBias(),
        random.inputMean(),
        random.inputScale(),
        random.further());
  }

  /**
   * The same dictionary with its encoder scaled so that the first reconstructions of a batch are as
   * good as one factor can make them: Σ⟨c, y⟩ / Σ‖y‖², c the input less b_dec and y the decoded
   * code. Without it directions drawn at random overshoot by about half. The chosen latents stay
   * the same, since biases are still zero.
   */
  public static Dictionary fitted(Dictionary random, FloatMatrix batch, KernelProvider kernels) {
    int inputs = random.inputs();
    SparseCodes codes = new SparseCodes(random.width());
    FloatMatrix back = FloatMatrix.zeros(batch.rows(), inputs);
    try (EncodingKernel kernel = kernels.encoding(random, batch.rows())) {
      kernel.encode(batch, codes);
      kernel.decode(codes, back);
    }
    float[] scale = random.columnScale();
    double along = 0;
    double squares = 0;
    for (int i = 0; i < batch.rows() * inputs; i++) {
      int column = i % inputs;
      double offset = random.inputMean()[column] + random.decoderBias()[column] / scale[column];
      double input = (batch.values()[i] - offset) * scale[column];
      double decoded = (back.values()[i] - offset) * scale[column];
      along += input * decoded;
      squares += decoded * decoded;
    }
    if (!(squares > 0)) {
      return random;
    }
    float factor = (float) (along / squares);
    float[] encoder = random.encoder().values().clone();
    for (int i = 0; i < encoder.length; i++) {
      encoder[i] *= factor;
    }
    return with(random, new FloatMatrix(inputs, random.width(), encoder), random.decoder());
  }

  /**
   * The weights of a dictionary of another checkpoint, with this checkpoint's means and scales.
   *
   * @param moments of the sources, in their order
   */
  public static Dictionary continued(
      Dictionary parent, List<Source> sources, List<Moments> moments) {
    float[] mean = new float[parent.inputs()];
    float[] scales = new float[sources.size()];
    int at = 0;
    for (int s = 0; s < scales.length; s++) {
      scales[s] = scale(sources.get(s), moments.get(s));
      for (double each : moments.get(s).mean()) {
        mean[at++] = (float) each;
      }
    }
    return new Dictionary(
        parent.type(),
        sources,
        parent.target(),
        parent.k(),
        parent.encoder(),
        parent.encoderBias(),
        parent.decoder(),
        parent.decoderBias(),
        mean,
        scales,
        parent.further());
  }

  /**
   * Where each source of a crosscoder finds the weights that it starts from, among the sources that
   * the crosscoder had: at itself, or at the last checkpoint before it at its site.
   *
   * @return places in {@code had}, -1 for none
   */
  public static int[] origins(List<Source> had, List<Source> sources) {
    int[] origins = new int[sources.size()];
    Arrays.fill(origins, -1);
    for (int s = 0; s < origins.length; s++) {
      Source source = sources.get(s);
      for (int from = 0; from < had.size(); from++) {
        Source other = had.get(from);
        if (other.site().equals(source.site())
            && other.width() == source.width()
            && other.checkpoint() <= source.checkpoint()
            && (origins[s] < 0 || had.get(origins[s]).checkpoint() < other.checkpoint())) {
          origins[s] = from;
        }
      }
    }
    return origins;
  }

  /**
   * A crosscoder over further sources than it had. Those it had keep all of their tensors. A
   * further one takes the decoder and b_dec of its origin in scaled units, with its own mean and
   * scale, and is not read at first (its rows of W_enc are zero): so every code, and the
   * reconstruction of every source that there was, begins as it was, and the further source is
   * reconstructed as the checkpoint before it.
   *
   * @param moments of the sources, in their order
   * @see #origins
   */
  public static Dictionary grown(Dictionary had, List<Source> sources, List<Moments> moments) {
    int width = had.width();
    int inputs = sources.stream().mapToInt(Source::width).sum();
    int[] origins = origins(had.sources(), sources);
    int[] columns = had.sourceColumns();
    float[] encoder = new float[Math.multiplyExact(width, inputs)];
    float[] decoder = new float[encoder.length];
    float[] bias = new float[inputs];
    float[] mean = new float[inputs];
    float[] scales = new float[origins.length];
    int at = 0;
    for (int s = 0; s < origins.length; s++) {
      Source source = sources.get(s);
      int own = source.width();
      int from = columns[origins[s]];
      for (int latent = 0; latent < width; latent++) {
        System.arraycopy(
            had.decoder().values(),
            latent * had.inputs() + from,
            decoder,
            latent * inputs + at,
            own);
      }
      System.arraycopy(had.decoderBias(), from, bias, at, own);
      if (had.sources().get(origins[s]).equals(source)) {
        System.arraycopy(had.encoder().values(), from * width, encoder, at * width, own * width);
        System.arraycopy(had.inputMean(), from, mean, at, own);
        scales[s] = had.inputScale()[origins[s]];
      } else {
        System.arraycopy(mean(moments.get(s)), 0, mean, at, own);
        scales[s] = scale(source, moments.get(s));
      }
      at += own;
    }
    return new Dictionary(
        had.type(),
        sources,
        had.target(),
        had.k(),
        new FloatMatrix(inputs, width, encoder),
        had.encoderBias(),
        new FloatMatrix(width, inputs, decoder),
        bias,
        mean,
        scales,
        had.further());
  }

  /** {@code input_mean} of a source, [d]. */
  public static float[] mean(Moments moments) {
    float[] mean = new float[moments.mean().length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) moments.mean()[i];
    }
    return mean;
  }

  /** {@code input_scale} of a source: the trace of its covariance becomes its width. */
  public static float scale(Source source, Moments moments) {
    int inputs = source.width();
    double trace = 0;
    for (int i = 0; i < inputs; i++) {
      trace += moments.covariance()[i * inputs + i];
    }
    if (!(trace > 0)) {
      throw Failure.data(
          "site %s at checkpoint %d does not vary: the trace of its covariance is %s, so nothing can be learnt from it",
          source.site(), source.checkpoint(), trace);
    }
    return (float) Math.sqrt(inputs / trace);
  }
}
