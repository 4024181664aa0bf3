package dev.ontogeny.evolution;

import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * Whether a crosscoder's feature really was absent before its birth, by latent scaling (Minder et
 * al., arXiv 2504.02922): a short decoder may also mean that the penalty shrank it, or that other
 * features took the direction over.
 *
 * @param errorBefore the greatest β against the error before the birth; NaN without a checkpoint
 *     before
 * @param othersBefore likewise against what all other features reconstruct
 * @param errorAtBirth β against the error at the birth
 * @param othersAtBirth β against what all other features reconstruct
 */
public record BirthCheck(
    double errorBefore, double othersBefore, double errorAtBirth, double othersAtBirth) {

  /**
   * When a birth is confirmed.
   *
   * @param absentBelow β against the error stays below this before the birth, and others do not
   *     lose this much of the direction at the birth
   * @param presentFrom β against the error is at least this at the birth
   */
  public record Rules(double absentBelow, double presentFrom) implements Serializable {
    public Rules {
      new Problems()
          .check(absentBelow > 0, "absent-below", "must be positive, got %s", absentBelow)
          .check(presentFrom > 0, "present-from", "must be positive, got %s", presentFrom)
          .raise();
    }
  }

  /**
   * What was measured around a birth.
   *
   * @param i place of the track
   * @param birth index of the checkpoint
   */
  public static BirthCheck of(TrackStatistics statistics, int i, int birth) {
    double error = Double.NaN;
    double others = Double.NaN;
    for (int t = 0; t < birth; t++) {
      error = greater(error, statistics.betaError(i, t));
      others = greater(others, statistics.betaOthers(i, t));
    }
    return new BirthCheck(
        error, others, statistics.betaError(i, birth), statistics.betaOthers(i, birth));
  }

  private static double greater(double a, double b) {
    return Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.max(a, b);
  }

  /** Whether there was something to look at on both sides of the birth. */
  public boolean possible() {
    return !Double.isNaN(errorBefore + othersBefore + errorAtBirth + othersAtBirth);
  }

  /** Whether the feature was absent before its birth and present from then on. */
  public boolean confirmed(Rules rules) {
    return errorBefore < rules.absentBelow
        && othersBefore - othersAtBirth < rules.absentBelow
        && errorAtBirth >= rules.presentFrom;
  }
}
