package dev.ontogeny.kernel.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.nd4j.DeviceMatrix;
import dev.ontogeny.kernel.nd4j.Nd4jSelection;
import dev.ontogeny.kernel.reference.ReferenceSelection;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Selection by group maxima and by thresholds on the device, on rows that invite mistakes. */
final class SelectionTest {
  @ParameterizedTest
  @CsvSource({"1,1", "13,4", "207,8", "702,32", "1024,32", "513,500", "4096,64", "600,1"})
  void selectsWhatSortingSelects(int width, int k) {
    RandomGenerator random = Seeds.generator(3, width, k);
    float[][] rows = {
      KernelFixture.gaussians(random, width, 1),
      few(random, width, k / 2),
      new float[width],
      constant(width, 2.5f),
      constant(width, -1),
      rounded(random, width),
      KernelFixture.gaussians(random, width, 1e30),
      KernelFixture.gaussians(random, width, 1e-30)
    };
    for (Loops loops : new Loops[] {new ScalarLoops(), new SimdLoops()}) {
      for (float[] row : rows) {
        boolean[] expected = ReferenceSelection.largest(row, k, latent -> true);
        assertThat(byGroups(loops, row, k)).isEqualTo(expected);
      }
    }
    float[] all = new float[rows.length * width];
    for (int row = 0; row < rows.length; row++) {
      System.arraycopy(rows[row], 0, all, row * width, width);
    }
    try (INDArray values = DeviceMatrix.of(new FloatMatrix(rows.length, width, all));
        INDArray mask = values.ulike()) {
      Nd4jSelection.select(values, k, mask);
      float[] marks = DeviceMatrix.values(mask);
      for (int row = 0; row < rows.length; row++) {
        boolean[] chosen = new boolean[width];
        for (int i = 0; i < width; i++) {
          chosen[i] = marks[row * width + i] == 1;
        }
        assertThat(chosen)
            .as("row %d", row)
            .isEqualTo(ReferenceSelection.largest(rows[row], k, latent -> true));
      }
    }
  }

  /** What the selection is narrowed by: right at every length, with ties, zeros and NaN. */
  @ParameterizedTest
  @CsvSource({"1,1", "15,4", "16,16", "33,8", "256,32", "300,200"})
  void barsAreReachedByAtLeastK(int n, int k) {
    RandomGenerator random = Seeds.generator(5, n, k);
    float[] withNan = KernelFixture.gaussians(random, n, 1);
    withNan[n / 2] = Float.NaN;
    float[][] rows = {
      KernelFixture.gaussians(random, n, 1), rounded(random, n), constant(n, -1), withNan
    };
    for (float[] row : rows) {
      Loops scalar = new ScalarLoops();
      Loops simd = new SimdLoops();
      float bar = scalar.barOfLargest(row, n, k);
      assertThat(simd.barOfLargest(row, n, k)).isEqualTo(bar);
      float[] sorted = row.clone();
      Arrays.sort(sorted);
      if (row != withNan && sorted[n - k] > 0) {
        float least = sorted[n - k];
        assertThat(bar).isLessThanOrEqualTo(least);
        // Whatever else reaches it cannot be told from the k-th.
        assertThat(IntStream.range(0, n).mapToObj(i -> sorted[i]))
            .noneMatch(v -> v >= bar && v < least - 0.001f);
      } else if (row != withNan) {
        assertThat(bar).isZero();
      }
      for (float each : new float[] {bar, -1, 0, Float.MIN_VALUE}) {
        int[] expected = IntStream.range(0, n).filter(i -> row[i] >= each).toArray();
        for (Loops loops : new Loops[] {scalar, simd}) {
          int[] into = new int[n];
          assertThat(loops.reaching(row, 0, n, each, into)).isEqualTo(expected.length);
          assertThat(Arrays.copyOf(into, expected.length)).isEqualTo(expected);
          assertThat(loops.countReaching(row, n, each)).isEqualTo(expected.length);
        }
      }
    }
  }

  private static boolean[] byGroups(Loops loops, float[] row, int k) {
    RowSelection selection = new RowSelection(loops, row.length, k, new int[row.length], null, 0);
    float[] values = row.clone();
    loops.biasAndMaxima(
        values,
        0,
        new float[row.length],
        0,
        row.length,
        selection.depth(),
        selection.maxima(),
        selection.groupAt(0));
    int found = selection.select(values, 0, k);
    int[] latents = new int[found];
    float[] codes = new float[found];
    selection.write(true, latents, codes, 0);
    boolean[] chosen = new boolean[row.length];
    for (int j = 0; j < found; j++) {
      assertThat(j == 0 || latents[j] > latents[j - 1]).isTrue();
      assertThat(codes[j]).isEqualTo(row[latents[j]]);
      chosen[latents[j]] = true;
    }
    return chosen;
  }

