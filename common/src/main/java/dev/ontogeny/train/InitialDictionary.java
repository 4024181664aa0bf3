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
import dev.ontogeny.type.TopK;
import java.util.List;
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
    int inputs = sources.stream().mapToInt(Source::width).sum();
    RandomGenerator random = Seeds.generator(seed, "initial directions");
    float[] decoder = new float[Math.multiplyExact(width, inputs)];
    float[] encoder = new float[width * inputs];
    double[] direction = new double[sources.stream().mapToInt(Source::width).max().orElseThrow()];
    for (int latent = 0; latent < width; latent++) {
      for (int i = 0; i < direction.length; i++) {
        direction[i] = random.nextGaussian();
      }
      double squares = 0;
      for (Source source : sources) {
        for (int i = 0; i < source.width(); i++) {
          squares += direction[i] * direction[i];
        }
      }
      int at = 0;
      for (Source source : sources) {
        for (int i = 0; i < source.width(); i++, at++) {
          float value = (float) (direction[i] / Math.sqrt(squares));
          decoder[latent * inputs + at] = value;
          encoder[at * width + latent] = value;
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
        bias[at] =
            (float) ((moments.get(s).geometricMedian()[i] - moments.get(s).mean()[i]) * scales[s]);
      }
    }
    return new Dictionary(
        TopK.TYPE,
        sources,
        k,
        new FloatMatrix(inputs, width, encoder),
        new float[width],
        new FloatMatrix(width, inputs, decoder),
        bias,
        mean,
        scales);
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
    return new Dictionary(
        random.type(),
        random.sources(),
        random.k(),
        new FloatMatrix(inputs, random.width(), encoder),
        random.encoderBias(),
        random.decoder(),
        random.decoderBias(),
        random.inputMean(),
        random.inputScale());
  }

  /** The weights of a dictionary of another checkpoint, with this checkpoint's mean and scale. */
  public static Dictionary continued(Dictionary parent, Source source, Moments moments) {
    return new Dictionary(
        parent.type(),
        List.of(source),
        parent.k(),
        parent.encoder(),
        parent.encoderBias(),
        parent.decoder(),
        parent.decoderBias(),
        mean(moments),
        new float[] {scale(source, moments)},
        parent.further());
  }

  private static float[] mean(Moments moments) {
    float[] mean = new float[moments.mean().length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) moments.mean()[i];
    }
    return mean;
  }

  private static float scale(Source source, Moments moments) {
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
