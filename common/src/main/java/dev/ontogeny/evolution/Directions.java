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

  public int count() {
    return decoder.rows();
  }
}
