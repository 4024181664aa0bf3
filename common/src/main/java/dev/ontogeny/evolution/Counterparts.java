package dev.ontogeny.evolution;

import dev.ontogeny.kernel.KernelProvider;
import java.util.Arrays;

/**
 * Which tracks of two replicas are each other's nearest by whole trajectory, or which features by
 * their directions.
 *
 * @param partners for each track of the replica that was compared in ranges its counterpart in the
 *     other, -1 where it has none
 * @param cosines of their trajectories, in (0, 1]; 0 where there is no counterpart. Of features the
 *     lesser of decoders' and encoders' cosine, which may be negative
 * @param others tracks of the other replica
 */
public record Counterparts(int[] partners, float[] cosines, int others) {

  /** Features that are compared at a time. */
  private static final int BLOCK = 1024;

  /** Decoder and encoder count alike; of the rest no more is asked than the nearest. */
  private static final MatchingRules ALIKE = new MatchingRules(0.5, 0, 0, 2, 0, 1);

  /**
   * Mutual nearest neighbours among features by the mean of their decoders' and encoders' cosines;
   * told is the lesser of the two, since what only looks alike is not the same feature. Memory
   * beside the directions: six times those of {@link #BLOCK} features.
   */
  public static Counterparts of(KernelProvider provider, Directions from, Directions to) {
    Matches all = null;
    for (int first = 0; first < from.count(); first += BLOCK) {
      Directions block = from.rows(first, Math.min(BLOCK, from.count() - first));
      try (BlockMatcher matcher =
          new BlockMatcher(provider, block, first, from.count(), to.count(), ALIKE, 0)) {
        for (int other = 0; other < to.count(); other += BLOCK) {
          matcher.compare(to.rows(other, Math.min(BLOCK, to.count() - other)), other);
        }
        all = all == null ? matcher.result() : all.merge(matcher.result());
      }
    }
    Counterparts found = of(all);
    Neighbours forward = all.forward();
    for (int i = 0; i < found.partners.length; i++) {
      if (found.partners[i] >= 0) {
        found.cosines[i] = Math.min(forward.decoder(i, 0), forward.encoder(i, 0));
      }
    }
    return found;
  }

  /** Mutual nearest neighbours of what {@link TrajectoryMatcher} saw. */
  public static Counterparts of(Matches matches) {
    Neighbours forward = matches.forward();
    Neighbours backward = matches.backward();
    int[] partners = new int[forward.count()];
    float[] cosines = new float[forward.count()];
    Arrays.fill(partners, -1);
    for (int i = 0; i < partners.length; i++) {
      int j = forward.index(i, 0);
      if (j >= 0 && backward.index(j, 0) == i) {
        partners[i] = j;
        cosines[i] = Math.min(1, forward.score(i, 0));
      }
    }
    return new Counterparts(partners, cosines, backward.count());
  }

  /** The same, seen from the other replica. */
  public Counterparts reversed() {
    int[] back = new int[others];
    float[] same = new float[others];
    Arrays.fill(back, -1);
    for (int i = 0; i < partners.length; i++) {
      if (partners[i] >= 0) {
        back[partners[i]] = i;
        same[partners[i]] = cosines[i];
      }
    }
    return new Counterparts(back, same, partners.length);
  }
}