  private static float[] few(RandomGenerator random, int width, int positive) {
    float[] row = constant(width, -0.5f);
    for (int i = 0; i < positive; i++) {
      row[random.nextInt(width)] = random.nextFloat() + 0.1f;
    }
    return row;
  }

  private static float[] constant(int width, float value) {
    float[] row = new float[width];
    Arrays.fill(row, value);
    return row;
  }

  /** Many equal values. */
  private static float[] rounded(RandomGenerator random, int width) {
    float[] row = KernelFixture.gaussians(random, width, 1.5);
    for (int i = 0; i < width; i++) {
      row[i] = Math.round(row[i]);
    }
    return row;
  }

  @Test
  void amongSomeLatentsOnly() {
    float[] row = {5, 4, 3, 2, 1, -1};
    RowSelection selection = new RowSelection(new ScalarLoops(), 6, 2, new int[6], null, 0);
    assertThat(selection.selectAmong(row, 0, new int[] {1, 3, 4, 5}, 4, 2)).isEqualTo(2);
    int[] latents = new int[2];
    selection.write(true, latents, new float[2], 0);
    assertThat(latents).containsExactly(1, 3);
  }

  /** Whatever the floor was: too high, too low, none; and with ties and weights. */
  @ParameterizedTest
  @CsvSource({"1,1", "13,4", "207,8", "702,32", "600,1"})
  void spendsTheBudgetOfABatch(int width, int k) {
    RandomGenerator random = Seeds.generator(4, width, k);
    BatchBudget budget = new BatchBudget(width);
    for (int latent = 0; latent < width; latent++) {
      budget.weights()[latent] = latent % 5 == 4 ? 0 : 1 + latent % 3;
    }
    for (double scale : new double[] {1, 0.1, 30, 1}) {
      float[][] rows = {
        KernelFixture.gaussians(random, width, scale),
        few(random, width, k / 2),
        new float[width],
        constant(width, 2.5f),
        constant(width, -1),
        rounded(random, width),
        rounded(random, width),
        KernelFixture.gaussians(random, width, 3 * scale)
      };
      boolean[][] expected = ReferenceSelection.largest(rows, budget.weights(), k * rows.length);
      assertThat(byBudget(budget, rows, k)).isEqualTo(expected);
    }
  }

  private static boolean[][] byBudget(BatchBudget budget, float[][] rows, int k) {
    int width = rows[0].length;
    // Blocks of three rows, room for one latent each: rows move and blocks grow.
    BatchCodes arena = new BatchCodes(rows.length, 3, width, 1);
    int wanted = k * rows.length;
    if (budget.hasFloor()) {
      collect(budget, arena, rows, 0);
    }
    if (!budget.hasFloor() || arena.total(rows.length) < wanted) {
      collect(budget, arena, rows, Math.min(width, 2 * k));
      budget.floorFrom(arena, rows.length, wanted);
      collect(budget, arena, rows, 0);
    }
    float cut = budget.cut(arena, rows.length, wanted);
    boolean[][] chosen = new boolean[rows.length][width];
    for (int row = 0; row < rows.length; row++) {
      int[] latents = arena.latents[arena.block(row)];
      for (int slot = arena.from(row); slot < arena.to(row); slot++) {
        float value = arena.values[arena.block(row)][slot];
        assertThat(value).isEqualTo(rows[row][latents[slot]]);
        assertThat(value * budget.weights()[latents[slot]]).isGreaterThanOrEqualTo(cut);
        chosen[row][latents[slot]] = true;
      }
    }
    return chosen;
  }

  private static void collect(BatchBudget budget, BatchCodes arena, float[][] rows, int k) {
    float[] bounds = k > 0 ? null : budget.bounds();
    Loops loops = new ScalarLoops();
    for (int row = 0; row < rows.length; row++) {
      int width = rows[row].length;
      RowSelection selection =
          new RowSelection(loops, width, Math.max(1, k), new int[width], null, 0);
      float[] values = rows[row].clone();
      loops.biasAndMaxima(
          values, 0, new float[width], 0, width, selection.depth(), selection.maxima(), 0);
      int found =
          k > 0
              ? selection.select(values, 0, k)
              : selection.above(values, 0, bounds, budget.lowest());
      arena.set(row, selection, found, false);
    }
  }
}
