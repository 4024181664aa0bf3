package dev.ontogeny.kernel.cpu;

/**
 * Lets dead latents start again, as the old recipe for L1 has it (Bricken et al. 2023): decoder and
 * encoder point at an input of the batch, drawn with the square of its loss as weight, the encoder
 * a fifth as long as those of the living are in the mean. Drawn systematically: at equal distances
 * along the sum of the weights.
 */
final class Resampling {
  private static final double OF_THE_LIVING = 0.2;

  private final long tokens;
  private final Loops loops;
  private final CpuWeights weights;
  private final CentredRows rows;
  private final CpuReconstruction main;
  private final Auxiliary auxiliary;

  /**
   * @param tokens after each so many; 0 for never
   */
  Resampling(
      long tokens,
      Loops loops,
      CpuWeights weights,
      CentredRows rows,
      CpuReconstruction main,
      Auxiliary auxiliary) {
    this.tokens = tokens;
    this.loops = loops;
    this.weights = weights;
    this.rows = rows;
    this.main = main;
    this.auxiliary = auxiliary;
  }

  /**
   * After a step.
   *
   * @param count rows of its batch
   * @return whether anything started again
   */
  boolean after(int count, long steps) {
    if (tokens == 0 || steps * count / tokens == (steps - 1) * count / tokens) {
      return false;
    }
    int inputs = weights.inputs;
    double norms = 0;
    int dead = 0;
    for (int latent = 0; latent < weights.width; latent++) {
      if (auxiliary.silent.dead(latent)) {
        auxiliary.latents[dead++] = latent;
      } else {
        float[] encoder = weights.encoder.values;
        int at = latent * inputs;
        norms += Math.sqrt(loops.dot(encoder, at, encoder, at, inputs));
      }
    }
    double total = 0;
    for (int row = 0; row < count; row++) {
      total += squaredLoss(row);
    }
    if (dead == 0 || dead == weights.width || !(total > 0)) {
      return false;
    }
    float length = (float) (OF_THE_LIVING * norms / (weights.width - dead));
    int row = 0;
    double reached = squaredLoss(0);
    for (int i = 0; i < dead; i++) {
      double wanted = (i + 0.5) / dead * total;
      while (reached < wanted && row < count - 1) {
        row++;
        reached += squaredLoss(row);
      }
      restart(auxiliary.latents[i], row, length);
    }
    return true;
  }

  private double squaredLoss(int row) {
    double loss = main.squares(row);
    return loss * loss;
  }

  private void restart(int latent, int row, float length) {
    int inputs = weights.inputs;
    int outputs = weights.outputs;
    int encoderAt = latent * inputs;
    int decoderAt = latent * outputs;
    float[] decoder = weights.decoder.values;
    float[] encoder = weights.encoder.values;
    System.arraycopy(rows.values, row * outputs, decoder, decoderAt, outputs);
    weights.normalise(decoder, decoderAt, outputs);
    System.arraycopy(rows.read, row * inputs, encoder, encoderAt, inputs);
    weights.normalise(encoder, encoderAt, inputs);
    loops.multiply(length, encoder, encoderAt, inputs);
    weights.encoderBias.values[latent] = 0;
    weights.encoder.forget(encoderAt, inputs);
    weights.decoder.forget(decoderAt, outputs);
    weights.encoderBias.forget(latent, 1);
    auxiliary.silent.advance(latent, true, 0);
  }
}
