package dev.ontogeny.kernel.cpu;

/** Every source from what of the code is above the source's own bars. */
final class GatedReconstruction extends CpuReconstruction {
  private final SourceGates gates;

  /** What of code · ‖d^s‖ matters to a threshold, by latent. */
  private final float[] windows;

  /** By worker. */
  private final EntriesOfPart[] open;

  GatedReconstruction(
      Loops loops,
      CpuWeights weights,
      int rows,
      int blockRows,
      int perRow,
      SourceGates gates,
      float[] windows,
      int workers) {
    super(loops, weights, rows, blockRows, perRow, gates.sources());
    this.gates = gates;
    this.windows = windows;
    this.open = new EntriesOfPart[workers];
    for (int worker = 0; worker < workers; worker++) {
      open[worker] = new EntriesOfPart(Math.max(weights.width, rows));
    }
  }

  @Override
  void decode(int worker, int row) {
    codes.decode(loops, row, decoder, outputs, gates, open[worker], residual);
  }

  @Override
  void pullBack(int worker, int row) {
    codes.pullBack(loops, row, decoder, outputs, gates, windows, open[worker], residual);
  }

  @Override
  void decoderGradient(int worker, int latent, boolean fresh, float[] into) {
    if (!fresh) {
      throw new IllegalStateException("a gated code is the first of a latent's gradients");
    }
    codes.weightGradient(loops, latent, residual, outputs, gates, open[worker], into);
  }
}
