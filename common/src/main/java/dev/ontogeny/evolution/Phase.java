package dev.ontogeny.evolution;

import dev.ontogeny.run.Problems;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A stretch of training.
 *
 * @param curve what was looked at
 * @param method {@code window} or {@code segmentation}
 * @param start first checkpoint, as index
 * @param end last checkpoint, as index
 * @param score of a window the geometric mean of its scaled changes; of a segment by how much BIC
 *     prefers the cuts over none
 * @param confidence of a window 1 − the share of circularly shifted series that reach its score; of
 *     a segment the Schwarz weight of that number of pieces
 * @param support of a window the share of bootstrap replicates whose own window overlaps it by
 *     half; NaN for segments
 */
public record Phase(
    String curve,
    String method,
    TimeAxis axis,
    int start,
    int end,
    double score,
    double confidence,
    double support) {

  /**
   * How phases are looked for.
   *
   * @param windowDecades width of the reorganisation window in τ = log10(step + 1)
   * @param shifts circular shifts of its null
   * @param bootstraps replicates in which tracks are drawn anew
   * @param strongShare which share of tracks counts as strongest
   * @param segments greatest number of pieces of a curve
   */
  public record Rules(
      double windowDecades, int shifts, int bootstraps, double strongShare, int segments)
      implements Serializable {
    public Rules {
      new Problems()
          .between("window-decades", windowDecades, 0.01, 10)
          .between("shifts", shifts, 0, 1_000_000)
          .between("bootstraps", bootstraps, 0, 10_000)
          .between("strong-share", strongShare, 0.0001, 1)
          .between("segments", segments, 1, 1000)
          .raise();
    }
  }

  /**
   * The window in which the tracks of a series change most; none if it has less than 3 checkpoints.
   */
  public static List<Phase> reorganisation(
      long[] checkpoints, Population population, Rules rules, long seed) {
    if (checkpoints.length < 3) {
      return List.of();
    }
    double[] time = TimeAxis.LOG.of(checkpoints);
    ReorganisationWindow window =
        ReorganisationWindow.find(
            time, population.changes(0), rules.windowDecades, rules.shifts, seed);
    int agreeing = 0;
    for (int b = 1; b <= population.bootstraps(); b++) {
      ReorganisationWindow other =
          ReorganisationWindow.find(time, population.changes(b), rules.windowDecades, 0, seed);
      agreeing += Math.abs(other.start() - window.start()) <= rules.windowDecades / 2 ? 1 : 0;
    }
    int start = 0;
    int end = checkpoints.length - 1;
    for (int t = 0; t < time.length; t++) {
      start = time[t] <= window.start() + 1e-9 ? t : start;
    }
    for (int t = time.length - 1; t >= 0; t--) {
      end = time[t] >= window.end() - 1e-9 ? t : end;
    }
    return List.of(
        new Phase(
            "reorganisation",
            "window",
            TimeAxis.LOG,
            start,
            end,
            window.score(),
            1 - window.chance(),
            population.bootstraps() == 0
                ? Double.NaN
                : (double) agreeing / population.bootstraps()));
  }

  /** The straight pieces of a curve, on each axis. */
  public static List<Phase> segments(long[] checkpoints, Curve curve, Rules rules) {
    int[] known = known(curve.values());
    List<Phase> phases = new ArrayList<>();
    if (known.length < 2 * Segmentation.SHORTEST) {
      return phases;
    }
    for (TimeAxis axis : TimeAxis.values()) {
      double[] x = Arrays.stream(known).mapToDouble(t -> axis.of(checkpoints[t])).toArray();
      double[] y = Arrays.stream(known).mapToDouble(t -> curve.values()[t]).toArray();
      Segmentation cut = Segmentation.of(x, y, rules.segments);
      for (int s = 0; s < cut.starts().length; s++) {
        int next = s + 1 < cut.starts().length ? cut.starts()[s + 1] : known.length;
        phases.add(
            new Phase(
                curve.name(),
                "segmentation",
                axis,
                known[cut.starts()[s]],
                known[next - 1],
                cut.score(),
                cut.weight(),
                Double.NaN));
      }
    }
    return phases;
  }

  private static int[] known(double[] values) {
    int[] known = new int[values.length];
    int count = 0;
    for (int t = 0; t < values.length; t++) {
      if (Double.isFinite(values[t])) {
        known[count++] = t;
      }
    }
    return Arrays.copyOf(known, count);
  }
}
