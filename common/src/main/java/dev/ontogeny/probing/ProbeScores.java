package dev.ontogeny.probing;

import java.util.Arrays;
import java.util.Comparator;

/**
 * How well scores tell examples apart that a probe did not learn from.
 *
 * @param accuracy share of examples on the right side of 0
 * @param auc chance that a positive one has the greater score than a negative one, ties count half
 * @param f1 of both sides, each counted by its examples, as scikit-learn's weighted F1
 * @param f1OfClass of the positive side
 */
public record ProbeScores(double accuracy, double auc, double f1, double f1OfClass) {

  /**
   * Of scores; both classes must occur.
   *
   * @param scores greater than 0 where the example is taken for positive
   */
  public static ProbeScores of(double[] scores, boolean[] positive) {
    int n = scores.length;
    long[] right = new long[2];
    long[] taken = new long[2];
    long[] there = new long[2];
    for (int i = 0; i < n; i++) {
      int side = positive[i] ? 1 : 0;
      int guess = scores[i] > 0 ? 1 : 0;
      there[side]++;
      taken[guess]++;
      right[side] += side == guess ? 1 : 0;
    }
    double[] f1 = new double[2];
    for (int side = 0; side < 2; side++) {
      f1[side] = 2.0 * right[side] / (there[side] + taken[side]);
    }
    return new ProbeScores(
        (double) (right[0] + right[1]) / n,
        auc(scores, positive),
        (there[0] * f1[0] + there[1] * f1[1]) / n,
        f1[1]);
  }

  /** From the sum of the ranks of the positive ones. */
  static double auc(double[] scores, boolean[] positive) {
    int n = scores.length;
    Integer[] order = new Integer[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> scores[i]));
    double ranks = 0;
    long count = 0;
    for (int from = 0; from < n; ) {
      int to = from;
      int among = 0;
      while (to < n && scores[order[to]] == scores[order[from]]) {
        among += positive[order[to]] ? 1 : 0;
        to++;
      }
      ranks += among * (from + to + 1) / 2.0;
      count += among;
      from = to;
    }
    return (ranks - count * (count + 1) / 2.0) / ((double) count * (n - count));
  }
}
