package dev.ontogeny.stats;

/** Counts of norms in quarter octaves: bin k holds norms from 2^(k/4) to 2^((k+1)/4). */
final class NormHistogram {
  /** Bins below and above take what lies beyond. */
  static final int LOWEST = -120;

  static final int BINS = 241;

  private final long[] counts = new long[BINS];

  void add(double norm) {
    counts[bin(norm)]++;
  }

  static int bin(double norm) {
    if (!(norm > 0)) {
      return 0;
    }
    double octaves = StrictMath.log(norm) / StrictMath.log(2);
    int bin = (int) StrictMath.floor(4 * octaves) - LOWEST;
    return Math.max(0, Math.min(BINS - 1, bin));
  }

  static double lowerEdge(int bin) {
    return StrictMath.pow(2, (bin + LOWEST) / 4.0);
  }

  /** Between the edges, by octaves. */
  static double middle(int bin) {
    return StrictMath.pow(2, (bin + LOWEST + 0.5) / 4.0);
  }

  long[] counts() {
    return counts.clone();
  }
}
