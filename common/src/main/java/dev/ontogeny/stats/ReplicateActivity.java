package dev.ontogeny.stats;

import java.util.Arrays;

/**
 * Per feature and bootstrap replicate, whether the feature fires in a row that the replicate drew:
 * a bit each, merged by "or".
 *
 * <p>Bytes: {@code 'R' 1}, then all words.
 */
public final class ReplicateActivity implements Mergeable<ReplicateActivity> {
  private static final int TAG = 'R';
  private static final int VERSION = 1;

  private final int replicates;
  private final int words;
  private final long[] drawn;

  /** Nothing seen yet. */
  public ReplicateActivity(int features, int replicates) {
    this.replicates = replicates;
    words = Bootstrap.words(replicates);
    drawn = new long[features * words];
  }

  /** Bytes in memory. */
  public static long memory(int features, int replicates) {
    return 8L * features * Bootstrap.words(replicates);
  }

  /**
   * The rows of one feature, {@code rows[from .. to)}.
   *
   * @param masks replicates that drew a row, {@link Bootstrap#masks}
   */
  public void add(int feature, int[] rows, int from, int to, long[] masks) {
    for (int word = 0; word < words; word++) {
      long all = drawn[feature * words + word];
      for (int i = from; i < to; i++) {
        all |= masks[rows[i] * words + word];
      }
      drawn[feature * words + word] = all;
    }
  }

  /** Adds to {@code into[replicate]} the number of features that are active in it. */
  public void countActive(long[] into) {
    for (int i = 0; i < drawn.length; i++) {
      long left = drawn[i];
      while (left != 0) {
        into[(i % words) * Long.SIZE + Long.numberOfTrailingZeros(left)]++;
        left &= left - 1;
      }
    }
  }

  public boolean active(int feature, int replicate) {
    return (drawn[feature * words + (replicate >> 6)] >>> replicate & 1) != 0;
  }

  public int replicates() {
    return replicates;
  }

  @Override
  public void merge(ReplicateActivity other) {
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] |= other.drawn[i];
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    Arrays.stream(drawn).forEach(out::writeLong);
  }

  /** Takes in what was written by a statistic of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] |= in.readLong();
    }
  }
}
