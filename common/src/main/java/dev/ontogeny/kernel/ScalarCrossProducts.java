package dev.ontogeny.kernel;

import java.util.Arrays;

/** {@link CrossProducts} in plain Java. */
final class ScalarCrossProducts extends CrossProducts {
  @Override
  public int width() {
    return 4 * ALIGNMENT;
  }

  @Override
  public int part() {
    return ALIGNMENT;
  }

  @Override
  public void tile(float[] x, int rows, int stride, int i, int j, int columns, float[] into) {
    Arrays.fill(into, 0, HEIGHT * width(), 0);
    for (int row = 0; row < rows; row++) {
      for (int a = 0; a < HEIGHT; a++) {
        float first = x[row * stride + i + a];
        int at = a * width();
        int from = row * stride + j;
        for (int b = 0; b < columns; b++) {
          into[at + b] = Math.fma(first, x[from + b], into[at + b]);
        }
      }
    }
  }
}
