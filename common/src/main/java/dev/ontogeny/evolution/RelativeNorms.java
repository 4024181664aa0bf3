package dev.ontogeny.evolution;

import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * How a feature's decoder norm is divided among two or three checkpoints of a crosscoder, in scaled
 * units.
 */
public final class RelativeNorms {
  private RelativeNorms() {}

  /**
   * When a feature belongs to one checkpoint (Bayazit et al., arXiv 2509.05291).
   *
   * @param specificAbove share of the norms above which it is specific to a checkpoint
   * @param absentBelow share below which it is absent there; shared in between
   */
  public record Rules(double specificAbove, double absentBelow) implements Serializable {
    public Rules {
      new Problems()
          .between("specific-above", specificAbove, 0, 1)
          .between("absent-below", absentBelow, 0, specificAbove)
          .raise();
    }

    /** As the table writes it. */
    public String kind(double share) {
      return share > specificAbove ? "specific" : share < absentBelow ? "absent" : "shared";
    }
  }

  /** RelDec: a norm over the sum of it and others; NaN of nothing. */
  public static double share(double norm, double others) {
    return norm / (norm + others);
  }

  /**
   * Δ_norm = ½ [(n − o) / max(n, o) + 1] with n the norm and o the sum of the others (Minder et
   * al., arXiv 2504.02922): 1 where only this one is there, ½ where both are alike.
   */
  public static double difference(double norm, double others) {
    return 0.5 * ((norm - others) / Math.max(norm, others) + 1);
  }
}
