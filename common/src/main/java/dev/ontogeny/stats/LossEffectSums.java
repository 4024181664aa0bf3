package dev.ontogeny.stats;

import java.util.Arrays;

/**
 * What {@link LossEffects} keeps of rows, over all of them and over those of each value of each
 * label, by {@linkplain GroupJackknife#group group of documents}: how many, and the sums of their
 * effects and of their gradients' lengths. Sums of doubles: merged exactly up to rounding.
 *
 * <p>Bytes: {@code 'L' 1}, then of all rows and of each value, of each group its rows and, where
 * there are any, the two sums.
 */
final class LossEffectSums implements Mergeable<LossEffectSums> {
  private static final int TAG = 'L';
  private static final int VERSION = 1;

  /** All rows. */
  static final int ALL = 0;

  /** [1 + values × groups], as are the sums. */
  private final long[] rows;

  private final double[] effects;
  private final double[] norms;

  /**
   * Of no rows.
   *
   * @param classes values of all labels
   */
  LossEffectSums(int classes) {
    rows = new long[(1 + classes) * GroupJackknife.GROUPS];
    effects = new double[rows.length];
    norms = new double[rows.length];
  }

  /** Bytes in memory and, at most, on the wire. */
  static long memory(int classes) {
    return 24L * (1 + classes) * GroupJackknife.GROUPS;
  }

  /** The rows of a value, by its place among the values of all labels. */
  static int ofClass(int value) {
    return 1 + value;
  }

  /** Adds a row. */
  void add(int rowsOf, int group, double effect, double norm) {
    int at = rowsOf * GroupJackknife.GROUPS + group;
    rows[at]++;
    effects[at] += effect;
    norms[at] += norm;
  }

  /** By group. */
  long[] rows(int rowsOf) {
    int from = rowsOf * GroupJackknife.GROUPS;
    return Arrays.copyOfRange(rows, from, from + GroupJackknife.GROUPS);
  }

  long count(int rowsOf) {
    return Arrays.stream(rows(rowsOf)).sum();
  }

  /**
   * The mean effect of the rows of all groups but one; NaN where there are none.
   *
   * @param left the group that is left out, -1 for none
   */
  double effect(int rowsOf, int left) {
    return mean(effects, rowsOf, left);
  }

  /** The mean length of the gradients; NaN where there are no rows. */
  double gradientNorm(int rowsOf) {
    return mean(norms, rowsOf, -1);
  }

  private double mean(double[] sums, int rowsOf, int left) {
    long n = 0;
    double sum = 0;
    for (int group = 0; group < GroupJackknife.GROUPS; group++) {
      if (group != left) {
        n += rows[rowsOf * GroupJackknife.GROUPS + group];
        sum += sums[rowsOf * GroupJackknife.GROUPS + group];
      }
    }
    return n == 0 ? Double.NaN : sum / n;
  }

  @Override
  public void merge(LossEffectSums other) {
    if (other.rows.length != rows.length) {
      throw new IllegalArgumentException(
          "sums of " + rows.length + " and " + other.rows.length + " groups do not merge");
    }
    for (int i = 0; i < rows.length; i++) {
      rows[i] += other.rows[i];
      effects[i] += other.effects[i];
      norms[i] += other.norms[i];
    }
  }

  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (int i = 0; i < rows.length; i++) {
      long count = in.readCompact();
      if (count > 0) {
        rows[i] += count;
        effects[i] += in.readDouble();
        norms[i] += in.readDouble();
      }
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    for (int i = 0; i < rows.length; i++) {
      out.writeCompact(rows[i]);
      if (rows[i] > 0) {
        out.writeDouble(effects[i]);
        out.writeDouble(norms[i]);
      }
    }
  }
}
