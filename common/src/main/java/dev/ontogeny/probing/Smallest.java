package dev.ontogeny.probing;

import java.io.Serializable;
import java.util.Arrays;

/**
 * The smallest of different hashes (a bottom-k sketch): what is among the smallest of all is among
 * the smallest wherever it occurs, so that merging is exact, associative and commutative, with the
 * empty one as identity. At most twice the limit is in memory.
 */
final class Smallest implements Serializable {
  private static final long serialVersionUID = 1;

  private final int limit;
  private long[] hashes = new long[8];
  private int size;

  /** Above it nothing is of use. */
  private long bar = Long.MAX_VALUE;

  Smallest(int limit) {
    this.limit = limit;
  }

  void add(long hash) {
    if (hash > bar || limit == 0) {
      return;
    }
    if (size == hashes.length) {
      if (size >= 2 * limit) {
        settle();
      }
      if (size == hashes.length) {
        hashes = Arrays.copyOf(hashes, Math.min(2 * size, Math.max(size + 1, 2 * limit)));
      }
    }
    hashes[size++] = hash;
  }

  void merge(Smallest other) {
    for (int i = 0; i < other.size; i++) {
      add(other.hashes[i]);
    }
  }

  /** Sorts, drops what is there twice and what is beyond the limit. */
  private void settle() {
    Arrays.sort(hashes, 0, size);
    int kept = 0;
    for (int i = 0; i < size && kept < limit; i++) {
      if (i == 0 || hashes[i] != hashes[i - 1]) {
        hashes[kept++] = hashes[i];
      }
    }
    size = kept;
    bar = size == limit ? hashes[size - 1] : Long.MAX_VALUE;
  }

  /** Ascending. */
  long[] sorted() {
    settle();
    return Arrays.copyOf(hashes, size);
  }
}
