package dev.ontogeny.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelFixture.Sources;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is the type's own. Gradients, twins, states and threads are tested wherever those of all
 * registered types are.
 */
class MatryoshkaBatchTopKTest {
  private static final int INPUTS = 24;
  private static final int WIDTH = 32;
  private static final int PARENTS = 4;
  private static final int CHILDREN = 4;

  @Test
  void prefixesHalveFromTheWholeWidthOn() {
    assertThat(prefixes(5, 4096).ends()).containsExactly(256, 512, 1024, 2048, 4096);
    assertThat(prefixes(5, 4096).weights()).containsOnly(1.0).hasSize(5);
    assertThat(prefixes(3, 7).ends()).containsExactly(1, 3, 7);
    assertThat(prefixes(1, 1).ends()).containsExactly(1);
    assertThatThrownBy(() -> prefixes(4, 7))
        .isInstanceOf(Problems.Found.class)
        .hasMessage(
            "levels must leave a latent to the smallest prefix, so it is at most 3 for width 7, got 4");
    assertThatThrownBy(() -> new MatryoshkaBatchTopK(0, 0, 1, 0))
        .hasMessageContaining("k must be at least 1, got 0")
        .hasMessageContaining("threshold-decay must be in [0, 1), got 1.0")
        .hasMessageContaining("levels must be between 1 and 30, got 0");
  }

  private static Reconstruction.Prefixes prefixes(int levels, int width) {
    return (Reconstruction.Prefixes)
        new MatryoshkaBatchTopK(1, 0, 0.9, levels).reconstruction(width);
  }

  /** With one level it is BatchTopK, to the rounding. */
  @Test
  void oneLevelIsBatchTopK() {
    List<Double> one = curve("cpu", new MatryoshkaBatchTopK(4, 0, 0.9, 1));
    List<Double> plain = curve("cpu", new BatchTopK(4, 0, 0.9));
    for (int i = 0; i < plain.size(); i++) {
      assertThat(one.get(i)).isCloseTo(plain.get(i), within(1e-4));
    }
  }

  private static final double[] GOLDEN = {4.35319, 2.80676, 2.13075, 1.78034, 1.45451, 1.51461};

  /** Two hundred steps, pinned: whoever changes the method has to say so here. */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu"})
  void goldenRun(String provider) {
    List<Double> curve = curve(provider, new MatryoshkaBatchTopK(4, 0, 0.9, 4));
    assertThat(curve).hasSize(GOLDEN.length);
    for (int i = 0; i < GOLDEN.length; i++) {
      assertThat(curve.get(i)).as("loss %d of %s", i, curve).isCloseTo(GOLDEN[i], within(2e-2));
    }
  }

  private static List<Double> curve(String provider, TypeSettings type) {
    List<Double> curve = new ArrayList<>();
    try (TrainingKernel kernel =
        Kernels.provider(provider, 2)
            .training(
                KernelFixture.specification(type, 64, 8, 1.0 / 32, 6000),
                KernelFixture.dictionary(type, 16, 64, Sources.ONE, 66),
                128)) {
      for (int step = 0; step < 200; step++) {
        FloatMatrix batch = KernelFixture.batch(128, 16, 500 + step);
        double loss = kernel.step(batch, new StepSettings(3e-3f)).loss();
        if (step % 40 == 0 || step == 199) {
          curve.add(loss);
        }
      }
    }
    return curve;
  }

  /**
   * What it is for: features of which others are kinds, and never come without them. The smallest
   * prefix finds the parents as such, and every prefix reconstructs by itself, better the longer it
   * is.
   */
  @Test
  void theFirstLatentsLearnWhatIsGeneral() {
    Dictionary nested = trained(new MatryoshkaBatchTopK(4, 8, 0.95, 3));
    Dictionary plain = trained(new BatchTopK(4, 8, 0.95));
    int few = WIDTH / 4;
    assertThat(ofParents(nested, few))
        .isGreaterThan(0.8)
        .isGreaterThan(ofParents(plain, few) + 0.2);
    // Nothing is lost by it: the whole dictionary knows the parents better as well.
    assertThat(ofParents(nested, WIDTH)).isGreaterThan(ofParents(plain, WIDTH));
    double first = fvu(nested, WIDTH / 4);
    double second = fvu(nested, WIDTH / 2);
    double whole = fvu(nested, WIDTH);
    assertThat(whole).isLessThan(0.03).isLessThan(second);
    assertThat(second).isLessThan(first);
    assertThat(first).isLessThan(0.2);
    assertThat(fvu(plain, WIDTH / 4)).isGreaterThan(0.6);
  }

