package dev.ontogeny.kernel;

import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;

/** Nearest rows by the same product that encodes: blocks of rows against panels of all others. */
final class CpuNearest {
  private static final int BLOCK = 128;

  private CpuNearest() {}

  static void find(
      CpuMachine machine, FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    int count = vectors.rows();
    int depth = vectors.columns();
    float[] units = new float[count * depth];
    boolean[] zero = new boolean[count];
    for (int row = 0; row < count; row++) {
      double square = 0;
      for (int i = row * depth; i < (row + 1) * depth; i++) {
        square += (double) vectors.values()[i] * vectors.values()[i];
      }
      zero[row] = square == 0;
      float scale = square == 0 ? 0 : (float) (1 / Math.sqrt(square));
      for (int i = row * depth; i < (row + 1) * depth; i++) {
        units[i] = vectors.values()[i] * scale;
      }
    }
    int workers = machine.workers().count();
    float[][] products = new float[workers][BLOCK * EncoderProduct.PANEL];
    Arrays.fill(index, 0, to - from, -1);
    Arrays.fill(cosine, 0, to - from, Float.NaN);
    try (EncoderProduct product = machine.product().create(depth, count, BLOCK, workers)) {
      machine
          .workers()
          .run(product.panels(), (worker, panel) -> product.pack(worker, panel, units));
      machine
          .workers()
          .run(
              (to - from + BLOCK - 1) / BLOCK,
              (worker, block) -> {
                int first = from + block * BLOCK;
                int rows = Math.min(BLOCK, to - first);
                float[] out = products[worker];
                product.load(worker, units, first * depth, rows);
                for (int panel = 0; panel < product.panels(); panel++) {
                  product.multiply(worker, panel, out, 0, EncoderProduct.PANEL);
                  for (int row = 0; row < rows; row++) {
                    if (!zero[first + row]) {
                      nearestOf(
                          first + row,
                          product,
                          panel,
                          out,
                          row,
                          zero,
                          first + row - from,
                          index,
                          cosine);
                    }
                  }
                }
              });
    }
  }

  private static void nearestOf(
      int self,
      EncoderProduct product,
      int panel,
      float[] out,
      int row,
      boolean[] zero,
      int place,
      int[] index,
      float[] cosine) {
    int first = product.first(panel);
    float best = index[place] < 0 ? Float.NEGATIVE_INFINITY : cosine[place];
    for (int i = 0; i < product.size(panel); i++) {
      float found = out[row * EncoderProduct.PANEL + i];
      if (found > best && first + i != self && !zero[first + i]) {
        best = found;
        index[place] = first + i;
        cosine[place] = found;
      }
    }
  }
}
