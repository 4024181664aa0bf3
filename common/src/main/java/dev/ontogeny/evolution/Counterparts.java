package dev.ontogeny.evolution;

import java.util.Arrays;

/**
 * Which tracks of two replicas are each other's nearest by whole trajectory.
 *
 * @param partners for each track of the replica that was compared in ranges its counterpart in the
 *     other, -1 where it has none
 * @param cosines of their trajectories, in (0, 1]; 0 where there is no counterpart
 * @param others tracks of the other replica
 */
public record Counterparts(int[] partners, float[] cosines, int others) {

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
