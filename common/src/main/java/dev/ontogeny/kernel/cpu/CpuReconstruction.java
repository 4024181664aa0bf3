package dev.ontogeny.kernel.cpu;

/**
 * One code of a batch, what it leaves over of its target, and the gradients that follow from that.
 * Whatever counts for a part of the columns or of the latents alone is a subclass's.
 */
class CpuReconstruction {
  final ActiveCodes codes;

  /** target − code · W_dec, times weights of the sources where there are some, [n, D]. */
  final float[] residual;

  /** The squared error by block of rows. */
  final double[] squares;

  final Loops loops;
  final int outputs;
  final float[] decoder;

  /**
   * @param perRow as {@link ActiveCodes} has it, and {@code parts} too
   */
  CpuReconstruction(
      Loops loops, CpuWeights weights, int rows, int blockRows, int perRow, int parts) {
    this.loops = loops;
    this.outputs = weights.outputs;
    this.decoder = weights.decoder.values;
    codes = new ActiveCodes(rows, blockRows, weights.width, perRow, parts);
    residual = new float[Math.multiplyExact(rows, outputs)];
    squares = new double[(rows + blockRows - 1) / blockRows];
  }

  /** Whether {@link DenseCodes} can do what this does. */
  boolean denseToo() {
    return true;
  }

  /** Before the rows of a block. */
  void beginBlock(int block) {}

  /** Fills a row of {@link #residual} with code · W_dec. */
  void decode(int worker, int row) {
    codes.decode(loops, row, decoder, outputs, residual);
  }

  /**
   * Leaves the residual of a row whose code was decoded.
   *
   * @return its weighted square
   */
  double subtract(int row, CentredRows rows) {
    int at = row * outputs;
    loops.subtract(rows.values, at, residual, at, residual, at, outputs);
    double square = rows.weightedSquares(residual, at);
    rows.weigh(residual, at);
    return square;
  }

  /** Gradients of the codes of a row, but for the sign and a factor. */
  void pullBack(int worker, int row) {
    codes.pullBack(loops, row, decoder, outputs, residual);
  }

  /** What b_dec's gradient sums over rows, [n, D], but for the sign and a factor. */
  float[] upstream() {
    return residual;
  }

  /** What the loss has of the first blocks, in place of their {@link #squares}. */
  double loss(int blocks) {
    return CentredRows.sum(squares, blocks);
  }

  /** Row {@code latent} of {@code into} (+)= its gradient of W_dec. */
  void decoderGradient(int worker, int latent, boolean fresh, float[] into) {
    codes.weightGradient(loops, latent, residual, outputs, fresh, into);
  }

  /** ‖residual‖² of a row. */
  final double squares(int row) {
    int at = row * outputs;
    return loops.dot(residual, at, residual, at, outputs);
  }
}
