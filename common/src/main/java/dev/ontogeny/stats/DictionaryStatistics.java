package dev.ontogeny.stats;

import java.util.stream.IntStream;

/**
 * How well a dictionary reconstructs rows, and how sparsely: sums over rows, and the same sums for
 * every bootstrap replicate. Doubles: merged exactly up to rounding.
 *
 * <p>Per row, with x̃ the scaled and centred input and x̃̂ its reconstruction: error ‖x̃ − x̃̂‖²,
 * square ‖x̃‖², active latents, their sum, and, in captured units, the cosine of x and x̂ and the
 * ratio ‖x̂‖/‖x‖ (rows where x is zero have neither). Inputs are centred by the dataset's mean, so
 * that Σ‖x̃ − mean(x̃)‖² = Σ‖x̃‖² − ‖Σx̃‖²/n loses no digits.
 *
 * <p>Bytes: {@code 'D' 2}, the sums, Σx̃, each sum of all replicates.
 */
public final class DictionaryStatistics implements Mergeable<DictionaryStatistics> {
  private static final int TAG = 'D';
  private static final int VERSION = 2;

  // What is summed over rows: places in the arrays of sums.
  private static final int ROWS = 0;
  private static final int ERROR = 1;
  private static final int SQUARE = 2;
  private static final int ACTIVE = 3;
  private static final int ACTIVATION = 4;
  private static final int COSINE = 5;
  private static final int NORM_RATIO = 6;
  private static final int ROWS_WITH_NORM = 7;
  private static final int SUMS = 8;

  private final int replicates;
  private final double[] sums = new double[SUMS];
  private final double[] input;

  /** By sum, then by replicate. */
  private final double[] replicateSums;

  private final double[] weightOf;

  /**
   * Nothing seen yet.
   *
   * @param inputs D, columns of the input
   */
  public DictionaryStatistics(int inputs, int replicates) {
    this.replicates = replicates;
    input = new double[inputs];
    replicateSums = new double[SUMS * replicates];
    weightOf = new double[replicates];
  }

  /** Bytes in memory. */
  public static long memory(int inputs, int replicates) {
    return 8L * (inputs + SUMS + (SUMS + 1L) * replicates);
  }

  public int replicates() {
    return replicates;
  }

  /**
   * One row.
   *
   * @param cosine of x and x̂, NaN where x is zero
   * @param weights of the replicates, from {@code weightsFrom} on
   */
  public void add(
      double error,
      double square,
      int active,
      double activation,
      double cosine,
      double normRatio,
      byte[] weights,
      int weightsFrom) {
    boolean hasNorm = !Double.isNaN(cosine);
    double[] row = {
      1,
      error,
      square,
      active,
      activation,
      hasNorm ? cosine : 0,
      hasNorm ? normRatio : 0,
      hasNorm ? 1 : 0
    };
    for (int b = 0; b < replicates; b++) {
      weightOf[b] = weights[weightsFrom + b];
    }
    for (int s = 0; s < SUMS; s++) {
      sums[s] += row[s];
      addWeighted(row[s], weightOf, replicateSums, s * replicates);
    }
  }

  /** Of arrays that are local, so that it becomes a loop of vectors: it runs for every row. */
  private static void addWeighted(double value, double[] weights, double[] into, int at) {
    for (int b = 0; b < weights.length; b++) {
      into[at + b] += weights[b] * value;
    }
  }

  /** x̃ of a row that {@link #add} is told of, from a place on. */
  public void addInput(float[] values, int from) {
    for (int i = 0; i < input.length; i++) {
      input[i] += values[from + i];
    }
  }

  public long rows() {
    return Math.round(sums[ROWS]);
  }

  /** Σ‖x̃ − mean(x̃)‖² as a share of Σ‖x̃‖². */
  private double centredShare() {
    double norm = 0;
    for (double value : input) {
      norm += value * value;
    }
    return 1 - norm / sums[ROWS] / sums[SQUARE];
  }

  /** Σ‖x̃ − x̃̂‖² / Σ‖x̃ − mean(x̃)‖². */
  public double fvu() {
    return sums[ERROR] / (sums[SQUARE] * centredShare());
  }

  /** Mean number of active latents. */
  public double l0() {
    return sums[ACTIVE] / sums[ROWS];
  }

  /** Mean code of the active latents. */
  public double meanActivation() {
    return sums[ACTIVATION] / sums[ACTIVE];
  }

  /** Mean cosine of input and reconstruction, in captured units. */
  public double cosine() {
    return sums[COSINE] / sums[ROWS_WITH_NORM];
  }

  /** Mean ‖x̂‖/‖x‖, in captured units. */
  public double normRatio() {
    return sums[NORM_RATIO] / sums[ROWS_WITH_NORM];
  }

  /** {@link #fvu} of every replicate, with the sample's mean in place of the replicate's. */
  public double[] fvuReplicates() {
    return ratios(ERROR, SQUARE, 1 / centredShare());
  }

  public double[] l0Replicates() {
    return ratios(ACTIVE, ROWS, 1);
  }

  public double[] meanActivationReplicates() {
    return ratios(ACTIVATION, ACTIVE, 1);
  }

  public double[] cosineReplicates() {
    return ratios(COSINE, ROWS_WITH_NORM, 1);
  }

  public double[] normRatioReplicates() {
    return ratios(NORM_RATIO, ROWS_WITH_NORM, 1);
  }

  /** A replicate that drew no row has no ratio and is left out. */
  private double[] ratios(int above, int below, double factor) {
    return IntStream.range(0, replicates)
        .filter(b -> replicateSums[below * replicates + b] > 0)
        .mapToDouble(
            b ->
                factor
                    * replicateSums[above * replicates + b]
                    / replicateSums[below * replicates + b])
        .toArray();
  }

  @Override
  public void merge(DictionaryStatistics other) {
    add(sums, other.sums);
    add(input, other.input);
    add(replicateSums, other.replicateSums);
  }

  private static void add(double[] to, double[] what) {
    for (int i = 0; i < to.length; i++) {
      to[i] += what[i];
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    for (double[] part : new double[][] {sums, input, replicateSums}) {
      for (double value : part) {
        out.writeDouble(value);
      }
    }
  }

  /** Takes in what was written by a statistic of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (double[] part : new double[][] {sums, input, replicateSums}) {
      for (int i = 0; i < part.length; i++) {
        part[i] += in.readDouble();
      }
    }
  }
}
