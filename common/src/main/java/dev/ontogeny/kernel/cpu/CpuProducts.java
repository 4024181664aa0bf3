package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.BarScan;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.matrix.FloatMatrix;

/** Products by the same library that encodes: blocks of rows against panels of what stays. */
final class CpuProducts implements ProductKernel {
  private static final int BLOCK = 128;

  private final Workers workers;
  private final int kept;
  private final int depth;
  private final EncoderProduct product;
  private final float[][] scratch;

  CpuProducts(CpuMachine machine, FloatMatrix kept) {
    this.workers = machine.workers();
    this.kept = kept.rows();
    this.depth = kept.columns();
    this.product = machine.product().create(depth, kept.rows(), BLOCK, workers.count());
    this.scratch = new float[workers.count()][BLOCK * EncoderProduct.PANEL];
    workers.run(product.panels(), (worker, panel) -> product.pack(worker, panel, kept.values()));
  }

  /** What to do with a panel's products of a block of rows. */
  private interface Panel {
    void multiply(int worker, int panel, int firstRow, int rows);
  }

  private void blocks(FloatMatrix rows, Panel panels) {
    workers.run(
        (rows.rows() + BLOCK - 1) / BLOCK,
        (worker, block) -> {
          int first = block * BLOCK;
          int count = Math.min(BLOCK, rows.rows() - first);
          product.load(worker, rows.values(), first * depth, count);
          for (int panel = 0; panel < product.panels(); panel++) {
            panels.multiply(worker, panel, first, count);
          }
        });
  }

  @Override
  public void multiply(FloatMatrix rows, float[] into) {
    Math.multiplyExact(rows.rows(), kept);
    blocks(
        rows,
        (worker, panel, first, count) ->
            product.multiply(worker, panel, into, first * kept + product.first(panel), kept));
  }

  @Override
  public void reaching(FloatMatrix rows, float[] rowBars, float[] keptBars, Pair pair) {
    BarScan scan = BarScan.fastest();
    blocks(
        rows,
        (worker, panel, first, count) -> {
          float[] values = scratch[worker];
          product.multiply(worker, panel, values, 0, EncoderProduct.PANEL);
          for (int row = 0; row < count; row++) {
            scan.scan(
                values,
                row * EncoderProduct.PANEL,
                product.size(panel),
                rowBars,
                first + row,
                keptBars,
                product.first(panel),
                pair);
          }
        });
  }

  @Override
  public void close() {
    product.close();
  }
}
