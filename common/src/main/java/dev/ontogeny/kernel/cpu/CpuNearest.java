package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.NearestRows;
import dev.ontogeny.matrix.FloatMatrix;

/** Nearest rows by the same product that encodes: blocks of rows against panels of all others. */
final class CpuNearest {
  private static final int BLOCK = 128;

  private CpuNearest() {}

  static void find(
      CpuMachine machine, FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    int depth = vectors.columns();
    int workers = machine.workers().count();
    float[][] products = new float[workers][BLOCK * EncoderProduct.PANEL];
    NearestRows nearest = new NearestRows(vectors, from, to, index, cosine);
    try (EncoderProduct product = machine.product().create(depth, vectors.rows(), BLOCK, workers)) {
      machine
          .workers()
          .run(product.panels(), (worker, panel) -> product.pack(worker, panel, nearest.units()));
      machine
          .workers()
          .run(
              (to - from + BLOCK - 1) / BLOCK,
              (worker, block) -> {
                int first = from + block * BLOCK;
                int rows = Math.min(BLOCK, to - first);
                float[] out = products[worker];
                product.load(worker, nearest.units(), first * depth, rows);
                for (int panel = 0; panel < product.panels(); panel++) {
                  product.multiply(worker, panel, out, 0, EncoderProduct.PANEL);
                  for (int row = 0; row < rows; row++) {
                    nearest.offer(
                        first + row,
                        product.first(panel),
                        product.size(panel),
                        out,
                        row * EncoderProduct.PANEL);
                  }
                }
              });
    }
  }
}
