package dev.ontogeny.export;

import dev.ontogeny.matrix.FloatMatrix;

/** Rows become columns, for formats whose layers keep their weights that way round. */
final class Turned {
  /** Rows and columns of a block: both sides of it stay in a processor's nearest cache. */
  private static final int BLOCK = 32;

  private Turned() {}

  /** A copy, [columns, rows]. */
  static FloatMatrix of(FloatMatrix matrix) {
    int rows = matrix.rows();
    int columns = matrix.columns();
    FloatMatrix turned = FloatMatrix.zeros(/* rows= */ columns, /* columns= */ rows);
    for (int firstRow = 0; firstRow < rows; firstRow += BLOCK) {
      for (int firstColumn = 0; firstColumn < columns; firstColumn += BLOCK) {
        for (int row = firstRow; row < Math.min(rows, firstRow + BLOCK); row++) {
          for (int column = firstColumn;
              column < Math.min(columns, firstColumn + BLOCK);
              column++) {
            turned.values()[column * rows + row] = matrix.values()[row * columns + column];
          }
        }
      }
    }
    return turned;
  }
}
