package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.Target;
import java.util.Arrays;
import java.util.List;

/**
 * The rows of a batch as a step sees them, c = x̃ − b_dec of what is reconstructed, beside what the
 * encoder reads, and what the columns of each source weigh in squared errors.
 */
final class CentredRows {
  /** c, [n, outputs]. */
  final float[] values;

  /** What is read, [n, inputs]: c, or x̃ of another source. */
  final float[] read;

  final int inputs;
  final int outputs;
  private final Loops loops;
  private final Dictionary dictionary;

  /** Those that are reconstructed. */
  private final List<Source> sources;

  // Of all columns, and of those that are reconstructed.
  private final float[] columnScale;
  private final int firstOutput;
  private final float[] mean;
  private final float[] scale;

  /** Weights of the sources, null where they are all alike. */
  private final float[] sourceWeights;

  // By block of rows.
  private final float[] sums;
  private final double[] squares;

  /**
   * @param given weights of the sources that are reconstructed, none where they are all alike
   * @param blocks of rows of a batch, at most
   */
  CentredRows(
      Loops loops, Dictionary dictionary, List<Double> given, int maximumBatch, int blocks) {
    this.sources = dictionary.reconstructedSources();
    if (!given.isEmpty() && given.size() != sources.size()) {
      throw new IllegalArgumentException(
          given.size() + " weights for " + sources.size() + " sources");
    }
    this.loops = loops;
    this.dictionary = dictionary;
    this.inputs = dictionary.readColumns();
    this.outputs = dictionary.reconstructedColumns();
    this.columnScale = dictionary.columnScale();
    int all = dictionary.inputs();
    this.firstOutput = all - outputs;
    this.mean = Arrays.copyOfRange(dictionary.inputMean(), firstOutput, all);
    this.scale = Arrays.copyOfRange(columnScale, firstOutput, all);
    this.sourceWeights = given.isEmpty() ? null : new float[given.size()];
    for (int s = 0; s < given.size(); s++) {
      sourceWeights[s] = given.get(s).floatValue();
    }
    this.values = new float[Math.multiplyExact(maximumBatch, outputs)];
    this.read =
        dictionary.target() == Target.AUTOENCODER
            ? values
            : new float[Math.multiplyExact(maximumBatch, inputs)];
    this.sums = new float[blocks * outputs];
    this.squares = new double[blocks];
  }

  /** Centres the rows {@code first … first + count} of a batch, which are a block. */
  void centre(FloatMatrix batch, int block, int first, int count, float[] decoderBias) {
    int sumsAt = block * outputs;
    Arrays.fill(sums, sumsAt, sumsAt + outputs, 0);
    double ofBlock = 0;
    for (int row = first; row < first + count; row++) {
      int at = row * outputs;
      loops.centre(
          batch.values(),
          row * batch.columns() + firstOutput,
          mean,
          scale,
          decoderBias,
          values,
          at,
          outputs);
      if (read != values) {
        // b_dec is zero there.
        loops.centre(
            batch.values(),
            row * batch.columns(),
            dictionary.inputMean(),
            columnScale,
            dictionary.decoderBias(),
            read,
            row * inputs,
            inputs);
      }
      loops.add(1, values, at, sums, sumsAt, outputs);
      ofBlock += weightedSquares(values, at);
    }
    squares[block] = ofBlock;
  }

  /** Σ‖x̃ − mean(x̃)‖² = Σ‖c‖² − ‖Σc‖²/n of the blocks that were centred. */
  double variance(int rows, int blocks) {
    double ofMean = 0;
    int i = 0;
    for (int s = 0; s < sources.size(); s++) {
      double weight = sourceWeights == null ? 1 : sourceWeights[s];
      for (int end = i + sources.get(s).width(); i < end; i++) {
        double sum = 0;
        for (int block = 0; block < blocks; block++) {
          sum += sums[block * outputs + i];
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
      return loops.dot(rows, at, rows, at, outputs);
    }
    double weighted = 0;
    int from = at;
    for (int s = 0; s < sourceWeights.length; s++) {
      int count = sources.get(s).width();
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
        Source source = sources.get(s);
        loops.multiply(sourceWeights[s], rows, from, source.width());
        from += source.width();
      }
    }
  }
}
