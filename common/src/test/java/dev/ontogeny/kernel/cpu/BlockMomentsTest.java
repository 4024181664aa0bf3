package dev.ontogeny.kernel.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BlockMomentsTest {

  @ParameterizedTest
  @CsvSource({
    "1, 0, 1",
    "1, 1, 13",
    "13, 13, 64",
    "64, 50, 65",
    "207, 207, 96",
    "256, 255, 207",
    "256, 256, 512"
  })
  void bothTwinsGiveTheSameBits(int rows, int filled, int width) {
    Sums fast = new Sums(rows, filled, width);
    Sums slow = new Sums(rows, filled, width);
    for (int block = 0; block < 2; block++) {
      fast.add(BlockMoments.fastest());
      slow.add(BlockMoments.scalar());
    }
    assertThat(fast).usingRecursiveComparison().isEqualTo(slow);
  }

  @ParameterizedTest
  @CsvSource({"256, 256, 64", "207, 100, 130"})
  void agreesWithDoubles(int rows, int filled, int width) {
    Sums got = new Sums(rows, filled, width);
    float[] x = got.x.clone();
    got.add(BlockMoments.fastest());
    for (int row = 0; row < filled; row++) {
      double square = 0;
      for (int i = 0; i < width; i++) {
        square += Math.pow(x[BlockMoments.at(rows, row, i)], 2);
      }
      assertThat(Math.abs(got.squares[row] - square)).isLessThan(1e-6 * square);
    }
    int at = 0;
    for (int i = 0; i < width; i++) {
      double sum = 0;
      double least = Double.POSITIVE_INFINITY;
      double most = Double.NEGATIVE_INFINITY;
      for (int row = 0; row < filled; row++) {
        double value = x[BlockMoments.at(rows, row, i)];
        sum += value - got.pilot[i];
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
      assertThat(got.minimum[i]).isEqualTo((float) least);
      assertThat(got.maximum[i]).isEqualTo((float) most);
      assertThat(Math.abs(got.sums[i] - sum)).isLessThan(1e-6 * filled);
      for (int j = i; j < width; j++) {
        double product = 0;
        for (int row = 0; row < filled; row++) {
          product +=
              ((double) x[BlockMoments.at(rows, row, i)] - got.pilot[i])
                  * ((double) x[BlockMoments.at(rows, row, j)] - got.pilot[j]);
        }
        assertThat(Math.abs(got.triangle[at++] - product)).isLessThan(4e-6 * filled);
      }
    }
  }

  /** A block and what is summed over it. */
  private static final class Sums {
    private final int rows;
    private final int filled;
    private final int width;
    private final float[] x;
    private final float[] pilot;
    private final float[] minimum;
    private final float[] maximum;
    private final float[] sums;
    private final double[] squares;
    private final double[] triangle;

    Sums(int rows, int filled, int width) {
      this.rows = rows;
      this.filled = filled;
      this.width = width;
      int padded = BlockMoments.padded(width);
      Random random = new Random(rows);
      x = new float[rows * padded];
      pilot = new float[padded];
      minimum = new float[padded];
      maximum = new float[padded];
      sums = new float[padded];
      squares = new double[rows];
      triangle = new double[BlockMoments.triangle(width)];
      Arrays.fill(minimum, Float.POSITIVE_INFINITY);
      Arrays.fill(maximum, Float.NEGATIVE_INFINITY);
      for (int i = 0; i < width; i++) {
        pilot[i] = (float) random.nextGaussian();
        for (int row = 0; row < rows; row++) {
          x[BlockMoments.at(rows, row, i)] = (float) random.nextGaussian();
        }
      }
    }

    void add(BlockMoments kernel) {
      kernel.squares(x, rows, filled, width, squares);
      kernel.centre(x, rows, filled, pilot, minimum, maximum, sums);
      kernel.addProducts(x, rows, filled, width, triangle);
    }
  }
}
