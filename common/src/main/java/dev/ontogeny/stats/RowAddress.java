package dev.ontogeny.stats;

/** A row of a dataset as one number: the shard in the upper, the row in the lower 32 bits. */
public final class RowAddress {
  private RowAddress() {}

  public static long of(int shard, int row) {
    return ((long) shard << 32) | row;
  }

  public static int shard(long address) {
    return (int) (address >>> 32);
  }

  public static int row(long address) {
    return (int) address;
  }
}
