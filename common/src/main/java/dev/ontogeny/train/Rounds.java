package dev.ontogeny.train;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * One dictionary trained by several workers (DiLoCo: Douillard et al., arXiv 2311.08105). In a
 * round each makes local steps on shards of its own, from weights that all have in common; then the
 * mean of what they came to is what an outer step with Nesterov's momentum goes towards, as {@link
 * OuterStep} has it. Schedules follow the local steps, so that all workers are at the same place in
 * them.
 *
 * @param workers how many; 0 for one stream without rounds
 * @param steps that each makes in a round; the last round may have fewer
 * @param outerRate share of the way to the mean that the outer step goes, momentum aside
 * @param outerMomentum share of its velocity that the outer step keeps
 */
public record Rounds(int workers, int steps, double outerRate, double outerMomentum)
    implements Serializable {
  public Rounds {
    new Problems()
        .atLeast("workers", workers, 0)
        .atLeast("steps", steps, 1)
        .check(outerRate > 0, "outer-rate", "must be positive, got %s", outerRate)
        .check(
            outerMomentum >= 0 && outerMomentum < 1,
            "outer-momentum",
            "must be in [0, 1), got %s",
            outerMomentum)
        .raise();
  }

  /** Whether there are none. */
  @JsonIgnore
  public boolean isOff() {
    return workers == 0;
  }

  /** How many rounds so many local steps are. */
  public int count(long localSteps) {
    return Math.toIntExact((localSteps + steps - 1) / steps);
  }

  /** Local steps that were made before a round, from 0 on. */
  public long before(int round) {
    return (long) round * steps;
  }

  /** Local steps that were made after it, out of so many in all. */
  public long after(int round, long localSteps) {
    return Math.min(localSteps, before(round + 1));
  }

  /**
   * The window of dead latents in tokens of one worker. What is common afterwards is the least over
   * the workers, so that a latent is dead when all of them together have seen the whole window
   * without it.
   */
  public long deadWindow(long tokens) {
    return Math.max(1, (tokens + workers - 1) / workers);
  }
}
