package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.TableSchema;
import java.io.IOException;
import java.util.List;

/**
 * Rows on which features fire at two neighbouring checkpoints of a series, by exact counts. Kept in
 * column 0: rows where a feature fires here and at the checkpoint before; in column 1: rows where
 * it fires at the checkpoint before. Where several sources see the same codes, a feature fires on
 * the same rows at all of them.
 */
final class CheckpointOverlaps implements FeatureStatistic<CountTable> {
  private static final long serialVersionUID = 1;

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.OVERLAPS);
  }

  @Override
  public CountTable none(FeatureBlock.Shape shape, int first, int features) {
    return new CountTable(features, 2);
  }

  @Override
  public void add(CountTable kept, int feature, Seen seen) {
    if (seen.previous() != null) {
      int ofDictionary = seen.first() + feature;
      kept.add(feature, 0, seen.codes().both(ofDictionary, seen.previous()));
      kept.add(feature, 1, seen.previous().count(ofDictionary));
    }
  }

  @Override
  public long memory(FeatureBlock.Shape shape, int features, long tokensPerFeature) {
    return CountTable.memory(features, 2);
  }

  @Override
  public void publish(Of of, Merged features, CountTable kept, Into into) throws IOException {
    List<Place> places = of.places();
    for (int f = 0; f < features.features(); f++) {
      long count = features.sums().count(f);
      int feature = features.first() + f;
      if (of.previous() != null) {
        long both = kept.count(f, 0);
        write(of.previous(), places.get(0), feature, both, kept.count(f, 1), count, into);
      }
      for (int p = 1; p < places.size(); p++) {
        if (places.get(p).follows(places.get(p - 1))) {
          write(places.get(p - 1), places.get(p), feature, count, count, count, into);
        }
      }
    }
  }

  private static void write(
      Place before, Place place, int feature, long both, long countBefore, long count, Into into)
      throws IOException {
    into.write(
        FeatureTables.OVERLAPS,
        place.series(),
        feature,
        before.checkpoint(),
        place.checkpoint(),
        both,
        countBefore,
        count);
  }
}
