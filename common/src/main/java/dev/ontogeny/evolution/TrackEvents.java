package dev.ontogeny.evolution;

/**
 * What happened to a track, as indices of checkpoints; -1 where it did not happen within the
 * series.
 *
 * @param birth first checkpoint where it is alive
 * @param emergence where its strength rose for the last time over half its peak
 * @param directionBirth from where on its direction is the one at its peak
 * @param peak its strongest checkpoint
 * @param death the checkpoint after the last where it is alive, if it is not alive at the end
 */
public record TrackEvents(
    int birth, int emergence, int directionBirth, int peak, int death, Lifecycle lifecycle) {
  /** Nothing ever happened. */
  public static final TrackEvents INACTIVE =
      new TrackEvents(-1, -1, -1, -1, -1, Lifecycle.INACTIVE);
}
