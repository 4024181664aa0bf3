package dev.ontogeny.stats;

/**
 * What statistics need to know of the rows of a block besides their codes.
 *
 * @param addresses where each row stands, [rows]
 * @param documents what stands for each row's document, {@link Bootstrap#document}
 * @param heldOut whether training never saw these rows
 * @param tokens the vocabulary's number of each row's token, -1 for none; null where the dataset
 *     has no tokens
 * @param labels per label the column of {@link FeatureBlock#labels} of each row's value, -1 for
 *     none
 * @param weights {@link Bootstrap#weights} of the rows
 * @param masks {@link Bootstrap#masks} of the rows
 */
public record RowAttributes(
    long[] addresses,
    long[] documents,
    boolean heldOut,
    int[] tokens,
    int[][] labels,
    byte[] weights,
    long[] masks) {

  /** Bytes in memory. */
  public static long memory(long rows, int labels, int replicates) {
    return rows * (16L + 4 + 4L * labels + replicates + 8L * Bootstrap.words(replicates));
  }

  public int rows() {
    return addresses.length;
  }
}
