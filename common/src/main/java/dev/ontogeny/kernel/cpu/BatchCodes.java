package dev.ontogeny.kernel.cpu;

import java.util.Arrays;

/**
 * Latents and values of a batch, row after row within blocks of rows, each of which one worker
 * fills. A block's room grows when its rows hold more than any batch before, up to the width for
 * each row, and is kept.
 */
final class BatchCodes {
  private final int width;
  private final int blockRows;
  final int[][] latents;
  final float[][] values;

  /** By block: where each of its rows begins, and the end of the last. */
  private final int[][] starts;

  /**
   * @param rows of a batch, at most
   * @param perRow entries of a row to make room for
   */
  BatchCodes(int rows, int blockRows, int width, int perRow) {
    int blocks = (rows + blockRows - 1) / blockRows;
    int room = Math.multiplyExact(blockRows, Math.min(perRow, width));
    this.width = width;
    this.blockRows = blockRows;
    this.latents = new int[blocks][room];
    this.values = new float[blocks][room];
    this.starts = new int[blocks][blockRows + 1];
  }

  /** Takes over what was selected for a row; the rows of a block come in their order. */
  void set(int row, RowSelection selection, int count, boolean sorted) {
    int block = block(row);
    int at = from(row);
    if (latents[block].length < at + count) {
      int room = Math.max(at + count, latents[block].length + (latents[block].length >> 1));
      room = Math.min(room, Math.multiplyExact(blockRows, width));
      latents[block] = Arrays.copyOf(latents[block], room);
      values[block] = Arrays.copyOf(values[block], room);
    }
    selection.write(sorted, latents[block], values[block], at);
    starts[block][row % blockRows + 1] = at + count;
  }

  boolean beginsBlock(int row) {
    return row % blockRows == 0;
  }

  int block(int row) {
    return row / blockRows;
  }

  /** Where a row begins in its block. */
  int from(int row) {
    return starts[row / blockRows][row % blockRows];
  }

  /** Where a row ends in its block. */
  int to(int row) {
    return starts[row / blockRows][row % blockRows + 1];
  }

  /** Says where a row ends, and the next of its block begins, after its entries were moved. */
  void end(int row, int to) {
    starts[row / blockRows][row % blockRows + 1] = to;
  }

  /** Entries of the first rows. */
  int total(int rows) {
    int total = 0;
    for (int row = 0; row < rows; row++) {
      total += to(row) - from(row);
    }
    return total;
  }
}
