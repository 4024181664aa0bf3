package dev.ontogeny.probing;

import java.util.Arrays;

/**
 * Into how many features a class is split, as SAEBench's absorption evaluation counts it (Chanin et
 * al., arXiv 2409.14507): probes look at one feature, at two and so on, as long as each has an F1
 * that is more than 0.03 above that of the one before, and at no more than ten.
 *
 * @param features of the last probe that was so much better, the best first
 * @param f1 of every probe, the one included that was not
 */
public record FeatureSplitting(int[] features, double[] f1) {
  /** The most features. */
  static final int MOST = 10;

  private static final double JUMP = 0.03;

  /**
   * Counts.
   *
   * @param toward {@link ProbeFeatures#toward}
   */
  public static FeatureSplitting of(SparseProbe probe, int[] toward) {
    double[] f1 = new double[toward.length];
    for (int k = 1; k <= toward.length; k++) {
      f1[k - 1] =
          probe
              .train(Arrays.copyOf(toward, k), SparseProbe.Method.SPARSE_PROBING)
              .scores()
              .f1OfClass();
      if (k > 1 && !(f1[k - 1] > f1[k - 2] + JUMP)) {
        return new FeatureSplitting(Arrays.copyOf(toward, k - 1), Arrays.copyOf(f1, k));
      }
    }
    return new FeatureSplitting(toward.clone(), f1);
  }

  /** How many features there are beside the first. */
  public int splits() {
    return features.length - 1;
  }
}
