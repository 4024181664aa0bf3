package dev.ontogeny.kernel.reference;

import dev.ontogeny.kernel.DeadLatents;
import java.util.Arrays;

/** Systematic draws of inputs for dead latents, weighted by their squared loss. */
final class ReferenceResampling {
  private ReferenceResampling() {}

  /**
   * After a step.
   *
   * @param tokens after each so many; 0 for never
   */
  static void after(
      long tokens,
      long steps,
      ReferenceWeights weights,
      DeadLatents silent,
      double[][] residual,
      double[][] centred) {
    int rows = residual.length;
    if (tokens == 0 || steps * rows / tokens == (steps - 1) * rows / tokens) {
      return;
    }
    int width = weights.width;
    int inputs = weights.inputs;
    int dead = silent.countDead();
    double norms = 0;
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        squares += Math.pow(weights.encoder.values[i * width + latent], 2);
      }
      norms += silent.dead(latent) ? 0 : Math.sqrt(squares);
    }
    double[] reached = new double[rows];
    for (int row = 0; row < rows; row++) {
      reached[row] =
          (row == 0 ? 0 : reached[row - 1]) + Math.pow(RowSums.squares(residual[row]), 2);
    }
    if (dead == 0 || dead == width || !(reached[rows - 1] > 0)) {
      return;
    }
    int drawn = 0;
    for (int latent = 0; latent < width; latent++) {
      if (!silent.dead(latent)) {
        continue;
      }
      double wanted = (drawn++ + 0.5) / dead * reached[rows - 1];
      int row = 0;
      while (row < rows - 1 && reached[row] < wanted) {
        row++;
      }
      int read = weights.initial.readColumns();
      int written = inputs - weights.initial.reconstructedColumns();
      double decoderNorm = norm(centred[row], written, inputs);
      double encoderNorm = norm(centred[row], 0, read);
      for (int i = written; i < inputs; i++) {
        weights.decoder.restart(latent * inputs + i, (float) (centred[row][i] / decoderNorm));
      }
      for (int i = 0; i < read; i++) {
        float direction = (float) (centred[row][i] / encoderNorm);
        weights.encoder.restart(
            i * width + latent, (float) (direction * 0.2 * norms / (width - dead)));
      }
      weights.encoderBias.restart(latent, 0);
      silent.advance(latent, true, 0);
    }
  }

  private static double norm(double[] row, int from, int to) {
    return Math.sqrt(RowSums.squares(Arrays.copyOfRange(row, from, to)));
  }
}