  private static float[][] directions() {
    RandomGenerator random = Seeds.generator(5, "matryoshka");
    float[][] directions = new float[PARENTS * (1 + CHILDREN)][];
    for (int i = 0; i < directions.length; i++) {
      float[] direction = KernelFixture.gaussians(random, INPUTS, 1);
      double norm = Math.sqrt(dot(direction, direction, 0));
      for (int j = 0; j < INPUTS; j++) {
        direction[j] /= (float) norm;
      }
      directions[i] = direction;
    }
    return directions;
  }

  /** Two parents a row, each with one of its children. */
  private static FloatMatrix rows(int count, long seed) {
    float[][] directions = directions();
    RandomGenerator random = Seeds.generator(seed, "rows");
    FloatMatrix rows = FloatMatrix.zeros(count, INPUTS);
    for (int row = 0; row < count; row++) {
      int parent = random.nextInt(PARENTS);
      for (int each = 0; each < 2; each++) {
        int child = PARENTS + parent * CHILDREN + random.nextInt(CHILDREN);
        float ofParent = 1 + random.nextFloat();
        float ofChild = 0.5f + random.nextFloat() / 2;
        for (int i = 0; i < INPUTS; i++) {
          rows.values()[row * INPUTS + i] +=
              ofParent * directions[parent][i] + ofChild * directions[child][i];
        }
        parent = (parent + 1 + random.nextInt(PARENTS - 1)) % PARENTS;
      }
    }
    return rows;
  }

  private static Dictionary trained(TypeSettings type) {
    Dictionary fixture = KernelFixture.dictionary(INPUTS, WIDTH, 4, 3);
    TrainingSpecification specification =
        new TrainingSpecification(WIDTH, type, 8, 1.0 / 32, 4000, Optimiser.standard());
    Dictionary initial =
        specification.started(
            new Dictionary(
                fixture.type(),
                fixture.sources(),
                4,
                fixture.encoder(),
                new float[WIDTH],
                fixture.decoder(),
                new float[INPUTS],
                new float[INPUTS],
                new float[] {1}));
    try (TrainingKernel kernel = Kernels.provider("cpu", 1).training(specification, initial, 256)) {
      int steps = 1500;
      for (int step = 0; step < steps; step++) {
        float rate = 5e-3f * Math.min(1, (steps - step) / 300f);
        double annealed = Math.min(1, step / 300.0);
        kernel.step(rows(256, step), new StepSettings(rate, 1, annealed));
      }
      return kernel.snapshot();
    }
  }

  /** The mean over parents of the greatest cosine with one of the first latents. */
  private static double ofParents(Dictionary dictionary, int latents) {
    double sum = 0;
    for (int parent = 0; parent < PARENTS; parent++) {
      sum += nearest(dictionary, directions()[parent], latents);
    }
    return sum / PARENTS;
  }

  private static double nearest(Dictionary dictionary, float[] direction, int latents) {
    double nearest = 0;
    for (int latent = 0; latent < latents; latent++) {
      nearest = Math.max(nearest, dot(direction, dictionary.decoder().values(), latent * INPUTS));
    }
    return nearest;
  }

  private static double dot(float[] vector, float[] values, int at) {
    double sum = 0;
    for (int i = 0; i < vector.length; i++) {
      sum += (double) vector[i] * values[at + i];
    }
    return sum;
  }

  /** Of rows of their own, by the first latents alone. */
  private static double fvu(Dictionary dictionary, int latents) {
    FloatMatrix rows = rows(2000, -1);
    SparseCodes codes = new SparseCodes(WIDTH);
    try (EncodingKernel kernel = Kernels.provider("cpu", 1).encoding(dictionary, 2000)) {
      kernel.encode(rows, codes);
    }
    double[] means = new double[INPUTS];
    for (int row = 0; row < 2000; row++) {
      for (int i = 0; i < INPUTS; i++) {
        means[i] += rows.at(row, i) / 2000.0;
      }
    }
    double error = 0;
    double variance = 0;
    for (int row = 0; row < 2000; row++) {
      for (int i = 0; i < INPUTS; i++) {
        double back = dictionary.decoderBias()[i];
        for (int latent = 0; latent < latents; latent++) {
          back += (double) codes.at(row, latent) * dictionary.decoder().at(latent, i);
        }
        error += Math.pow(rows.at(row, i) - back, 2);
        variance += Math.pow(rows.at(row, i) - means[i], 2);
      }
    }
    return error / variance;
  }
}
