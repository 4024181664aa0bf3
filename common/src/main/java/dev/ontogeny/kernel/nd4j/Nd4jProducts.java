package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.kernel.BarScan;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Products on the device, a block of rows at a time; looked through here. */
final class Nd4jProducts implements ProductKernel {
  private static final int BLOCK = 256;

  private final int kept;
  private final INDArray device;

  Nd4jProducts(FloatMatrix kept) {
    this.kept = kept.rows();
    this.device = DeviceMatrix.of(kept);
  }

  private interface Block {
    void take(int firstRow, int rows, float[] products);
  }

  private void blocks(FloatMatrix rows, Block blocks) {
    int depth = rows.columns();
    for (int first = 0; first < rows.rows(); first += BLOCK) {
      int count = Math.min(BLOCK, rows.rows() - first);
      float[] some = Arrays.copyOfRange(rows.values(), first * depth, (first + count) * depth);
      try (INDArray batch = DeviceMatrix.of(new FloatMatrix(count, depth, some));
          INDArray products = DeviceMatrix.allocate(count, kept)) {
        Nd4j.gemm(batch, device, products, false, true, 1, 0);
        blocks.take(first, count, DeviceMatrix.values(products));
      }
    }
  }

  @Override
  public void multiply(FloatMatrix rows, float[] into) {
    Math.multiplyExact(rows.rows(), kept);
    blocks(
        rows,
        (first, count, products) ->
            System.arraycopy(products, 0, into, first * kept, count * kept));
  }

  @Override
  public void reaching(FloatMatrix rows, float[] rowBars, float[] keptBars, Pair pair) {
    BarScan scan = BarScan.fastest();
    blocks(
        rows,
        (first, count, products) -> {
          for (int row = 0; row < count; row++) {
            scan.scan(products, row * kept, kept, rowBars, first + row, keptBars, 0, pair);
          }
        });
  }

  @Override
  public void close() {
    device.close();
  }
}
