package dev.ontogeny.kernel;

import java.util.Arrays;

/**
 * The active latents of a batch, first by row, then gathered by latent, with the gradients of their
 * codes.
 */
final class ActiveCodes {
  private final CodeArena arena;
  private final float[][] gradients;

  // By latent: latent f owns [starts[f], starts[f + 1]), rows ascending.
  private final int[] starts;
  private int[] rowOf = new int[0];
  private float[] rawValues = new float[0];
  private float[] scaledValues = new float[0];
  private float[] scaledGradients = new float[0];

  /**
   * @param perRow latents of a row to make room for
   */
  ActiveCodes(int rows, int blockRows, int width, int perRow) {
    this.arena = new CodeArena(rows, blockRows, width, perRow);
    this.gradients = new float[arena.values.length][0];
    this.starts = new int[width + 1];
    makeRoom(Math.multiplyExact(rows, Math.min(perRow, width)));
  }

  private void makeRoom(int total) {
    if (rowOf.length < total) {
      int room = Math.max(total, rowOf.length + (rowOf.length >> 2));
      rowOf = new int[room];
      rawValues = new float[room];
      scaledValues = new float[room];
      scaledGradients = new float[room];
    }
  }

  CodeArena arena() {
    return arena;
  }

  /** Takes over what was selected for a row. */
  void set(int row, RowSelection selection, int count) {
    arena.set(row, selection, count, false);
  }

  /** Row {@code row} of {@code into} = code · decoder. */
  void decode(Loops loops, int row, float[] decoder, int inputs, float[] into) {
    int block = arena.block(row);
    loops.weightedSum(
        decoder,
        inputs,
        arena.latents[block],
        arena.values[block],
        arena.from(row),
        arena.to(row),
        true,
        into,
        row * inputs);
  }

  /** Gradients of the codes of a row up to a factor: decoder rows · row of {@code upstream}. */
  void pullBack(Loops loops, int row, float[] decoder, int inputs, float[] upstream) {
    int block = arena.block(row);
    if (gradients[block].length < arena.values[block].length) {
      gradients[block] = new float[arena.values[block].length];
    }
    loops.dots(
        decoder,
        inputs,
        arena.latents[block],
        arena.from(row),
        arena.to(row),
        upstream,
        row * inputs,
        gradients[block]);
  }

  /** Gathers by latent what rows hold, values and gradients times {@code factor}. */
  void gatherByLatent(int rows, float factor) {
    Arrays.fill(starts, 0);
    int width = starts.length - 1;
    for (int row = 0; row < rows; row++) {
      int[] latents = arena.latents[arena.block(row)];
      int to = arena.to(row);
      for (int slot = arena.from(row); slot < to; slot++) {
        starts[latents[slot] + 1]++;
      }
    }
    for (int latent = 0; latent < width; latent++) {
      starts[latent + 1] += starts[latent];
    }
    makeRoom(starts[width]);
    for (int row = 0; row < rows; row++) {
      int block = arena.block(row);
      int[] latents = arena.latents[block];
      float[] values = arena.values[block];
      float[] slopes = gradients[block];
      int end = arena.to(row);
      for (int slot = arena.from(row); slot < end; slot++) {
        int to = starts[latents[slot]]++;
        rowOf[to] = row;
        rawValues[to] = values[slot];
        scaledValues[to] = values[slot] * factor;
        scaledGradients[to] = slopes[slot] * factor;
      }
    }
    // Each start has moved on to the next latent's: move them back.
    System.arraycopy(starts, 0, starts, 1, width);
    starts[0] = 0;
  }

  /** Where a latent's entries begin in {@link #codes} and {@link #codeGradients}. */
  int from(int latent) {
    return starts[latent];
  }

  int to(int latent) {
    return starts[latent + 1];
  }

  /** Codes by latent, as they were selected. */
  float[] codes() {
    return rawValues;
  }

  /** Gradients of the codes by latent; a penalty adds its own. */
  float[] codeGradients() {
    return scaledGradients;
  }

  /** Rows in which a latent has an entry. */
  int firings(int latent) {
    return starts[latent + 1] - starts[latent];
  }

  float sumOfCodeGradients(int latent) {
    float sum = 0;
    for (int at = starts[latent]; at < starts[latent + 1]; at++) {
      sum += scaledGradients[at];
    }
    return sum;
  }

  /** Row {@code latent} of {@code into} (+)= Σ code · upstream row. */
  void weightGradient(
      Loops loops, int latent, float[] upstream, int inputs, boolean fresh, float[] into) {
    loops.weightedSum(
        upstream,
        inputs,
        rowOf,
        scaledValues,
        starts[latent],
        starts[latent + 1],
        fresh,
        into,
        latent * inputs);
  }

  /** Row {@code latent} of {@code into} (+)= Σ gradient of the code · input row. */
  void encoderGradient(
      Loops loops, int latent, float[] rows, int inputs, boolean fresh, float[] into) {
    loops.weightedSum(
        rows,
        inputs,
        rowOf,
        scaledGradients,
        starts[latent],
        starts[latent + 1],
        fresh,
        into,
        latent * inputs);
  }
}
