package dev.ontogeny.evolution;

/**
 * One feature followed through the T checkpoints of a series.
 *
 * <p><em>Strength</em> is what a feature contributes on average: firing rate × mean activation
 * where it fires × decoder norm, that is the mean over all rows of the length of its term in the
 * reconstruction, in the dictionary's scaled units (so that a global change of scale moves no
 * peak). Decoders of TopK dictionaries have unit norm, so the norm alone says nothing about them.
 *
 * @param firingRate [T], 0 where the track is absent
 * @param strength [T], 0 where the track is absent
 * @param strongest index of the greatest strength, over all checkpoints
 * @param trainedPeak index of the greatest strength over trained checkpoints
 * @param cosineStrongest [T], decoder's cosine to its direction at {@code strongest}, 0 where
 *     absent
 * @param cosineTrainedPeak [T], likewise to its direction at {@code trainedPeak}
 */
public record Track(
    double[] firingRate,
    double[] strength,
    int strongest,
    int trainedPeak,
    double[] cosineStrongest,
    double[] cosineTrainedPeak) {

  /** The index of the greatest value from {@code first} on; the earliest of several. */
  public static int greatest(double[] values, int offset, int first, int count) {
    int best = first;
    for (int t = first + 1; t < count; t++) {
      if (values[offset + t] > values[offset + best]) {
        best = t;
      }
    }
    return best;
  }

  int checkpoints() {
    return strength.length;
  }

  /** Strength relative to its greatest, 0 throughout for a track that never fires. */
  public double relativeStrength(int t) {
    return strength[strongest] > 0 ? strength[t] / strength[strongest] : 0;
  }
}
