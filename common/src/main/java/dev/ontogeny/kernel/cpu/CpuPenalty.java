package dev.ontogeny.kernel.cpu;

import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Penalty;

/**
 * What a {@link Penalty} adds to loss and gradients, one latent at a time, and what learnt
 * thresholds make of the gradients of codes.
 */
abstract class CpuPenalty {
  private final Penalty part;
  private final int parts;

  /** [F], or [F, S] where latents are gated by source. */
  final float[] normGradient;

  private final int[] active;

  /** What the loss has for a row of the penalty's own sum. */
  double perRow;

  int rows;

  /**
   * @param parts 1, or the number of sources where latents are gated by source
   */
  CpuPenalty(Penalty part, int width, int parts) {
    this.part = part;
    this.parts = parts;
    this.normGradient = new float[width * parts];
    this.active = new int[width];
  }

  /**
   * Of a step.
   *
   * @param part null for none
   * @param thresholds null where none are learnt
   * @param workers how many
   * @return null where there is nothing to do
   */
  static CpuPenalty of(
      Penalty part,
      Thresholds thresholds,
      CpuWeights weights,
      ActiveCodes codes,
      int maximumBatch,
      int workers) {
    if (thresholds == null) {
      if (part == null) {
        return null;
      } else if (part instanceof Penalty.Sum sum) {
        return new SumPenalty(sum, weights, codes);
      }
    } else if (thresholds.gates == null) {
      if (part == null
          || part instanceof Penalty.ActiveCount
          || part instanceof Penalty.TargetCount
          || part instanceof Penalty.SaturatingSum) {
        Penalty any = part == null ? new Penalty.ActiveCount(0) : part;
        return new ThresholdPenalty(any, thresholds, weights, codes);
      }
    } else if (part instanceof Penalty.SaturatingSum sum) {
      return new SourcePenalty(sum, thresholds, weights, codes, maximumBatch, workers);
    }
    throw Failure.settings(
        "kernel cpu lacks %s%s",
        part == null ? "thresholds by source without a penalty" : part.words(),
        thresholds == null
            ? " where no thresholds are learnt"
            : thresholds.gates == null ? " beside learnt thresholds" : " beside gates by source");
  }

  /**
   * Before the latents of a batch.
   *
   * @param share of the coefficient, while it warms up
   * @param meanActive latents of a row
   * @return what the loss gets for the batch as a whole, beside the latents'
   */
  final double begin(int rows, double variance, double share, double meanActive) {
    this.rows = rows;
    if (part instanceof Penalty.TargetCount count) {
      double excess = meanActive / count.target() - 1;
      double perBatch = share * count.coefficient();
      perRow = 2 * perBatch * excess / count.target() / rows;
      return perBatch * excess * excess;
    }
    perRow = share * part.coefficient() / variance;
    return 0;
  }

  /**
   * Adds to the gradients of a latent's codes, leaves only those that fire, and keeps those of its
   * norm and of log θ.
   *
   * @return its part of the loss
   */
  abstract double add(int worker, int latent);

  /** Of what a latent has learnt beside the weights; of the last {@link #add}. */
  double gradientSquares(int latent) {
    return 0;
  }

  final void active(int latent, int count) {
    active[latent] = count;
  }

  /** Rows in which a latent fired. */
  final int active(int latent) {
    return active[latent];
  }

  /** ∂loss/∂‖d‖ of the last {@link #add}, or ∂loss/∂‖d^s‖ where latents are gated by source. */
  final float normGradient(int latent, int source) {
    return normGradient[parts == 1 ? latent : latent * parts + source];
  }

  /** The loss of one latent under a tanh, given the sum of its tanhs over {@code count}. */
  static double loss(Penalty.SaturatingSum part, double perRow, double sum, double count) {
    return perRow * sum * (1 + sum / count / part.square());
  }

  /** The loss's derivative with respect to each tanh. */
  static double weight(Penalty.SaturatingSum part, double perRow, double sum, double count) {
    return perRow * (1 + 2 * (sum / count) / part.square());
  }

  /** Of what is not negative; far faster than {@link Math#tanh}. */
  static double tanh(double x) {
    return 1 - 2 / (Math.exp(2 * x) + 1);
  }
}
