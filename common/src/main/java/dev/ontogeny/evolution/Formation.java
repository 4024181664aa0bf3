package dev.ontogeny.evolution;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import java.util.Arrays;
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
   * two. Pairs without a common latent are alike by nothing, so that each latent's tokens are
   * paired and no others.
   *
   * @param activations [n, d]
   * @param codes of the same n rows; not negative
   * @param rows which of them
   */
  public static double[] similarities(FloatMatrix activations, SparseCodes codes, int[] rows) {
    double[] result = new double[SIMILARITIES.size()];
    result[0] = activationCosine(activations, rows);
    Seen seen = new Seen(codes, rows);
    for (int p = 0; p < rows.length; p++) {
      seen.pair(p, result);
    }
    double pairs = rows.length * (rows.length - 1.0) / 2;
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
      double norm = activations.norm(row);
      if (norm > 0) {
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

  /** Tokens that were seen so far, by the latents of their codes. */
  private static final class Seen {
    private final SparseCodes codes;
    private final int[] rows;

    /** Of each token. */
    private final double[] norms;

    private final double[] totals;

    /** By latent the entry that was seen last, and by entry the one before; -1 for none. */
    private final int[] last;

    private final int[] before;
    private final int[] token;
    private final float[] value;
    private int entries;

    /** Of the token at hand with each that was seen. */
    private final int[] shared;

    private final double[] products;
    private final double[] least;
    private final int[] touched;

    Seen(SparseCodes codes, int[] rows) {
      this.codes = codes;
      this.rows = rows;
      int size = 0;
      for (int row : rows) {
        size += codes.starts()[row + 1] - codes.starts()[row];
      }
      norms = new double[rows.length];
      totals = new double[rows.length];
      last = new int[codes.features()];
      Arrays.fill(last, -1);
      before = new int[size];
      token = new int[size];
      value = new float[size];
      shared = new int[rows.length];
      products = new double[rows.length];
      least = new double[rows.length];
      touched = new int[rows.length];
    }

    /** Adds what a token has in common with all before it, and remembers it. */
    void pair(int p, double[] sums) {
      int count = 0;
      double squares = 0;
      int end = codes.starts()[rows[p] + 1];
      for (int i = codes.starts()[rows[p]]; i < end; i++) {
        int feature = codes.indices()[i];
        float own = codes.values()[i];
        squares += (double) own * own;
        totals[p] += own;
        for (int entry = last[feature]; entry >= 0; entry = before[entry]) {
          int q = token[entry];
          if (shared[q]++ == 0) {
            touched[count++] = q;
          }
          products[q] += (double) own * value[entry];
          least[q] += Math.min(own, value[entry]);
        }
        before[entries] = last[feature];
        token[entries] = p;
        value[entries] = own;
        last[feature] = entries++;
      }
      norms[p] = Math.sqrt(squares);
      for (int i = 0; i < count; i++) {
        add(p, touched[i], sums);
      }
    }

    private void add(int p, int q, double[] sums) {
      double product = norms[p] * norms[q];
      double greatest = totals[p] + totals[q] - least[q];
      sums[1] += product > 0 ? products[q] / product : 0;
      sums[2] += (double) shared[q] / (size(p) + size(q) - shared[q]);
      sums[3] += greatest > 0 ? least[q] / greatest : 0;
      shared[q] = 0;
      products[q] = 0;
      least[q] = 0;
    }

    private int size(int p) {
      return codes.starts()[rows[p] + 1] - codes.starts()[rows[p]];
    }
  }
}
