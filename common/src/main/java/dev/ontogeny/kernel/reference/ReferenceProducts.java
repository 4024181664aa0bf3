package dev.ontogeny.kernel.reference;

import dev.ontogeny.kernel.BarScan;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.ScalarBarScan;
import dev.ontogeny.matrix.FloatMatrix;

/** {@link ProductKernel} in plain Java with sums in double precision, one row at a time. */
final class ReferenceProducts implements ProductKernel {
  private final FloatMatrix kept;

  ReferenceProducts(FloatMatrix kept) {
    this.kept = kept;
  }

  @Override
  public void multiply(FloatMatrix rows, float[] into) {
    for (int row = 0; row < rows.rows(); row++) {
      multiply(rows, row, into, row * kept.rows());
    }
  }

  private void multiply(FloatMatrix rows, int row, float[] into, int at) {
    for (int j = 0; j < kept.rows(); j++) {
      double sum = 0;
      for (int i = 0; i < kept.columns(); i++) {
        sum += (double) rows.at(row, i) * kept.at(j, i);
      }
      into[at + j] = (float) sum;
    }
  }

  @Override
  public void reaching(FloatMatrix rows, float[] rowBars, float[] keptBars, Pair pair) {
    float[] products = new float[kept.rows()];
    BarScan scan = new ScalarBarScan();
    for (int row = 0; row < rows.rows(); row++) {
      multiply(rows, row, products, 0);
      scan.scan(products, 0, products.length, rowBars, row, keptBars, 0, pair);
    }
  }

  @Override
  public void close() {
    // Holds nothing.
  }
}
