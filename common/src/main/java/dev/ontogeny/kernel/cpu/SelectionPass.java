package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.StepProfile.Part;
import dev.ontogeny.matrix.FloatMatrix;

/** The pass over blocks of rows: centre, multiply by the encoder, leave the codes of all. */
final class SelectionPass {
  private final CpuEncoder encoder;
  private final CpuWeights weights;
  private final CentredRows rows;
  private final CpuReconstruction main;

  /** Of a further code, else null. */
  private final CpuReconstruction further;

  private final int furtherK;
  private final Auxiliary auxiliary;

  /**
   * Above which a pre-activation matters, where no k of the row decides, and the lowest of them.
   */
  final float[] bounds;

  float lowestBound;

  /** Above which an entry fires, where some matter that do not, else null. */
  private float[] firingBars;

  StepProfile profile = StepProfile.OFF;

  SelectionPass(
      CpuEncoder encoder,
      CpuWeights weights,
      CentredRows rows,
      CpuReconstruction main,
      CpuReconstruction further,
      int furtherK,
      Auxiliary auxiliary) {
    this.encoder = encoder;
    this.weights = weights;
    this.rows = rows;
    this.main = main;
    this.further = further;
    this.furtherK = furtherK;
    this.auxiliary = auxiliary;
    this.bounds = new float[weights.width];
  }

  void firingBars(float[] bars) {
    firingBars = bars;
  }

  /** Takes over where candidates begin. */
  void bounds(float[] from, float lowest) {
    System.arraycopy(from, 0, bounds, 0, bounds.length);
    lowestBound = lowest;
  }

  BatchCodes codes() {
    return main.codes.arena();
  }

  /**
   * Does a block.
   *
   * @param k of each row; 0: whatever is above the bounds
   */
  void select(FloatMatrix batch, int worker, int block, int k) {
    int first = block * encoder.blockRows();
    int count = Math.min(encoder.blockRows(), batch.rows() - first);
    rows.centre(batch, block, first, count, weights.decoderBias.values);
    encoder.preActivations(
        worker, rows.read, first * rows.inputs, count, weights.encoderBias.values, profile);
    long time = profile.now();
    float[] values = encoder.values(worker);
    for (int row = first; row < first + count; row++) {
      int at = (row - first) * weights.width;
      RowSelection selection = encoder.selection(worker, row - first);
      int found =
          k > 0
              ? selection.select(values, at, k)
              : selection.above(values, at, bounds, lowestBound);
      main.codes.set(row, selection, found);
      if (firingBars != null) {
        main.codes.firingFirst(row, firingBars);
      }
      if (further != null) {
        further.codes.set(row, selection, selection.select(values, at, furtherK));
      }
      if (auxiliary.dead > 0) {
        auxiliary.reconstruction.codes.set(
            row,
            selection,
            selection.selectAmong(values, at, auxiliary.latents, auxiliary.dead, auxiliary.k()));
      }
    }
    profile.add(Part.SELECTION, time);
  }
}
