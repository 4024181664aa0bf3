package dev.ontogeny.evolution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One number of a series at each checkpoint.
 *
 * @param values [T], NaN where there is none
 * @param low [T], lower edge of the band; null where the curve does not come from data
 * @param high [T], upper edge
 */
public record Curve(String name, double[] values, double[] low, double[] high) {

  /** A curve without a band. */
  public static Curve of(String name, double[] values) {
    return new Curve(name, values, null, null);
  }

  /**
   * A curve from data, with the 5th to 95th percentile of bootstrap replicates as band.
   *
   * @param replicates [T][], empty where there are none
   */
  public static Curve of(String name, double[] values, double[][] replicates) {
    double[] low = new double[values.length];
    double[] high = new double[values.length];
    for (int t = 0; t < values.length; t++) {
      double[] sorted = Arrays.stream(replicates[t]).filter(Double::isFinite).sorted().toArray();
      // A band around an estimate holds the estimate, also where replicates are few or skewed.
      low[t] = sorted.length == 0 ? Double.NaN : Math.min(values[t], quantile(sorted, 0.05));
      high[t] = sorted.length == 0 ? Double.NaN : Math.max(values[t], quantile(sorted, 0.95));
    }
    return new Curve(name, values, low, high);
  }

  private static double quantile(double[] sorted, double share) {
    double at = share * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(sorted.length - 1, below + 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  /** All curves of a series that its tracks give. */
  public static List<Curve> of(Population population) {
    List<Curve> curves = new ArrayList<>();
    curves.add(of("births_presence", counts(population.births())));
    curves.add(of("births_emergence", counts(population.emergences())));
    curves.add(of("births_direction", counts(population.directionBirths())));
    curves.add(of("peaks", counts(population.peaks())));
    curves.add(of("deaths", counts(population.deaths())));
    curves.add(of("alive", counts(population.alive())));
    for (int m = 0; m < Population.MEANS.size(); m++) {
      curves.add(of(Population.MEANS.get(m), population.mean(m)));
    }
    double[][] changes = population.changes(0);
    for (int s = 0; s < changes.length; s++) {
      // Between two checkpoints, told at the later one.
      double[] values = new double[changes[s].length + 1];
      values[0] = Double.NaN;
      System.arraycopy(changes[s], 0, values, 1, changes[s].length);
      curves.add(of(Population.CHANGES.get(s), values));
    }
    return curves;
  }

  private static double[] counts(long[] counts) {
    return Arrays.stream(counts).asDoubleStream().toArray();
  }
}
