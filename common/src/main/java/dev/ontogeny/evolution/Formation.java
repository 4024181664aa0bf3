package dev.ontogeny.evolution;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import java.util.List;

/**
 * How far a feature has formed (SAE-Track, Wang et al., arXiv 2412.17626): take the tokens that it
 * stands for at the end; how alike are they at a checkpoint, as the mean similarity of all pairs?
 * What random tokens have in common is the null.
 */
public final class Formation {
  private Formation() {}

  /**
   * Kinds of similarity, in the order of results: cosine of activations; cosine of codes; shared
   * latents among all latents of both codes; Σ min / Σ max of codes.
   */
  public static final List<String> SIMILARITIES =
      List.of("activation_cosine", "code_cosine", "code_jaccard", "code_weighted_jaccard");

  /**
   * Mean similarities of all pairs among some tokens, by {@link #SIMILARITIES}; NaN of fewer than
   * two.
   *
   * @param activations [n, d]
   * @param codes of the same n rows
   * @param rows which of them
   */
  public static double[] similarities(FloatMatrix activations, SparseCodes codes, int[] rows) {
    double[] result = new double[SIMILARITIES.size()];
    int pairs = rows.length * (rows.length - 1) / 2;
    result[0] = activationCosine(activations, rows);
    for (int p = 0; p < rows.length; p++) {
      for (int q = p + 1; q < rows.length; q++) {
        add(codes, rows[p], rows[q], result);
      }
    }
    for (int s = 1; s < result.length; s++) {
      result[s] = pairs == 0 ? Double.NaN : result[s] / pairs;
    }
    return result;
  }

  /**
   * Mean cosine of the activations of all pairs among some tokens; NaN of fewer than two.
   *
   * @param activations [n, d]
   * @param rows which of them
   */
  public static double activationCosine(FloatMatrix activations, int[] rows) {
    // (‖Σ x/‖x‖‖² − n) / (n (n − 1)): the mean over pairs needs no pairs.
    int width = activations.columns();
    double[] sum = new double[width];
    int count = 0;
    for (int row : rows) {
      double squares = 0;
      for (int i = 0; i < width; i++) {
        squares += (double) activations.at(row, i) * activations.at(row, i);
      }
      if (squares > 0) {
        double norm = Math.sqrt(squares);
        for (int i = 0; i < width; i++) {
          sum[i] += activations.at(row, i) / norm;
        }
        count++;
      }
    }
    double squares = 0;
    for (double each : sum) {
      squares += each * each;
    }
    return count < 2 ? Double.NaN : (squares - count) / ((double) count * (count - 1));
  }

  private static void add(SparseCodes codes, int p, int q, double[] sums) {
    int a = codes.starts()[p];
    int b = codes.starts()[q];
    int endA = codes.starts()[p + 1];
    int endB = codes.starts()[q + 1];
    int shared = 0;
    int all = endA - a + endB - b;
    double product = 0;
    double squaresA = 0;
    double squaresB = 0;
    double least = 0;
    double greatest = 0;
    while (a < endA || b < endB) {
      int featureA = a < endA ? codes.indices()[a] : Integer.MAX_VALUE;
      int featureB = b < endB ? codes.indices()[b] : Integer.MAX_VALUE;
      double valueA = featureA <= featureB ? codes.values()[a] : 0;
      double valueB = featureB <= featureA ? codes.values()[b] : 0;
      product += valueA * valueB;
      squaresA += valueA * valueA;
      squaresB += valueB * valueB;
      least += Math.min(valueA, valueB);
      greatest += Math.max(valueA, valueB);
      shared += featureA == featureB ? 1 : 0;
      a += featureA <= featureB ? 1 : 0;
      b += featureB <= featureA ? 1 : 0;
    }
    all -= shared;
    double norms = Math.sqrt(squaresA * squaresB);
    sums[1] += norms > 0 ? product / norms : 0;
    sums[2] += all > 0 ? (double) shared / all : 0;
    sums[3] += greatest > 0 ? least / greatest : 0;
  }
}
