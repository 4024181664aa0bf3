package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.StepProfile.Part;

/**
 * From rows to pre-activations to the latents that fire: what training and encoding share. Works on
 * blocks of rows, each by one worker: product panel by panel into a buffer of the worker, bias and
 * group maxima while a panel is in cache, then selection.
 */
final class CpuEncoder implements AutoCloseable {
  private final CpuMachine machine;
  private final int inputs;
  private final int width;
  private final int blockRows;
  private final EncoderProduct product;

  /** Null where the product is exact. */
  private final Screen screen;

  private final Lane[] lanes;

  /** What one worker has to itself. */
  private static final class Lane {
    final float[] values;
    final RowSelection[] rows;
    final Screen.Block screen;

    Lane(Loops loops, int blockRows, int width, int k, Screen.Block screen) {
      this.screen = screen;
      values = new float[Math.multiplyExact(blockRows, width)];
      rows = new RowSelection[blockRows];
      int[] candidates = new int[width];
      for (int row = 0; row < blockRows; row++) {
        rows[row] = new RowSelection(loops, width, k, candidates, screen, row);
      }
    }
  }

  /**
   * @param k latents of a row that are expected to fire
   * @param maximumBatch largest batch; decides the block of rows together with the width
   * @param sparse whether few latents of a row fire for sure: then it pays to screen where the
   *     machine can
   */
  CpuEncoder(CpuMachine machine, int inputs, int width, int k, int maximumBatch, boolean sparse) {
    this.machine = machine;
    this.inputs = inputs;
    this.width = width;
    this.blockRows = blockRows(width, maximumBatch);
    int workers = Math.min(machine.workers().count(), blocks(maximumBatch));
    int packers = machine.workers().count();
    boolean screened = sparse && machine.screening() != null;
    EncoderProduct.Factory factory = screened ? machine.screening() : machine.product();
    this.product = factory.create(inputs, width, blockRows, Math.max(workers, packers));
    this.screen = screened ? new Screen(machine.loops(), inputs, width, product.panels()) : null;
    this.lanes = new Lane[workers];
    for (int worker = 0; worker < workers; worker++) {
      Screen.Block block = screened ? screen.new Block(blockRows) : null;
      lanes[worker] = new Lane(machine.loops(), blockRows, width, k, block);
    }
  }

  /** Rows of a block: 64, and pre-activations of 4 MiB at most, unless 16 rows need more. */
  static int blockRows(int width, int maximumBatch) {
    int fitting = Math.max(16, Math.min(64, (1 << 20) / width / 16 * 16));
    return Math.min(fitting, (maximumBatch + 15) / 16 * 16);
  }

  int blockRows() {
    return blockRows;
  }

  int blocks(int rows) {
    return (rows + blockRows - 1) / blockRows;
  }

  int panels() {
    return product.panels();
  }

  int firstOf(int panel) {
    return product.first(panel);
  }

  int sizeOf(int panel) {
    return product.size(panel);
  }

  /**
   * Takes over a panel of weights, [F, D] by latent; the array must stay as it is until the next.
   */
  void pack(int worker, int panel, float[] encoder) {
    product.pack(worker, panel, encoder);
    if (screen != null) {
      screen.pack(panel, product.first(panel), product.size(panel), encoder);
    }
  }

  /**
   * Pre-activations of up to {@link #blockRows} rows, for {@link #selection} and {@link #values}.
   */
  void preActivations(
      int worker, float[] rows, int at, int count, float[] bias, StepProfile profile) {
    Lane lane = lanes[worker];
    long time = profile.now();
    product.load(worker, rows, at, count);
    if (screen != null) {
      lane.screen.load(rows, at, count, bias);
    }
    for (int panel = 0; panel < product.panels(); panel++) {
      int first = product.first(panel);
      int size = product.size(panel);
      product.multiply(worker, panel, lane.values, first, width);
      time = profile.add(Part.PRODUCT, time);
      for (int row = 0; row < count; row++) {
        RowSelection selection = lane.rows[row];
        machine
            .loops()
            .biasAndMaxima(
                lane.values,
                row * width + first,
                bias,
                first,
                size,
                selection.depth(),
                selection.maxima(),
                selection.groupAt(first));
      }
      time = profile.add(Part.SELECTION, time);
    }
  }

  /** Pre-activations of the last block, row by row: what {@link #selection} selects from. */
  float[] values(int worker) {
    return lanes[worker].values;
  }

  /** Selection out of a row of the last block. */
  RowSelection selection(int worker, int row) {
    return lanes[worker].rows[row];
  }

  @Override
  public void close() {
    product.close();
  }

  @Override
  public String toString() {
    return inputs + "×" + width + " in blocks of " + blockRows + " rows";
  }
}
