package dev.ontogeny.stats;

import java.io.Serializable;

/**
 * A table of exact counts, features × columns: of label values, or of rows where a feature fired at
 * two neighbouring checkpoints.
 *
 * <p>Bytes: {@code 'C' 1}, the number of counts that are not zero, and for each, row by row, the
 * distance from the one before and the count.
 */
public final class CountTable implements Mergeable<CountTable>, Serializable {
  private static final long serialVersionUID = 1;
  private static final int TAG = 'C';
  private static final int VERSION = 1;

  private final int columns;
  private final long[] counts;

  /** Nothing seen yet. */
  public CountTable(int features, int columns) {
    this.columns = columns;
    counts = new long[Math.multiplyExact(features, columns)];
  }

  /** Bytes in memory. */
  public static long memory(int features, int columns) {
    return 8L * features * columns;
  }

  public int columns() {
    return columns;
  }

  public void add(int feature, int column, long rows) {
    counts[feature * columns + column] += rows;
  }

  public long count(int feature, int column) {
    return counts[feature * columns + column];
  }

  @Override
  public void merge(CountTable other) {
    for (int i = 0; i < counts.length; i++) {
      counts[i] += other.counts[i];
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    int filled = 0;
    for (long count : counts) {
      filled += count != 0 ? 1 : 0;
    }
    out.writeCompact(filled);
    int before = 0;
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] != 0) {
        out.writeCompact(i - before);
        out.writeCompact(counts[i]);
        before = i;
      }
    }
  }

  /** Takes in what was written by a table of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    int at = 0;
    for (int left = in.readCompactInt(); left > 0; left--) {
      at += in.readCompactInt();
      counts[at] += in.readCompact();
    }
  }
}
