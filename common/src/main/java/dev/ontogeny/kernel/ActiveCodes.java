package dev.ontogeny.kernel;

/**
 * The active latents of a batch, first by row, then gathered by latent, with the gradients of their
 * codes. Slots are fixed: row r owns {@code [r · perRow, (r + 1) · perRow)}.
 */
final class ActiveCodes {
  private final int perRow;
  private final int[] latents;
  private final float[] values;
  private final float[] gradients;
  private final int[] counts;

  // By latent: latent f owns [starts[f], starts[f + 1]), rows ascending.
  private final int[] starts;
  private final int[] rowOf;
  private final float[] scaledValues;
  private final float[] scaledGradients;

  ActiveCodes(int rows, int perRow, int width) {
    this.perRow = perRow;
    int slots = Math.multiplyExact(rows, perRow);
    this.latents = new int[slots];
    this.values = new float[slots];
    this.gradients = new float[slots];
    this.counts = new int[rows];
    this.starts = new int[width + 1];
    this.rowOf = new int[slots];
    this.scaledValues = new float[slots];
    this.scaledGradients = new float[slots];
  }

  /** Takes over what was selected for a row. */
  void set(int row, RowSelection selection, int count) {
    counts[row] = count;
    selection.write(false, latents, values, row * perRow);
  }

  /** Row {@code row} of {@code into} = code · decoder. */
  void decode(Loops loops, int row, float[] decoder, int inputs, float[] into) {
    int from = row * perRow;
    loops.weightedSum(
        decoder, inputs, latents, values, from, from + counts[row], true, into, row * inputs);
  }

  /** Gradients of the codes of a row up to a factor: decoder rows · row of {@code upstream}. */
  void pullBack(Loops loops, int row, float[] decoder, int inputs, float[] upstream) {
    int from = row * perRow;
    loops.dots(
        decoder, inputs, latents, from, from + counts[row], upstream, row * inputs, gradients);
  }

  /** Gathers by latent what rows hold, values and gradients times {@code factor}. */
  void gatherByLatent(int rows, float factor) {
    java.util.Arrays.fill(starts, 0);
    int width = starts.length - 1;
    for (int row = 0; row < rows; row++) {
      int from = row * perRow;
      for (int slot = from; slot < from + counts[row]; slot++) {
        starts[latents[slot] + 1]++;
      }
    }
    for (int latent = 0; latent < width; latent++) {
      starts[latent + 1] += starts[latent];
    }
    for (int row = 0; row < rows; row++) {
      int from = row * perRow;
      for (int slot = from; slot < from + counts[row]; slot++) {
        int to = starts[latents[slot]]++;
        rowOf[to] = row;
        scaledValues[to] = values[slot] * factor;
        scaledGradients[to] = gradients[slot] * factor;
      }
    }
    // Each start has moved on to the next latent's: move them back.
    System.arraycopy(starts, 0, starts, 1, width);
    starts[0] = 0;
  }

  /** Rows in which a latent fired. */
  int firings(int latent) {
    return starts[latent + 1] - starts[latent];
  }

  /** Entries of the whole batch. */
  int total() {
    return starts[starts.length - 1];
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
