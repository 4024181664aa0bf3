package dev.ontogeny.kernel.reference;

import dev.ontogeny.kernel.reference.ReferenceWeights.Part;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Penalty;
import dev.ontogeny.type.Selection.AboveThreshold;
import dev.ontogeny.type.TypeSettings;

/**
 * What the penalty adds to the loss and to the gradients of codes, W_dec and log θ, for a batch.
 *
 * @param pre pre-activations, [n, F]
 * @param code [n, F]
 * @param bars what a code has to exceed to count for a part, [parts, F]
 * @param ofCode gradients of the codes so far, [parts, n, F]
 * @param variance of the batch
 * @param share of the coefficient, while it warms up
 */
record ReferencePenalty(
    ReferenceWeights weights,
    float[][] pre,
    float[][] code,
    float[][] bars,
    double[][][] ofCode,
    double variance,
    double share) {

  /** Adds all that the type says; returns its part of the loss. */
  double add(TypeSettings type) {
    double[] ofFiring = {0};
    double loss = type.codePenalty().map(penalty -> add(penalty, ofFiring)).orElse(0.0);
    if (type.selection() instanceof AboveThreshold above) {
      toThresholds(above.bandwidth(), ofFiring[0]);
    }
    return loss;
  }

  /**
   * @param ofFiring receives the derivative of the loss with respect to a firing as such
   */
  private double add(Penalty penalty, double[] ofFiring) {
    double weight = share * penalty.coefficient() / variance;
    if (penalty instanceof Penalty.Sum sum) {
      return sum(sum, weight);
    } else if (penalty instanceof Penalty.SaturatingSum sum) {
      return saturating(sum, weight);
    }
    double active = 0;
    for (int latent = 0; latent < weights.width; latent++) {
      active += RowSums.firings(code, latent);
    }
    if (penalty instanceof Penalty.ActiveCount) {
      ofFiring[0] = weight;
      return weight * active;
    } else if (penalty instanceof Penalty.TargetCount count) {
      double excess = active / code.length / count.target() - 1;
      double factor = share * count.coefficient();
      ofFiring[0] = factor * 2 * excess / count.target() / code.length;
      return factor * excess * excess;
    }
    throw Failure.settings("kernel reference lacks %s", penalty.words());
  }

  private double sum(Penalty.Sum penalty, double weight) {
    double loss = 0;
    for (int latent = 0; latent < weights.width; latent++) {
      double norm = penalty.byNorm() ? weights.norm(latent) : 1;
      double sum = 0;
      for (int row = 0; row < code.length; row++) {
        sum += code[row][latent];
        ofCode[0][row][latent] += weight * norm;
      }
      loss += weight * sum * norm;
      if (penalty.byNorm()) {
        weights.addToNorm(weights.parts.get(0), latent, weight * sum);
      }
    }
    return loss;
  }

  private double saturating(Penalty.SaturatingSum penalty, double weight) {
    int rows = code.length;
    // The mean is over rows and parts, and a mean over parts is what the coefficient is for.
    int count = rows * weights.parts.size();
    double loss = 0;
    for (int latent = 0; latent < weights.width; latent++) {
      double mean = 0;
      for (int p = 0; p < weights.parts.size(); p++) {
        double norm = weights.paidNorm(weights.parts.get(p), latent);
        for (int row = 0; row < rows; row++) {
          double counted = RowSums.counted(code[row][latent], bars[p][latent]);
          mean += Math.tanh(penalty.slope() * counted * norm) / count;
        }
      }
      loss += weight * count * mean * (1 + mean / penalty.square());
      double outer = weight * (1 + 2 * mean / penalty.square());
      for (int p = 0; p < weights.parts.size(); p++) {
        Part part = weights.parts.get(p);
        double norm = weights.paidNorm(part, latent);
        double ofNorm = 0;
        for (int row = 0; row < rows; row++) {
          double counted = RowSums.counted(code[row][latent], bars[p][latent]);
          double tanh = Math.tanh(penalty.slope() * counted * norm);
          double slope = outer * penalty.slope() * (1 - tanh * tanh);
          ofCode[p][row][latent] += slope * norm;
          ofNorm += slope * counted;
        }
        weights.addToNorm(part, latent, ofNorm);
      }
    }
    return loss;
  }

  /** What log θ gets by the rectangle. */
  private void toThresholds(double bandwidth, double ofFiring) {
    for (int p = 0; p < weights.parts.size(); p++) {
      for (int latent = 0; latent < weights.width; latent++) {
        double threshold = weights.threshold(latent);
        double scale = weights.gateScale(weights.parts.get(p), latent);
        for (int row = 0; row < code.length; row++) {
          double compared = pre[row][latent] * scale;
          if (compared > 0 && Math.abs(compared - threshold) < bandwidth / 2) {
            double ofCompared = ofCode[p][row][latent] / scale;
            double ofThreshold = -(threshold * ofCompared + ofFiring) / bandwidth;
            weights.logThreshold.gradient[latent] += threshold * ofThreshold;
          }
        }
      }
    }
  }
}
