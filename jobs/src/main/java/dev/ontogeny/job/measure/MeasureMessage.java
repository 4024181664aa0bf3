package dev.ontogeny.job.measure;

import java.io.Serializable;

/**
 * What is said about examples of a block of features.
 *
 * @param question true for questions about other tokens, to whom has their rows; false for what
 *     belongs to the examples themselves
 */
record MeasureMessage(boolean question, MeasureKey key, byte[] bytes) implements Serializable {
  /** Where what is known of examples stands in the order of their writer: before answers. */
  static final int HEADS = 0;

  /** Where answers stand. */
  static final int ANSWERS = 1;
}
