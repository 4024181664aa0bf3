package dev.ontogeny.evolution;

import dev.ontogeny.run.Seeds;
import dev.ontogeny.stats.Bootstrap;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/**
 * What all tracks of a series do together, as sums that merge (associative, commutative; all zeros
 * are the identity). Tracks that are inactive are counted and otherwise left out.
 *
 * <p>Changes between neighbouring checkpoints, with every track counted Poisson(1) times in each of
 * {@code bootstraps} replicates, for the reorganisation window:
 *
 * <ol>
 *   <li>|Δ relative strength|, weighted by the greater strength;
 *   <li>|Δ firing rate| relative to the track's greatest;
 *   <li>angle between the directions in degrees, weighted by the geometric mean of the strengths;
 *   <li>|Δ cosine to the final direction|;
 *   <li>1 − Jaccard index of the sets of strongest tracks;
 *   <li>share of tracks that peak at the later checkpoint.
 * </ol>
 *
 * <p>Byte form, big-endian: int 0x4f504f31, T, bootstraps; the counts as longs; the sums as
 * doubles.
 */
public final class Population {
  /** Names of the changes, in order. */
  public static final List<String> CHANGES =
      List.of(
          "strength_turnover",
          "rate_turnover",
          "rotation_degrees",
          "direction_velocity",
          "rank_instability",
          "peak_share");

  /** Means over tracks at each checkpoint, in order. */
  static final List<String> MEANS =
      List.of(
          "cosine_previous",
          "cosine_first",
          "cosine_final",
          "jaccard_previous",
          "alive_strength_share");

  private static final List<Lifecycle> LIFECYCLES = List.of(Lifecycle.values());
  private static final int MAGIC = 0x4f504f31;
  private static final int BIRTHS = 0;
  private static final int EMERGENCES = 1;
  private static final int DIRECTION_BIRTHS = 2;
  private static final int PEAKS = 3;
  private static final int DEATHS = 4;
  private static final int ALIVE = 5;
  private static final int EVENTS = 6;

  private final int checkpoints;
  private final int bootstraps;
  private final long[] totals = new long[1];
  private final long[] classes = new long[LIFECYCLES.size()];

  /** [EVENTS × T]. */
  private final long[] events;

  /** [MEANS × T], numerators then denominators. */
  private final double[] means;

  private final double[] meanWeights;

  /** [CHANGES × (T − 1) × (1 + bootstraps)], numerators then denominators. */
  private final double[] changes;

  private final double[] changeWeights;

  /** No tracks. */
  public Population(int checkpoints, int bootstraps) {
    this.checkpoints = checkpoints;
    this.bootstraps = bootstraps;
    events = new long[EVENTS * checkpoints];
    means = new double[MEANS.size() * checkpoints];
    meanWeights = new double[means.length];
    changes = new double[CHANGES.size() * Math.max(0, checkpoints - 1) * (1 + bootstraps)];
    changeWeights = new double[changes.length];
  }

  /**
   * Counts a track in.
   *
   * @param i its place in the range
   * @param strong [T], the strength from which a track is among the strongest at each checkpoint
   * @param seed of the replicates
   */
  public void add(
      Trajectories trajectories,
      int i,
      Track track,
      TrackEvents itsEvents,
      boolean[] alive,
      double[] strong,
      long seed) {
    totals[0]++;
    classes[LIFECYCLES.indexOf(itsEvents.lifecycle())]++;
    if (itsEvents.lifecycle() == Lifecycle.INACTIVE) {
      return;
    }
    count(BIRTHS, itsEvents.birth());
    count(EMERGENCES, itsEvents.emergence());
    count(DIRECTION_BIRTHS, itsEvents.directionBirth());
    count(PEAKS, itsEvents.peak());
    count(DEATHS, itsEvents.death());
    addMeans(trajectories, i, track, alive);
    if (checkpoints > 1) {
      addChanges(trajectories, i, track, itsEvents.peak(), strong, seed);
    }
  }

  private void count(int event, int checkpoint) {
    if (checkpoint >= 0) {
      events[event * checkpoints + checkpoint]++;
    }
  }

  private void addMeans(Trajectories trajectories, int i, Track track, boolean[] alive) {
    double[] strength = track.strength();
    TrackStatistics statistics = trajectories.statistics();
    int first = -1;
    int last = -1;
    for (int t = 0; t < checkpoints; t++) {
      if (statistics.feature(i, t) >= 0) {
        first = first < 0 ? t : first;
        last = t;
      }
    }
    for (int t = 0; t < checkpoints; t++) {
      events[ALIVE * checkpoints + t] += alive[t] ? 1 : 0;
      double previous = t > 0 ? Math.sqrt(strength[t - 1] * strength[t]) : 0;
      mean(0, t, trajectories.cosinePrevious(i, t), previous);
      mean(1, t, trajectories.cosineFirst(i, t), Math.sqrt(strength[first] * strength[t]));
      mean(2, t, trajectories.cosineFinal(i, t), Math.sqrt(strength[last] * strength[t]));
      mean(3, t, statistics.jaccardPrevious(i, t), 1);
      mean(4, t, alive[t] ? 1 : 0, strength[t]);
    }
  }

  private void mean(int which, int t, double value, double weight) {
    if (!Double.isNaN(value)) {
      means[which * checkpoints + t] += weight * value;
      meanWeights[which * checkpoints + t] += weight;
    }
  }

