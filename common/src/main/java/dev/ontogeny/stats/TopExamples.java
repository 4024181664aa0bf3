package dev.ontogeny.stats;

/**
 * Per feature the rows with the largest codes, of equal codes those with the lower address. Bytes:
 * {@code 'T' 1}, see {@link KeptExamples}.
 */
public final class TopExamples extends KeptExamples<TopExamples> {
  /** Nothing seen yet. */
  public TopExamples(int features, int limit) {
    super('T', features, limit);
  }

  /** The bits of a float, arranged so that they are ordered as it is, turned around. */
  @Override
  long rank(int feature, float value, long address) {
    int bits = Float.floatToRawIntBits(value);
    return -(long) (bits ^ ((bits >> 31) & Integer.MAX_VALUE));
  }

  @Override
  void keys(
      int feature, float[] values, int[] rows, long[] addresses, int from, int to, float[] into) {
    System.arraycopy(values, from, into, 0, to - from);
  }

  /** The examples of a feature, the largest code first. */
  public Example[] sorted(int feature) {
    return byRank(feature);
  }
}
