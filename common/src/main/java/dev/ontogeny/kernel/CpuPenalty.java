package dev.ontogeny.kernel;

import dev.ontogeny.kernel.Sparsity.JumpRelu;
import dev.ontogeny.kernel.Sparsity.Penalty;
import dev.ontogeny.kernel.Sparsity.Relu;

/**
 * What {@link Sparsity} adds to loss and gradients, one latent at a time. Entries of value 0 are
 * pre-activations a little below their threshold: they do not fire, but the threshold's gradient
 * counts them.
 */
final class CpuPenalty {
  private final Sparsity sparsity;
  private final float[] normGradient;
  private final float[] thresholdGradient;
  private final int[] active;
  private double perRow;
  private double perBatch;
  private double rows;

  CpuPenalty(Sparsity sparsity, int width) {
    this.sparsity = sparsity;
    this.normGradient = new float[width];
    this.thresholdGradient = new float[width];
    this.active = new int[width];
  }

  /** Whether a kind of sparsity has any. */
  static boolean of(Sparsity sparsity) {
    return sparsity instanceof JumpRelu || sparsity instanceof Relu;
  }

  /**
   * Before the latents of a batch.
   *
   * @param share of the coefficient, while it warms up
   * @param meanActive latents of a row
   * @return what the loss gets for the batch as a whole, beside the latents'
   */
  double begin(int rows, double variance, double share, double meanActive) {
    this.rows = rows;
    if (sparsity instanceof JumpRelu jump && jump.penalty() == Penalty.TARGET_L0) {
      double excess = meanActive / jump.target() - 1;
      perBatch = share * jump.coefficient();
      perRow = 2 * perBatch * excess / jump.target() / rows;
      return perBatch * excess * excess;
    }
    double coefficient =
        sparsity instanceof JumpRelu jump ? jump.coefficient() : ((Relu) sparsity).coefficient();
    perRow = share * coefficient / variance;
    perBatch = perRow * rows;
    return 0;
  }

  /**
   * Adds to the gradients of a latent's codes, and leaves those of its norm and of log θ.
   *
   * @param threshold θ, ignored without one
   * @param norm of its row of W_dec, summed over sources
   * @return its part of the loss
   */
  double add(int latent, ActiveCodes codes, float threshold, float norm) {
    int from = codes.from(latent);
    int to = codes.to(latent);
    normGradient[latent] = 0;
    thresholdGradient[latent] = 0;
    return sparsity instanceof JumpRelu jump
        ? addJump(jump, latent, codes.codes(), codes.codeGradients(), from, to, threshold, norm)
        : addSum(latent, codes.codes(), codes.codeGradients(), from, to, norm);
  }

  private double addSum(
      int latent, float[] values, float[] gradients, int from, int to, float norm) {
    boolean weighted = !sparsity.unitDecoder();
    double sum = 0;
    float slope = (float) (weighted ? perRow * norm : perRow);
    for (int at = from; at < to; at++) {
      sum += values[at];
      gradients[at] += slope;
    }
    active[latent] = to - from;
    if (weighted) {
      normGradient[latent] = (float) (perRow * sum);
    }
    return perRow * sum * (weighted ? norm : 1);
  }

  private double addJump(
      JumpRelu jump,
      int latent,
      float[] values,
      float[] gradients,
      int from,
      int to,
      float threshold,
      float norm) {
    Penalty penalty = jump.penalty();
    boolean smooth = penalty == Penalty.TANH || penalty == Penalty.TANH_QUADRATIC;
    double loss = 0;
    double weight = perRow;
    if (smooth) {
      double sum = 0;
      for (int at = from; at < to; at++) {
        sum += values[at] > 0 ? Math.tanh(jump.slope() * values[at] * norm) : 0;
      }
      loss = perRow * sum;
      if (penalty == Penalty.TANH_QUADRATIC) {
        double mean = sum / rows;
        loss = perBatch * mean * (1 + mean / jump.square());
        weight = perRow * (1 + 2 * mean / jump.square());
      }
    }
    double half = jump.bandwidth() / 2;
    double ofThreshold = 0;
    double ofNorm = 0;
    int fired = 0;
    for (int at = from; at < to; at++) {
      double value = values[at];
      double gradient = gradients[at];
      if (smooth) {
        double tanh = Math.tanh(jump.slope() * value * norm);
        double slope = weight * jump.slope() * (1 - tanh * tanh);
        gradient += slope * norm;
        ofNorm += slope * value;
      }
      // Entries that do not fire are in the window, or they would not be here.
      if (value < threshold + half) {
        ofThreshold -= threshold * gradient + (smooth ? 0 : weight);
      }
      gradients[at] = value > 0 ? (float) gradient : 0;
      fired += value > 0 ? 1 : 0;
    }
    active[latent] = fired;
    thresholdGradient[latent] = (float) (ofThreshold * threshold / jump.bandwidth());
    normGradient[latent] = (float) ofNorm;
    return penalty == Penalty.STEP ? perRow * fired : loss;
  }

  /** Rows in which a latent fired. */
  int active(int latent) {
    return active[latent];
  }

  /** ∂loss/∂‖d‖ of the last {@link #add}. */
  float normGradient(int latent) {
    return normGradient[latent];
  }

  /** ∂loss/∂log θ of the last {@link #add}. */
  float thresholdGradient(int latent) {
    return thresholdGradient[latent];
  }
}
