package dev.ontogeny.kernel;

import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * How a TopK sparse autoencoder is trained (Gao et al., arXiv 2406.04093). With x̃ the centred and
 * scaled input, x̂ its reconstruction and r = x̃ − x̂, sums over the rows of a batch:
 *
 * <ul>
 *   <li>loss = Σ‖r‖² / Σ‖x̃ − mean(x̃)‖² + auxiliaryCoefficient · min(1, dead / auxiliaryK) ·
 *       auxiliary;
 *   <li>auxiliary = Σ‖r − r̂‖² / Σ‖r‖², r̂ = auxiliary code · W_dec without b_dec: the target holds
 *       no bias. The auxiliary code keeps the auxiliaryK largest positive pre-activations among the
 *       dead latents; r and its norm are constants to the gradient;
 *   <li>each step: gradients, the decoder's component parallel to each decoder row removed, clipped
 *       by their global norm, Adam, decoder rows back to unit norm.
 * </ul>
 *
 * @param width F, number of latents
 * @param k active latents of a row, at most
 * @param auxiliaryK dead latents that reconstruct the residual of a row, 0 for none
 * @param auxiliaryCoefficient weight of the auxiliary loss
 * @param deadWindow a latent is dead when it has not fired for this many tokens
 * @param firstDecay Adam's decay of the mean gradient
 * @param secondDecay Adam's decay of the mean squared gradient
 * @param epsilon Adam's, beside the root of the mean squared gradient
 * @param gradientClip largest global norm of the gradients, 0 for no bound
 */
public record TopKTraining(
    int width,
    int k,
    int auxiliaryK,
    double auxiliaryCoefficient,
    long deadWindow,
    double firstDecay,
    double secondDecay,
    double epsilon,
    double gradientClip)
    implements Serializable {

  public TopKTraining {
    new Problems()
        .atLeast("width", width, 1)
        .between("k", k, 1, width)
        .between("auxiliary-k", auxiliaryK, 0, width)
        .atLeast("auxiliary-coefficient", auxiliaryCoefficient, 0)
        .atLeast("dead-window", (double) deadWindow, 1)
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
        .raise();
  }

  /** What the literature uses: AuxK of {@code inputs / 2} at 1/32, Adam(0.9, 0.999), clip 1. */
  public static TopKTraining standard(int width, int k, int inputs) {
    return new TopKTraining(
        width, k, Math.min(width, inputs / 2), 1.0 / 32, 1_000_000, 0.9, 0.999, 1e-8, 1.0);
  }

  /** Floating-point operations that a row costs: one dense product, the rest on active latents. */
  public double operationsPerRow(int inputs) {
    // Decoding, gradient of the codes, gradients of both matrices.
    return 2.0 * inputs * width + 4 * 2.0 * inputs * k;
  }

  /**
   * Memory of one dictionary while it is trained by the {@code cpu} provider, on the heap and
   * beside it, with the auxiliary loss at work and a state being saved.
   *
   * @param maximumBatch rows of a step
   */
  public long bytes(int inputs, int maximumBatch, int threads) {
    long weights = (long) width * inputs;
    // Both matrices with two means and a gradient each, the packed encoder, the saved state.
    long floats = 8 * weights + weights + 6 * weights;
    floats += 3L * maximumBatch * inputs;
    floats += 6L * maximumBatch * (k + auxiliaryK);
    floats += (long) threads * (128L * Math.max(width, 8192) + 2L * 512 * inputs);
    return 4 * floats;
  }
}
