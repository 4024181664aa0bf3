package dev.ontogeny.job.shard;

import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The rows of one slice of a shard, in memory until they are handed out token by token. */
final class ShardSlice {
  /** Rows of a slice are numbered in this many bits; the others of a key hold the place. */
  private static final int INDEX_BITS = 24;

  private static final int INDEX_MASK = (1 << INDEX_BITS) - 1;

  /** A slice may grow to this multiple of its share before something must be wrong. */
  private static final int TOLERATED = 8;

  /** Takes the rows of one token: all sources, duplicates included, sorted. */
  @FunctionalInterface
  interface Tokens {
    void token(List<ShardRow> rows) throws IOException;
  }

  private final ShardPlan plan;
  private byte[][] rows = new byte[1 << 10][];
  private long[] hashes = new long[1 << 10];
  private int count;
  private long bytes;

  ShardSlice(ShardPlan plan) {
    this.plan = plan;
  }

  void add(byte[] row, long hash) {
    if (count == rows.length) {
      rows = Arrays.copyOf(rows, 2 * count);
      hashes = Arrays.copyOf(hashes, 2 * count);
    }
    rows[count] = row;
    hashes[count] = hash;
    count++;
    bytes += row.length;
    if (count > INDEX_MASK
        || bytes > TOLERATED * Math.max(1 << 22, plan.settings().sliceBytes().bytes())) {
      ShardRow last = new ShardRow(plan, row);
      throw Failure.data(
          "%s: far more rows than a random order would give fall together around document %s, position %d: do column '%s' and column '%s' number the tokens?",
          last.where(),
          last.document(),
          last.position(),
          plan.settings().columns().document(),
          plan.settings().columns().position());
    }
  }

  boolean isEmpty() {
    return count == 0;
  }

  /** Hands out all tokens in order and forgets them. */
  void drain(Tokens tokens) throws IOException {
    long[] keys = keys();
    Arrays.sort(keys);
    List<ShardRow> together = new ArrayList<>();
    List<ShardRow> token = new ArrayList<>();
    for (int from = 0; from < count; ) {
      int to = from + 1;
      while (to < count && keys[to] >>> INDEX_BITS == keys[from] >>> INDEX_BITS) {
        to++;
      }
      together.clear();
      for (int i = from; i < to; i++) {
        together.add(new ShardRow(plan, row(keys[i])));
      }
      if (mixed(keys, from, to)) {
        // Two tokens so near that the keys cannot tell them apart.
        together.sort(
            (a, b) -> {
              int order =
                  Long.compareUnsigned(
                      ShardRow.hash(plan, a.bytes()), ShardRow.hash(plan, b.bytes()));
              return order != 0 ? order : ShardRow.compare(a, b);
            });
      } else {
        together.sort(ShardRow::compare);
      }
      for (int i = 0; i < together.size(); ) {
        token.clear();
        ShardRow begin = together.get(i);
        while (i < together.size() && together.get(i).sameToken(begin)) {
          token.add(together.get(i++));
        }
        tokens.token(token);
      }
      for (int i = from; i < to; i++) {
        rows[(int) (keys[i] & INDEX_MASK)] = null;
      }
      from = to;
    }
    count = 0;
    bytes = 0;
  }

  private byte[] row(long key) {
    return rows[(int) (key & INDEX_MASK)];
  }

  private boolean mixed(long[] keys, int from, int to) {
    long first = hashes[(int) (keys[from] & INDEX_MASK)];
    for (int i = from + 1; i < to; i++) {
      if (hashes[(int) (keys[i] & INDEX_MASK)] != first) {
        return true;
      }
    }
    return false;
  }

  /** Leading bits of the place within the slice, then the row's number: sorted as plain longs. */
  private long[] keys() {
    long low = hashes[0];
    long high = hashes[0];
    for (int i = 1; i < count; i++) {
      low = Long.compareUnsigned(hashes[i], low) < 0 ? hashes[i] : low;
      high = Long.compareUnsigned(hashes[i], high) > 0 ? hashes[i] : high;
    }
    int spread = Long.SIZE - Long.numberOfLeadingZeros(high - low);
    int shift = Math.max(0, spread - (Long.SIZE - 1 - INDEX_BITS));
    long[] keys = new long[count];
    for (int i = 0; i < count; i++) {
      keys[i] = (((hashes[i] - low) >>> shift) << INDEX_BITS) | i;
    }
    return keys;
  }
}
