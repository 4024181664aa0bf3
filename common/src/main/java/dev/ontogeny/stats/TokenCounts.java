package dev.ontogeny.stats;

import java.util.Arrays;

/**
 * Per feature, in how many of the rows where it fires each token stands: exact counts, in one open
 * hash table over (feature, token) for the whole block of features. Memory grows with the number of
 * different (feature, token) pairs, at most features × vocabulary × 32 bytes; a block of features
 * is small so that this stays small.
 *
 * <p>Bytes: {@code 'W' 1}, the number of pairs, and for each, ascending by feature and token, the
 * distance of (feature · 2³² + token) from the one before and the count.
 */
public final class TokenCounts implements Mergeable<TokenCounts> {
  private static final int TAG = 'W';
  private static final int VERSION = 1;

  /** Pairs for which there is room from the start at most: a MiB. */
  private static final long MOST_EXPECTED = 1 << 14;

  private long[] keys;
  private long[] counts;
  private int size;

  /** Nothing seen yet. */
  public TokenCounts() {
    clear(1 << 10);
  }

  /**
   * Makes room for that many (feature, token) pairs at once, within bounds, while there are none.
   */
  void expect(long pairs) {
    int capacity = 4 * Integer.highestOneBit((int) Math.min(pairs, MOST_EXPECTED));
    if (size == 0 && capacity > keys.length) {
      clear(capacity);
    }
  }

  private void clear(int capacity) {
    keys = new long[capacity];
    Arrays.fill(keys, -1);
    counts = new long[capacity];
    size = 0;
  }

  /** Bytes in memory for that many (feature, token) pairs, at worst. */
  public static long memory(long pairs) {
    return 64 * Math.max(MOST_EXPECTED, pairs);
  }

  /** Rows where {@code token} stands and the feature fires. */
  public void add(int feature, int token, long rows) {
    add(((long) feature << 32) | token, rows);
  }

  private void add(long key, long rows) {
    int mask = keys.length - 1;
    int at = slot(key, mask);
    while (keys[at] != key) {
      if (keys[at] == -1) {
        keys[at] = key;
        size++;
        break;
      }
      at = (at + 1) & mask;
    }
    counts[at] += rows;
    if (2 * size > keys.length) {
      grow();
    }
  }

  private static int slot(long key, int mask) {
    long mixed = key * 0x9E3779B97F4A7C15L;
    return (int) (mixed >>> 32) & mask;
  }

  private void grow() {
    long[] oldKeys = keys;
    long[] oldCounts = counts;
    clear(keys.length * 2);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != -1) {
        add(oldKeys[i], oldCounts[i]);
      }
    }
  }

  private long count(long key) {
    int mask = keys.length - 1;
    int at = slot(key, mask);
    while (keys[at] != key) {
      if (keys[at] == -1) {
        return 0;
      }
      at = (at + 1) & mask;
    }
    return counts[at];
  }

  /** The rows of a token. */
  public long count(int feature, int token) {
    return count(((long) feature << 32) | token);
  }

  /**
   * Ascending. By counting, a byte after the other from the lowest on: there are about as many keys
   * as rows that fire, and comparing them would take longer than everything else here.
   */
  private long[] sortedKeys() {
    long[] sorted = new long[size];
    int filled = 0;
    long used = 0;
    for (long key : keys) {
      if (key != -1) {
        sorted[filled++] = key;
        used |= key;
      }
    }
    long[] next = new long[size];
    int[] places = new int[257];
    for (int shift = 0; shift < Long.SIZE; shift += 8) {
      if ((used >>> shift & 0xff) == 0) {
        continue;
      }
      Arrays.fill(places, 0);
      for (long key : sorted) {
        places[(int) (key >>> shift & 0xff) + 1]++;
      }
      for (int i = 1; i < places.length; i++) {
        places[i] += places[i - 1];
      }
      for (long key : sorted) {
        next[places[(int) (key >>> shift & 0xff)]++] = key;
      }
      long[] before = sorted;
      sorted = next;
      next = before;
    }
    return sorted;
  }

  /**
   * The most frequent tokens of every feature of a block: {@code [feature][rank]}, the most
   * frequent first, of equally frequent ones the lower token first.
   */
  public int[][] top(int features, int limit) {
    int[][] result = new int[features][];
    long[] sorted = sortedKeys();
    int at = 0;
    for (int f = 0; f < features; f++) {
      int[] best = new int[limit];
      long[] bestCount = new long[limit];
      int filled = 0;
      for (; at < sorted.length && sorted[at] >>> 32 == f; at++) {
        long rows = count(sorted[at]);
        int place = filled;
        while (place > 0 && bestCount[place - 1] < rows) {
          place--;
        }
        if (place < limit) {
          filled = Math.min(limit, filled + 1);
          for (int i = filled - 1; i > place; i--) {
            best[i] = best[i - 1];
            bestCount[i] = bestCount[i - 1];
          }
          best[place] = (int) sorted[at];
          bestCount[place] = rows;
        }
      }
      result[f] = Arrays.copyOf(best, filled);
    }
    return result;
  }

  @Override
  public void merge(TokenCounts other) {
    for (int i = 0; i < other.keys.length; i++) {
      if (other.keys[i] != -1) {
        add(other.keys[i], other.counts[i]);
      }
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    out.writeCompact(size);
    long before = 0;
    for (long key : sortedKeys()) {
      out.writeCompact(key - before);
      out.writeCompact(count(key));
      before = key;
    }
  }

  /** Takes in what was written. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    long key = 0;
    for (int left = in.readCompactInt(); left > 0; left--) {
      key += in.readCompact();
      add(key, in.readCompact());
    }
  }
}
