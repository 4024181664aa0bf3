package dev.ontogeny.kernel.cpu;

/** One code of a batch and what it leaves over of its target. */
final class Reconstruction {
  final ActiveCodes codes;

  /** target − code · W_dec, times weights of the sources where there are some, [n, D]. */
  final float[] residual;

  /** The squared error by block of rows. */
  final double[] squares;

  private final int inputs;

  /**
   * @param perRow as {@link ActiveCodes} has it, and {@code parts} too
   */
  Reconstruction(int rows, int blockRows, int inputs, int width, int perRow, int parts) {
    this.inputs = inputs;
    codes = new ActiveCodes(rows, blockRows, width, perRow, parts);
    residual = new float[Math.multiplyExact(rows, inputs)];
    squares = new double[(rows + blockRows - 1) / blockRows];
  }

  /** target − code · W_dec of a row. */
  void residual(Loops loops, int row, float[] target, float[] decoder) {
    int at = row * inputs;
    codes.decode(loops, row, decoder, inputs, residual);
    loops.subtract(target, at, residual, at, residual, at, inputs);
  }

  /** The same where {@link #residual} holds code · W_dec already. */
  void subtractFrom(Loops loops, int row, float[] target) {
    int at = row * inputs;
    loops.subtract(target, at, residual, at, residual, at, inputs);
  }

  /** The same where latents are gated by source. */
  void residual(
      Loops loops,
      int row,
      float[] target,
      float[] decoder,
      SourceGates gates,
      LatentsAtSource open) {
    int at = row * inputs;
    codes.decode(loops, row, decoder, inputs, gates, open, residual);
    loops.subtract(target, at, residual, at, residual, at, inputs);
  }

  /** Gradients of the codes of a row, but for the sign and a factor. */
  void pullBack(Loops loops, int row, float[] decoder) {
    codes.pullBack(loops, row, decoder, inputs, residual);
  }

  /** ‖residual‖² of a row. */
  double squares(Loops loops, int row) {
    int at = row * inputs;
    return loops.dot(residual, at, residual, at, inputs);
  }
}
