package dev.ontogeny.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.Moments;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Features that stand at one site and are read out linearly at another, beside features that only
 * one of the two sites has: a transcoder finds the first, and nothing can tell it of the others.
 */
final class TranscoderTest {
  private static final int READ = 40;
  private static final int WRITTEN = 24;
  private static final int COLUMNS = READ + WRITTEN;
  private static final int SHARED = 20;
  private static final int READ_ALONE = 8;
  private static final int WRITTEN_ALONE = 6;
  private static final int WIDTH = 32;
  private static final int BATCH = 256;
  private static final KernelProvider KERNELS = Kernels.provider("cpu", 1);
  private static final List<Source> SOURCES =
      List.of(
          new Source("blocks.0.hook_mlp_in", 8, READ),
          new Source("blocks.0.hook_mlp_out", 8, WRITTEN));

  /** Directions in the columns of both sites, [features, columns]. */
  private static final float[][] DIRECTIONS = directions();

  private static float[][] directions() {
    RandomGenerator random = Seeds.generator(3, "planted");
    float[][] directions = new float[SHARED + READ_ALONE + WRITTEN_ALONE][COLUMNS];
    for (int feature = 0; feature < directions.length; feature++) {
      if (feature < SHARED + READ_ALONE) {
        unit(random, directions[feature], 0, READ);
      }
      if (feature < SHARED || feature >= SHARED + READ_ALONE) {
        unit(random, directions[feature], READ, COLUMNS);
      }
    }
    return directions;
  }

  private static void unit(RandomGenerator random, float[] into, int from, int to) {
    float[] values = KernelFixture.gaussians(random, to - from, 1);
    double squares = 0;
    for (float value : values) {
      squares += value * value;
    }
    for (int i = from; i < to; i++) {
      into[i] = (float) (values[i - from] / Math.sqrt(squares));
    }
  }

  /** Rows of both sites, of which the second is the larger by far. */
  private static FloatMatrix batch(int rows, long seed) {
    RandomGenerator random = Seeds.generator(seed, "rows");
    FloatMatrix batch = FloatMatrix.zeros(rows, COLUMNS);
    for (int row = 0; row < rows; row++) {
      for (float[] direction : DIRECTIONS) {
        if (random.nextDouble() < 0.12) {
          double strength = 0.75 + 0.5 * random.nextDouble();
          for (int i = 0; i < COLUMNS; i++) {
            batch.values()[row * COLUMNS + i] +=
                (float) (strength * direction[i] * (i < READ ? 1 : 50));
          }
        }
      }
    }
    return batch;
  }

  private static Moments moments(FloatMatrix rows, Source source, int first) {
    int width = source.width();
    double[] mean = new double[width];
    double[] covariance = new double[width * width];
    for (int row = 0; row < rows.rows(); row++) {
      for (int i = 0; i < width; i++) {
        mean[i] += rows.at(row, first + i) / (double) rows.rows();
      }
    }
    for (int row = 0; row < rows.rows(); row++) {
      for (int i = 0; i < width; i++) {
        double deviation = rows.at(row, first + i) - mean[i];
        covariance[i * width + i] += deviation * deviation / rows.rows();
      }
    }
    return new Moments(
        source.site(),
        source.checkpoint(),
        rows.rows(),
        mean,
        covariance,
        1,
        1,
        new double[width],
        new double[width],
        mean);
  }

  private static Dictionary initial(TypeSettings type) {
    FloatMatrix sample = batch(4000, 1);
    List<Moments> moments =
        List.of(moments(sample, SOURCES.get(0), 0), moments(sample, SOURCES.get(1), READ));
    Dictionary random =
        InitialDictionary.random(
            SOURCES, Target.TRANSCODER, moments, WIDTH, type.selection().k(), 5);
    FloatMatrix first = batch(BATCH, 2);
    Dictionary aimed = InitialDictionary.aimed(random, first, KERNELS);
    return InitialDictionary.fitted(aimed, first, KERNELS);
  }

