package dev.ontogeny.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;

/**
 * In which block a row stands: by its address, or by the hash of its token, which needs no join.
 * Memory: a few numbers per run of rows.
 */
public final class RowIndex implements Serializable {
  private static final long serialVersionUID = 1;

  private final int[][] firstRow;
  private final long[][] firstHash;
  private final int[][] block;
  private final int[][] offset;

  /**
   * Indexes blocks.
   *
   * @param firstHashes of a block, the hash of the first row of each of its runs
   */
  public RowIndex(int shards, List<RowBlock> blocks, IntFunction<long[]> firstHashes) {
    record Place(int shard, int first, long hash, int block, int offset) {}

    List<List<Place>> places = new ArrayList<>();
    for (int shard = 0; shard < shards; shard++) {
      places.add(new ArrayList<>());
    }
    for (RowBlock each : blocks) {
      long[] hashes = firstHashes.apply(each.index());
      int at = 0;
      for (int i = 0; i < hashes.length; i++) {
        RowBlock.Run run = each.runs().get(i);
        places
            .get(run.shard())
            .add(new Place(run.shard(), run.first(), hashes[i], each.index(), at));
        at += run.count();
      }
    }
    places.forEach(shard -> shard.sort(Comparator.comparingInt(Place::first)));
    firstRow = new int[shards][];
    firstHash = new long[shards][];
    block = new int[shards][];
    offset = new int[shards][];
    for (int shard = 0; shard < shards; shard++) {
      List<Place> of = places.get(shard);
      firstRow[shard] = of.stream().mapToInt(Place::first).toArray();
      firstHash[shard] = of.stream().mapToLong(Place::hash).toArray();
      block[shard] = of.stream().mapToInt(Place::block).toArray();
      offset[shard] = of.stream().mapToInt(Place::offset).toArray();
    }
  }

  /** The block of a row. */
  public int block(int shard, int row) {
    return block[shard][run(shard, row)];
  }

  /** The place of a row in its block. */
  public int rowInBlock(int shard, int row) {
    int run = run(shard, row);
    return offset[shard][run] + row - firstRow[shard][run];
  }

  private int run(int shard, int row) {
    int found = Arrays.binarySearch(firstRow[shard], row);
    return found >= 0 ? found : -found - 2;
  }

  /** The block in which a token would stand if the dataset has it; -1 if it has not. */
  public int block(int shard, long hash) {
    long[] hashes = firstHash[shard];
    int low = 0;
    int high = hashes.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(hashes[middle], hash) <= 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == 0 ? -1 : block[shard][low - 1];
  }

  /**
   * The row of a token in a block, -1 if it is not there.
   *
   * @param tokens the block that {@link #block(int, long)} named
   */
  public static int find(TokenBlock tokens, int shard, long hash) {
    int from = 0;
    for (RowBlock.Run run : tokens.block().runs()) {
      if (run.shard() == shard) {
        return find(tokens.hashes(), from, from + run.count() - 1, hash);
      }
      from += run.count();
    }
    return -1;
  }

  /**
   * The place of a hash among ascending ones. Hashes are spread evenly, so a few steps of
   * interpolation come close to it; bisection ends the search, however they are spread.
   */
  private static int find(long[] hashes, int first, int last, long hash) {
    int low = first;
    int high = last;
    boolean guess = true;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (guess && high - low > 8 && hashes[low] != hashes[high]) {
        double span = unsigned(hashes[high] - hashes[low]);
        double share = unsigned(hash - hashes[low]) / span;
        if (!(share <= 1)) {
          return -1;
        }
        middle = low + (int) (share * (high - low));
      }
      guess = !guess;
      int order = Long.compareUnsigned(hashes[middle], hash);
      if (order == 0) {
        return middle;
      } else if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -1;
  }

  private static double unsigned(long value) {
    return (value >>> 1) * 2.0 + (value & 1);
  }
}
