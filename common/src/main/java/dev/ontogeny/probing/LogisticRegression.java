package dev.ontogeny.probing;

import java.util.Arrays;

/**
 * Logistic regression as scikit-learn states it: the minimum of C Σ log(1 + exp(−s (w·x + b))) +
 * R(w), with s = ±1, R the half square of w or its sum of absolute values, and b free. By proximal
 * Newton steps (Lee, Sun and Saunders 2014), each solved a coordinate at a time (Friedman, Hastie
 * and Tibshirani 2010) and shortened until it improves; columns are centred and scaled inside,
 * which changes nothing but the speed. No randomness. Meant for few columns: a step takes n k² / 2
 * operations.
 */
public record LogisticRegression(double[] weights, double bias) {
  private static final int STEPS = 200;
  private static final int SWEEPS = 1000;
  private static final double PRECISE = 1e-10;
  private static final double FLOOR = 1e-12;

  /** What keeps weights small. */
  public enum Penalty {
    /** Sum of absolute values. */
    L1,
    /** Half the sum of squares. */
    L2
  }

  /** w·x + b of every example; columns as in {@link #fit}. */
  public double[] scores(double[][] columns, int examples) {
    double[] scores = new double[examples];
    Arrays.fill(scores, bias);
    for (int j = 0; j < weights.length; j++) {
      for (int i = 0; i < examples; i++) {
        scores[i] += weights[j] * columns[j][i];
      }
    }
    return scores;
  }

  /**
   * Fits.
   *
   * @param columns [k][n]
   * @param positive [n], both of which must occur
   * @param c weight of the loss, greater than 0
   */
  public static LogisticRegression fit(
      double[][] columns, boolean[] positive, double c, Penalty penalty) {
    return new Fit(columns, positive, c, penalty).run();
  }

  /** One fit. */
  private static final class Fit {
    private final boolean[] positive;
    private final double c;
    private final Penalty penalty;
    private final int k;
    private final int n;

    /** Centred and scaled; the last is the bias's. */
    private final double[][] x;

    private final double[] mean;
    private final double[] scale;

    /** What the penalty of a scaled weight is multiplied by. */
    private final double[] strength;

    private final double[] w;
    private double[] z;

    Fit(double[][] columns, boolean[] positive, double c, Penalty penalty) {
      this.positive = positive;
      this.c = c;
      this.penalty = penalty;
      k = columns.length;
      n = positive.length;
      x = new double[k + 1][n];
      mean = new double[k];
      scale = new double[k];
      strength = new double[k + 1];
      for (int j = 0; j < k; j++) {
        mean[j] = Arrays.stream(columns[j], 0, n).sum() / n;
        double squares = 0;
        for (int i = 0; i < n; i++) {
          x[j][i] = columns[j][i] - mean[j];
          squares += x[j][i] * x[j][i];
        }
        scale[j] = squares > 0 ? Math.sqrt(squares / n) : 1;
        for (int i = 0; i < n; i++) {
          x[j][i] /= scale[j];
        }
        strength[j] = penalty == Penalty.L1 ? 1 / scale[j] : 1 / (scale[j] * scale[j]);
      }
      Arrays.fill(x[k], 1);
      w = new double[k + 1];
      z = new double[n];
    }

    LogisticRegression run() {
      double value = objective(w, z);
      for (int step = 0; step < STEPS; step++) {
        double[] direction = direction();
        double[] along = product(direction);
        double length = 1;
        double next = value;
        double[] moved = w;
        double[] zMoved = z;
        for (int halving = 0; halving < 50; halving++, length /= 2) {
          moved = sum(w, direction, length);
          zMoved = sum(z, along, length);
          next = objective(moved, zMoved);
          if (next < value) {
            break;
          }
        }
        if (!(next < value)) {
          break;
        }
        boolean done = value - next <= 1e-14 * Math.abs(value);
        System.arraycopy(moved, 0, w, 0, w.length);
        z = zMoved;
        value = next;
        if (done) {
          break;
        }
      }
      double[] weights = new double[k];
      double bias = w[k];
      for (int j = 0; j < k; j++) {
        weights[j] = w[j] / scale[j];
        bias -= weights[j] * mean[j];
      }
      return new LogisticRegression(weights, bias);
    }

    private double objective(double[] weights, double[] scores) {
      double loss = 0;
      for (int i = 0; i < n; i++) {
        double margin = positive[i] ? scores[i] : -scores[i];
        loss += margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
      }
      double sum = 0;
      for (int j = 0; j < k; j++) {
        sum +=
            penalty == Penalty.L1
                ? strength[j] * Math.abs(weights[j])
                : strength[j] * weights[j] * weights[j] / 2;
      }
      return c * loss + sum;
    }

    /** The minimum of the loss to second order and the penalty, from where we are. */
    private double[] direction() {
      double[] slope = new double[k + 1];
      double[][] curve = new double[k + 1][k + 1];
      double[] p = new double[n];
      double[] v = new double[n];
      for (int i = 0; i < n; i++) {
        double each = 1 / (1 + Math.exp(-z[i]));
        p[i] = c * (each - (positive[i] ? 1 : 0));
        v[i] = c * each * (1 - each);
      }
      for (int j = 0; j <= k; j++) {
        for (int i = 0; i < n; i++) {
          slope[j] += p[i] * x[j][i];
        }
        for (int l = j; l <= k; l++) {
          double sum = 0;
          for (int i = 0; i < n; i++) {
            sum += v[i] * x[j][i] * x[l][i];
          }
          curve[j][l] = sum;
          curve[l][j] = sum;
        }
        curve[j][j] += FLOOR * c * n;
      }
      double[] d = new double[k + 1];
      double[] curved = new double[k + 1];
      for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double largest = 0;
        for (int j = 0; j <= k; j++) {
          double rest = slope[j] + curved[j];
          double at = w[j] + d[j];
          double to;
          if (penalty == Penalty.L2) {
            double bend = curve[j][j] + strength[j];
            to = at - (rest + strength[j] * at) / bend;
          } else {
            double free = at - rest / curve[j][j];
            double shrink = strength[j] / curve[j][j];
            to = Math.signum(free) * Math.max(0, Math.abs(free) - shrink);
          }
          double change = to - at;
          if (change != 0) {
            d[j] += change;
            for (int l = 0; l <= k; l++) {
              curved[l] += change * curve[l][j];
            }
            largest = Math.max(largest, Math.abs(change) / (1 + Math.abs(to)));
          }
        }
        if (largest < PRECISE) {
          break;
        }
      }
      return d;
    }

    private double[] product(double[] direction) {
      double[] along = new double[n];
      for (int j = 0; j <= k; j++) {
        for (int i = 0; i < n; i++) {
          along[i] += direction[j] * x[j][i];
        }
      }
      return along;
    }

    private static double[] sum(double[] a, double[] b, double factor) {
      double[] sum = new double[a.length];
      for (int i = 0; i < sum.length; i++) {
        sum[i] = a[i] + factor * b[i];
      }
      return sum;
    }
  }
}
