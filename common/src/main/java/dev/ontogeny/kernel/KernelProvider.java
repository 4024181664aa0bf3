package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;

/**
 * One way to do the arithmetic. All providers compute the same; they differ in speed, and in the
 * last bits by the order of their sums.
 */
public interface KernelProvider {
  /** Which provider, on what, and why, for instance {@code cpu (oneDNN fp32: avx512_core)}. */
  String name();

  /**
   * A kernel that encodes and decodes with one dictionary.
   *
   * @param maximumBatch the largest number of rows of a batch
   */
  EncodingKernel encoding(Dictionary dictionary, int maximumBatch);

  /**
   * A kernel that trains one dictionary, starting from {@code initial} with a fresh optimiser.
   *
   * @param maximumBatch the largest number of rows of a batch
   */
  TrainingKernel training(
      TrainingSpecification specification, Dictionary initial, int maximumBatch);

  /**
   * The nearest other row by cosine, for the rows {@code from .. to}: of equal cosines the lower
   * row. Rows of zeros are nobody's neighbour and have none: -1 and NaN.
   *
   * @param vectors [n, d]
   * @param index receives the neighbour of row {@code from + i} at place i
   * @param cosine receives its cosine
   */
  void nearest(FloatMatrix vectors, int from, int to, int[] index, float[] cosine);

  /**
   * Products with rows that stay.
   *
   * @param kept [n, d]
   */
  ProductKernel products(FloatMatrix kept);
}
