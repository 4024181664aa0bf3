package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Map;

/**
 * Trains one dictionary: batches go in, losses come out, weights stay on the device. Not safe for
 * several threads; uses several itself. The same steps give the same weights for any number of
 * threads.
 */
public interface TrainingKernel extends AutoCloseable {
  /**
   * One optimiser step.
   *
   * @param batch at least two rows in captured units, [n, D]
   */
  StepLosses step(FloatMatrix batch, StepSettings settings);

  /**
   * One optimiser step, of a kernel with memory of its own while the next batch is copied there.
   * The bytes are those of {@link #step(FloatMatrix, StepSettings)}.
   *
   * @param next the very batch that the next step gets, and as it is now; null where it is not
   *     known yet
   */
  default StepLosses step(FloatMatrix batch, StepSettings settings, FloatMatrix next) {
    return step(batch, settings);
  }

  /** Lets the steps that follow tell where their time goes; kernels that cannot say nothing. */
  default void profile(StepProfile profile) {}

  /** The dictionary as it is now, copied off the device. */
  Dictionary snapshot();

  /**
   * Everything that the next step depends on, by name, copied off the device. {@link StatePart}
   * knows each by its name; what has latents has as many values for each of them, one latent after
   * the other or column by column, and the decoder has them latent by latent.
   */
  Map<String, float[]> state();

  /** Goes on from {@link #state} of a kernel of the same specification. */
  void restore(Map<String, float[]> state);

  @Override
  void close();

  /**
   * What changes from step to step.
   *
   * @param learningRate after schedule
   * @param sparsity share of the penalty's coefficient, 0 to 1
   * @param annealed how far k has come from where it began to where it shall be, 0 to 1
   */
  record StepSettings(float learningRate, double sparsity, double annealed) {
    /** With the whole penalty and the last k. */
    public StepSettings(float learningRate) {
      this(learningRate, 1, 1);
    }

    /** k of the step; {@code initial} 0 is no annealing. */
    public int k(int k, int initial) {
      return initial == 0 ? k : (int) Math.round(initial + (k - initial) * annealed);
    }
  }

  /**
   * Of one batch, before the step was taken.
   *
   * @param loss what was minimised
   * @param fvu Σ‖x̃ − x̃̂‖² / Σ‖x̃ − mean(x̃)‖² over the batch
   * @param l0 mean number of active latents
   * @param deadShare share of latents that fired in none of the last tokens of the window
   * @param auxiliary the auxiliary loss, unweighted
   */
  record StepLosses(double loss, double fvu, double l0, double deadShare, double auxiliary) {}
}
