package dev.ontogeny.job.measure;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.spark.TableParts;
import dev.ontogeny.stats.CodeSums;
import dev.ontogeny.stats.DictionaryStatistics;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.FeatureStatistic;
import dev.ontogeny.stats.FeatureWeights;
import dev.ontogeny.stats.KeptExamples.Example;
import dev.ontogeny.stats.RowAddress;
import dev.ontogeny.stats.RowStatistic;
import dev.ontogeny.stats.RowStatistics;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Merges the statistics of a range of features of one dictionary, in the order of the blocks of
 * rows, and writes everything that follows from them. Records arrive sorted, so one block of
 * features is in memory at a time. Statistics of the rows of a source have a task of their own.
 * Hands on the examples, whose tokens stand elsewhere.
 */
final class MeasureReduction
    implements Function2<
        Integer, Iterator<Tuple2<MeasureKey, byte[]>>, Iterator<MeasureReduction.Reduced>> {
  private static final long serialVersionUID = 1;

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;

  /**
   * What a task hands on: either examples for the task that has their rows, or the account of its
   * part.
   */
  record Reduced(MeasureKey key, byte[] examples, Part part) implements Serializable {}

  /**
   * The account of a range of features, or of the rows of a source, which is nothing but files.
   *
   * @param dictionary its number in the unit, -1 for a source
   * @param trained statistics by place of rows that training may have seen; null in all but the
   *     first range
   * @param heldOut statistics of held-out rows, likewise
   * @param activeTrained features that fire in rows of the first kind
   * @param activeHeldOut features that fire in held-out rows
   * @param active features that fire at all
   * @param activeReplicates features that fire in rows that a replicate drew
   */
  record Part(
      int dictionary,
      List<PublishedFile> files,
      byte[] trained,
      byte[] heldOut,
      long activeTrained,
      long activeHeldOut,
      long active,
      long[] activeReplicates)
      implements Serializable {

    static Part ofSource(List<PublishedFile> files) {
      return new Part(-1, new ArrayList<>(files), null, null, 0, 0, 0, new long[0]);
    }
  }

  MeasureReduction(Broadcast<MeasureScan> scan, MeasureUnit unit) {
    this.scan = scan;
    this.unit = unit;
  }

  @Override
  public Iterator<Reduced> call(Integer partition, Iterator<Tuple2<MeasureKey, byte[]>> records)
      throws IOException {
    int[] partitions = unit.partitions(scan.value().settings().featuresPerFile());
    int sources = partitions[unit.dictionaries().size()];
    if (partition >= sources) {
      return List.of(ofSource(unit.sources().get(partition - sources), records)).iterator();
    }
    int number = dictionaryOf(partitions, partition);
    int range = partition - partitions[number];
    String name =
        fileName(unit.dictionaries().get(number).id(), range, scan.value().publication().attempt());
    try (TableParts tables = new TableParts(scan.value().publication().folder(), name)) {
      return new Work(number, tables).reduce(records);
    }
  }

  /** Merges the statistics of the rows of a source, which no dictionary has. */
  private Reduced ofSource(Source source, Iterator<Tuple2<MeasureKey, byte[]>> records)
      throws IOException {
    MeasureScan known = scan.value();
    RowStatistic.Of of = known.of(source);
    RowStatistics merged = new RowStatistics(of);
    while (records.hasNext()) {
      merged.mergeFrom(new StatisticInput(records.next()._2()));
    }
    List<String> sites =
        known.dataset().summary().sites().stream().map(ShardedDataset.Site::site).toList();
    String name =
        String.format(
            Locale.ROOT,
            "%s-%d-%s",
            Source.nameOf(source.site(), sites),
            source.checkpoint(),
            known.publication().attempt());
    try (TableParts tables = new TableParts(known.publication().folder(), name)) {
      merged.publish(of, tables::write);
      List<PublishedFile> files =
          tables.finish().stream()
              .map(file -> file.ofSource(source.site(), source.checkpoint()))
              .toList();
      return new Reduced(null, null, Part.ofSource(files));
    }
  }

  /** The dictionary whose range of features a partition is. */
  static int dictionaryOf(int[] partitions, int partition) {
    int number = 0;
    while (partitions[number + 1] <= partition) {
      number++;
    }
    return number;
  }

  /** A file has one source, or all those of its dictionary. */
  static PublishedFile belonging(PublishedFile file, MeasureUnit.Measured dictionary) {
    PublishedFile its = file.ofDictionary(dictionary.id());
    return dictionary.places().size() > 1
        ? its
        : its.ofSource(dictionary.place().site(), dictionary.place().checkpoint());
  }

  static String fileName(String dictionary, int range, String attempt) {
    return String.format(Locale.ROOT, "%s-%05d-%s", dictionary, range, attempt);
  }

  /** One dictionary's range at work. */
  private final class Work {
    private final MeasureScan known = scan.value();
    private final MeasureSettings settings = known.settings();
    private final int number;
    private final MeasureUnit.Measured dictionary;
    private final FeatureBlock.Shape shape;
    private final TableParts tables;
    private final List<Reduced> handedOn = new ArrayList<>();
    private List<DictionaryStatistics> trained;
    private List<DictionaryStatistics> heldOut;
    private long activeTrained;
    private long activeHeldOut;
    private long active;
    private final long[] activeReplicates = new long[settings.replicates()];

    Work(int number, TableParts tables) {
      this.number = number;
      this.dictionary = unit.dictionaries().get(number);
      this.shape = known.shape(dictionary);
      this.tables = tables;
    }

    Iterator<Reduced> reduce(Iterator<Tuple2<MeasureKey, byte[]>> records) throws IOException {
      int at = Integer.MIN_VALUE;
      FeatureBlock merged = null;
      byte[] weights = null;
      while (records.hasNext()) {
        Tuple2<MeasureKey, byte[]> next = records.next();
        MeasureKey key = next._1();
        StatisticInput in = new StatisticInput(next._2());
        if (key.major() == MeasureStatistics.OF_DICTIONARY) {
          addDictionary(key.minor(), in);
          continue;
        }
        if (key.major() != at) {
          if (merged != null) {
            finish(at, merged, weights);
          }
          at = key.major();
          int first = at * FeatureBlock.FEATURES;
          merged =
              new FeatureBlock(
                  shape, first, Math.min(FeatureBlock.FEATURES, dictionary.width() - first));
        }
        if (key.middle() == MeasureWeights.OF_WEIGHTS) {
          weights = next._2();
        } else {
          merged.mergeFrom(in);
        }
      }
      finish(at, merged, weights);
      List<PublishedFile> files =
          tables.finish().stream().map(file -> belonging(file, dictionary)).toList();
      handedOn.add(
          new Reduced(
              null,
              null,
              new Part(
                  number,
                  new ArrayList<>(files),
                  trained == null ? null : bytes(trained),
                  heldOut == null ? null : bytes(heldOut),
                  activeTrained,
                  activeHeldOut,
                  active,
                  activeReplicates)));
      return handedOn.iterator();
    }

    private void addDictionary(int rowBlock, StatisticInput in) {
      if (trained == null) {
        trained = MeasuredDictionary.none(dictionary, settings);
        heldOut = MeasuredDictionary.none(dictionary, settings);
      }
      (known.heldOut()[rowBlock] ? heldOut : trained).forEach(each -> each.mergeFrom(in));
    }

    private byte[] bytes(List<DictionaryStatistics> statistics) {
      StatisticOutput out = new StatisticOutput();
      statistics.forEach(each -> each.write(out));
      return out.toBytes();
    }

    private void finish(int block, FeatureBlock features, byte[] weights) throws IOException {
      CodeSums sums = features.sums();
      for (int f = 0; f < features.features(); f++) {
        long count = sums.count(f);
        activeHeldOut += sums.heldOut(f) > 0 ? 1 : 0;
        activeTrained += count > sums.heldOut(f) ? 1 : 0;
        active += count > 0 ? 1 : 0;
      }
      features.activity().countActive(activeReplicates);
      Map<Integer, StatisticOutput> examples = new TreeMap<>();
      features.publish(
          known.of(unit, dictionary),
          FeatureWeights.read(
              new StatisticInput(weights), features.features(), dictionary.places().size()),
          new FeatureStatistic.Into() {
            @Override
            public void write(TableSchema table, Object... row) throws IOException {
              tables.write(table, row);
            }

            @Override
            public void example(int feature, boolean top, int number, Example example) {
              int place = top ? number : settings.topExamples() + number;
              addExample(examples, feature * settings.examples() + place, example);
            }
          });
      examples.forEach(
          (rowBlock, out) ->
              handedOn.add(
                  new Reduced(
                      MeasureKey.toRows(
                          known.partitionOfBlock()[rowBlock], rowBlock, number, block),
                      out.toBytes(),
                      null)));
    }

    /**
     * An example to those of the block of rows in which it stands: slot, code, row in the block.
     */
    private void addExample(Map<Integer, StatisticOutput> into, int slot, Example example) {
      int shard = RowAddress.shard(example.address());
      int row = RowAddress.row(example.address());
      StatisticOutput out =
          into.computeIfAbsent(known.index().block(shard, row), none -> new StatisticOutput());
      out.writeCompact(slot);
      out.writeFloat(example.value());
      out.writeCompact(known.index().rowInBlock(shard, row));
    }
  }
}
