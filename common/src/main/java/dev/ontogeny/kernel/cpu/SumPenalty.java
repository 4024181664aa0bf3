package dev.ontogeny.kernel.cpu;

import dev.ontogeny.type.Penalty;

/** Codes are paid for by their sum, or by that times ‖d‖. */
final class SumPenalty extends CpuPenalty {
  private final boolean byNorm;
  private final CpuWeights weights;
  private final ActiveCodes codes;

  SumPenalty(Penalty.Sum part, CpuWeights weights, ActiveCodes codes) {
    super(part, weights.width, 1);
    this.byNorm = part.byNorm();
    this.weights = weights;
    this.codes = codes;
  }

  @Override
  double add(int worker, int latent) {
    int from = codes.from(latent);
    int to = codes.to(latent);
    float[] values = codes.codes();
    float[] gradients = codes.codeGradients();
    float norm = byNorm ? weights.norm(latent) : 1;
    double sum = 0;
    float slope = (float) (byNorm ? perRow * norm : perRow);
    for (int at = from; at < to; at++) {
      sum += values[at];
      gradients[at] += slope;
    }
    active(latent, to - from);
    normGradient[latent] = byNorm ? (float) (perRow * sum) : 0;
    return perRow * sum * (byNorm ? norm : 1);
  }
}
