package dev.ontogeny.stats;

import org.apache.commons.math3.stat.correlation.SpearmansCorrelation;

/** Spearman's rank correlation; ties share the mean of their ranks. */
public final class RankCorrelation {
  private RankCorrelation() {}

  /** Of two samples of equal length; 0 where one of them is constant. */
  public static double spearman(double[] first, double[] second) {
    if (first.length != second.length) {
      throw new IllegalArgumentException(
          "samples of " + first.length + " and " + second.length + " have no ranks in common");
    }
    if (first.length < 2) {
      return 0;
    }
    double correlation = new SpearmansCorrelation().correlation(first, second);
    return Double.isNaN(correlation) ? 0 : correlation;
  }
}
