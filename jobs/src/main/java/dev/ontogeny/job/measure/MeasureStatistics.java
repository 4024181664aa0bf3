package dev.ontogeny.job.measure;

import dev.ontogeny.spark.Batched;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.DictionaryStatistics;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.LatentScaling;
import dev.ontogeny.stats.RowAttributes;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * From codes to statistics of blocks of features, addressed to the task that reduces them, as are
 * statistics of rows. In memory at a time: the codes of one block of rows with the dictionary at
 * hand and, per chain, with the dictionary at the checkpoint before.
 */
final class MeasureStatistics
    implements PairFlatMapFunction<Iterator<BlockBytes>, MeasureKey, byte[]> {
  private static final long serialVersionUID = 1;

  /** Where a dictionary's own statistics stand: before its blocks of features. */
  static final int OF_DICTIONARY = -1;

  /** The kind of these records: after what weights say. */
  static final int OF_ROWS = 1;

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;

  MeasureStatistics(Broadcast<MeasureScan> scan, MeasureUnit unit) {
    this.scan = scan;
    this.unit = unit;
  }

  @Override
  public Iterator<Tuple2<MeasureKey, byte[]>> call(Iterator<BlockBytes> encoded) {
    int featuresPerFile = scan.value().settings().featuresPerFile();
    int[] partitions = unit.partitions(featuresPerFile);
    return new Batched<>() {
      private RowAttributes rows;
      private final Map<String, CodesByFeature> before = new HashMap<>();

      @Override
      protected List<Tuple2<MeasureKey, byte[]>> batch() {
        if (!encoded.hasNext()) {
          return null;
        }
        BlockBytes.Whole next = BlockBytes.next(encoded);
        if (next.dictionary() == BlockBytes.TOKENS) {
          rows = scan.value().attributes(next.tokens());
          before.clear();
          return List.of();
        }
        if (next.dictionary() < BlockBytes.TOKENS) {
          int partition =
              partitions[unit.dictionaries().size()] + BlockBytes.ofSource(next.dictionary());
          MeasureKey key = MeasureKey.toFeatures(partition, OF_DICTIONARY, OF_ROWS, next.block());
          return List.of(new Tuple2<>(key, next.bytes()));
        }
        MeasureUnit.Measured dictionary = unit.dictionaries().get(next.dictionary());
        StatisticInput in = new StatisticInput(next.bytes());
        CodesByFeature codes = CodesByFeature.read(in);
        String series = dictionary.place().series();
        CodesByFeature previous = series == null ? null : before.put(series, codes);
        if (dictionary.forOverlapsOnly()) {
          return List.of();
        }
        StatisticOutput statistics = new StatisticOutput();
        for (DictionaryStatistics each :
            MeasuredDictionary.none(dictionary, scan.value().settings())) {
          each.mergeFrom(in);
          each.write(statistics);
        }
        LatentScaling scaling = null;
        if (dictionary.sources() > 1) {
          scaling = new LatentScaling(dictionary.width(), dictionary.places().size());
          scaling.mergeFrom(in);
        }
        List<Tuple2<MeasureKey, byte[]>> result = new ArrayList<>();
        result.add(
            new Tuple2<>(
                MeasureKey.toFeatures(
                    partitions[next.dictionary()], OF_DICTIONARY, OF_ROWS, next.block()),
                statistics.toBytes()));
        FeatureBlock.Shape shape = scan.value().shape(dictionary);
        for (int block = 0; block < FeatureBlock.blocks(dictionary.width()); block++) {
          int first = block * FeatureBlock.FEATURES;
          FeatureBlock features =
              new FeatureBlock(
                  shape, first, Math.min(FeatureBlock.FEATURES, dictionary.width() - first));
          features.add(codes, rows, dictionary.previous() < 0 ? null : previous, scaling);
          StatisticOutput out = new StatisticOutput();
          features.write(out);
          result.add(
              new Tuple2<>(
                  MeasureKey.toFeatures(
                      partitions[next.dictionary()] + first / featuresPerFile,
                      block,
                      OF_ROWS,
                      next.block()),
                  out.toBytes()));
        }
        return result;
      }
    };
  }
}
