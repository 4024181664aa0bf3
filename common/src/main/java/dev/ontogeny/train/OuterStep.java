package dev.ontogeny.train;

import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.StatePart;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the workers of a round came to becomes the state that they begin the next one with, part by
 * part of the latents. With θ the common weights, θ̄ the mean of the workers', η the outer rate and
 * µ the outer momentum (Nesterov's, as Douillard et al. have it, arXiv 2311.08105):
 *
 * <ul>
 *   <li>v ← µ·v + (θ − θ̄), θ ← θ − η·(θ − θ̄ + µ·v): with η = 1 and µ = 0 the mean itself, and the
 *       very weights of a worker that is alone;
 *   <li>rows of a decoder of unit norm get it back, those that have it as near as floats come stay
 *       as they are;
 *   <li>running means of weights, thresholds of BatchTopK and Adam's moments are the mean of the
 *       workers'. In the paper every worker keeps moments of its own; that came to the same
 *       held-out FVU (0.0429 beside 0.0428, four workers), and with none of its own a worker can be
 *       anyone;
 *   <li>a latent has been silent for as long as with the worker where it fired last: it is dead
 *       only if it is dead with all of them.
 * </ul>
 *
 * <p>Sums are of double precision and in the order of the workers, so that they do not depend on
 * who came first.
 */
final class OuterStep {
  /** Of ‖d‖² from 1, as rounding leaves it. */
  private static final double ROUNDING = 1e-5;

  private static final String VELOCITY = ".velocity";

  private final Rounds rounds;
  private final boolean unitDecoder;
  private final Map<String, float[]> common;
  private final Map<String, double[]> sums = new LinkedHashMap<>();
  private final List<Map<String, float[]>> silent = new ArrayList<>();
  private float[] steps;

  /**
   * Of a part.
   *
   * @param common what all began with, as {@link #next} left it or {@link #first} made it
   */
  OuterStep(Rounds rounds, boolean unitDecoder, Map<String, float[]> common) {
    this.rounds = rounds;
    this.unitDecoder = unitDecoder;
    this.common = common;
  }

  /** The common state before the first round: that of a kernel, at rest. */
  static Map<String, float[]> first(Rounds rounds, Map<String, float[]> kernel) {
    Map<String, float[]> common = new LinkedHashMap<>(kernel);
    if (rounds.outerMomentum() > 0) {
      kernel.forEach(
          (name, values) -> {
            if (StatePart.of(name) == StatePart.WEIGHTS) {
              common.put(name + VELOCITY, new float[values.length]);
            }
          });
    }
    return common;
  }

  /** Takes what the next worker came to, in their order. */
  void add(Map<String, float[]> worker) {
    Map<String, float[]> silences = new LinkedHashMap<>();
    worker.forEach(
        (name, values) -> {
          switch (StatePart.of(name)) {
            case SILENT -> silences.put(name, values);
            case STEPS -> steps = values;
            default -> {
              double[] sum = sums.computeIfAbsent(name, any -> new double[values.length]);
              for (int i = 0; i < sum.length; i++) {
                sum[i] += values[i];
              }
            }
          }
        });
    silent.add(silences);
  }

  /** The state that comes out. */
  Map<String, float[]> next() {
    Map<String, float[]> next = new LinkedHashMap<>();
    next.put("steps", steps);
    DeadLatents.saveLeast(silent, next);
    int latents = DeadLatents.latents(next);
    sums.forEach(
        (name, sum) -> {
          if (StatePart.of(name) == StatePart.WEIGHTS) {
            step(name, sum, next);
            if (unitDecoder && StatePart.isDecoder(name)) {
              normalise(next.get(name), latents);
            }
          } else {
            next.put(name, mean(sum));
          }
        });
    return next;
  }

  private float[] mean(double[] sum) {
    float[] mean = new float[sum.length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) (sum[i] / silent.size());
    }
    return mean;
  }

  private void step(String name, double[] sum, Map<String, float[]> next) {
    float[] before = common.get(name);
    float[] velocity = common.get(name + VELOCITY);
    float[] weights = new float[sum.length];
    float[] moved = new float[velocity == null ? 0 : sum.length];
    double rate = rounds.outerRate();
    double momentum = rounds.outerMomentum();
    for (int i = 0; i < weights.length; i++) {
      double mean = sum[i] / silent.size();
      // θ − η·(θ − θ̄), written so that a rate of 1 gives the mean to the last bit.
      double stepped = (1 - rate) * before[i] + rate * mean;
      if (velocity != null) {
        double v = momentum * velocity[i] + (before[i] - mean);
        moved[i] = (float) v;
        stepped -= rate * momentum * v;
      }
      weights[i] = (float) stepped;
    }
    next.put(name, weights);
    if (velocity != null) {
      next.put(name + VELOCITY, moved);
    }
  }

  private static void normalise(float[] rows, int latents) {
    int columns = latents == 0 ? 0 : rows.length / latents;
    for (int latent = 0; latent < latents; latent++) {
      double squares = 0;
      for (int at = latent * columns; at < (latent + 1) * columns; at++) {
        squares += (double) rows[at] * rows[at];
      }
      if (squares > 0 && Math.abs(squares - 1) > ROUNDING) {
        double factor = 1 / Math.sqrt(squares);
        for (int at = latent * columns; at < (latent + 1) * columns; at++) {
          rows[at] = (float) (rows[at] * factor);
        }
      }
    }
  }
}
