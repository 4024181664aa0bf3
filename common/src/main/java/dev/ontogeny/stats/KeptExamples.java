package dev.ontogeny.stats;

import dev.ontogeny.kernel.cpu.RowLoops;

/**
 * Per feature the {@code limit} rows of the lowest rank; of equal ranks the lower address wins, so
 * that what is kept does not depend on the order in which rows were seen. A heap per feature, the
 * next one to go on top.
 *
 * <p>Bytes: tag and version, then per feature how many, and for each, in the order of rank and
 * address, its code and its address.
 *
 * @param <S> the subclass
 */
public abstract class KeptExamples<S extends KeptExamples<S>> implements Mergeable<S> {
  private static final int VERSION = 1;

  private final int tag;
  private final int limit;
  private final int[] size;
  private final float[] values;
  private final long[] addresses;
  private final long[] ranks;

  KeptExamples(int tag, int features, int limit) {
    this.tag = tag;
    this.limit = limit;
    size = new int[features];
    values = new float[Math.multiplyExact(features, limit)];
    addresses = new long[features * limit];
    ranks = new long[features * limit];
  }

  /** A row where a feature fires. */
  public record Example(float value, long address) {}

  /** Lower is kept; depends on nothing but its arguments. */
  abstract long rank(int feature, float value, long address);

  /**
   * A key for each of some rows of a feature, of which those with the greatest are kept: never
   * below that of a row of a higher rank, but the same for ranks that lie together.
   */
  abstract void keys(
      int feature, float[] values, int[] rows, long[] addresses, int from, int to, float[] into);

  /** Bytes in memory. */
  public static long memory(int features, int limit) {
    return (4L + 20L * limit) * features;
  }

  /**
   * The rows of one feature: {@code values[i]} in the row at {@code addresses[rows[i]]}, i in
   * [from, to).
   *
   * @param keys room for one of each
   */
  final void add(
      int feature, float[] values, int[] rows, long[] addresses, int from, int to, float[] keys) {
    int count = limit == 0 ? 0 : to - from;
    float bar = 0;
    if (count > limit) {
      // Most rows are far from being kept: leaving them out together takes no branches that
      // nothing could predict.
      keys(feature, values, rows, addresses, from, to, keys);
      bar = RowLoops.barOfLargest(keys, count, limit);
    }
    for (int i = 0; i < count; i++) {
      if (bar == 0 || keys[i] >= bar) {
        add(feature, values[from + i], addresses[rows[from + i]]);
      }
    }
  }

  /**
   * One row of a feature.
   *
   * @return whether it is kept, for now
   */
  public final boolean add(int feature, float value, long address) {
    long rank = rank(feature, value, address);
    int base = feature * limit;
    int filled = size[feature];
    if (filled < limit) {
      size[feature] = filled + 1;
      rise(base, filled, value, address, rank);
    } else if (limit > 0 && before(rank, address, ranks[base], addresses[base])) {
      sink(base, limit, value, address, rank);
    } else {
      return false;
    }
    return true;
  }

  public final int size(int feature) {
    return size[feature];
  }

  /** The examples of a feature by rank. Sorted backwards, as it then is, a heap remains a heap. */
  final Example[] byRank(int feature) {
    int base = feature * limit;
    Example[] sorted = new Example[size[feature]];
    for (int last = sorted.length - 1; last >= 0; last--) {
      float value = values[base];
      long address = addresses[base];
      long rank = ranks[base];
      sorted[last] = new Example(value, address);
      sink(base, last, values[base + last], addresses[base + last], ranks[base + last]);
      set(base + last, value, address, rank);
    }
    for (int low = base, high = base + sorted.length - 1; low < high; low++, high--) {
      float value = values[low];
      long address = addresses[low];
      long rank = ranks[low];
      copy(high, low);
      set(high, value, address, rank);
    }
    return sorted;
  }

  private static boolean before(long rank, long address, long rank2, long address2) {
    return rank < rank2 || (rank == rank2 && address < address2);
  }

  private void rise(int base, int from, float value, long address, long rank) {
    int at = from;
    while (at > 0) {
      int parent = (at - 1) >> 1;
      if (!before(ranks[base + parent], addresses[base + parent], rank, address)) {
        break;
      }
      copy(base + parent, base + at);
      at = parent;
    }
    set(base + at, value, address, rank);
  }

  private void sink(int base, int filled, float value, long address, long rank) {
    int at = 0;
    for (int child = 1; child < filled; child = 2 * at + 1) {
      int last = child;
      if (child + 1 < filled
          && before(
              ranks[base + child],
              addresses[base + child],
              ranks[base + child + 1],
              addresses[base + child + 1])) {
        last = child + 1;
      }
      if (!before(rank, address, ranks[base + last], addresses[base + last])) {
        break;
      }
      copy(base + last, base + at);
      at = last;
    }
    set(base + at, value, address, rank);
  }

  private void copy(int from, int to) {
    set(to, values[from], addresses[from], ranks[from]);
  }

  private void set(int at, float value, long address, long rank) {
    values[at] = value;
    addresses[at] = address;
    ranks[at] = rank;
  }

  @Override
  public final void merge(S other) {
    KeptExamples<S> that = other;
    for (int f = 0; f < size.length; f++) {
      for (int i = f * limit; i < f * limit + that.size[f]; i++) {
        add(f, that.values[i], that.addresses[i]);
      }
    }
  }

  @Override
  public final void write(StatisticOutput out) {
    out.header(tag, VERSION);
    for (int f = 0; f < size.length; f++) {
      out.writeCompact(size[f]);
      for (Example example : byRank(f)) {
        out.writeFloat(example.value());
        out.writeLong(example.address());
      }
    }
  }

  /** Takes in what was written by a statistic of the same shape. */
  @Override
  public final void mergeFrom(StatisticInput in) {
    in.header(tag, VERSION);
    for (int f = 0; f < size.length; f++) {
      for (int left = in.readCompactInt(); left > 0; left--) {
        float value = in.readFloat();
        if (!add(f, value, in.readLong())) {
          // Those that follow go after this one.
          in.skip((left - 1) * (Float.BYTES + Long.BYTES));
          break;
        }
      }
    }
  }
}
