package dev.ontogeny.stats;

import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Per feature a uniform sample of the rows where it fires: those with the smallest hashes of (seed,
 * address, feature). So the sample of two sets of rows is the sample of their union. Sorted by code
 * and cut into parts of equal size it gives examples from every quantile. Bytes: {@code 'Q' 1}, see
 * {@link KeptExamples}.
 */
public final class QuantileExamples extends KeptExamples<QuantileExamples> {
  private final int firstFeature;
  private final long seed;

  /**
   * Nothing seen yet.
   *
   * @param firstFeature the dictionary's number of feature 0 here
   */
  public QuantileExamples(int features, int firstFeature, int limit, long seed) {
    super('Q', features, limit);
    this.firstFeature = firstFeature;
    this.seed = seed;
  }

  @Override
  long rank(int feature, float value, long address) {
    return Seeds.mix(Seeds.mix(seed, address), firstFeature + feature);
  }

  /** The highest 24 bits of a rank, turned around: as many as a float holds. */
  @Override
  void keys(
      int feature, float[] values, int[] rows, long[] addresses, int from, int to, float[] into) {
    for (int i = from; i < to; i++) {
      long rank = rank(feature, values[i], addresses[rows[i]]);
      into[i - from] = (1 << 23) - (rank >> 40);
    }
  }

  /** The sample of a feature, the smallest code first; of equal codes the lower address first. */
  public Example[] sorted(int feature) {
    Example[] sample = byRank(feature);
    Arrays.sort(
        sample, Comparator.comparingDouble(Example::value).thenComparingLong(Example::address));
    return sample;
  }

  /** The quantile, from 0 on, of the example at {@code index} of {@code size} sorted ones. */
  public static int quantile(int index, int size, int quantiles) {
    return (int) ((long) index * quantiles / size);
  }
}
