package dev.ontogeny.kernel;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;

/** Encodes and decodes with one dictionary. Not safe for several threads; uses several itself. */
public interface EncodingKernel extends AutoCloseable {
  /**
   * Codes of a batch, in the dictionary's scaled units.
   *
   * @param batch rows in captured units, [n, D], or at least the columns that are read
   * @param into receives n rows, features ascending within a row
   */
  void encode(FloatMatrix batch, SparseCodes into);

  /** Reconstructions in captured units: {@code into} is [n, D]. */
  void decode(SparseCodes codes, FloatMatrix into);

  @Override
  void close();
}
