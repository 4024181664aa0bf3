package dev.ontogeny.stats;

import java.util.Arrays;

/**
 * Per feature: rows where it fires, of those the held-out ones, sum and sum of squares of its
 * codes, and the largest. Sums are doubles: they merge exactly up to rounding, everything else
 * exactly.
 *
 * <p>Bytes: {@code 'F' 1}, then per feature the count; where it is not zero the held-out count, the
 * sum, the sum of squares and the maximum.
 */
public final class CodeSums implements Mergeable<CodeSums> {
  private static final int TAG = 'F';
  private static final int VERSION = 1;

  private final long[] count;
  private final long[] heldOut;
  private final double[] sum;
  private final double[] squares;
  private final float[] maximum;

  /** Nothing seen yet. */
  public CodeSums(int features) {
    count = new long[features];
    heldOut = new long[features];
    sum = new double[features];
    squares = new double[features];
    maximum = new float[features];
    Arrays.fill(maximum, Float.NEGATIVE_INFINITY);
  }

  /** Bytes in memory. */
  public static long memory(int features) {
    return 36L * features;
  }

  public int features() {
    return count.length;
  }

  /** Codes of one feature, {@code values[from .. to)}, none of them zero. */
  public void add(int feature, float[] values, int from, int to, boolean rowsAreHeldOut) {
    double total = 0;
    double square = 0;
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = from; i < to; i++) {
      float value = values[i];
      total += value;
      square += (double) value * value;
      largest = Math.max(largest, value);
    }
    count[feature] += to - from;
    heldOut[feature] += rowsAreHeldOut ? to - from : 0;
    sum[feature] += total;
    squares[feature] += square;
    maximum[feature] = Math.max(maximum[feature], largest);
  }

  public long count(int feature) {
    return count[feature];
  }

  /** Of {@link #count}, those in held-out rows. */
  public long heldOut(int feature) {
    return heldOut[feature];
  }

  public double sum(int feature) {
    return sum[feature];
  }

  /** Mean code over the rows where it fires; undefined where it never does. */
  public double mean(int feature) {
    return sum[feature] / count[feature];
  }

  /** Variance over the rows where it fires, divided by their number. */
  public double variance(int feature) {
    double mean = mean(feature);
    return Math.max(0, squares[feature] / count[feature] - mean * mean);
  }

  /** The largest code; negative infinity where it never fires. */
  public float maximum(int feature) {
    return maximum[feature];
  }

  @Override
  public void merge(CodeSums other) {
    for (int f = 0; f < count.length; f++) {
      count[f] += other.count[f];
      heldOut[f] += other.heldOut[f];
      sum[f] += other.sum[f];
      squares[f] += other.squares[f];
      maximum[f] = Math.max(maximum[f], other.maximum[f]);
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    for (int f = 0; f < count.length; f++) {
      out.writeCompact(count[f]);
      if (count[f] > 0) {
        out.writeCompact(heldOut[f]);
        out.writeDouble(sum[f]);
        out.writeDouble(squares[f]);
        out.writeFloat(maximum[f]);
      }
    }
  }

  /** Takes in what was written by a statistic of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (int f = 0; f < count.length; f++) {
      long seen = in.readCompact();
      if (seen > 0) {
        count[f] += seen;
        heldOut[f] += in.readCompact();
        sum[f] += in.readDouble();
        squares[f] += in.readDouble();
        maximum[f] = Math.max(maximum[f], in.readFloat());
      }
    }
  }
}
