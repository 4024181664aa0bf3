package dev.ontogeny.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Some rows of a dataset that one task works on at a time: runs of rows of neighbouring shards, all
 * held out or none. The cut depends on the dataset and on the size asked for, never on the cluster.
 *
 * @param index from 0 on
 * @param heldOut whether training never saw these rows
 * @param runs in order
 */
public record RowBlock(int index, boolean heldOut, List<Run> runs) implements Serializable {
  /** Blocks of a small dataset are not smaller than this, however many are asked for. */
  private static final int FEWEST_ROWS = 2048;

  /** At least so many blocks are made, if they are not too small, so that there is work for all. */
  private static final int FEWEST_BLOCKS = 16;

  /** Neighbouring rows of a shard. */
  public record Run(int shard, int first, int count) implements Serializable {}

  public RowBlock {
    runs = List.copyOf(runs);
  }

  /** The number of rows. */
  public int rows() {
    return runs.stream().mapToInt(Run::count).sum();
  }

  /** Cuts a dataset into blocks of at most {@code limit} rows; held-out shards come last. */
  public static List<RowBlock> cut(ShardedDataset dataset, int limit) {
    long even = (dataset.summary().rows() + FEWEST_BLOCKS - 1) / FEWEST_BLOCKS;
    int size = (int) Math.min(limit, Math.max(even, FEWEST_ROWS));
    List<RowBlock> blocks = new ArrayList<>();
    for (boolean heldOut : new boolean[] {false, true}) {
      List<Run> runs = new ArrayList<>();
      int filled = 0;
      for (int shard = 0; shard < dataset.summary().shards(); shard++) {
        if (dataset.heldOut(shard) != heldOut) {
          continue;
        }
        int rows = Math.toIntExact(dataset.rows(shard));
        for (int first = 0; first < rows; ) {
          int count = Math.min(rows - first, size - filled);
          runs.add(new Run(shard, first, count));
          first += count;
          filled += count;
          if (filled == size) {
            blocks.add(new RowBlock(blocks.size(), heldOut, runs));
            runs = new ArrayList<>();
            filled = 0;
          }
        }
      }
      if (filled > 0) {
        blocks.add(new RowBlock(blocks.size(), heldOut, runs));
      }
    }
    return blocks;
  }
}
