package dev.ontogeny.stats;

import dev.ontogeny.data.TableSchema;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Every {@link FeatureStatistic} of a run of neighbouring features of one dictionary: what travels
 * between tasks and becomes the published rows. Besides, what all of them may ask for and the whole
 * dictionary is told by: how often each feature fires, and in which replicates of the bootstrap.
 *
 * <p>Bytes: {@code 'K' 2}, {@link CodeSums}, {@link ReplicateActivity}, then the statistics in
 * their order.
 */
public final class FeatureBlock implements Mergeable<FeatureBlock> {
  /** Features of a block: few enough that exact token counts of a block stay small. */
  public static final int FEATURES = 128;

  /** In the order of their bytes; a new one is one more line. */
  private static final List<FeatureStatistic<?>> ALL =
      List.of(
          new CodeDistribution(),
          new TopTokens(),
          new LabelDetection(),
          new ShownExamples(),
          new CheckpointOverlaps(),
          new SourcePresence());

  private static final int TAG = 'K';
  private static final int VERSION = 2;

  private final int first;
  private final CodeSums sums;
  private final ReplicateActivity activity;
  private final List<One<?>> statistics = new ArrayList<>();

  /** One of the statistics and what it keeps. */
  private record One<S extends Mergeable<S>>(FeatureStatistic<S> statistic, S kept) {
    static <S extends Mergeable<S>> One<S> none(
        FeatureStatistic<S> statistic, Shape shape, int first, int features) {
      return new One<>(statistic, statistic.none(shape, first, features));
    }

    void add(int feature, FeatureStatistic.Seen seen) {
      statistic.add(kept, feature, seen);
    }

    /** Of the same place in a block of the same shape, so of the same statistic. */
    @SuppressWarnings("unchecked")
    void merge(One<?> other) {
      kept.merge((S) other.kept);
    }

    void publish(
        FeatureStatistic.Of of, FeatureStatistic.Merged features, FeatureStatistic.Into into)
        throws IOException {
      statistic.publish(of, features, kept, into);
    }
  }

  /**
   * What blocks of one dictionary keep.
   *
   * @param topExamples largest codes per feature
   * @param sampledExamples size of the sample per feature
   * @param sampleSeed decides the sample
   * @param tokens whether tokens are counted
   * @param labelValues values of all labels together
   * @param replicates of the bootstrap
   * @param scaledPlaces where a dictionary of several sources is measured; 0 for one of one source
   */
  public record Shape(
      int topExamples,
      int sampledExamples,
      long sampleSeed,
      boolean tokens,
      int labelValues,
      int replicates,
      int scaledPlaces)
      implements Serializable {

    /** Bytes of a block in memory, with that many different tokens per feature. */
    public long memory(int features, long tokensPerFeature) {
      return CodeSums.memory(features)
          + ReplicateActivity.memory(features, replicates)
          + applying(this).stream()
              .mapToLong(each -> each.memory(this, features, tokensPerFeature))
              .sum();
    }
  }

  /**
   * Nothing seen yet.
   *
   * @param first the dictionary's number of feature 0 here
   */
  public FeatureBlock(Shape shape, int first, int features) {
    this.first = first;
    sums = new CodeSums(features);
    activity = new ReplicateActivity(features, shape.replicates());
    applying(shape).forEach(each -> statistics.add(One.none(each, shape, first, features)));
  }

  private static List<FeatureStatistic<?>> applying(Shape shape) {
    return ALL.stream().filter(each -> each.applies(shape)).toList();
  }

  /** The number of blocks of a dictionary. */
  public static int blocks(int width) {
    return (width + FEATURES - 1) / FEATURES;
  }

  /** The tables that statistics of features publish. */
  public static List<TableSchema> tables() {
    return ALL.stream().flatMap(each -> each.tables().stream()).toList();
  }

  /**
   * The codes of a block of rows.
   *
   * @param codes of the whole dictionary
   * @param previous the codes of the same rows at the checkpoint before, null for none
   * @param scaling of the whole dictionary; null for one of one source
   */
  public void add(
      CodesByFeature codes, RowAttributes rows, CodesByFeature previous, LatentScaling scaling) {
    FeatureStatistic.Seen seen =
        new FeatureStatistic.Seen(
            codes,
            first,
            codes.start(first + features()) - codes.start(first),
            rows,
            previous,
            scaling,
            new float[codes.blockRows()]);
    for (int f = 0; f < features(); f++) {
      sums.add(f, codes.values(), seen.from(f), seen.to(f), rows.heldOut());
      activity.add(f, codes.rows(), seen.from(f), seen.to(f), rows.masks());
      for (One<?> each : statistics) {
        each.add(f, seen);
      }
    }
  }

  public int features() {
    return sums.features();
  }

  /** How often each feature fires, and how strongly. */
  public CodeSums sums() {
    return sums;
  }

  /** In which replicates of the bootstrap each feature fires. */
  public ReplicateActivity activity() {
    return activity;
  }

  /**
   * Writes what follows from all rows.
   *
   * @param weights [features][places]
   */
  public void publish(
      FeatureStatistic.Of of, FeatureWeights[][] weights, FeatureStatistic.Into into)
      throws IOException {
    FeatureStatistic.Merged merged = new FeatureStatistic.Merged(first, sums, weights);
    for (One<?> each : statistics) {
      each.publish(of, merged, into);
    }
  }

  @Override
  public void merge(FeatureBlock other) {
    sums.merge(other.sums);
    activity.merge(other.activity);
    for (int i = 0; i < statistics.size(); i++) {
      statistics.get(i).merge(other.statistics.get(i));
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    sums.write(out);
    activity.write(out);
    statistics.forEach(each -> each.kept().write(out));
  }

  /** Takes in what was written by a block of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    sums.mergeFrom(in);
    activity.mergeFrom(in);
    statistics.forEach(each -> each.kept().mergeFrom(in));
  }
}
