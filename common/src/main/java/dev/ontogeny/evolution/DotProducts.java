package dev.ontogeny.evolution;

import java.util.Arrays;

/**
 * All dot products between the rows of two blocks. Candidates are laid out in panels of columns
 * first, so that the innermost loop runs over neighbouring floats and the compiler turns it into
 * vector instructions.
 */
final class DotProducts {
  private static final int PANEL = 64;

  private DotProducts() {}

  /**
   * {@code out[r * columns + c] = Σ_i a[r, i] · b[c, i]}.
   *
   * @param a [rows, depth] row-major
   * @param b [columns, depth] row-major
   * @param out at least rows × columns
   */
  static void multiply(float[] a, int rows, float[] b, int columns, int depth, float[] out) {
    float[] panel = new float[depth * PANEL];
    float[] sums = new float[PANEL];
    for (int first = 0; first < columns; first += PANEL) {
      int width = Math.min(PANEL, columns - first);
      for (int c = 0; c < width; c++) {
        for (int i = 0; i < depth; i++) {
          panel[i * PANEL + c] = b[(first + c) * depth + i];
        }
      }
      for (int r = 0; r < rows; r++) {
        Arrays.fill(sums, 0);
        for (int i = 0; i < depth; i++) {
          addScaled(sums, a[r * depth + i], panel, i * PANEL);
        }
        System.arraycopy(sums, 0, out, r * columns + first, width);
      }
    }
  }

  private static void addScaled(float[] sums, float factor, float[] panel, int offset) {
    for (int c = 0; c < PANEL; c++) {
      sums[c] += factor * panel[offset + c];
    }
  }
}
