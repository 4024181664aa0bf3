package dev.ontogeny.train;

import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * What changes over the steps of a run. The learning rate: linear warm-up, constant, linear decay
 * to zero. The coefficient of a penalty: linear from zero. k: linear from where it begins.
 *
 * @param learningRate while constant
 * @param warmUp share of the steps, at least one step
 * @param decay share of the steps
 * @param sparsityWarmUp share of the steps until the penalty has its whole coefficient
 * @param annealing share of the steps until k is what it shall be
 */
public record Schedule(
    double learningRate, double warmUp, double decay, double sparsityWarmUp, double annealing)
    implements Serializable {
  /** The width for which {@link #law} gives its coefficient. */
  private static final double LAW_WIDTH = 1 << 14;

  public Schedule {
    new Problems()
        .check(learningRate > 0, "learning-rate", "must be positive, got %s", learningRate)
        .between("warm-up", warmUp, 0, 1)
        .between("decay", decay, 0, 1)
        .between("sparsity-warm-up", sparsityWarmUp, 0, 1)
        .between("annealing", annealing, 0, 1)
        .raise();
  }

  /** Of the learning rate alone. */
  public Schedule(double learningRate, double warmUp, double decay) {
    this(learningRate, warmUp, decay, 0, 0);
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

  /** All that changes, for a step, from 0 on, out of {@code steps}. */
  public StepSettings at(long step, long steps) {
    return new StepSettings(
        rate(step, steps), reached(step, steps, sparsityWarmUp), reached(step, steps, annealing));
  }

  private static double reached(long step, long steps, double share) {
    double rising = Math.floor(steps * share);
    return rising == 0 ? 1 : Math.min(1, step / rising);
  }
}
