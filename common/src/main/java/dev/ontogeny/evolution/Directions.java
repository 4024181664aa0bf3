package dev.ontogeny.evolution;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;

/**
 * Directions of a block of features, scaled to unit length; a feature without one has zeros.
 *
 * @param decoder [n, d] of what is reconstructed
 * @param encoder [n, d'] of what is read
 */
public record Directions(FloatMatrix decoder, FloatMatrix encoder) {
  /** Scales both to unit length, in place. */
  public static Directions of(FloatMatrix decoder, FloatMatrix encoder) {
    return new Directions(normalise(decoder), normalise(encoder));
  }

  /**
   * Those of all features over all columns of a dictionary, [F, D] each. The decoder is scaled in
   * place. What a crosscoder reads in each of its sources counts by the length of the decoder
   * there: where a feature is absent nothing decides its encoder.
   */
  public static Directions of(Dictionary dictionary) {
    int width = dictionary.width();
    int inputs = dictionary.inputs();
    int[] columns = dictionary.sourceColumns();
    boolean crosscoder = dictionary.reconstructed().size() > 1;
    FloatMatrix encoder = FloatMatrix.zeros(width, inputs);
    for (int latent = 0; latent < width; latent++) {
      for (int s = 0; s + 1 < columns.length; s++) {
        double squares = 0;
        for (int i = columns[s]; i < columns[s + 1]; i++) {
          double weight = dictionary.decoder().at(latent, i);
          squares += weight * weight;
        }
        float length = crosscoder ? (float) Math.sqrt(squares) : 1;
        for (int i = columns[s]; i < columns[s + 1]; i++) {
          encoder.values()[latent * inputs + i] = length * dictionary.encoder().at(i, latent);
        }
      }
    }
    return of(dictionary.decoder(), encoder);
  }

  /** Those of neighbouring features, copied. */
  Directions rows(int first, int count) {
    return new Directions(rows(decoder, first, count), rows(encoder, first, count));
  }

  private static FloatMatrix rows(FloatMatrix matrix, int first, int count) {
    int columns = matrix.columns();
    return new FloatMatrix(
        count,
        columns,
        Arrays.copyOfRange(matrix.values(), first * columns, (first + count) * columns));
  }

  /** Scales every row to unit length, in place. */
  static FloatMatrix normalise(FloatMatrix matrix) {
    int columns = matrix.columns();
    for (int row = 0; row < matrix.rows(); row++) {
      double norm = matrix.norm(row);
      float factor = norm > 0 ? (float) (1 / norm) : 0;
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
