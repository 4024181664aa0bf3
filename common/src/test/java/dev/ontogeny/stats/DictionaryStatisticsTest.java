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
          new DictionaryStatistics.Row(
              error[r], square, true, 2, r == 0 ? 0 : 9, 36, 9, r % 5, r % 5 * 2.0),
          weights,
          r * 50);
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

  /** Two rows of two columns, reckoned by hand; the scale is 2. */
  @Test
  void figuresBySaeBenchsNames() {
    DictionaryStatistics statistics = new DictionaryStatistics(2, 0);
    // x = (3, 4), x̂ = (3, 3), around a mean of (1, 1); then x = (0, 2), x̂ = (0, 0).
    statistics.add(
        new DictionaryStatistics.Row(4, 4 * 13, true, 2, 25, 18, 21, 2, 7), new byte[0], 0);
    statistics.add(new DictionaryStatistics.Row(16, 4 * 2, true, 2, 4, 0, 0, 1, 2), new byte[0], 0);

    assertThat(statistics.meanSquaredError()).isEqualTo((1 + 4) / 2.0);
    double square = (25 + 4) / 2.0;
    assertThat(statistics.explainedVarianceOfSaeBench())
        .isCloseTo(1 - 2.5 / (square - square / 2 * square / 2), within(1e-12));
    assertThat(statistics.explainedShare())
        .isCloseTo(((1 - 1 / 13.0) + (1 - 4 / 2.0)) / 2, within(1e-12));
    assertThat(statistics.normIn()).isEqualTo((5 + 2) / 2.0);
    assertThat(statistics.normOut()).isCloseTo(Math.sqrt(18) / 2, within(1e-12));
    assertThat(statistics.relativeReconstructionBias()).isCloseTo(18 / 21.0, within(1e-12));
    assertThat(statistics.l1()).isEqualTo(4.5);
  }

  @Test
  void withoutAMeanNoShareIsExplained() {
    DictionaryStatistics statistics = new DictionaryStatistics(2, 0);
    statistics.add(new DictionaryStatistics.Row(1, 4, false, 1, 4, 1, 1, 1, 1), new byte[0], 0);
    assertThat(statistics.explainedShare()).isNaN();
    assertThat(statistics.meanSquaredError()).isEqualTo(1);
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
      statistics.add(
          new DictionaryStatistics.Row(
              random.nextDouble(), square, true, 1, square, square, square, 1, 1),
          new byte[0],
          0);
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
