package dev.ontogeny.kernel.cpu;

import dev.ontogeny.type.Penalty;

/**
 * Codes above learnt thresholds are paid for by their number or by their tanh. Entries may be
 * pre-activations a little below their threshold: they do not fire, but the threshold's gradient
 * counts them, and then they are dropped.
 */
final class ThresholdPenalty extends CpuPenalty {
  /** Null where firing itself is paid for. */
  private final Penalty.SaturatingSum smooth;

  private final boolean counted;
  private final Thresholds thresholds;
  private final CpuWeights weights;
  private final ActiveCodes codes;

  ThresholdPenalty(Penalty part, Thresholds thresholds, CpuWeights weights, ActiveCodes codes) {
    super(part, weights.width, 1);
    this.smooth = part instanceof Penalty.SaturatingSum sum ? sum : null;
    this.counted = part instanceof Penalty.ActiveCount;
    this.thresholds = thresholds;
    this.weights = weights;
    this.codes = codes;
  }

  @Override
  double add(int worker, int latent) {
    int from = codes.from(latent);
    int to = codes.to(latent);
    float threshold = thresholds.values[latent];
    float norm = weights.unitDecoder || smooth == null ? 1 : weights.norm(latent);
    float[] values = codes.codes();
    float[] gradients = codes.codeGradients();
    double loss = 0;
    double weight = perRow;
    double slope = 0;
    if (smooth != null) {
      slope = smooth.slope();
      double sum = 0;
      for (int at = from; at < to; at++) {
        sum += values[at] > threshold ? tanh(slope * values[at] * norm) : 0;
      }
      loss = loss(smooth, perRow, sum, rows);
      weight = weight(smooth, perRow, sum, rows);
    }
    double half = thresholds.bandwidth / 2;
    double ofThreshold = 0;
    double ofNorm = 0;
    int into = from;
    for (int at = from; at < to; at++) {
      double value = values[at];
      boolean fires = value > threshold;
      double gradient = gradients[at];
      if (smooth != null) {
        double tanh = fires ? tanh(slope * value * norm) : 0;
        double steepness = weight * slope * (1 - tanh * tanh);
        gradient += steepness * norm;
        ofNorm += fires ? steepness * value : 0;
      }
      // Entries that do not fire are in the window, or they would not be here.
      if (value < threshold + half) {
        ofThreshold -= threshold * gradient + (smooth != null ? 0 : weight);
      }
      if (fires) {
        codes.move(at, into++, (float) gradient);
      }
    }
    codes.keep(latent, into);
    active(latent, into - from);
    thresholds.logarithms.gradient[latent] =
        (float) (ofThreshold * threshold / thresholds.bandwidth);
    normGradient[latent] = (float) ofNorm;
    return counted ? perRow * (into - from) : loss;
  }

  @Override
  double gradientSquares(int latent) {
    float gradient = thresholds.logarithms.gradient[latent];
    return (double) gradient * gradient;
  }
}
