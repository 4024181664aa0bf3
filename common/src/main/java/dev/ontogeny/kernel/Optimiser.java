package dev.ontogeny.kernel;

import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * Adam (Kingma and Ba, arXiv 1412.6980), with what is done to gradients before and to weights
 * after.
 *
 * @param firstDecay of the mean gradient
 * @param secondDecay of the mean squared gradient
 * @param epsilon beside the root of the mean squared gradient
 * @param gradientClip largest global norm of the gradients, 0 for no bound
 * @param weightDecay both matrices lose this share of themselves times the learning rate, apart
 *     from their gradient (Loshchilov and Hutter, arXiv 1711.05101); 0 for none
 * @param averageDecay the dictionary is the running mean of its weights with this decay, at first
 *     the plain mean; 0 for the last weights
 */
public record Optimiser(
    double firstDecay,
    double secondDecay,
    double epsilon,
    double gradientClip,
    double weightDecay,
    double averageDecay)
    implements Serializable {

  public Optimiser {
    new Problems()
        .check(
            firstDecay >= 0 && firstDecay < 1,
            "first-decay",
            "must be in [0, 1), got %s",
            firstDecay)
        .check(
            secondDecay >= 0 && secondDecay < 1,
            "second-decay",
            "must be in [0, 1), got %s",
            secondDecay)
        .check(epsilon > 0, "epsilon", "must be positive, got %s", epsilon)
        .atLeast("gradient-clip", gradientClip, 0)
        .atLeast("weight-decay", weightDecay, 0)
        .check(
            averageDecay >= 0 && averageDecay < 1,
            "average-decay",
            "must be in [0, 1), got %s",
            averageDecay)
        .raise();
  }

  /** Adam(0.9, 0.999), clip 1, nothing else. */
  public static Optimiser standard() {
    return new Optimiser(0.9, 0.999, 1e-8, 1, 0, 0);
  }

  /** The weight of what was averaged so far, at the step with that number, from 1 on. */
  public float averageDecay(long step) {
    return (float) Math.min(averageDecay, (step - 1.0) / step);
  }
}
