package dev.ontogeny.evolution;

import java.io.IOException;
import java.io.Serializable;
import java.util.Arrays;

/**
 * Which feature a track is at which checkpoint. A track begins at a feature that continues none,
 * and goes on to the feature that continues it. In a chain that is the feature of the same index,
 * so track i begins as feature i, and further tracks begin where a latent is taken over by another
 * feature.
 */
public final class TrackIndex implements Serializable {
  private static final long serialVersionUID = 1;

  private final int checkpoints;
  private final int count;

  /** [T][F]. */
  private final int[][] trackOf;

  /** Tells which feature continues which, one checkpoint after the other. */
  @FunctionalInterface
  public interface Successors {
    /**
     * Of the features of checkpoint t.
     *
     * @return the feature of checkpoint t + 1 that continues each, -1 for none, as {@link
     *     Lineage#successors}
     */
    int[] of(int t) throws IOException;
  }

  private TrackIndex(int checkpoints, int count, int[][] trackOf) {
    this.checkpoints = checkpoints;
    this.count = count;
    this.trackOf = trackOf;
  }

  /**
   * Tracks are numbered by their first checkpoint, then by their feature there.
   *
   * @param features at each checkpoint, [T]
   */
  public static TrackIndex following(int[] features, Successors successors) throws IOException {
    int[][] trackOf = new int[features.length][];
    int count = 0;
    for (int t = 0; t < features.length; t++) {
      trackOf[t] = new int[features[t]];
      Arrays.fill(trackOf[t], -1);
      if (t > 0) {
        int[] continued = successors.of(t - 1);
        for (int from = 0; from < continued.length; from++) {
          int to = continued[from];
          if (to >= 0) {
            trackOf[t][to] = trackOf[t - 1][from];
          }
        }
      }
      for (int feature = 0; feature < features[t]; feature++) {
        if (trackOf[t][feature] < 0) {
          trackOf[t][feature] = count++;
        }
      }
      if (t > 0 && Arrays.equals(trackOf[t], trackOf[t - 1])) {
        // In a chain mostly so: one array for all these checkpoints is enough.
        trackOf[t] = trackOf[t - 1];
      }
    }
    return new TrackIndex(features.length, count, trackOf);
  }

  public int checkpoints() {
    return checkpoints;
  }

  /** Number of tracks. */
  public int count() {
    return count;
  }

  /** The track of a feature at a checkpoint. */
  public int trackOf(int checkpoint, int feature) {
    return trackOf[checkpoint][feature];
  }

  /**
   * Features of the tracks {@code first} to {@code first + size} at every checkpoint, [size × T] by
   * track; -1 where a track is absent.
   */
  public int[] features(int first, int size) {
    int[] result = new int[size * checkpoints];
    Arrays.fill(result, -1);
    for (int t = 0; t < checkpoints; t++) {
      for (int feature = 0; feature < trackOf[t].length; feature++) {
        int at = trackOf[t][feature] - first;
        if (at >= 0 && at < size) {
          result[at * checkpoints + t] = feature;
        }
      }
    }
    return result;
  }
}
