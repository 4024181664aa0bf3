package dev.ontogeny.probing;

import dev.ontogeny.run.Seeds;

/**
 * What probing needs to know of the rows of a block.
 *
 * @param documents a hash of each row's document, [rows]
 * @param tokens a hash of each row, [rows]
 * @param classes per label the class of each row, -1 for none
 */
public record ProbeRows(long[] documents, long[] tokens, int[][] classes) {
  private static final int SPLIT = 1;

  /** Hashes under the run's seed of what stands for documents and rows elsewhere. */
  public static ProbeRows of(long seed, long[] documents, long[] tokens, int[][] classes) {
    return new ProbeRows(
        mixed(Seeds.of(seed, "probing", "documents"), documents),
        mixed(Seeds.of(seed, "probing", "tokens"), tokens),
        classes);
  }

  private static long[] mixed(long base, long[] values) {
    long[] mixed = new long[values.length];
    for (int i = 0; i < mixed.length; i++) {
      mixed[i] = Seeds.mix(base, values[i]);
    }
    return mixed;
  }

  /** Whether a document is one that probes are tested on, as the given share are. */
  static boolean tested(long document, double share) {
    return (Seeds.mix(document, SPLIT) >>> 11) * 0x1p-53 < share;
  }

  int rows() {
    return documents.length;
  }
}
