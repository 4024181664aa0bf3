package dev.ontogeny.evolution;

import dev.ontogeny.matrix.FloatMatrix;

/**
 * Directions of a block of features, scaled to unit length; a feature without one has zeros.
 *
 * @param decoder [n, D]
 * @param encoder [n, D]
 */
public record Directions(FloatMatrix decoder, FloatMatrix encoder) {
  /** Scales both to unit length, in place. */
  public static Directions of(FloatMatrix decoder, FloatMatrix encoder) {
    return new Directions(normalise(decoder), normalise(encoder));
  }

  /** Scales every row to unit length, in place. */
  static FloatMatrix normalise(FloatMatrix matrix) {
    int columns = matrix.columns();
    for (int row = 0; row < matrix.rows(); row++) {
      double squares = 0;
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        squares += (double) matrix.values()[i] * matrix.values()[i];
      }
      float factor = squares > 0 ? (float) (1 / Math.sqrt(squares)) : 0;
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        matrix.values()[i] *= factor;
      }
    }
    return matrix;
  }

  /** The cosine of each row of one matrix to the same row of another, 0 where either is zero. */
  public static double[] cosines(FloatMatrix first, FloatMatrix second) {
    double[] cosines = new double[first.rows()];
    for (int row = 0; row < cosines.length; row++) {
      double dot = 0;
      double a = 0;
      double b = 0;
      for (int column = 0; column < first.columns(); column++) {
        double x = first.at(row, column);
        double y = second.at(row, column);
        dot += x * y;
        a += x * x;
        b += y * y;
      }
      cosines[row] = a == 0 || b == 0 ? 0 : dot / Math.sqrt(a * b);
    }
    return cosines;
  }

  public int count() {
    return decoder.rows();
  }
}
