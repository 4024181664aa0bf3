package dev.ontogeny.kernel.cuda;

import dev.ontogeny.kernel.BarScan;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;

/** Products in fp32 on a GPU, a block of rows at a time; looked through here. */
final class CudaProducts implements ProductKernel {
  private static final int BLOCK = 256;

  private final int kept;
  private final int depth;
  private final CudaStream stream;
  private final DeviceArray rowsThatStay;
  private final DeviceArray rowsThatCome;
  private final DeviceArray products;

  CudaProducts(CudaDevice device, FloatMatrix kept) {
    this.kept = kept.rows();
    depth = kept.columns();
    stream = new CudaStream(device);
    try {
      rowsThatStay = stream.of(kept.values());
      rowsThatCome = stream.words((long) BLOCK * depth);
      products = stream.words((long) BLOCK * this.kept);
    } catch (RuntimeException e) {
      stream.close();
      throw e;
    }
  }

  interface Block {
    /**
     * Takes the products of some rows.
     *
     * @param first of these rows
     * @param values [count, kept]
     */
    void take(int first, int count, float[] values);
  }

  /** All products, block by block. */
  void blocks(FloatMatrix rows, int from, int to, Block block) {
    stream.use();
    for (int first = from; first < to; first += BLOCK) {
      int count = Math.min(BLOCK, to - first);
      float[] some = Arrays.copyOfRange(rows.values(), first * depth, (first + count) * depth);
      stream.upload(some, some.length, rowsThatCome);
      stream.product(CublasLt.FP32, rowsThatStay, kept, rowsThatCome, count, depth, products);
      block.take(first, count, stream.floats(products, count * kept));
    }
  }

  @Override
  public void multiply(FloatMatrix rows, float[] into) {
    Math.multiplyExact(rows.rows(), kept);
    blocks(
        rows,
        0,
        rows.rows(),
        (first, count, values) -> System.arraycopy(values, 0, into, first * kept, count * kept));
  }

  @Override
  public void reaching(FloatMatrix rows, float[] rowBars, float[] keptBars, Pair pair) {
    BarScan scan = BarScan.fastest();
    blocks(
        rows,
        0,
        rows.rows(),
        (first, count, values) -> {
          for (int row = 0; row < count; row++) {
            scan.scan(values, row * kept, kept, rowBars, first + row, keptBars, 0, pair);
          }
        });
  }

  @Override
  public void close() {
    stream.close();
  }
}
