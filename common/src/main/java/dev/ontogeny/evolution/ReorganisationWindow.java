package dev.ontogeny.evolution;

import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * The stretch of training in which features change most, after He et al. 2026 ("Learning to Read
 * Out"): several series of change between neighbouring checkpoints, each divided by the logarithmic
 * time between them, integrated over windows of a fixed logarithmic width, scaled from least to
 * greatest, joined by their geometric mean; the window of the greatest mean wins. Windows begin or
 * end at a checkpoint. The null shifts every series in a circle by a random number of intervals of
 * its own.
 *
 * @param start τ where the window begins
 * @param end τ where it ends
 * @param score geometric mean of the scaled integrals, 0…1
 * @param chance share of shifted series (the observed ones counted among them) whose best window
 *     scores at least as high
 */
public record ReorganisationWindow(double start, double end, double score, double chance) {
  /**
   * Scaled integrals below this count as this: a window in which one series is least must not have
   * a mean of zero whatever the other series say.
   */
  private static final double FLOOR = 0.01;

  /**
   * Finds it.
   *
   * @param time [T], τ of the checkpoints
   * @param changes [series][T − 1], NaN where there is no value
   * @param width of the window in decades
   * @param shifts how many shifted series the score is compared with, 0 for none
   */
  public static ReorganisationWindow find(
      double[] time, double[][] changes, double width, int shifts, long seed) {
    double[] starts = starts(time, width);
    double[][] densities = new double[changes.length][];
    for (int s = 0; s < changes.length; s++) {
      densities[s] = new double[time.length - 1];
      for (int t = 0; t + 1 < time.length; t++) {
        double value = changes[s][t] / (time[t + 1] - time[t]);
        densities[s][t] = Double.isFinite(value) ? value : 0;
      }
    }
    double[] scores = scores(time, densities, starts, width);
    int best = 0;
    for (int w = 1; w < scores.length; w++) {
      best = scores[w] > scores[best] ? w : best;
    }
    int reached = 1;
    RandomGenerator random = Seeds.generator(seed, "circular-shifts");
    for (int shift = 0; shift < shifts; shift++) {
      double[][] shifted = new double[densities.length][];
      for (int s = 0; s < densities.length; s++) {
        shifted[s] = rotated(densities[s], random.nextInt(densities[s].length));
      }
      double greatest = Arrays.stream(scores(time, shifted, starts, width)).max().orElse(0);
      reached += greatest >= scores[best] - 1e-12 ? 1 : 0;
    }
    return new ReorganisationWindow(
        starts[best],
        Math.min(time[time.length - 1], starts[best] + width),
        scores[best],
        (double) reached / (1 + shifts));
  }

  /** Begins of windows that lie within the series; its own begin if it is shorter than a window. */
  private static double[] starts(double[] time, double width) {
    double first = time[0];
    double latest = Math.max(first, time[time.length - 1] - width);
    return Arrays.stream(time)
        .flatMap(each -> Arrays.stream(new double[] {each, each - width}))
        .filter(each -> each >= first && each <= latest)
        .sorted()
        .distinct()
        .toArray();
  }

  private static double[] scores(
      double[] time, double[][] densities, double[] starts, double width) {
    double[] logs = new double[starts.length];
    int used = 0;
    for (double[] density : densities) {
      double[] integrals = new double[starts.length];
      for (int w = 0; w < starts.length; w++) {
        for (int t = 0; t < density.length; t++) {
          double from = Math.max(starts[w], time[t]);
          double to = Math.min(starts[w] + width, time[t + 1]);
          integrals[w] += to > from ? density[t] * (to - from) : 0;
        }
      }
      double least = Arrays.stream(integrals).min().orElse(0);
      double range = Arrays.stream(integrals).max().orElse(0) - least;
      // A series that is the same everywhere points nowhere.
      if (range > 1e-12 * Math.abs(least) && range > 0) {
        for (int w = 0; w < starts.length; w++) {
          logs[w] += Math.log(Math.max(FLOOR, (integrals[w] - least) / range));
        }
        used++;
      }
    }
    double[] scores = new double[starts.length];
    for (int w = 0; w < starts.length && used > 0; w++) {
      scores[w] = Math.exp(logs[w] / used);
    }
    return scores;
  }

  private static double[] rotated(double[] values, int by) {
    double[] result = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      result[(i + by) % values.length] = values[i];
    }
    return result;
  }
}
