package dev.ontogeny.probing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.probing.LogisticRegression.Penalty;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against what holds at the minimum of a convex function, and where there is a closed form. */
class LogisticRegressionTest {
  private static final int N = 400;

  /** Sparse columns of very different sizes, two of them alike, the last one constant. */
  private static double[][] columns(int k, double size) {
    Random random = new Random(3);
    double[][] columns = new double[k][N];
    for (int j = 0; j < k - 1; j++) {
      for (int i = 0; i < N; i++) {
        columns[j][i] = random.nextInt(3) == 0 ? size * Math.pow(10, -j) * random.nextDouble() : 0;
      }
    }
    if (k > 2) {
      for (int i = 0; i < N; i++) {
        columns[1][i] = columns[0][i] + 1e-3 * columns[1][i];
      }
    }
    Arrays.fill(columns[k - 1], 0.25);
    return columns;
  }

  private static boolean[] sides(double[][] columns, double noise) {
    Random random = new Random(4);
    boolean[] positive = new boolean[N];
    for (int i = 0; i < N; i++) {
      positive[i] = columns[0][i] + noise * random.nextGaussian() > 0.2;
    }
    return positive;
  }

  @ParameterizedTest
  @CsvSource({
    "L1, 1, 0.3", "L1, 1e-3, 0.3", "L1, 1e5, 0.3", "L1, 1e5, 0",
    "L2, 1, 0.3", "L2, 1e-5, 0.3", "L2, 1e5, 0.3", "L2, 1e5, 0"
  })
  void nothingIsBetter(Penalty penalty, double c, double noise) {
    double[][] x = columns(4, 1);
    boolean[] y = sides(x, noise);
    LogisticRegression fitted = LogisticRegression.fit(x, y, c, penalty);
    double[] scores = fitted.scores(x, N);
    double[] slope = new double[5];
    double size = 0;
    for (int i = 0; i < N; i++) {
      double error = c * (1 / (1 + Math.exp(-scores[i])) - (y[i] ? 1 : 0));
      size += Math.abs(error);
      for (int j = 0; j < 4; j++) {
        slope[j] += error * x[j][i];
      }
      slope[4] += error;
    }
    double tolerance = 1e-4 * Math.max(1, size);
    assertThat(slope[4]).isEqualTo(0, within(tolerance));
    for (int j = 0; j < 4; j++) {
      double weight = fitted.weights()[j];
      if (penalty == Penalty.L2) {
        assertThat(slope[j] + weight).as("column %d", j).isEqualTo(0, within(tolerance));
      } else if (weight == 0) {
        assertThat(Math.abs(slope[j])).as("column %d", j).isLessThan(1 + tolerance);
      } else {
        assertThat(slope[j] + Math.signum(weight))
            .as("column %d", j)
            .isEqualTo(0, within(tolerance));
      }
    }
    assertThat(LogisticRegression.fit(x, y, c, penalty).weights()).isEqualTo(fitted.weights());
  }

  @Test
  void oneColumnOfZerosAndOnesGivesTheLogOfTheOdds() {
    boolean[] y = new boolean[N];
    double[][] x = new double[1][N];
    for (int i = 0; i < N; i++) {
      x[0][i] = i % 2;
      y[i] = i % 2 == 1 ? i % 8 != 1 : i % 8 == 0;
    }
    LogisticRegression fitted = LogisticRegression.fit(x, y, 1e9, Penalty.L2);
    assertThat(fitted.bias()).isEqualTo(-Math.log(3), within(1e-5));
    assertThat(fitted.weights()[0]).isEqualTo(2 * Math.log(3), within(1e-5));
  }

  @Test
  void withoutColumnsOnlyTheShareIsLearned() {
    boolean[] y = new boolean[N];
    Arrays.fill(y, 0, N / 4, true);
    LogisticRegression fitted = LogisticRegression.fit(new double[0][], y, 1, Penalty.L1);
    assertThat(fitted.weights()).isEmpty();
    assertThat(fitted.bias()).isEqualTo(-Math.log(3), within(1e-9));
  }

  @Test
  void aSmallWeightOfTheLossLeavesNoWeights() {
    double[][] x = columns(3, 1);
    assertThat(LogisticRegression.fit(x, sides(x, 0.1), 1e-5, Penalty.L1).weights())
        .containsOnly(0);
  }

  @Test
  void scoresAreCountedAsPairsAndSides() {
    Random random = new Random(1);
    double[] scores = random.ints(60, -3, 4).asDoubleStream().toArray();
    boolean[] y = new boolean[60];
    double right = 0;
    double pairs = 0;
    double won = 0;
    for (int i = 0; i < 60; i++) {
      y[i] = random.nextInt(3) == 0;
      right += y[i] == scores[i] > 0 ? 1 : 0;
    }
    double[] f1 = new double[2];
    double[] there = new double[2];
    for (int side = 0; side < 2; side++) {
      double both = 0;
      double taken = 0;
      for (int i = 0; i < 60; i++) {
        there[side] += y[i] == (side == 1) ? 1 : 0;
        taken += scores[i] > 0 == (side == 1) ? 1 : 0;
        both += y[i] == (side == 1) && scores[i] > 0 == (side == 1) ? 1 : 0;
      }
      double precision = both / taken;
      double recall = both / there[side];
      f1[side] = 2 * precision * recall / (precision + recall);
    }
    for (int i = 0; i < 60; i++) {
      for (int j = 0; j < 60; j++) {
        if (y[i] && !y[j]) {
          pairs++;
          won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
        }
      }
    }
    ProbeScores found = ProbeScores.of(scores, y);
    assertThat(found.accuracy()).isEqualTo(right / 60, within(1e-12));
    assertThat(found.auc()).isEqualTo(won / pairs, within(1e-12));
    assertThat(found.f1()).isEqualTo((there[0] * f1[0] + there[1] * f1[1]) / 60, within(1e-12));
    assertThat(found.f1OfClass()).isEqualTo(f1[1], within(1e-12));
  }
}
