package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;
import java.util.List;

/**
 * The rows of a batch as a step sees them, c = x̃ − b_dec, and what the columns of each source
 * weigh in squared errors.
 */
final class CentredRows {
  /** [n, D]. */
  final float[] values;

  final int inputs;
  private final Loops loops;
  private final Dictionary dictionary;
  private final float[] columnScale;

  /** Weights of the sources, null where they are all alike. */
  private final float[] sourceWeights;

  // By block of rows.
  private final float[] sums;
  private final double[] squares;

  /**
   * @param given weights of the sources, none where they are all alike
   * @param blocks of rows of a batch, at most
   */
  CentredRows(
      Loops loops, Dictionary dictionary, List<Double> given, int maximumBatch, int blocks) {
    if (!given.isEmpty() && given.size() != dictionary.sources().size()) {
      throw new IllegalArgumentException(
          given.size() + " weights for " + dictionary.sources().size() + " sources");
    }
    this.loops = loops;
    this.dictionary = dictionary;
    this.inputs = dictionary.inputs();
    this.columnScale = dictionary.columnScale();
    this.sourceWeights = given.isEmpty() ? null : new float[given.size()];
    for (int s = 0; s < given.size(); s++) {
      sourceWeights[s] = given.get(s).floatValue();
    }
    this.values = new float[Math.multiplyExact(maximumBatch, inputs)];
    this.sums = new float[blocks * inputs];
    this.squares = new double[blocks];
  }

  /** Centres the rows {@code first … first + count} of a batch, which are a block. */
  void centre(FloatMatrix batch, int block, int first, int count, float[] decoderBias) {
    int sumsAt = block * inputs;
    Arrays.fill(sums, sumsAt, sumsAt + inputs, 0);
    double ofBlock = 0;
    for (int row = first; row < first + count; row++) {
      int at = row * inputs;
      loops.centre(
          batch.values(),
          row * batch.columns(),
          dictionary.inputMean(),
          columnScale,
          decoderBias,
          values,
          at,
          inputs);
      loops.add(1, values, at, sums, sumsAt, inputs);
      ofBlock += weightedSquares(values, at);
    }
    squares[block] = ofBlock;
  }

  /** Σ‖x̃ − mean(x̃)‖² = Σ‖c‖² − ‖Σc‖²/n of the blocks that were centred. */
  double variance(int rows, int blocks) {
    double ofMean = 0;
    int i = 0;
    for (int s = 0; s < dictionary.sources().size(); s++) {
      double weight = sourceWeights == null ? 1 : sourceWeights[s];
      for (int end = i + dictionary.sources().get(s).width(); i < end; i++) {
        double sum = 0;
        for (int block = 0; block < blocks; block++) {
          sum += sums[block * inputs + i];
        }
        ofMean += weight * sum * sum / rows;
      }
    }
    return sum(squares, blocks) - ofMean;
  }

  /** The sum of the first values, in their order. */
  static double sum(double[] values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += values[i];
    }
    return sum;
  }

  /** Whether sources weigh differently. */
  boolean weighted() {
    return sourceWeights != null;
  }

  /** The squares of a row, times the weights of their sources. */
  double weightedSquares(float[] rows, int at) {
    if (sourceWeights == null) {
      return loops.dot(rows, at, rows, at, inputs);
    }
    double weighted = 0;
    int from = at;
    for (int s = 0; s < sourceWeights.length; s++) {
      int count = dictionary.sources().get(s).width();
      weighted += sourceWeights[s] * loops.dot(rows, from, rows, from, count);
      from += count;
    }
    return weighted;
  }

  /** Multiplies a row by the weights of its sources. */
  void weigh(float[] rows, int at) {
    if (sourceWeights != null) {
      int from = at;
      for (int s = 0; s < sourceWeights.length; s++) {
        Source source = dictionary.sources().get(s);
        loops.multiply(sourceWeights[s], rows, from, source.width());
        from += source.width();
      }
    }
  }
}
