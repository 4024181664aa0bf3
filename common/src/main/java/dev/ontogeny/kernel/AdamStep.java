package dev.ontogeny.kernel;

/**
 * Adam's numbers of one step.
 *
 * @param rate learning rate over the correction of the first mean
 * @param root one over the root of the correction of the second mean
 */
public record AdamStep(float firstDecay, float secondDecay, float epsilon, float rate, float root) {
  /** Of the step with that number, from 1 on. */
  public static AdamStep of(Optimiser optimiser, double learningRate, long step) {
    double firstCorrection = 1 - Math.pow(optimiser.firstDecay(), (double) step);
    double secondCorrection = 1 - Math.pow(optimiser.secondDecay(), (double) step);
    return new AdamStep(
        (float) optimiser.firstDecay(),
        (float) optimiser.secondDecay(),
        (float) optimiser.epsilon(),
        (float) (learningRate / firstCorrection),
        (float) (1 / Math.sqrt(secondCorrection)));
  }
}
