package dev.ontogeny.train;

import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * The learning rate over the steps of a run: linear warm-up, constant, linear decay to zero.
 *
 * @param learningRate while constant
 * @param warmUp share of the steps, at least one step
 * @param decay share of the steps
 */
public record Schedule(double learningRate, double warmUp, double decay) implements Serializable {
  /** The width for which {@link #law} gives its coefficient. */
  private static final double LAW_WIDTH = 1 << 14;

  public Schedule {
    new Problems()
        .check(learningRate > 0, "learning-rate", "must be positive, got %s", learningRate)
        .between("warm-up", warmUp, 0, 1)
        .between("decay", decay, 0, 1)
        .raise();
  }

  /**
   * Wider dictionaries want smaller steps: coefficient / √(F / 2^14), as sparsify and
   * dictionary_learning have it.
   */
  public static double law(double coefficient, int width) {
    return coefficient / Math.sqrt(width / LAW_WIDTH);
  }

  /** The learning rate of a step, from 0 on, out of {@code steps}. */
  public float rate(long step, long steps) {
    double warm = Math.max(1, Math.floor(steps * warmUp));
    double cooling = Math.floor(steps * decay);
    double up = Math.min(1, (step + 1) / warm);
    double down = cooling == 0 ? 1 : Math.min(1, (steps - step) / (cooling + 1));
    return (float) (learningRate * Math.min(up, down));
  }
}
