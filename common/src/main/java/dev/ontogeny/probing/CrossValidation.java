package dev.ontogeny.probing;

import dev.ontogeny.probing.LogisticRegression.Penalty;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The weight of the loss by examples that are set aside, as sae-probes does it: of fewer than 128
 * examples each of six parts in turn, in which classes have equal shares, of more the last fifth,
 * but no more than 100. Examples stand in the order of their hashes, so that the last ones are any.
 */
final class CrossValidation {
  private static final int WEIGHTS = 10;
  private static final int FEW = 128;
  private static final int PARTS = 6;
  private static final int MOST = 100;

  private CrossValidation() {}

  /** The one with the best mean AUC; of equals the greatest. */
  static double best(double[][] columns, boolean[] positive, Penalty penalty) {
    List<boolean[]> parts = parts(positive);
    double best = Double.NaN;
    double bestAuc = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < WEIGHTS; i++) {
      double c = Math.pow(10, 5 - 10.0 * i / (WEIGHTS - 1));
      double auc = 0;
      for (boolean[] aside : parts) {
        auc += auc(columns, positive, aside, c, penalty) / parts.size();
      }
      if (auc > bestAuc) {
        best = c;
        bestAuc = auc;
      }
    }
    return best;
  }

  private static double auc(
      double[][] columns, boolean[] positive, boolean[] aside, double c, Penalty penalty) {
    int[] train = places(aside, false);
    int[] validate = places(aside, true);
    double[][] learned = new double[columns.length][];
    double[][] judged = new double[columns.length][];
    for (int j = 0; j < columns.length; j++) {
      learned[j] = chosen(columns[j], train);
      judged[j] = chosen(columns[j], validate);
    }
    LogisticRegression regression =
        LogisticRegression.fit(learned, chosen(positive, train), c, penalty);
    double found =
        ProbeScores.auc(regression.scores(judged, validate.length), chosen(positive, validate));
    // Of one side only, which says nothing.
    return Double.isNaN(found) ? 0.5 : found;
  }

  /** Which examples are set aside, each time; both classes are on both sides. */
  private static List<boolean[]> parts(boolean[] positive) {
    int n = positive.length;
    List<boolean[]> parts = new ArrayList<>();
    if (n >= FEW) {
      boolean[] aside = new boolean[n];
      Arrays.fill(aside, n - Math.min(n / 5, MOST), n, true);
      parts.add(aside);
    }
    for (int part = 0; n < FEW && part < PARTS; part++) {
      boolean[] aside = new boolean[n];
      int[] seen = new int[2];
      for (int i = 0; i < n; i++) {
        aside[i] = seen[positive[i] ? 1 : 0]++ % PARTS == part;
      }
      parts.add(aside);
    }
    return parts;
  }

  private static int[] places(boolean[] flags, boolean flag) {
    int[] places = new int[flags.length];
    int count = 0;
    for (int i = 0; i < flags.length; i++) {
      if (flags[i] == flag) {
        places[count++] = i;
      }
    }
    return Arrays.copyOf(places, count);
  }

  static double[] chosen(double[] values, int[] places) {
    double[] chosen = new double[places.length];
    Arrays.setAll(chosen, i -> values[places[i]]);
    return chosen;
  }

  static boolean[] chosen(boolean[] values, int[] places) {
    boolean[] chosen = new boolean[places.length];
    for (int i = 0; i < chosen.length; i++) {
      chosen[i] = values[places[i]];
    }
    return chosen;
  }
}
