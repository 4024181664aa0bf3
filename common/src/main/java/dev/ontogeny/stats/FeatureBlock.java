package dev.ontogeny.stats;

import java.io.Serializable;

/**
 * All statistics of a run of neighbouring features of one dictionary: what travels between tasks
 * and becomes the published rows.
 *
 * <p>Bytes: {@code 'K' 1}, then its parts in the order of the fields.
 */
public final class FeatureBlock implements Mergeable<FeatureBlock> {
  /** Features of a block: few enough that exact token counts of a block stay small. */
  public static final int FEATURES = 128;

  private static final int TAG = 'K';
  private static final int VERSION = 1;

  private final Shape shape;
  private final FeatureStatistics statistics;
  private final LogHistogram histogram;
  private final TopExamples top;
  private final QuantileExamples quantiles;
  private final CountTable labels;
  private final CountTable overlaps;
  private final ReplicateActivity activity;
  private final TokenCounts tokens;

  /**
   * What blocks of one dictionary keep.
   *
   * @param topExamples largest codes per feature
   * @param sampledExamples size of the sample per feature
   * @param sampleSeed decides the sample
   * @param tokens whether tokens are counted
   * @param labelValues values of all labels together
   * @param replicates of the bootstrap
   */
  public record Shape(
      int topExamples,
      int sampledExamples,
      long sampleSeed,
      boolean tokens,
      int labelValues,
      int replicates)
      implements Serializable {

    /** Bytes of a block in memory, with that many different tokens per feature. */
    public long memory(int features, long tokensPerFeature) {
      return FeatureStatistics.memory(features)
          + LogHistogram.memory(features)
          + KeptExamples.memory(features, topExamples)
          + KeptExamples.memory(features, sampledExamples)
          + CountTable.memory(features, labelValues)
          + CountTable.memory(features, 2)
          + ReplicateActivity.memory(features, replicates)
          + (tokens ? TokenCounts.memory(features * tokensPerFeature) : 0);
    }
  }

  /**
   * Nothing seen yet.
   *
   * @param firstFeature the dictionary's number of feature 0 here
   */
  public FeatureBlock(Shape shape, int firstFeature, int features) {
    this.shape = shape;
    statistics = new FeatureStatistics(features);
    histogram = new LogHistogram(features);
    top = new TopExamples(features, shape.topExamples());
    quantiles =
        new QuantileExamples(features, firstFeature, shape.sampledExamples(), shape.sampleSeed());
    labels = new CountTable(features, shape.labelValues());
    overlaps = new CountTable(features, 2);
    activity = new ReplicateActivity(features, shape.replicates());
    tokens = new TokenCounts();
  }

  /** The number of blocks of a dictionary. */
  public static int blocks(int width) {
    return (width + FEATURES - 1) / FEATURES;
  }

  /**
   * The codes of a block of rows.
   *
   * @param firstFeature the dictionary's number of feature 0 here
   * @param previous the codes of the same rows and features at the checkpoint before, null for none
   */
  public void add(
      CodesByFeature codes, int firstFeature, RowAttributes rows, CodesByFeature previous) {
    if (shape.tokens()) {
      tokens.expect(codes.start(firstFeature + features()) - codes.start(firstFeature));
    }
    float[] keys = new float[codes.blockRows()];
    for (int f = 0; f < statistics.features(); f++) {
      int from = codes.start(firstFeature + f);
      int to = codes.start(firstFeature + f + 1);
      if (previous != null) {
        overlaps.add(f, 0, codes.both(firstFeature + f, previous));
        overlaps.add(f, 1, previous.count(firstFeature + f));
      }
      if (from == to) {
        continue;
      }
      int[] where = codes.rows();
      float[] values = codes.values();
      statistics.add(f, values, from, to, rows.heldOut());
      histogram.add(f, values, from, to);
      activity.add(f, where, from, to, rows.masks());
      top.add(f, values, where, rows.addresses(), from, to, keys);
      quantiles.add(f, values, where, rows.addresses(), from, to, keys);
      for (int[] label : rows.labels()) {
        for (int i = from; i < to; i++) {
          int column = label[where[i]];
          if (column >= 0) {
            labels.add(f, column, 1);
          }
        }
      }
      if (shape.tokens()) {
        for (int i = from; i < to; i++) {
          int token = rows.tokens()[where[i]];
          if (token >= 0) {
            tokens.add(f, token, 1);
          }
        }
      }
    }
  }

  public int features() {
    return statistics.features();
  }

  public FeatureStatistics statistics() {
    return statistics;
  }

  public LogHistogram histogram() {
    return histogram;
  }

  public TopExamples top() {
    return top;
  }

  public QuantileExamples quantiles() {
    return quantiles;
  }

  /** Rows where a feature fires, per value of every label: features × values. */
  public CountTable labels() {
    return labels;
  }

  /**
   * Column 0: rows where a feature fires here and at the checkpoint before; column 1: rows where it
   * fires at the checkpoint before.
   */
  public CountTable overlaps() {
    return overlaps;
  }

  public ReplicateActivity activity() {
    return activity;
  }

  public TokenCounts tokens() {
    return tokens;
  }

  @Override
  public void merge(FeatureBlock other) {
    statistics.merge(other.statistics);
    histogram.merge(other.histogram);
    top.merge(other.top);
    quantiles.merge(other.quantiles);
    labels.merge(other.labels);
    overlaps.merge(other.overlaps);
    activity.merge(other.activity);
    tokens.merge(other.tokens);
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    statistics.write(out);
    histogram.write(out);
    top.write(out);
    quantiles.write(out);
    labels.write(out);
    overlaps.write(out);
    activity.write(out);
    tokens.write(out);
  }

  /** Takes in what was written by a block of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    statistics.mergeFrom(in);
    histogram.mergeFrom(in);
    top.mergeFrom(in);
    quantiles.mergeFrom(in);
    labels.mergeFrom(in);
    overlaps.mergeFrom(in);
    activity.mergeFrom(in);
    tokens.mergeFrom(in);
  }
}
