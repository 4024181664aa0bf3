package dev.ontogeny.stats;

import dev.ontogeny.kernel.cpu.RowLoops;

/**
 * What {@link Geometry} keeps of rows, by {@linkplain GroupJackknife#group group of documents}:
 * sums of unit vectors, and of what each row adds to statistics of the covariance. Sums of doubles:
 * merged exactly up to rounding.
 *
 * <p>Bytes: {@code 'G' 1}, then of each group its rows; where there are any, those that have a
 * length, the sum of their unit vectors and the sums of influences.
 */
final class GeometrySums implements Mergeable<GeometrySums> {
  private static final int TAG = 'G';
  private static final int VERSION = 1;

  /** Statistics of the covariance. */
  static final int INFLUENCES = 3;

  private final int width;
  private final long[] rows = new long[GroupJackknife.GROUPS];
  private final long[] directed = new long[GroupJackknife.GROUPS];

  /** [groups × d]. */
  private final double[] units;

  /** [groups × INFLUENCES]. */
  private final double[] influences = new double[GroupJackknife.GROUPS * INFLUENCES];

  /** Of no rows. */
  GeometrySums(int width) {
    this.width = width;
    units = new double[GroupJackknife.GROUPS * width];
  }

  /** Bytes in memory and, at most, on the wire. */
  static long memory(int width) {
    return 8L * GroupJackknife.GROUPS * (width + 2 + INFLUENCES);
  }

  /** Adds a row from its place in an array; rows of zeros have no direction. */
  void add(int group, float[] values, int at) {
    rows[group]++;
    double square = RowLoops.dot(values, at, values, at, width);
    if (!(square > Float.MIN_NORMAL && square < Float.MAX_VALUE)) {
      // Squares left the range of fp32.
      square = 0;
      for (int i = 0; i < width; i++) {
        square += (double) values[at + i] * values[at + i];
      }
    }
    if (square > 0) {
      directed[group]++;
      double scale = 1 / Math.sqrt(square);
      int into = group * width;
      for (int i = 0; i < width; i++) {
        units[into + i] += values[at + i] * scale;
      }
    }
  }

  /** Adds what a row adds to a statistic of the covariance. */
  void influence(int group, int statistic, double value) {
    influences[group * INFLUENCES + statistic] += value;
  }

  long[] rows() {
    return rows;
  }

  /** Rows by group that have a length. */
  long[] directed() {
    return directed;
  }

  /**
   * The mean cosine of two rows of all groups but one, over all pairs of two rows: (‖Σu‖² − n) /
   * n(n − 1); NaN where there are no two.
   *
   * @param left the group that is left out, -1 for none
   */
  double meanCosine(int left) {
    long n = 0;
    double[] sum = new double[width];
    for (int g = 0; g < directed.length; g++) {
      if (g != left) {
        n += directed[g];
        for (int i = 0; i < width; i++) {
          sum[i] += units[g * width + i];
        }
      }
    }
    double square = 0;
    for (double each : sum) {
      square += each * each;
    }
    return n < 2 ? Double.NaN : (square - n) / n / (n - 1);
  }

  /** By how much a statistic of the covariance changes, to first order, without each group. */
  double[] changesWithout(int statistic) {
    long n = 0;
    double sum = 0;
    for (int g = 0; g < rows.length; g++) {
      n += rows[g];
      sum += influences[g * INFLUENCES + statistic];
    }
    double[] changes = new double[rows.length];
    for (int g = 0; g < rows.length; g++) {
      changes[g] = (sum - influences[g * INFLUENCES + statistic]) / (n - rows[g]) - sum / n;
    }
    return changes;
  }

  @Override
  public void merge(GeometrySums other) {
    if (other.width != width) {
      throw new IllegalArgumentException(
          "sums of width " + width + " and " + other.width + " do not merge");
    }
    for (int g = 0; g < rows.length; g++) {
      rows[g] += other.rows[g];
      directed[g] += other.directed[g];
    }
    for (int i = 0; i < units.length; i++) {
      units[i] += other.units[i];
    }
    for (int i = 0; i < influences.length; i++) {
      influences[i] += other.influences[i];
    }
  }

  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (int g = 0; g < rows.length; g++) {
      long count = in.readCompact();
      if (count == 0) {
        continue;
      }
      rows[g] += count;
      directed[g] += in.readCompact();
      for (int i = 0; i < width; i++) {
        units[g * width + i] += in.readDouble();
      }
      for (int i = 0; i < INFLUENCES; i++) {
        influences[g * INFLUENCES + i] += in.readDouble();
      }
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    for (int g = 0; g < rows.length; g++) {
      out.writeCompact(rows[g]);
      if (rows[g] == 0) {
        continue;
      }
      out.writeCompact(directed[g]);
      for (int i = 0; i < width; i++) {
        out.writeDouble(units[g * width + i]);
      }
      for (int i = 0; i < INFLUENCES; i++) {
        out.writeDouble(influences[g * INFLUENCES + i]);
      }
    }
  }
}
