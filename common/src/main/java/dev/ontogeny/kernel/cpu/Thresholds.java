package dev.ontogeny.kernel.cpu;

import dev.ontogeny.type.Selection;

/** Learnt thresholds as they are in a batch, and what follows from them. */
final class Thresholds {
  final double bandwidth;

  /** log θ, [F]. */
  final CpuParameter logarithms;

  /** θ, [F]. */
  final float[] values;

  /** Where latents are gated by source, else null. */
  final SourceGates gates;

  /** What a pre-activation has to exceed to fire, [F]: the lowest bar of a latent's gates, or θ. */
  final float[] firing;

  /** What of code · ‖d^s‖ matters to a threshold, [F], where latents are gated by source. */
  final float[] windows;

  private final Loops loops;
  private final CpuWeights weights;
  private final Workers workers;

  Thresholds(
      Selection.AboveThreshold part, float[] initial, CpuMachine machine, CpuWeights weights) {
    this.loops = machine.loops();
    this.workers = machine.workers();
    this.weights = weights;
    bandwidth = part.bandwidth();
    values = initial.clone();
    float[] logs = new float[values.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = (float) Math.log(values[i]);
    }
    logarithms = weights.further("log_threshold", logs);
    boolean gated = weights.dictionary.type().activation().bySource();
    gates = gated ? new SourceGates(weights.dictionary.sources(), weights.width) : null;
    firing = gated ? new float[weights.width] : values;
    windows = new float[gated ? weights.width : 0];
  }

  /**
   * From log θ and norms as they are now; fills where candidates begin.
   *
   * @return the lowest of them
   */
  float prepare(float[] bounds) {
    if (gates != null) {
      int blocks = (weights.width + GradientPass.BLOCK - 1) / GradientPass.BLOCK;
      workers.run(blocks, (worker, block) -> prepareGates(block * GradientPass.BLOCK, bounds));
    }
    float lowest = Float.POSITIVE_INFINITY;
    for (int latent = 0; latent < weights.width; latent++) {
      if (gates == null) {
        values[latent] = (float) Math.exp(logarithms.values[latent]);
        bounds[latent] = (float) Math.max(0, values[latent] - bandwidth / 2);
      }
      lowest = Math.min(lowest, bounds[latent]);
    }
    return lowest;
  }

  private void prepareGates(int first, float[] bounds) {
    int end = Math.min(weights.width, first + GradientPass.BLOCK);
    for (int latent = first; latent < end; latent++) {
      float threshold = (float) Math.exp(logarithms.values[latent]);
      float bar = gates.update(loops, latent, weights.decoder.values, threshold);
      values[latent] = threshold;
      firing[latent] = bar;
      windows[latent] = (float) Math.max(0, threshold - bandwidth / 2);
      // Rounding must not keep out what matters at the source with the lowest bar.
      bounds[latent] =
          bar == Float.POSITIVE_INFINITY ? bar : windows[latent] / threshold * bar * (1 - 1e-6f);
    }
  }

  /** θ of the dictionary that comes out, [F]. */
  float[] result() {
    float[] result = logarithms.result();
    for (int latent = 0; latent < result.length; latent++) {
      result[latent] = (float) Math.exp(result[latent]);
    }
    return result;
  }
}