  static Stream<TypeSettings> types() {
    return Stream.of(TopK.of(4), new BatchTopK(2, 0, 0.95));
  }

  @ParameterizedTest
  @MethodSource("types")
  void whatIsReadOutElsewhereIsFoundAndNothingElse(TypeSettings type) {
    TrainingSpecification specification =
        KernelFixture.specification(type, WIDTH, 8, 1.0 / 32, 50_000);
    Dictionary trained;
    StepLosses last = null;
    try (TrainingKernel kernel =
        KERNELS.training(specification, specification.started(initial(type)), BATCH)) {
      int steps = 2500;
      Schedule schedule = new Schedule(3e-3, 0.05, 0.3);
      for (int step = 0; step < steps; step++) {
        last = kernel.step(batch(BATCH, 100 + step), schedule.at(step, steps));
      }
      trained = kernel.snapshot();
    }
    FloatMatrix unseen = batch(4000, 7);
    double fvu = fvu(trained, unseen);
    // What stands at the second site alone cannot be known from the first.
    double beyond = WRITTEN_ALONE / (double) (SHARED + WRITTEN_ALONE);
    assertThat(fvu).isBetween(beyond - 0.02, beyond + 0.1);
    assertThat(last.fvu()).isCloseTo(fvu, within(0.1));
    int found = 0;
    for (int feature = 0; feature < SHARED; feature++) {
      int latent = 0;
      for (int other = 1; other < WIDTH; other++) {
        latent =
            written(trained, other, feature) > written(trained, latent, feature) ? other : latent;
      }
      if (written(trained, latent, feature) < 0.95) {
        continue;
      }
      found++;
      double response = read(trained, latent, feature);
      for (int other = 0; other < SHARED + READ_ALONE; other++) {
        if (other != feature) {
          assertThat(read(trained, latent, other))
              .as("what %d makes of the latent of %d", other, feature)
              .isLessThan(0.4 * response);
        }
      }
    }
    assertThat(found).isGreaterThanOrEqualTo(SHARED - 2);
  }

  /** The cosine of a latent's decoder with a feature at the second site. */
  private static double written(Dictionary dictionary, int latent, int feature) {
    double product = 0;
    double squares = 0;
    for (int i = READ; i < COLUMNS; i++) {
      double weight = dictionary.decoder().at(latent, i);
      product += weight * DIRECTIONS[feature][i];
      squares += weight * weight;
    }
    return product / Math.sqrt(squares);
  }

  /** What a feature adds to the pre-activation of a latent. */
  private static double read(Dictionary dictionary, int latent, int feature) {
    double product = 0;
    for (int i = 0; i < READ; i++) {
      product += dictionary.encoder().at(i, latent) * (double) DIRECTIONS[feature][i];
    }
    return product;
  }

  private static double fvu(Dictionary dictionary, FloatMatrix rows) {
    SparseCodes codes = new SparseCodes(WIDTH);
    FloatMatrix back = FloatMatrix.zeros(rows.rows(), COLUMNS);
    try (EncodingKernel kernel = KERNELS.encoding(dictionary, rows.rows())) {
      kernel.encode(rows, codes);
      kernel.decode(codes, back);
    }
    double error = 0;
    double variance = 0;
    for (int i = READ; i < COLUMNS; i++) {
      double mean = 0;
      double squares = 0;
      for (int row = 0; row < rows.rows(); row++) {
        mean += rows.at(row, i) / (double) rows.rows();
        squares += Math.pow(rows.at(row, i), 2) / rows.rows();
        error += Math.pow(rows.at(row, i) - back.at(row, i), 2) / rows.rows();
      }
      variance += squares - mean * mean;
    }
    return error / variance;
  }

  /** The first reconstructions are better than the mean, which random directions are not. */
  @Test
  void trainingStartsWithDecodersThatPointAtTheTarget() {
    TypeSettings type = TopK.of(4);
    assertThat(fvu(initial(type), batch(4000, 8))).isLessThan(0.95);
  }
}
