package dev.ontogeny.kernel.cpu;

import java.util.Arrays;

/** {@link BlockMoments} in plain Java. */
final class ScalarBlockMoments extends BlockMoments {

  @Override
  void squaresOf(float[] x, int rows, int row, int width, float[] sums) {
    Arrays.fill(sums, 0);
    for (int i = 0; i < width; i++) {
      float value = x[at(rows, row, i)];
      sums[i % INTERLEAVED] = Math.fma(value, value, sums[i % INTERLEAVED]);
    }
  }

  @Override
  public void centre(
      float[] x,
      int rows,
      int filled,
      float[] pilot,
      float[] minimum,
      float[] maximum,
      float[] sums) {
    for (int i = 0; i < pilot.length; i++) {
      sums[i] = 0;
      for (int row = 0; row < filled; row++) {
        int at = at(rows, row, i);
        minimum[i] = x[at] < minimum[i] ? x[at] : minimum[i];
        maximum[i] = x[at] > maximum[i] ? x[at] : maximum[i];
        x[at] -= pilot[i];
        sums[i] += x[at];
      }
    }
  }

  @Override
  public void addProducts(float[] x, int rows, int filled, int width, double[] triangle) {
    for (int i = 0; i < width; i++) {
      int rowAt = triangleRow(i, width);
      for (int j = i; j < width; j++) {
        float sum = 0;
        for (int row = 0; row < filled; row++) {
          sum = Math.fma(x[at(rows, row, i)], x[at(rows, row, j)], sum);
        }
        triangle[rowAt + j] += sum;
      }
    }
  }
}
