package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.stats.KeptExamples.Example;
import java.util.List;

/**
 * Rows to show of features: those on which they fire most, and a sample for the quantiles of their
 * codes. What is published of them needs their documents, so they are handed on.
 */
final class ShownExamples implements FeatureStatistic<ShownExamples.Kept> {
  private static final long serialVersionUID = 1;

  /** Both kinds. Bytes: those of each. */
  record Kept(TopExamples top, QuantileExamples quantiles) implements Mergeable<Kept> {
    @Override
    public void merge(Kept other) {
      top.merge(other.top);
      quantiles.merge(other.quantiles);
    }

    @Override
    public void mergeFrom(StatisticInput in) {
      top.mergeFrom(in);
      quantiles.mergeFrom(in);
    }

    @Override
    public void write(StatisticOutput out) {
      top.write(out);
      quantiles.write(out);
    }
  }

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.EXAMPLES);
  }

  @Override
  public Kept none(FeatureBlock.Shape shape, int first, int features) {
    return new Kept(
        new TopExamples(features, shape.topExamples()),
        new QuantileExamples(features, first, shape.sampledExamples(), shape.sampleSeed()));
  }

  @Override
  public void add(Kept kept, int feature, Seen seen) {
    int from = seen.from(feature);
    int to = seen.to(feature);
    int[] where = seen.codes().rows();
    float[] values = seen.codes().values();
    long[] addresses = seen.rows().addresses();
    kept.top().add(feature, values, where, addresses, from, to, seen.room());
    kept.quantiles().add(feature, values, where, addresses, from, to, seen.room());
  }

  @Override
  public long memory(FeatureBlock.Shape shape, int features, long tokensPerFeature) {
    return KeptExamples.memory(features, shape.topExamples())
        + KeptExamples.memory(features, shape.sampledExamples());
  }

  @Override
  public void publish(Of of, Merged features, Kept kept, Into into) {
    for (int f = 0; f < features.features(); f++) {
      hand(f, true, kept.top().sorted(f), into);
      hand(f, false, kept.quantiles().sorted(f), into);
    }
  }

  private static void hand(int feature, boolean top, Example[] examples, Into into) {
    for (int i = 0; i < examples.length; i++) {
      into.example(feature, top, i, examples[i]);
    }
  }
}
