package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class SparseAssignmentTest {
  @Test
  void findsTheGreatestTotalOfAllMatchings() {
    RandomGenerator random = Seeds.generator(1, "assignment");
    for (int trial = 0; trial < 400; trial++) {
      int rows = 1 + random.nextInt(6);
      int columns = 1 + random.nextInt(6);
      float[][] weights = new float[rows][columns];
      for (float[] row : weights) {
        for (int c = 0; c < columns; c++) {
          // Few distinct values, so that ties are common; some pairs are not allowed at all.
          row[c] = random.nextInt(3) == 0 ? 0 : random.nextInt(5) / 4f;
        }
      }
      int[] matched = match(weights);
      double total = 0;
      boolean[] taken = new boolean[columns];
      for (int r = 0; r < rows; r++) {
        if (matched[r] >= 0) {
          assertThat(taken[matched[r]]).isFalse();
          taken[matched[r]] = true;
          assertThat(weights[r][matched[r]]).isPositive();
          total += weights[r][matched[r]];
        }
      }
      assertThat(total).isEqualTo(exhaustive(weights, 0, new boolean[columns]));
    }
  }

  @Test
  void prefersTheBestTotalOverTheBestPair() {
    float[][] weights = {{0.9f, 0.8f}, {0.85f, 0.1f}};
    assertThat(match(weights)).containsExactly(1, 0);
  }

  @Test
  void leavesRowsAloneThatHaveNoCandidate() {
    assertThat(match(new float[][] {{0, 0}, {0, 0.5f}, {0, 0.75f}})).containsExactly(-1, -1, 1);
  }

  @Test
  void recoversAPermutationOfThousands() {
    int count = 4096;
    int[] permutation = new int[count];
    Arrays.setAll(permutation, i -> (int) ((i * 2654435761L) % count));
    int[] starts = new int[count + 1];
    int[] candidate = new int[8 * count];
    float[] weight = new float[8 * count];
    RandomGenerator random = Seeds.generator(2, "permutation");
    for (int i = 0; i < count; i++) {
      for (int k = 0; k < 8; k++) {
        candidate[8 * i + k] = (permutation[i] + k * 37) % count;
        weight[8 * i + k] = k == 0 ? 0.9f : 0.1f + 0.7f * random.nextFloat();
      }
      starts[i + 1] = 8 * (i + 1);
    }
    assertThat(SparseAssignment.match(count, count, starts, candidate, weight))
        .containsExactly(permutation);
  }

  private static int[] match(float[][] weights) {
    int columns = weights[0].length;
    int[] starts = new int[weights.length + 1];
    int[] candidate = new int[weights.length * columns];
    float[] weight = new float[candidate.length];
    for (int r = 0; r < weights.length; r++) {
      for (int c = 0; c < columns; c++) {
        candidate[r * columns + c] = c;
        weight[r * columns + c] = weights[r][c];
      }
      starts[r + 1] = (r + 1) * columns;
    }
    return SparseAssignment.match(weights.length, columns, starts, candidate, weight);
  }

  private static double exhaustive(float[][] weights, int row, boolean[] taken) {
    if (row == weights.length) {
      return 0;
    }
    double best = exhaustive(weights, row + 1, taken);
    for (int c = 0; c < taken.length; c++) {
      if (!taken[c] && weights[row][c] > 0) {
        taken[c] = true;
        best = Math.max(best, weights[row][c] + exhaustive(weights, row + 1, taken));
        taken[c] = false;
      }
    }
    return best;
  }
}
