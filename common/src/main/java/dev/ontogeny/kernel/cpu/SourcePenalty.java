package dev.ontogeny.kernel.cpu;

import dev.ontogeny.type.Penalty;
import java.util.Arrays;

/** Codes of latents that are gated by source are paid for by their tanh at each source. */
final class SourcePenalty extends CpuPenalty {
  private final Penalty.SaturatingSum part;
  private final Thresholds thresholds;
  private final SourceGates gates;
  private final ActiveCodes codes;
  private final int sources;
  private final Scratch[] scratches;

  /** What one thread has to itself. */
  private static final class Scratch {
    final double[] tanhs;
    final double[] ofNorms;

    Scratch(int rows, int sources) {
      tanhs = new double[Math.multiplyExact(rows, sources)];
      ofNorms = new double[sources];
    }
  }

  SourcePenalty(
      Penalty.SaturatingSum part,
      Thresholds thresholds,
      CpuWeights weights,
      ActiveCodes codes,
      int maximumBatch,
      int workers) {
    super(part, weights.width, thresholds.gates.sources());
    this.part = part;
    this.thresholds = thresholds;
    this.gates = thresholds.gates;
    this.codes = codes;
    this.sources = gates.sources();
    this.scratches = new Scratch[workers];
    for (int worker = 0; worker < workers; worker++) {
      scratches[worker] = new Scratch(maximumBatch, sources);
    }
  }

  @Override
  double add(int worker, int latent) {
    int from = codes.from(latent);
    int to = codes.to(latent);
    float threshold = thresholds.values[latent];
    float lowest = thresholds.windows[latent];
    float[] values = codes.codes();
    double[] tanhs = scratches[worker].tanhs;
    double sum = 0;
    for (int at = from; at < to; at++) {
      for (int s = 0; s < sources; s++) {
        double tanh = 0;
        if (values[at] > gates.bar(latent, s)) {
          tanh = tanh(part.slope() * values[at] * gates.norm(latent, s));
          sum += tanh;
        }
        tanhs[(at - from) * sources + s] = tanh;
      }
    }
    double count = (double) rows * sources;
    double weight = weight(part, perRow, sum, count) * part.slope();
    double half = thresholds.bandwidth / 2;
    double ofThreshold = 0;
    double[] ofNorms = scratches[worker].ofNorms;
    Arrays.fill(ofNorms, 0);
    int into = from;
    for (int at = from; at < to; at++) {
      float value = values[at];
      float[] gradients = codes.sourceGradients(at);
      int slot = codes.sourceGradientsAt(at);
      boolean fires = false;
      double merged = 0;
      for (int s = 0; s < sources; s++) {
        float norm = gates.norm(latent, s);
        float compared = value * norm;
        if (compared > lowest) {
          double tanh = tanhs[(at - from) * sources + s];
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
    active(latent, into - from);
    thresholds.logarithms.gradient[latent] =
        (float) (ofThreshold * threshold / thresholds.bandwidth);
    for (int s = 0; s < sources; s++) {
      normGradient[latent * sources + s] = (float) ofNorms[s];
    }
    return loss(part, perRow, sum, count);
  }

  @Override
  double gradientSquares(int latent) {
    float gradient = thresholds.logarithms.gradient[latent];
    return (double) gradient * gradient;
  }
}
