package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.Sparsity;
import dev.ontogeny.kernel.Sparsity.JumpRelu;
import dev.ontogeny.kernel.Sparsity.Penalty;
import dev.ontogeny.kernel.Sparsity.Relu;
import java.util.Arrays;

/**
 * What {@link Sparsity} adds to loss and gradients, one latent at a time. JumpReLU's entries may be
 * pre-activations a little below their threshold: they do not fire, but the threshold's gradient
 * counts them, and then they are dropped.
 */
final class CpuPenalty {
  private final Sparsity sparsity;

  /** [F], or [F, S] where latents are gated by source. */
  private final float[] normGradient;

  private final float[] thresholdGradient;
  private final int[] active;
  private double perRow;
  private double rows;

  private final int parts;

  /**
   * @param parts 1, or the number of sources where latents are gated by source
   */
  CpuPenalty(Sparsity sparsity, int width, int parts) {
    this.sparsity = sparsity;
    this.parts = parts;
    this.normGradient = new float[width * parts];
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
      double perBatch = share * jump.coefficient();
      perRow = 2 * perBatch * excess / jump.target() / rows;
      return perBatch * excess * excess;
    }
    double coefficient =
        sparsity instanceof JumpRelu jump ? jump.coefficient() : ((Relu) sparsity).coefficient();
    perRow = share * coefficient / variance;
    return 0;
  }

  /**
   * Adds to the gradients of a latent's codes, leaves only those that fire, and keeps those of its
   * norm and of log θ.
   *
   * @param threshold θ, ignored without one
   * @param norm of its row of W_dec, summed over sources
   * @return its part of the loss
   */
  double add(int latent, ActiveCodes codes, float threshold, float norm) {
    int from = codes.from(latent);
    int to = codes.to(latent);
    normGradient[latent] = 0;
    return sparsity instanceof JumpRelu jump
        ? addJump(jump, latent, codes, from, to, threshold, norm)
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
      JumpRelu jump, int latent, ActiveCodes codes, int from, int to, float threshold, float norm) {
    float[] values = codes.codes();
    float[] gradients = codes.codeGradients();
    Penalty penalty = jump.penalty();
    boolean smooth = penalty == Penalty.TANH || penalty == Penalty.TANH_QUADRATIC;
    double loss = 0;
    double weight = perRow;
    if (smooth) {
      double sum = 0;
      for (int at = from; at < to; at++) {
        sum += values[at] > threshold ? tanh(jump.slope() * values[at] * norm) : 0;
      }
      loss = smoothLoss(jump, sum);
      weight = smoothWeight(jump, sum);
    }
    double half = jump.bandwidth() / 2;
    double ofThreshold = 0;
    double ofNorm = 0;
    int into = from;
    for (int at = from; at < to; at++) {
      double value = values[at];
      boolean fires = value > threshold;
      double gradient = gradients[at];
      if (smooth) {
        double tanh = fires ? tanh(jump.slope() * value * norm) : 0;
        double slope = weight * jump.slope() * (1 - tanh * tanh);
        gradient += slope * norm;
        ofNorm += fires ? slope * value : 0;
      }
      // Entries that do not fire are in the window, or they would not be here.
      if (value < threshold + half) {
        ofThreshold -= threshold * gradient + (smooth ? 0 : weight);
      }
      if (fires) {
        codes.move(at, into++, (float) gradient);
      }
    }
    codes.keep(latent, into);
    active[latent] = into - from;
    thresholdGradient[latent] = (float) (ofThreshold * threshold / jump.bandwidth());
    normGradient[latent] = (float) ofNorm;
    return penalty == Penalty.STEP ? perRow * active[latent] : loss;
  }

  /** Of one latent, given the sum of its tanh. */
  private double smoothLoss(JumpRelu jump, double sum) {
    double mean = sum / (rows * parts);
    return jump.penalty() == Penalty.TANH_QUADRATIC
        ? perRow * sum * (1 + mean / jump.square())
        : perRow * sum;
  }

  /** The loss's derivative with respect to each tanh. */
  private double smoothWeight(JumpRelu jump, double sum) {
    double mean = sum / (rows * parts);
    return jump.penalty() == Penalty.TANH_QUADRATIC
        ? perRow * (1 + 2 * mean / jump.square())
        : perRow;
  }

  /** Of what is not negative; far faster than {@link Math#tanh}. */
  private static double tanh(double x) {
    return 1 - 2 / (Math.exp(2 * x) + 1);
  }

  /**
   * The same for a latent that is gated by source.
   *
   * @param lowest of code · ‖d^s‖ that matters to code or threshold
   */
  double add(
      int latent, ActiveCodes codes, float threshold, float lowest, SourceGates gates, Room room) {
    JumpRelu jump = (JumpRelu) sparsity;
    int from = codes.from(latent);
    int to = codes.to(latent);
    float[] values = codes.codes();
    double[] tanhs = room.tanhs;
    double sum = 0;
    for (int at = from; at < to; at++) {
      for (int s = 0; s < parts; s++) {
        double tanh = 0;
        if (values[at] > gates.bar(latent, s)) {
          tanh = tanh(jump.slope() * values[at] * gates.norm(latent, s));
          sum += tanh;
        }
        tanhs[(at - from) * parts + s] = tanh;
      }
    }
    double weight = smoothWeight(jump, sum) * jump.slope();
    double half = jump.bandwidth() / 2;
    double ofThreshold = 0;
    double[] ofNorms = room.ofNorms;
    Arrays.fill(ofNorms, 0);
    int into = from;
    for (int at = from; at < to; at++) {
      float value = values[at];
      float[] gradients = codes.sourceGradients(at);
      int slot = codes.sourceGradientsAt(at);
      boolean fires = false;
      double merged = 0;
      for (int s = 0; s < parts; s++) {
        float norm = gates.norm(latent, s);
        float compared = value * norm;
        if (compared > lowest) {
          double tanh = tanhs[(at - from) * parts + s];
          double slope = weight * (1 - tanh * tanh);
          double gradient = (double) codes.factor() * gradients[slot + s] + slope * norm;
          if (compared < threshold + half) {
            ofThreshold -= threshold * gradient / norm;
          }
          if (value > gates.bar(latent, s)) {
            fires = true;
            merged += gradient;
            ofNorms[s] += slope * value;
          }
        }
      }
      if (fires) {
        codes.move(at, into++, (float) merged);
      }
    }
    codes.keep(latent, into);
    active[latent] = into - from;
    thresholdGradient[latent] = (float) (ofThreshold * threshold / jump.bandwidth());
    for (int s = 0; s < parts; s++) {
      normGradient[latent * parts + s] = (float) ofNorms[s];
    }
    return smoothLoss(jump, sum);
  }

  /** Scratch of one thread for latents that are gated by source. */
  static final class Room {
    private final double[] tanhs;
    private final double[] ofNorms;

    Room(int rows, int sources) {
      tanhs = new double[Math.multiplyExact(rows, sources)];
      ofNorms = new double[sources];
    }
  }

  /** Rows in which a latent fired. */
  int active(int latent) {
    return active[latent];
  }

  /** ∂loss/∂‖d‖ of the last {@code add}, or ∂loss/∂‖d^s‖ where latents are gated by source. */
  float normGradient(int latent, int source) {
    return normGradient[parts == 1 ? latent : latent * parts + source];
  }

  /** ∂loss/∂log θ of the last {@link #add}. */
  float thresholdGradient(int latent) {
    return thresholdGradient[latent];
  }
}
