package dev.ontogeny.matrix;

import java.util.Arrays;

/**
 * A row-major matrix of floats. The array belongs to whoever made the matrix and may be reused
 * between batches; {@code values.length} may exceed {@code rows * columns}, so that a last, shorter
 * batch needs no new array.
 *
 * @param rows number of rows in use
 * @param columns number of columns
 * @param values row-major, at least {@code rows * columns} long
 */
public record FloatMatrix(int rows, int columns, float[] values) {
  public FloatMatrix {
    if (rows < 0 || columns < 0 || (long) rows * columns > values.length) {
      throw new IllegalArgumentException(
          rows + "×" + columns + " does not fit into " + values.length + " floats");
    }
  }

  /** Zeros. */
  public static FloatMatrix zeros(int rows, int columns) {
    return new FloatMatrix(rows, columns, new float[Math.multiplyExact(rows, columns)]);
  }

  /** The first {@code count} rows, sharing the array. */
  public FloatMatrix firstRows(int count) {
    return new FloatMatrix(count, columns, values);
  }

  /** Some columns of every row: this matrix if they are all, else a copy. */
  public FloatMatrix columns(int first, int count) {
    if (count == columns) {
      return this;
    }
    FloatMatrix copy = zeros(rows, count);
    for (int row = 0; row < rows; row++) {
      System.arraycopy(values, row * columns + first, copy.values, row * count, count);
    }
    return copy;
  }

  public float at(int row, int column) {
    return values[row * columns + column];
  }

  /** The Euclidean norm of a row, added up in doubles. */
  public double norm(int row) {
    double squares = 0;
    for (int i = row * columns; i < (row + 1) * columns; i++) {
      squares += (double) values[i] * values[i];
    }
    return Math.sqrt(squares);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FloatMatrix that
        && that.rows == rows
        && that.columns == columns
        && Arrays.equals(values, 0, rows * columns, that.values, 0, rows * columns);
  }

  @Override
  public int hashCode() {
    return 31 * rows + columns;
  }

  @Override
  public String toString() {
    return rows + "×" + columns;
  }
}
