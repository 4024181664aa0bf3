package dev.ontogeny.matrix;

/**
 * Rows become columns, in tiles that stay in cache. Rows are often a power of two apart, so that
 * those of a tile share few sets of the cache: a tile has fewer of them than a set has places.
 */
public final class Transposition {
  private static final int ROWS = 8;
  private static final int COLUMNS = 16;

  private Transposition() {}

  /** The transposed matrix in a fresh array. */
  public static float[] of(FloatMatrix matrix) {
    int rows = matrix.rows();
    int columns = matrix.columns();
    float[] from = matrix.values();
    float[] to = new float[Math.multiplyExact(rows, columns)];
    for (int r = 0; r < rows; r += ROWS) {
      for (int c = 0; c < columns; c += COLUMNS) {
        int rowEnd = Math.min(r + ROWS, rows);
        int columnEnd = Math.min(c + COLUMNS, columns);
        for (int column = c; column < columnEnd; column++) {
          for (int row = r; row < rowEnd; row++) {
            to[column * rows + row] = from[row * columns + column];
          }
        }
      }
    }
    return to;
  }
}
