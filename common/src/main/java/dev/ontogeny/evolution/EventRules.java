package dev.ontogeny.evolution;

import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * When a track counts as born, at its peak, dead: three definitions of birth side by side, none of
 * them "the" birth.
 *
 * <ul>
 *   <li>Presence: a track is <em>alive</em> where its decoder has cosine ≥ {@code aliveCosine} to
 *       its own direction at its strongest checkpoint and its strength is at least {@code
 *       aliveStrength} of its greatest. Birth is the first such checkpoint (the series' first if it
 *       is alive from the beginning), death the one after the last such, none if the last is the
 *       series' last. Measured on planted features: 0.7 and 0.15 for chains of unit-norm
 *       dictionaries. Of a crosscoder the decoder norm alone decides: {@link #ofCrosscoder}.
 *   <li>Emergence: the last upward crossing of {@code emergenceStrength} of the peak before the
 *       peak, the peak taken over trained checkpoints: the first checkpoint from which strength
 *       stays above until the peak.
 *   <li>Direction: the first checkpoint from which the cosine to the own direction at that peak
 *       stays ≥ {@code directionCosine} until the peak.
 * </ul>
 *
 * @param activeRate firing rate that an active track reaches at some checkpoint
 * @param trainedFrom first training step that counts as trained: a network at step 0 is a random
 *     code
 */
public record EventRules(
    double aliveCosine,
    double aliveStrength,
    double emergenceStrength,
    double directionCosine,
    double activeRate,
    long trainedFrom,
    Lifecycle.Thresholds lifecycle)
    implements Serializable {
  public EventRules {
    new Problems()
        .between("alive-cosine", aliveCosine, -1, 1)
        .between("alive-strength", aliveStrength, 0, 1)
        .between("emergence-strength", emergenceStrength, 0, 1)
        .between("direction-cosine", directionCosine, -1, 1)
        .between("active-rate", activeRate, 0, 1)
        .check(trainedFrom >= 0, "trained-from", "must be at least 0, got %d", trainedFrom)
        .raise();
  }

  /**
   * The same rules for a crosscoder: a feature is present where its relative decoder norm is at
   * least {@code aliveNorm}, whatever its direction. Measured on planted features: 0.5.
   */
  public EventRules ofCrosscoder(double aliveNorm) {
    return new EventRules(
        -1, aliveNorm, emergenceStrength, directionCosine, activeRate, trainedFrom, lifecycle);
  }

  /** The index of the first trained checkpoint, 0 if none is. */
  public int firstTrained(long[] checkpoints) {
    for (int t = 0; t < checkpoints.length; t++) {
      if (checkpoints[t] >= trainedFrom) {
        return t;
      }
    }
    return 0;
  }

  /** Where a track is alive, [T]. */
  public boolean[] alive(Track track) {
    boolean[] alive = new boolean[track.checkpoints()];
    for (int t = 0; t < alive.length; t++) {
      alive[t] =
          track.strength()[t] > 0
              && track.cosineStrongest()[t] >= aliveCosine
              && track.relativeStrength(t) >= aliveStrength;
    }
    return alive;
  }

  /**
   * The events of a track.
   *
   * @param time [T], {@link TimeAxis#unit} of the log axis
   */
  public TrackEvents events(Track track, double[] time) {
    int peak = track.strongest();
    double rate = 0;
    for (double each : track.firingRate()) {
      rate = Math.max(rate, each);
    }
    if (rate < activeRate || track.strength()[peak] <= 0) {
      return TrackEvents.INACTIVE;
    }
    boolean[] alive = alive(track);
    int count = alive.length;
    int birth = -1;
    int last = -1;
    double[] level = new double[count];
    for (int t = 0; t < count; t++) {
      if (alive[t]) {
        birth = birth < 0 ? t : birth;
        last = t;
      }
      // Where the direction is another, the latent holds another feature, and the strength is that
      // one's.
      level[t] = track.cosineStrongest()[t] >= aliveCosine ? track.relativeStrength(t) : 0;
    }
    int trained = track.trainedPeak();
    boolean everTrained = track.strength()[trained] > 0;
    return new TrackEvents(
        birth,
        everTrained
            ? staysFrom(track.strength(), trained, emergenceStrength * track.strength()[trained])
            : -1,
        everTrained ? staysFrom(track.cosineTrainedPeak(), trained, directionCosine) : -1,
        peak,
        last < 0 || last == count - 1 ? -1 : last + 1,
        Lifecycle.of(time, level, alive, peak, lifecycle));
  }

  /** The first index from which values stay at least {@code level} up to {@code until}. */
  private static int staysFrom(double[] values, int until, double level) {
    int from = until;
    while (from > 0 && values[from - 1] >= level) {
      from--;
    }
    return from;
  }
}
