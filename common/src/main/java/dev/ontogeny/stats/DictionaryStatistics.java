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
 * <p>Without replicates, in captured units: ‖x − x̂‖², ‖x‖², ‖x̂‖², x·x̂, ‖x‖, ‖x̂‖, and the share
 * of ‖x̃‖² that is explained (rows where x̃ is zero, or not centred, have none). Of these are the
 * figures of SAEBench's {@code core} (its release 0.6.0) that a model is not needed for.
 *
 * <p>Bytes: {@code 'D' 3}, the sums, Σx̃, each sum of all replicates, the sums without.
 */
public final class DictionaryStatistics implements Mergeable<DictionaryStatistics> {
  private static final int TAG = 'D';
  private static final int VERSION = 3;

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

  // What is summed without replicates.
  private static final int CAPTURED_ERROR = 0;
  private static final int SQUARE_IN = 1;
  private static final int SQUARE_OUT = 2;
  private static final int PRODUCT = 3;
  private static final int NORM_IN = 4;
  private static final int NORM_OUT = 5;
  private static final int EXPLAINED = 6;
  private static final int ROWS_WITH_SQUARE = 7;
  private static final int FURTHER = 8;

  private final int replicates;
  private final double[] sums = new double[SUMS];
  private final double[] input;

  /** By sum, then by replicate. */
  private final double[] replicateSums;

  private final double[] further = new double[FURTHER];
  private final double[] weightOf;

  /**
   * What became of a row.
   *
   * @param error ‖x̃ − x̃̂‖²
   * @param square ‖x̃‖²
   * @param centred whether x̃ has a mean subtracted
   * @param scale of x̃: what captured units are multiplied by
   * @param squareIn ‖x‖², in captured units as the two that follow
   * @param squareOut ‖x̂‖²
   * @param product x·x̂
   * @param active latents
   * @param activation their sum
   */
  public record Row(
      double error,
      double square,
      boolean centred,
      double scale,
      double squareIn,
      double squareOut,
      double product,
      int active,
      double activation) {}

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
    return 8L * (inputs + SUMS + FURTHER + (SUMS + 1L) * replicates);
  }

  public int replicates() {
    return replicates;
  }

  /**
   * One row.
   *
   * @param weights of the replicates, from {@code weightsFrom} on
   */
  public void add(Row of, byte[] weights, int weightsFrom) {
    boolean hasNorm = of.squareIn() > 0;
    double cosine =
        hasNorm && of.squareOut() > 0
            ? of.product() / Math.sqrt(of.squareIn() * of.squareOut())
            : 0;
    double[] row = {
      1,
      of.error(),
      of.square(),
      of.active(),
      of.activation(),
      cosine,
      hasNorm ? Math.sqrt(of.squareOut() / of.squareIn()) : 0,
      hasNorm ? 1 : 0
    };
    further[CAPTURED_ERROR] += of.error() / (of.scale() * of.scale());
    further[SQUARE_IN] += of.squareIn();
    further[SQUARE_OUT] += of.squareOut();
    further[PRODUCT] += of.product();
    further[NORM_IN] += Math.sqrt(of.squareIn());
    further[NORM_OUT] += Math.sqrt(of.squareOut());
    if (of.centred() && of.square() > 0) {
      further[EXPLAINED] += 1 - of.error() / of.square();
      further[ROWS_WITH_SQUARE]++;
    }
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

  /** Mean ‖x − x̂‖², of all columns together, in captured units squared. */
  public double meanSquaredError() {
    return further[CAPTURED_ERROR] / sums[ROWS];
  }

  /**
   * What SAEBench 0.6.0 calls explained variance: 1 − mean ‖x − x̂‖² / (mean ‖x‖² − m²), m the mean
   * over rows and columns of x² (its code squares this in place of the mean of x), in captured
   * units. It is no share of a variance, and moves with the units and the mean of the inputs;
   * {@link #fvu} does not.
   */
  public double explainedVarianceOfSaeBench() {
    double square = further[SQUARE_IN] / sums[ROWS];
    double mean = square / input.length;
    return 1 - meanSquaredError() / (square - mean * mean);
  }

  /** Mean over rows of 1 − ‖x̃ − x̃̂‖² / ‖x̃‖², as SAEBench's {@code explained_variance_legacy}. */
  public double explainedShare() {
    return further[EXPLAINED] / further[ROWS_WITH_SQUARE];
  }

  /** Mean ‖x‖, in captured units. */
  public double normIn() {
    return further[NORM_IN] / sums[ROWS];
  }

  /** Mean ‖x̂‖, in captured units. */
  public double normOut() {
    return further[NORM_OUT] / sums[ROWS];
  }

  /**
   * Mean ‖x̂‖² / mean x·x̂: below 1 where reconstructions are too short (arXiv 2404.16014, equation
   * 10).
   */
  public double relativeReconstructionBias() {
    return further[SQUARE_OUT] / further[PRODUCT];
  }

  /** Mean sum of the codes of a row, in scaled units. */
  public double l1() {
    return sums[ACTIVATION] / sums[ROWS];
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
    add(further, other.further);
  }

  private static void add(double[] to, double[] what) {
    for (int i = 0; i < to.length; i++) {
      to[i] += what[i];
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    for (double[] part : new double[][] {sums, input, replicateSums, further}) {
      for (double value : part) {
        out.writeDouble(value);
      }
    }
  }

  /** Takes in what was written by a statistic of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (double[] part : new double[][] {sums, input, replicateSums, further}) {
      for (int i = 0; i < part.length; i++) {
        part[i] += in.readDouble();
      }
    }
  }
}
