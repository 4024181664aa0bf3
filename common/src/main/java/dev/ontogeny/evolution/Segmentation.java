package dev.ontogeny.evolution;

import java.util.Arrays;

/**
 * A curve cut into straight pieces, exactly: dynamic programming over all cuts (O(K·T²)), the
 * number of pieces by BIC. Residuals are least squares of a line per piece; a piece has at least
 * {@link #SHORTEST} points.
 *
 * @param starts index of the first point of each piece, ascending, the first is 0
 * @param cost Σ of squared residuals
 * @param score BIC of one piece minus BIC of these: how much better the cuts explain the curve
 * @param weight Schwarz weight of this number of pieces among all numbers tried, 0…1
 */
public record Segmentation(int[] starts, double cost, double score, double weight) {
  /** A line through two points explains them whatever they are. */
  public static final int SHORTEST = 3;

  /** Parameters of a piece: intercept, slope, and where it begins. */
  private static final int PARAMETERS = 3;

  /**
   * Cuts a curve.
   *
   * @param x ascending
   * @param y as many
   * @param most greatest number of pieces
   */
  public static Segmentation of(double[] x, double[] y, int most) {
    int count = x.length;
    int pieces = Math.max(1, Math.min(most, count / SHORTEST));
    double[][] cost = costs(x, y);
    double[][] best = new double[pieces + 1][count + 1];
    int[][] from = new int[pieces + 1][count + 1];
    for (double[] row : best) {
      Arrays.fill(row, Double.POSITIVE_INFINITY);
    }
    best[0][0] = 0;
    for (int k = 1; k <= pieces; k++) {
      for (int end = k == 1 ? Math.min(count, 1) : k * SHORTEST; end <= count; end++) {
        int latest = k == 1 ? 0 : end - SHORTEST;
        for (int start = (k - 1) * SHORTEST; start <= latest; start++) {
          double total = best[k - 1][start] + cost[start][end];
          if (total < best[k][end]) {
            best[k][end] = total;
            from[k][end] = start;
          }
        }
      }
    }
    return chosen(y, best, from, pieces);
  }

  private static Segmentation chosen(double[] y, double[][] best, int[][] from, int pieces) {
    int count = y.length;
    double mean = Arrays.stream(y).average().orElse(0);
    double total = Arrays.stream(y).map(each -> (each - mean) * (each - mean)).sum();
    // Rounding is not evidence: residuals far below the curve's own spread count alike.
    double floor = 1e-8 * total + Double.MIN_NORMAL;
    double[] criterion = new double[pieces + 1];
    int chosen = 1;
    for (int k = 1; k <= pieces; k++) {
      criterion[k] =
          count * Math.log((best[k][count] + floor) / count) + (PARAMETERS * k) * Math.log(count);
      if (criterion[k] < criterion[chosen] - 1e-9) {
        chosen = k;
      }
    }
    double weights = 0;
    for (int k = 1; k <= pieces; k++) {
      weights += Math.exp((criterion[chosen] - criterion[k]) / 2);
    }
    int[] starts = new int[chosen];
    for (int k = chosen, end = count; k >= 1; k--) {
      end = from[k][end];
      starts[k - 1] = end;
    }
    return new Segmentation(
        starts, best[chosen][count], criterion[1] - criterion[chosen], 1 / weights);
  }

  /** Residuals of a line through points {@code start} (inclusive) to {@code end} (exclusive). */
  private static double[][] costs(double[] x, double[] y) {
    int count = x.length;
    double[][] cost = new double[count + 1][count + 1];
    for (int start = 0; start < count; start++) {
      double n = 0;
      double meanX = 0;
      double meanY = 0;
      double xx = 0;
      double xy = 0;
      double yy = 0;
      for (int end = start + 1; end <= count; end++) {
        n++;
        double dx = x[end - 1] - meanX;
        double dy = y[end - 1] - meanY;
        meanX += dx / n;
        meanY += dy / n;
        xx += dx * (x[end - 1] - meanX);
        xy += dx * (y[end - 1] - meanY);
        yy += dy * (y[end - 1] - meanY);
        cost[start][end] = Math.max(0, xx > 0 ? yy - xy * xy / xx : yy);
      }
    }
    return cost;
  }
}
