package dev.ontogeny.train;

import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import java.io.Serializable;

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
    double tokensPerSecond)
    implements Serializable {

  /** Sums over the steps since the last row; part of the saved state. */
  record Sums(
      int steps,
      double loss,
      double fvu,
      double l0,
      double deadShare,
      double auxiliary,
      double seconds)
      implements Serializable {
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

    /** With those of another worker over as many steps of its own. */
    Sums and(Sums other) {
      return new Sums(
          steps + other.steps,
          loss + other.loss,
          fvu + other.fvu,
          l0 + other.l0,
          other.deadShare,
          auxiliary + other.auxiliary,
          seconds + other.seconds);
    }

    /**
     * The row of a round.
     *
     * @param step of each worker
     * @param dead share of latents that no worker has seen fire
     */
    LogRow row(long step, int batch, int workers, double dead, double learningRate) {
      return new LogRow(
          step,
          step * batch * workers,
          loss / steps,
          fvu / steps,
          l0 / steps,
          dead,
          auxiliary / steps,
          learningRate,
          // As if all of them had worked at once.
          seconds > 0 ? steps * (double) batch * workers / seconds : 0);
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
