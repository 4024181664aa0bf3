package dev.ontogeny.stats;

import dev.ontogeny.run.Seeds;

/**
 * The Poisson bootstrap by document: every replicate draws each document a number of times that is
 * Poisson distributed with mean 1 and follows from a hash of (seed, document, replicate). So a
 * replicate is the same whichever tasks see the parts of a document, and replicates merge like the
 * statistics that they weight (Chamandy et al. 2012, "Estimating Uncertainty for Massive Data
 * Streams").
 */
public final class Bootstrap {
  private static final int TABLE_BITS = 12;
  private static final byte ON_A_BOUNDARY = -1;
  private static final double[] CUMULATIVE = cumulative();
  private static final byte[] TABLE = table();

  private final long base;
  private final int replicates;

  /** The replicates of a run's seed. */
  public Bootstrap(long seed, int replicates) {
    this.base = Seeds.of(seed, "bootstrap");
    this.replicates = replicates;
  }

  public int replicates() {
    return replicates;
  }

  /** How many words of 64 bits hold a bit per replicate. */
  public static int words(int replicates) {
    return (replicates + Long.SIZE - 1) / Long.SIZE;
  }

  /** What stands for a document whose name is a number. */
  public long document(long document) {
    return Seeds.mix(base, document);
  }

  /** What stands for a document whose name is a text. */
  public long document(String document) {
    return Seeds.mix(base, document);
  }

  /** How often a replicate draws a document, or whatever else a hash stands for. */
  public static int weight(long document, int replicate) {
    long hash = Seeds.mix(document, replicate);
    byte weight = TABLE[(int) (hash >>> (Long.SIZE - TABLE_BITS))];
    return weight != ON_A_BOUNDARY ? weight : weight((hash >>> 11) * 0x1p-53);
  }

  /**
   * How often every replicate draws every row: [rows, replicates], row-major.
   *
   * @param documents what stands for the rows' documents
   */
  public byte[] weights(long[] documents) {
    byte[] weights = new byte[Math.multiplyExact(documents.length, replicates)];
    int at = 0;
    for (long document : documents) {
      for (int b = 0; b < replicates; b++) {
        weights[at++] = (byte) weight(document, b);
      }
    }
    return weights;
  }

  /** Bits of the replicates that draw a row at all: [rows, {@link #words}]. */
  public long[] masks(byte[] weights, int rows) {
    int words = words(replicates);
    long[] masks = new long[rows * words];
    for (int r = 0; r < rows; r++) {
      for (int b = 0; b < replicates; b++) {
        if (weights[r * replicates + b] > 0) {
          masks[r * words + (b >> 6)] |= 1L << b;
        }
      }
    }
    return masks;
  }

  /** The quantile of a Poisson distribution with mean 1. */
  private static int weight(double uniform) {
    int weight = 0;
    while (weight < CUMULATIVE.length && uniform >= CUMULATIVE[weight]) {
      weight++;
    }
    return weight;
  }

  private static double[] cumulative() {
    double[] cumulative = new double[17];
    double term = Math.exp(-1);
    double sum = 0;
    for (int k = 0; k < cumulative.length; k++) {
      sum += term;
      cumulative[k] = sum;
      term /= k + 1;
    }
    return cumulative;
  }

  /** The weight of every leading part of a hash that decides it alone. */
  private static byte[] table() {
    byte[] table = new byte[1 << TABLE_BITS];
    for (int i = 0; i < table.length; i++) {
      int low = weight((double) i / table.length);
      int high = weight(Math.nextDown((i + 1.0) / table.length));
      table[i] = low == high ? (byte) low : ON_A_BOUNDARY;
    }
    return table;
  }
}
