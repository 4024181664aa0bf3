package dev.ontogeny.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CrossProductsTest {

  @ParameterizedTest
  @CsvSource({"0, 64", "1, 64", "13, 128", "207, 208", "256, 512"})
  void bothTwinsGiveTheSameBits(int rows, int stride) {
    Random random = new Random(rows);
    float[] x = new float[rows * stride];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    CrossProducts fast = CrossProducts.fastest();
    CrossProducts slow = CrossProducts.scalar();
    float[] fastTile = new float[CrossProducts.HEIGHT * fast.width()];
    float[] slowTile = new float[CrossProducts.HEIGHT * slow.width()];
    for (int columns : new int[] {fast.width(), fast.part()}) {
      for (int i : new int[] {0, 4, stride - 4}) {
        int j = stride - columns;
        fast.tile(x, rows, stride, i, j, columns, fastTile);
        for (int b = 0; b < columns; b += slow.part()) {
          int part = Math.min(slow.part(), columns - b);
          slow.tile(x, rows, stride, i, j + b, part, slowTile);
          for (int a = 0; a < CrossProducts.HEIGHT; a++) {
            for (int c = 0; c < part; c++) {
              assertThat(fastTile[a * fast.width() + b + c])
                  .isEqualTo(slowTile[a * slow.width() + c])
                  .isEqualTo(naive(x, rows, stride, i + a, j + b + c));
            }
          }
        }
      }
    }
  }

  private static float naive(float[] x, int rows, int stride, int i, int j) {
    float sum = 0;
    for (int row = 0; row < rows; row++) {
      sum = Math.fma(x[row * stride + i], x[row * stride + j], sum);
    }
    return sum;
  }
}
