package dev.ontogeny.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every provider's products against the plain ones, at awkward sizes. */
class ProductKernelTest {
  @ParameterizedTest
  @CsvSource({
    "cpu, 1, 1, 1",
    "cpu, 13, 207, 7",
    "cpu, 207, 702, 33",
    "cpu, 300, 1100, 16",
    "nd4j, 13, 207, 7",
    "nd4j, 702, 207, 33"
  })
  void agreesWithThePlainProvider(String provider, int rows, int kept, int depth) {
    FloatMatrix staying = gaussians("kept", kept, depth);
    FloatMatrix coming = gaussians("rows", rows, depth);
    float[] expected = new float[rows * kept];
    float[] found = new float[rows * kept];
    float[] rowBars = new float[rows];
    Arrays.fill(rowBars, (float) Math.sqrt(depth));
    float[] keptBars = new float[kept];
    Arrays.fill(keptBars, 2 * (float) Math.sqrt(depth));
    keptBars[0] = Float.NEGATIVE_INFINITY;
    Map<Integer, Float> reaching = new HashMap<>();
    try (ProductKernel plain = Kernels.provider("reference", 1).products(staying);
        ProductKernel fast = Kernels.provider(provider, 2).products(staying)) {
      plain.multiply(coming, expected);
      fast.multiply(coming, found);
      fast.reaching(
          coming,
          rowBars,
          keptBars,
          (row, which, product) ->
              assertThat(reaching.put(row * kept + which, product)).as("twice").isNull());
    }
    float tolerance = 1e-6f * depth;
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i]).isCloseTo(expected[i], within(tolerance));
      float bar = Math.min(rowBars[i / kept], keptBars[i % kept]);
      assertThat(reaching.containsKey(i)).isEqualTo(found[i] >= bar);
      assertThat(reaching.getOrDefault(i, found[i])).isEqualTo(found[i]);
    }
  }

  @ParameterizedTest
  @CsvSource({"reference", "cpu", "nd4j"})
  void barsMayRiseMeanwhile(String provider) {
    FloatMatrix staying = gaussians("kept", 702, 8);
    FloatMatrix coming = gaussians("rows", 207, 8);
    float[] best = new float[207];
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    float[] keptBars = new float[702];
    Arrays.fill(keptBars, Float.POSITIVE_INFINITY);
    int[] calls = new int[1];
    float[] all = new float[207 * 702];
    try (ProductKernel kernel = Kernels.provider(provider, 2).products(staying)) {
      kernel.multiply(coming, all);
      kernel.reaching(
          coming,
          best,
          keptBars,
          (row, kept, product) -> {
            calls[0]++;
            best[row] = Math.max(best[row], product);
          });
    }
    for (int row = 0; row < 207; row++) {
      float greatest = Float.NEGATIVE_INFINITY;
      for (int kept = 0; kept < 702; kept++) {
        greatest = Math.max(greatest, all[row * 702 + kept]);
      }
      assertThat(best[row]).isEqualTo(greatest);
    }
    assertThat(calls[0]).isLessThan(207 * 30);
  }

  @Test
  void bothScansFindTheSame() {
    float[] values = gaussians("values", 1, 702).values();
    float[] bars = gaussians("bars", 1, 702).values();
    values[77] = Float.NaN;
    for (BarScan scan : new BarScan[] {BarScan.fastest(), new ScalarBarScan()}) {
      int at = 0;
      for (int i = 0; i < 700; i++) {
        if (values[i + 2] >= 1.5f || values[i + 2] >= bars[i + 1]) {
          assertThat(scan.next(values, 2, at, 700, 1.5f, bars, 1)).isEqualTo(i);
          at = i + 1;
        }
      }
      assertThat(scan.next(values, 2, at, 700, 1.5f, bars, 1)).isEqualTo(700);
      assertThat(scan.next(values, 2, 700, 700, 1.5f, bars, 1)).isEqualTo(700);
    }
  }

  private static FloatMatrix gaussians(String name, int rows, int columns) {
    return new FloatMatrix(
        rows, columns, KernelFixture.gaussians(Seeds.generator(3, name), rows * columns, 1));
  }
}
