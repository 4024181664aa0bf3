package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.StepProfile.Part;
import java.util.Arrays;

/**
 * The pass over blocks of latents: gradients of the weights, gathered from the rows in which a
 * latent fired, without the parallel part of a decoder of unit norm.
 */
final class GradientPass {
  /** Latents of a block. */
  static final int BLOCK = 64;

  private final Loops loops;
  private final CpuWeights weights;
  private final CentredRows rows;
  private final CpuReconstruction main;

  /** Of a further code, else null. */
  private final CpuReconstruction further;

  private final Auxiliary auxiliary;

  /** Of codes that are gated by source, else null. */
  private final SourceGates gates;

  /** Of types that have one, else null. */
  private final CpuPenalty penalty;

  // Sums over the latents of a block.
  private final float[] biasSums;
  private final double[] squares;
  private final double[] penalties;

  StepProfile profile = StepProfile.OFF;

  GradientPass(
      Loops loops,
      CpuWeights weights,
      CentredRows rows,
      CpuReconstruction main,
      CpuReconstruction further,
      Auxiliary auxiliary,
      SourceGates gates,
      CpuPenalty penalty) {
    this.loops = loops;
    this.weights = weights;
    this.rows = rows;
    this.main = main;
    this.further = further;
    this.auxiliary = auxiliary;
    this.gates = gates;
    this.penalty = penalty;
    this.biasSums = new float[blocks() * weights.outputs];
    this.squares = new double[blocks()];
    this.penalties = new double[blocks()];
  }

  int blocks() {
    return (weights.width + BLOCK - 1) / BLOCK;
  }

  /**
   * Does a block.
   *
   * @param dense what does the main code's gradients where it is not sparse, else null
   */
  void backward(int worker, int block, boolean withAuxiliary, DenseCodes dense) {
    long time = profile.now();
    int inputs = weights.inputs;
    int outputs = weights.outputs;
    int sums = block * outputs;
    Arrays.fill(biasSums, sums, sums + outputs, 0);
    double ofBlock = 0;
    double penaltySum = 0;
    int first = block * BLOCK;
    int end = Math.min(weights.width, first + BLOCK);
    float[] decoder = weights.decoder.values;
    float[] decoderGradient = weights.decoder.gradient;
    float[] encoderGradient = weights.encoder.gradient;
    for (int latent = first; latent < end && penalty != null; latent++) {
      penaltySum += penalty.add(worker, latent);
    }
    if (dense != null) {
      dense.gradients(
          worker, main.codes, first, end - first, gates, decoderGradient, encoderGradient);
    }
    for (int latent = first; latent < end; latent++) {
      int at = latent * outputs;
      int encoderAt = latent * inputs;
      if (dense == null) {
        main.decoderGradient(worker, latent, true, decoderGradient);
        main.codes.encoderGradient(loops, latent, rows.read, inputs, true, encoderGradient);
      }
      if (penalty != null) {
        addNormGradient(latent);
        ofBlock += penalty.gradientSquares(latent);
      }
      float ofBias = main.codes.sumOfCodeGradients(latent);
      if (further != null) {
        ofBias += add(further, worker, latent);
      }
      if (withAuxiliary) {
        ofBias += add(auxiliary.reconstruction, worker, latent);
      }
      weights.encoderBias.gradient[latent] = ofBias;
      if (ofBias != 0 && weights.centresInputs()) {
        loops.add(-ofBias, weights.encoder.values, encoderAt, biasSums, sums, inputs);
      }
      if (weights.unitDecoder) {
        float along = loops.dot(decoderGradient, at, decoder, at, outputs);
        loops.add(-along, decoder, at, decoderGradient, at, outputs);
      }
      ofBlock += loops.dot(decoderGradient, at, decoderGradient, at, outputs);
      ofBlock += loops.dot(encoderGradient, encoderAt, encoderGradient, encoderAt, inputs);
      ofBlock += (double) ofBias * ofBias;
    }
    squares[block] = ofBlock;
    penalties[block] = penaltySum;
    profile.add(Part.GRADIENTS, time);
  }

  /** Adds what a further reconstruction says about a latent; returns its sum of code gradients. */
  private float add(CpuReconstruction reconstruction, int worker, int latent) {
    reconstruction.decoderGradient(worker, latent, false, weights.decoder.gradient);
    reconstruction.codes.encoderGradient(
        loops, latent, rows.read, weights.inputs, false, weights.encoder.gradient);
    return reconstruction.codes.sumOfCodeGradients(latent);
  }

  /** Adds what the penalty makes of the norms to the gradient of a latent's row of W_dec. */
  private void addNormGradient(int latent) {
    float[] decoder = weights.decoder.values;
    int at = latent * weights.outputs;
    for (int s = 0; s < weights.sources.size(); s++) {
      int count = weights.sources.get(s).width();
      float ofNorm = penalty.normGradient(latent, s);
      double normSquares = ofNorm == 0 ? 0 : loops.dot(decoder, at, decoder, at, count);
      if (normSquares > 0) {
        float factor = (float) (ofNorm / Math.sqrt(normSquares));
        loops.add(factor, decoder, at, weights.decoder.gradient, at, count);
      }
      at += count;
    }
  }

  /** What the penalty of all latents adds to the loss. */
  double penalties() {
    return CentredRows.sum(penalties, penalties.length);
  }

  /** Adds to the gradient of b_dec what comes through the encoder. */
  void addToBias(float[] gradient) {
    for (int block = 0; block < blocks(); block++) {
      loops.add(1, biasSums, block * weights.outputs, gradient, 0, weights.outputs);
    }
  }

  /** Of the gradients of all but b_dec. */
  double squares() {
    return CentredRows.sum(squares, squares.length);
  }
}
