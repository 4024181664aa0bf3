package dev.ontogeny.train;

import dev.ontogeny.kernel.TrainingKernel.StepLosses;

/**
 * A row of the training log: means over the steps since the row before, except where said.
 *
 * @param step the last one, from 1 on
 * @param tokens seen so far
 * @param deadShare at the last step
 * @param learningRate of the last step
 * @param tokensPerSecond measured
 */
record LogRow(
    long step,
    long tokens,
    double loss,
    double fvu,
    double l0,
    double deadShare,
    double auxiliaryLoss,
    double learningRate,
    double tokensPerSecond) {

  /** Sums over the steps since the last row; part of the saved state. */
  record Sums(
      int steps,
      double loss,
      double fvu,
      double l0,
      double deadShare,
      double auxiliary,
      double seconds) {
    static final Sums NONE = new Sums(0, 0, 0, 0, 0, 0, 0);

    Sums plus(StepLosses losses, double stepSeconds) {
      return new Sums(
          steps + 1,
          loss + losses.loss(),
          fvu + losses.fvu(),
          l0 + losses.l0(),
          losses.deadShare(),
          auxiliary + losses.auxiliary(),
          seconds + stepSeconds);
    }

    LogRow row(long step, int batch, double learningRate) {
      return new LogRow(
          step,
          step * batch,
          loss / steps,
          fvu / steps,
          l0 / steps,
          deadShare,
          auxiliary / steps,
          learningRate,
          seconds > 0 ? steps * (double) batch / seconds : 0);
    }
  }
}
