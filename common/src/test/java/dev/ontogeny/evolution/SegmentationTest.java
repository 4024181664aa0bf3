package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class SegmentationTest {
  @Test
  void costIsTheLeastOfAllCuts() {
    RandomGenerator random = Seeds.generator(3, "segmentation");
    for (int trial = 0; trial < 60; trial++) {
      int count = 6 + random.nextInt(8);
      double[] x = new double[count];
      double[] y = new double[count];
      for (int i = 0; i < count; i++) {
        x[i] = (i == 0 ? 0 : x[i - 1]) + 0.1 + random.nextDouble();
        y[i] = random.nextGaussian() + (i > count / 2 ? 4 : 0);
      }
      Segmentation found = Segmentation.of(x, y, 3);
      assertThat(found.cost()).isCloseTo(exhaustive(x, y, 0, found.starts().length), within(1e-9));
      assertThat(found.score()).isNotNegative();
      assertThat(found.weight()).isBetween(0.0, 1.0);
    }
  }

  @Test
  void findsAKinkAndAJump() {
    double[] x = new double[24];
    double[] y = new double[24];
    RandomGenerator random = Seeds.generator(4, "kink");
    for (int i = 0; i < 24; i++) {
      x[i] = i;
      y[i] = (i < 8 ? 0.1 * i : i < 16 ? 3 : 3 - 0.5 * (i - 16)) + 0.01 * random.nextGaussian();
    }
    Segmentation found = Segmentation.of(x, y, 6);
    // The last point of the plateau lies on both lines that meet there.
    assertThat(found.starts()).hasSize(3).startsWith(0, 8);
    assertThat(found.starts()[2]).isIn(16, 17);
    assertThat(found.weight()).isGreaterThan(0.7);
    assertThat(found.score()).isGreaterThan(50);
  }

  @Test
  void noiseAroundALineIsOnePiece() {
    RandomGenerator random = Seeds.generator(5, "line");
    int cut = 0;
    for (int trial = 0; trial < 100; trial++) {
      double[] x = new double[30];
      double[] y = new double[30];
      for (int i = 0; i < 30; i++) {
        x[i] = i;
        y[i] = 2 - 0.3 * i + random.nextGaussian();
      }
      cut += Segmentation.of(x, y, 5).starts().length > 1 ? 1 : 0;
    }
    assertThat(cut).isLessThan(35);
  }

  @Test
  void curvesTooShortOrFlatStayWhole() {
    assertThat(Segmentation.of(new double[] {1}, new double[] {2}, 4).starts()).containsExactly(0);
    assertThat(Segmentation.of(new double[] {1, 2, 3, 4}, new double[] {5, 1, 7, 2}, 4).starts())
        .containsExactly(0);
    double[] flat = new double[12];
    double[] x = new double[12];
    Arrays.setAll(x, i -> i);
    assertThat(Segmentation.of(x, flat, 4).starts()).containsExactly(0);
  }

  private static double exhaustive(double[] x, double[] y, int start, int pieces) {
    if (pieces == 1) {
      return residual(x, y, start, x.length);
    }
    double best = Double.POSITIVE_INFINITY;
    for (int end = start + 3; end <= x.length - 3 * (pieces - 1); end++) {
      best = Math.min(best, residual(x, y, start, end) + exhaustive(x, y, end, pieces - 1));
    }
    return best;
  }

  private static double residual(double[] x, double[] y, int start, int end) {
    double n = end - start;
    double meanX = Arrays.stream(x, start, end).sum() / n;
    double meanY = Arrays.stream(y, start, end).sum() / n;
    double xx = 0;
    double xy = 0;
    for (int i = start; i < end; i++) {
      xx += (x[i] - meanX) * (x[i] - meanX);
      xy += (x[i] - meanX) * (y[i] - meanY);
    }
    double sum = 0;
    for (int i = start; i < end; i++) {
      double error = y[i] - meanY - xy / xx * (x[i] - meanX);
      sum += error * error;
    }
    return sum;
  }
}
