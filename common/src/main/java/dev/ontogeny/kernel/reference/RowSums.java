package dev.ontogeny.kernel.reference;

import java.util.Arrays;

/** Sums over rows, as the formulas have them. */
final class RowSums {
  private RowSums() {}

  static double[][] centredOnMean(double[][] rows) {
    int inputs = rows[0].length;
    double[] mean = new double[inputs];
    for (double[] row : rows) {
      for (int i = 0; i < inputs; i++) {
        mean[i] += row[i] / rows.length;
      }
    }
    double[][] centred = new double[rows.length][inputs];
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < inputs; i++) {
        centred[row][i] = rows[row][i] - mean[i];
      }
    }
    return centred;
  }

  static double squares(double[][] rows, double[] weights) {
    double sum = 0;
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        sum += weights[i] * row[i] * row[i];
      }
    }
    return sum;
  }

  static double[] ones(int count) {
    double[] ones = new double[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  static double[][] weighted(double[][] rows, double[] weights) {
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        row[i] *= weights[i];
      }
    }
    return rows;
  }

  static double squares(double[] row) {
    double sum = 0;
    for (double value : row) {
      sum += value * value;
    }
    return sum;
  }

  static float[] masked(float[] pre, boolean[] chosen) {
    float[] code = new float[pre.length];
    for (int latent = 0; latent < pre.length; latent++) {
      code[latent] = chosen[latent] ? pre[latent] : 0;
    }
    return code;
  }

  static int firings(float[][] code, int latent) {
    int firings = 0;
    for (float[] row : code) {
      firings += row[latent] != 0 ? 1 : 0;
    }
    return firings;
  }

  static float counted(float code, float bar) {
    return code > bar ? code : 0;
  }
}
