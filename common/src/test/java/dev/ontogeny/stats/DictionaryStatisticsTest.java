package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DictionaryStatisticsTest {
  @Test
  void ratiosAreThoseOfTheRows() {
    Random random = new Random(5);
    int rows = 400;
    DictionaryStatistics statistics = new DictionaryStatistics(2, 50);
    Bootstrap bootstrap = new Bootstrap(3, 50);
    byte[] weights =
        bootstrap.weights(IntStream.range(0, rows).mapToLong(bootstrap::document).toArray());
    double[] error = random.doubles(rows).toArray();
    float[][] x = new float[rows][2];
    for (int r = 0; r < rows; r++) {
      x[r] = new float[] {(float) random.nextGaussian(1, 1), (float) random.nextGaussian()};
      double square = x[r][0] * x[r][0] + x[r][1] * x[r][1];
      statistics.add(
          error[r], square, r % 5, r % 5 * 2.0, r == 0 ? Double.NaN : 0.5, 2, weights, r * 50);
      statistics.addInput(x[r], 0);
    }
    double[] mean = {
      Arrays.stream(x).mapToDouble(v -> v[0]).average().orElseThrow(),
      Arrays.stream(x).mapToDouble(v -> v[1]).average().orElseThrow()
    };
    double total =
        Arrays.stream(x)
            .mapToDouble(v -> Math.pow(v[0] - mean[0], 2) + Math.pow(v[1] - mean[1], 2))
            .sum();
    double fvu = Arrays.stream(error).sum() / total;
    assertThat(statistics.rows()).isEqualTo(rows);
    assertThat(statistics.fvu()).isCloseTo(fvu, within(1e-6));
    assertThat(statistics.l0()).isEqualTo(2);
    assertThat(statistics.meanActivation()).isEqualTo(2);
    assertThat(statistics.cosine()).isEqualTo(0.5);
    assertThat(statistics.normRatio()).isEqualTo(2);
    assertThat(statistics.cosineReplicates()).containsOnly(0.5);
    double[] replicates = statistics.fvuReplicates();
    assertThat(replicates).hasSize(50);
    // Standard error of a ratio of this kind at 400 rows: a few percent.
    assertThat(Arrays.stream(replicates).average().orElseThrow())
        .isCloseTo(fvu, within(0.05 * fvu));
    assertThat(Arrays.stream(replicates).max().orElseThrow()).isGreaterThan(1.02 * fvu);
  }

  /** Values are multiples of 1/1024, so that the shift is exact in floats. */
  @Test
  void aShiftOfAllInputsLeavesTheVarianceUnexplainedAsItIs() {
    assertThat(shiftedFvu(100)).isCloseTo(shiftedFvu(0), within(1e-9));
  }

  private static double shiftedFvu(int shift) {
    Random random = new Random(6);
    DictionaryStatistics statistics = new DictionaryStatistics(3, 0);
    for (int r = 0; r < 500; r++) {
      float[] x = new float[3];
      double square = 0;
      for (int i = 0; i < x.length; i++) {
        x[i] = shift + (random.nextInt(4096) - 2048) / 1024f;
        square += (double) x[i] * x[i];
      }
      statistics.add(random.nextDouble(), square, 1, 1, 1, 1, new byte[0], 0);
      statistics.addInput(x, 0);
    }
    return statistics.fvu();
  }

  @Test
  void weightsArePoissonWithMeanOne() {
    Bootstrap bootstrap = new Bootstrap(8, 100);
    byte[] weights =
        bootstrap.weights(IntStream.range(0, 5000).mapToLong(bootstrap::document).toArray());
    double[] share = new double[4];
    double mean = 0;
    for (byte weight : weights) {
      mean += weight / 500_000.0;
      if (weight < 4) {
        share[weight] += 1 / 500_000.0;
      }
    }
    assertThat(mean).isCloseTo(1, within(0.006));
    double[] expected = {Math.exp(-1), Math.exp(-1), Math.exp(-1) / 2, Math.exp(-1) / 6};
    for (int k = 0; k < 4; k++) {
      assertThat(share[k]).isCloseTo(expected[k], within(0.003));
    }
    assertThat(bootstrap.document("17")).isNotEqualTo(bootstrap.document(17));
    assertThat(new Bootstrap(8, 100).weights(new long[] {5}))
        .isEqualTo(new Bootstrap(8, 100).weights(new long[] {5}));
  }
}
