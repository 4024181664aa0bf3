package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.TableSchema;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Features as detectors of labels' values, over the rows that have the label: precision is the
 * share of rows with the value among those where a feature fires, recall the share of those where
 * it fires among the rows with the value. Kept: rows where a feature fires, per value of every
 * label.
 */
final class LabelDetection implements FeatureStatistic<CountTable> {
  private static final long serialVersionUID = 1;

  /** A feature fires on rows of a value. */
  private record Found(LabelValues label, int value, long count, double precision, double recall) {
    double f1() {
      return 2 * precision * recall / (precision + recall);
    }
  }

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.LABELS);
  }

  @Override
  public boolean applies(FeatureBlock.Shape shape) {
    return shape.labelValues() > 0;
  }

  @Override
  public CountTable none(FeatureBlock.Shape shape, int first, int features) {
    return new CountTable(features, shape.labelValues());
  }

  @Override
  public void add(CountTable kept, int feature, Seen seen) {
    int[] where = seen.codes().rows();
    int to = seen.to(feature);
    for (int[] label : seen.rows().labels()) {
      for (int i = seen.from(feature); i < to; i++) {
        int column = label[where[i]];
        if (column >= 0) {
          kept.add(feature, column, 1);
        }
      }
    }
  }

  @Override
  public long memory(FeatureBlock.Shape shape, int features, long tokensPerFeature) {
    return CountTable.memory(features, shape.labelValues());
  }

  @Override
  public void publish(Of of, Merged features, CountTable kept, Into into) throws IOException {
    for (int f = 0; f < features.features(); f++) {
      if (!features.fires(f)) {
        continue;
      }
      List<Found> found = found(of, kept, f);
      for (Place place : of.places()) {
        for (Found each : found.subList(0, Math.min(found.size(), of.maximumLabels()))) {
          into.write(
              FeatureTables.LABELS,
              of.dictionary(),
              place.site(),
              place.checkpoint(),
              features.first() + f,
              each.label().name(),
              each.label().values()[each.value()],
              each.count(),
              each.precision(),
              each.recall(),
              each.f1());
        }
      }
    }
  }

  /** The best first. */
  private static List<Found> found(Of of, CountTable kept, int f) {
    List<Found> found = new ArrayList<>();
    for (LabelValues label : of.labels()) {
      long fires = 0;
      for (int value = 0; value < label.values().length; value++) {
        fires += kept.count(f, label.offset() + value);
      }
      for (int value = 0; value < label.values().length; value++) {
        long count = kept.count(f, label.offset() + value);
        if (count > 0) {
          found.add(
              new Found(
                  label,
                  value,
                  count,
                  (double) count / fires,
                  (double) count / label.rows()[value]));
        }
      }
    }
    found.sort(
        Comparator.comparingDouble(Found::f1)
            .reversed()
            .thenComparing(each -> each.label().offset() + each.value()));
    return found;
  }
}
