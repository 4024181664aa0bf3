package dev.ontogeny.kernel;

/** One code of a batch and what it leaves over of its target. */
final class Reconstruction {
  final ActiveCodes codes;

  /** target − code · W_dec, [n, D]. */
  final float[] residual;

  /** Σ‖residual‖² by block of rows. */
  final double[] squares;

  private final int inputs;

  Reconstruction(int rows, int blockRows, int inputs, int width, int perRow) {
    this.inputs = inputs;
    codes = new ActiveCodes(rows, blockRows, width, perRow);
    residual = new float[Math.multiplyExact(rows, inputs)];
    squares = new double[(rows + blockRows - 1) / blockRows];
  }

  /** Residual of a row, and gradients of its codes but for the sign and a factor. */
  double row(Loops loops, int row, float[] target, float[] decoder) {
    int at = row * inputs;
    codes.decode(loops, row, decoder, inputs, residual);
    loops.subtract(target, at, residual, at, residual, at, inputs);
    codes.pullBack(loops, row, decoder, inputs, residual);
    return loops.dot(residual, at, residual, at, inputs);
  }
}
