package dev.ontogeny.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;
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

  private static boolean[] byGroups(Loops loops, float[] row, int k) {
    RowSelection selection = new RowSelection(row.length, k);
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
    RowSelection selection = new RowSelection(6, 2);
    assertThat(selection.selectAmong(row, 0, new int[] {1, 3, 4, 5}, 4, 2)).isEqualTo(2);
    int[] latents = new int[2];
    selection.write(true, latents, new float[2], 0);
    assertThat(latents).containsExactly(1, 3);
  }
}
