package dev.ontogeny.kernel;

import dev.ontogeny.matrix.FloatMatrix;

/** Rows become columns, in tiles that stay in cache. */
final class Transposition {
  private static final int TILE = 32;

  private Transposition() {}

  /** The transposed matrix in a fresh array. */
  static float[] of(FloatMatrix matrix) {
    int rows = matrix.rows();
    int columns = matrix.columns();
    float[] from = matrix.values();
    float[] to = new float[Math.multiplyExact(rows, columns)];
    for (int r = 0; r < rows; r += TILE) {
      for (int c = 0; c < columns; c += TILE) {
        int rowEnd = Math.min(r + TILE, rows);
        int columnEnd = Math.min(c + TILE, columns);
        for (int row = r; row < rowEnd; row++) {
          for (int column = c; column < columnEnd; column++) {
            to[column * rows + row] = from[row * columns + column];
          }
        }
      }
    }
    return to;
  }
}
