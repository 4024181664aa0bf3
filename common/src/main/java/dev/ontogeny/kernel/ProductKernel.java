package dev.ontogeny.kernel;

import dev.ontogeny.matrix.FloatMatrix;

/**
 * Dot products of rows that come by with rows that stay. Rows that stay are packed once; of the
 * products no more is held than a block that fits into cache, or what the caller asks for.
 */
public interface ProductKernel extends AutoCloseable {
  /** Takes a pair whose product reaches a bar; one call at a time, in any order. */
  @FunctionalInterface
  interface Pair {
    /**
     * Takes it. May raise the bars of both.
     *
     * @param row of those that come by
     * @param kept of those that stay
     */
    void take(int row, int kept, float product);
  }

  /**
   * All products.
   *
   * @param rows [n, d]
   * @param into n × kept or longer, row-major; receives the product of row r with the j-th that
   *     stays at place {@code r · kept + j}
   */
  void multiply(FloatMatrix rows, float[] into);

  /**
   * The products that reach the lower one of two bars, which may rise meanwhile: a pair that has
   * fallen below both of them since may still be reported.
   *
   * @param rows [n, d]
   * @param rowBars [n]
   * @param keptBars one for each row that stays
   */
  void reaching(FloatMatrix rows, float[] rowBars, float[] keptBars, Pair pair);

  @Override
  void close();
}
