package dev.ontogeny.evolution;

import java.io.Serializable;

/**
 * How strengths are distributed at each checkpoint: counts in 32 classes per doubling, for
 * quantiles to 2 %. Merges by adding (associative, commutative; no counts is the identity).
 */
public final class StrengthLevels implements Serializable {
  private static final long serialVersionUID = 1;
  private static final int CLASSES = 2048;
  private static final int PER_DOUBLING = 32;
  private static final int ONE = 1536;

  /** [T × CLASSES]. */
  private final long[] counts;

  private final int checkpoints;

  /** No strengths. */
  public StrengthLevels(int checkpoints) {
    this.checkpoints = checkpoints;
    counts = new long[checkpoints * CLASSES];
  }

  /** Counts a range of tracks; those without strength are left out. */
  public StrengthLevels add(TrackStatistics tracks) {
    for (int i = 0; i < tracks.size(); i++) {
      for (int t = 0; t < checkpoints; t++) {
        if (tracks.strength(i, t) > 0) {
          counts[t * CLASSES + classOf(tracks.strength(i, t))]++;
        }
      }
    }
    return this;
  }

  private static int classOf(double strength) {
    int level = ONE + (int) Math.floor(PER_DOUBLING * Math.log(strength) / Math.log(2));
    return Math.max(0, Math.min(CLASSES - 1, level));
  }

  /** Adds the counts of others. */
  public StrengthLevels merge(StrengthLevels other) {
    for (int i = 0; i < counts.length; i++) {
      counts[i] += other.counts[i];
    }
    return this;
  }

  /**
   * The strength that a share of the tracks reaches at each checkpoint, [T].
   *
   * @param share 0…1
   */
  public double[] reachedBy(double share) {
    double[] result = new double[checkpoints];
    for (int t = 0; t < checkpoints; t++) {
      long total = 0;
      for (int c = 0; c < CLASSES; c++) {
        total += counts[t * CLASSES + c];
      }
      long above = 0;
      int level = CLASSES;
      while (level > 0 && above < Math.max(1, Math.round(share * total))) {
        above += counts[t * CLASSES + --level];
      }
      result[t] = Math.pow(2, (level - ONE) / (double) PER_DOUBLING);
    }
    return result;
  }
}
