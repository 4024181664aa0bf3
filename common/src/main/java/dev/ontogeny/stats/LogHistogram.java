package dev.ontogeny.stats;

/**
 * Per feature, how many codes fall into each bin. Octaves from 2⁻¹² to 2¹² are cut into eight bins
 * of equal width, so that a bin follows from a float's bits; one bin below takes everything
 * smaller, the last one everything larger. A bin is at most 12.5 % wider than its lower end, and a
 * quantile, interpolated within its bin, is off by less than that; between two distant codes it
 * lies anywhere in between, as any quantile may.
 *
 * <p>Bytes: {@code 'H' 1}, then per feature the number of bins that are not empty, and for each the
 * distance from the one before and its count.
 */
public final class LogHistogram implements Mergeable<LogHistogram> {
  private static final int TAG = 'H';
  private static final int VERSION = 1;
  private static final int MANTISSA_BITS = 3;
  private static final int SHIFT = 23 - MANTISSA_BITS;
  private static final int LOWEST = (127 - 12) << MANTISSA_BITS;

  /** The number of bins. */
  public static final int BINS = 1 + (24 << MANTISSA_BITS);

  private final long[] count;

  /** Nothing seen yet. */
  public LogHistogram(int features) {
    count = new long[Math.multiplyExact(features, BINS)];
  }

  /** Bytes in memory. */
  public static long memory(int features) {
    return 8L * BINS * features;
  }

  /** The bin of a code. */
  public static int bin(float value) {
    int key = (Float.floatToRawIntBits(value) >> SHIFT) - LOWEST + 1;
    return Math.max(0, Math.min(key, BINS - 1));
  }

  /** The least code of a bin; 0 for the lowest. */
  public static double lower(int bin) {
    return bin == 0 ? 0 : Float.intBitsToFloat((bin - 1 + LOWEST) << SHIFT);
  }

  /** Codes of one feature, {@code values[from .. to)}. */
  public void add(int feature, float[] values, int from, int to) {
    int base = feature * BINS;
    for (int i = from; i < to; i++) {
      count[base + bin(values[i])]++;
    }
  }

  public long count(int feature, int bin) {
    return count[feature * BINS + bin];
  }

  /** The first bin that is not empty, {@link #BINS} if all are. */
  public int first(int feature) {
    int bin = 0;
    while (bin < BINS && count(feature, bin) == 0) {
      bin++;
    }
    return bin;
  }

  /** The last bin that is not empty, -1 if all are. */
  public int last(int feature) {
    int bin = BINS - 1;
    while (bin >= 0 && count(feature, bin) == 0) {
      bin--;
    }
    return bin;
  }

  /**
   * The code below which the share {@code q} of the codes lies, not above {@code maximum}; NaN
   * where there are none.
   */
  public double quantile(int feature, double q, double maximum) {
    int last = last(feature);
    double total = 0;
    for (int bin = 0; bin <= last; bin++) {
      total += count(feature, bin);
    }
    double below = 0;
    for (int bin = 0; bin <= last; bin++) {
      double here = count(feature, bin);
      if (here > 0 && below + here >= q * total) {
        double upper = bin == last ? maximum : lower(bin + 1);
        double lower = Math.min(lower(bin), upper);
        return lower + (upper - lower) * Math.max(0, q * total - below) / here;
      }
      below += here;
    }
    return Double.NaN;
  }

  @Override
  public void merge(LogHistogram other) {
    for (int i = 0; i < count.length; i++) {
      count[i] += other.count[i];
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    for (int base = 0; base < count.length; base += BINS) {
      int filled = 0;
      for (int bin = 0; bin < BINS; bin++) {
        filled += count[base + bin] > 0 ? 1 : 0;
      }
      out.writeCompact(filled);
      int before = 0;
      for (int bin = 0; bin < BINS; bin++) {
        if (count[base + bin] > 0) {
          out.writeCompact(bin - before);
          out.writeCompact(count[base + bin]);
          before = bin;
        }
      }
    }
  }

  /** Takes in what was written by a histogram of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (int base = 0; base < count.length; base += BINS) {
      int bin = base;
      for (int left = in.readCompactInt(); left > 0; left--) {
        bin += in.readCompactInt();
        count[bin] += in.readCompact();
      }
    }
  }
}