  private void addChanges(
      Trajectories trajectories, int i, Track track, int peak, double[] strong, long seed) {
    int[] copies = copies(trajectories.statistics().first() + i, seed);
    double[] strength = track.strength();
    double[] rate = track.firingRate();
    double greatestRate = Arrays.stream(rate).max().orElse(0);
    for (int t = 0; t + 1 < checkpoints; t++) {
      double both = Math.sqrt(strength[t] * strength[t + 1]);
      double cosine = trajectories.cosinePrevious(i, t + 1);
      double velocity =
          Math.abs(trajectories.cosineFinal(i, t + 1) - trajectories.cosineFinal(i, t));
      boolean strongBefore = strength[t] > 0 && strength[t] >= strong[t];
      boolean strongAfter = strength[t + 1] > 0 && strength[t + 1] >= strong[t + 1];
      double greater = Math.max(strength[t], strength[t + 1]);
      change(
          0,
          t,
          Math.abs(track.relativeStrength(t + 1) - track.relativeStrength(t)) * greater,
          greater,
          copies);
      change(1, t, Math.abs(rate[t + 1] - rate[t]) / greatestRate, 1, copies);
      if (!Double.isNaN(cosine)) {
        change(2, t, Math.toDegrees(Math.acos(cosine)) * both, both, copies);
      }
      if (!Double.isNaN(velocity)) {
        change(3, t, velocity, 1, copies);
      }
      if (strongBefore || strongAfter) {
        change(4, t, strongBefore && strongAfter ? 0 : 1, 1, copies);
      }
      change(5, t, peak == t + 1 ? 1 : 0, 1, copies);
    }
  }

  private void change(int which, int t, double value, double weight, int[] copies) {
    int at = (which * (checkpoints - 1) + t) * (1 + bootstraps);
    for (int b = 0; b <= bootstraps; b++) {
      changes[at + b] += copies[b] * value;
      changeWeights[at + b] += copies[b] * weight;
    }
  }

  /** How often a track counts: once as observed, then Poisson(1) times in each replicate. */
  private int[] copies(int track, long seed) {
    int[] copies = new int[1 + bootstraps];
    copies[0] = 1;
    long hash = Seeds.mix(seed, track);
    for (int b = 1; b <= bootstraps; b++) {
      copies[b] = Bootstrap.weight(hash, b);
    }
    return copies;
  }

  /** Counts others in. */
  public Population merge(Population other) {
    for (int c = 0; c < counts().length; c++) {
      for (int i = 0; i < counts()[c].length; i++) {
        counts()[c][i] += other.counts()[c][i];
      }
    }
    for (int s = 0; s < sums().length; s++) {
      for (int i = 0; i < sums()[s].length; i++) {
        sums()[s][i] += other.sums()[s][i];
      }
    }
    return this;
  }

  /** All tracks, inactive ones too. */
  public long tracks() {
    return totals[0];
  }

  /** Tracks of a class. */
  public long tracks(Lifecycle lifecycle) {
    return classes[LIFECYCLES.indexOf(lifecycle)];
  }

  /** Tracks born at each checkpoint by presence. */
  public long[] births() {
    return events(BIRTHS);
  }

  /** Tracks born at each checkpoint by strength. */
  public long[] emergences() {
    return events(EMERGENCES);
  }

  /** Tracks born at each checkpoint by direction. */
  public long[] directionBirths() {
    return events(DIRECTION_BIRTHS);
  }

  /** Tracks at their strongest at each checkpoint. */
  public long[] peaks() {
    return events(PEAKS);
  }

  /** Tracks dead from each checkpoint on. */
  public long[] deaths() {
    return events(DEATHS);
  }

  /** Tracks alive at each checkpoint. */
  public long[] alive() {
    return events(ALIVE);
  }

  private long[] events(int which) {
    return Arrays.copyOfRange(events, which * checkpoints, (which + 1) * checkpoints);
  }

  /** A mean over tracks at each checkpoint, NaN where no track has a value. */
  double[] mean(int which) {
    double[] result = new double[checkpoints];
    for (int t = 0; t < checkpoints; t++) {
      result[t] = means[which * checkpoints + t] / meanWeights[which * checkpoints + t];
    }
    return result;
  }

  /**
   * Changes between neighbouring checkpoints, [CHANGES][T − 1].
   *
   * @param replicate 0 for what was observed, 1 to {@link #bootstraps} for the replicates
   */
  public double[][] changes(int replicate) {
    double[][] result = new double[CHANGES.size()][Math.max(0, checkpoints - 1)];
    for (int s = 0; s < result.length; s++) {
      for (int t = 0; t + 1 < checkpoints; t++) {
        int at = (s * (checkpoints - 1) + t) * (1 + bootstraps) + replicate;
        result[s][t] = changes[at] / changeWeights[at];
      }
    }
    return result;
  }

  public int bootstraps() {
    return bootstraps;
  }

  /** Writes the byte form. */
  public void write(DataOutput out) throws IOException {
    out.writeInt(MAGIC);
    out.writeInt(checkpoints);
    out.writeInt(bootstraps);
    for (long[] counts : counts()) {
      for (long each : counts) {
        out.writeLong(each);
      }
    }
    for (double[] sums : sums()) {
      for (double each : sums) {
        out.writeDouble(each);
      }
    }
  }

  /** Reads the byte form. */
  public static Population read(DataInput in) throws IOException {
    if (in.readInt() != MAGIC) {
      throw new IOException("not the sums of a population");
    }
    Population result = new Population(in.readInt(), in.readInt());
    for (long[] counts : result.counts()) {
      for (int i = 0; i < counts.length; i++) {
        counts[i] = in.readLong();
      }
    }
    for (double[] sums : result.sums()) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] = in.readDouble();
      }
    }
    return result;
  }

  private long[][] counts() {
    return new long[][] {totals, classes, events};
  }

  private double[][] sums() {
    return new double[][] {means, meanWeights, changes, changeWeights};
  }
}
