package dev.ontogeny.job.measure;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TokenBlock.Token;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.measure.MeasureWeights.OfFeature;
import dev.ontogeny.spark.TableParts;
import dev.ontogeny.stats.DictionaryStatistics;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.FeatureStatistics;
import dev.ontogeny.stats.KeptExamples.Example;
import dev.ontogeny.stats.LatentScaling;
import dev.ontogeny.stats.LogHistogram;
import dev.ontogeny.stats.RowAddress;
import dev.ontogeny.stats.RowStatistic;
import dev.ontogeny.stats.RowStatistics;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
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
    RowStatistics merged = new RowStatistics(source);
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
      merged.publish(new RowStatistic.Of(known.dataset(), source), tables::write);
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
    private final long totalRows = known.dataset().summary().rows();
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
      this.shape = known.shape(dictionary.id());
      this.tables = tables;
    }

    Iterator<Reduced> reduce(Iterator<Tuple2<MeasureKey, byte[]>> records) throws IOException {
      int at = Integer.MIN_VALUE;
      FeatureBlock merged = null;
      LatentScaling scaling = null;
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
            finish(at, merged, scaling, weights);
          }
          at = key.major();
          int first = at * FeatureBlock.FEATURES;
          merged =
              new FeatureBlock(
                  shape, first, Math.min(FeatureBlock.FEATURES, dictionary.width() - first));
          scaling =
              dictionary.sources() == 1
                  ? null
                  : new LatentScaling(merged.features(), dictionary.places().size());
        }
        if (key.middle() == MeasureWeights.OF_WEIGHTS) {
          weights = next._2();
        } else {
          merged.mergeFrom(in);
          if (scaling != null) {
            scaling.mergeFrom(in);
          }
        }
      }
      finish(at, merged, scaling, weights);
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

    private void finish(int block, FeatureBlock features, LatentScaling scaling, byte[] weights)
        throws IOException {
      FeatureStatistics statistics = features.statistics();
      StatisticInput ofWeights = new StatisticInput(weights);
      Map<Integer, StatisticOutput> examples = new TreeMap<>();
      int[][] tokens =
          shape.tokens() ? features.tokens().top(features.features(), settings.topTokens()) : null;
      for (int f = 0; f < features.features(); f++) {
        int feature = block * FeatureBlock.FEATURES + f;
        long count = statistics.count(f);
        activeHeldOut += statistics.heldOut(f) > 0 ? 1 : 0;
        activeTrained += count > statistics.heldOut(f) ? 1 : 0;
        active += count > 0 ? 1 : 0;
        for (int p = 0; p < dictionary.places().size(); p++) {
          MeasureUnit.Place place = dictionary.places().get(p);
          OfFeature its = OfFeature.read(ofWeights);
          writeFeature(place, feature, f, features, its);
          if (scaling != null && count > 0) {
            writeScaling(place, feature, scaling, f, p, its);
          }
        }
        writeOverlaps(feature, f, features, count);
        if (count == 0) {
          continue;
        }
        for (MeasureUnit.Place place : dictionary.places()) {
          writeHistogram(place, feature, f, features.histogram());
          if (tokens != null) {
            writeTokens(place, feature, f, tokens[f], features);
          }
          writeLabels(place, feature, f, features);
        }
        addExamples(examples, f * settings.examples(), features.top().sorted(f));
        addExamples(
            examples,
            f * settings.examples() + settings.topExamples(),
            features.quantiles().sorted(f));
      }
      features.activity().countActive(activeReplicates);
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
     * Where several sources see the same codes, a feature fires on the same rows at all of them.
     */
    private void writeOverlaps(int feature, int f, FeatureBlock features, long count)
        throws IOException {
      if (dictionary.previous() >= 0) {
        writeOverlap(
            unit.dictionaries().get(dictionary.previous()).place(),
            dictionary.place(),
            feature,
            features.overlaps().count(f, 0),
            features.overlaps().count(f, 1),
            count);
      }
      for (int p = 1; p < dictionary.places().size(); p++) {
        MeasureUnit.Place before = dictionary.places().get(p - 1);
        if (dictionary.places().get(p).follows(before)) {
          writeOverlap(before, dictionary.places().get(p), feature, count, count, count);
        }
      }
    }

    private void writeOverlap(
        MeasureUnit.Place before,
        MeasureUnit.Place place,
        int feature,
        long both,
        long countBefore,
        long count)
        throws IOException {
      tables.write(
          FeatureTables.OVERLAPS,
          place.series(),
          feature,
          before.checkpoint(),
          place.checkpoint(),
          both,
          countBefore,
          count);
    }

    private void writeScaling(
        MeasureUnit.Place place, int feature, LatentScaling scaling, int f, int p, OfFeature its)
        throws IOException {
      double square = its.directionSquare();
      tables.write(
          FeatureTables.LATENT_SCALING,
          dictionary.id(),
          place.site(),
          place.checkpoint(),
          feature,
          dictionary.checkpoints().get(its.directionSource()),
          square > 0 ? (Double) scaling.error(f, p, square) : null,
          square > 0 ? (Double) scaling.reconstruction(f, p, square) : null,
          square > 0 ? (Double) scaling.own(f, p, square) : null);
    }

    private void writeFeature(
        MeasureUnit.Place place, int feature, int f, FeatureBlock features, OfFeature weights)
        throws IOException {
      FeatureStatistics statistics = features.statistics();
      long count = statistics.count(f);
      boolean fires = count > 0;
      double maximum = statistics.maximum(f);
      Double[] quantiles = new Double[4];
      if (fires) {
        double[] shares = {0.1, 0.5, 0.9, 0.99};
        Arrays.setAll(
            quantiles, i -> features.histogram().quantile(f, shares[i], statistics.maximum(f)));
      }
      tables.write(
          FeatureTables.FEATURES,
          dictionary.id(),
          place.site(),
          place.checkpoint(),
          feature,
          count,
          (double) count / totalRows,
          fires ? (Double) statistics.mean(f) : null,
          fires ? (Double) statistics.variance(f) : null,
          fires ? (Double) maximum : null,
          quantiles[0],
          quantiles[1],
          quantiles[2],
          quantiles[3],
          weights.decoderNorm(),
          weights.encoderNorm(),
          weights.nearest() < 0 ? null : (Integer) weights.nearest(),
          weights.nearest() < 0 ? null : (Double) (double) weights.cosine());
    }

    private void writeTokens(
        MeasureUnit.Place place, int feature, int f, int[] tokens, FeatureBlock features)
        throws IOException {
      for (int rank = 0; rank < tokens.length; rank++) {
        Token token = known.vocabulary()[tokens[rank]];
        tables.write(
            FeatureTables.TOP_TOKENS,
            dictionary.id(),
            place.site(),
            place.checkpoint(),
            feature,
            rank,
            token.shown(),
            token.id() == Token.NO_ID ? null : (Long) token.id(),
            features.tokens().count(f, tokens[rank]));
      }
    }

    private void writeHistogram(MeasureUnit.Place place, int feature, int f, LogHistogram histogram)
        throws IOException {
      int first = histogram.first(f);
      double[] lower = new double[histogram.last(f) + 1 - first];
      long[] counts = new long[lower.length];
      for (int i = 0; i < lower.length; i++) {
        lower[i] = LogHistogram.lower(first + i);
        counts[i] = histogram.count(f, first + i);
      }
      tables.write(
          FeatureTables.HISTOGRAMS,
          dictionary.id(),
          place.site(),
          place.checkpoint(),
          feature,
          lower,
          counts);
    }

    /**
     * A feature as a detector of a label's value, over the rows that have the label: precision is
     * the share of rows with the value among those where it fires, recall the share of those where
     * it fires among the rows with the value.
     */
    private void writeLabels(MeasureUnit.Place place, int feature, int f, FeatureBlock features)
        throws IOException {
      record Found(
          MeasureScan.Label label, int value, long count, double precision, double recall) {
        double f1() {
          return 2 * precision * recall / (precision + recall);
        }
      }

      List<Found> found = new ArrayList<>();
      for (MeasureScan.Label label : known.labels()) {
        long fires = 0;
        for (int value = 0; value < label.values().length; value++) {
          fires += features.labels().count(f, label.offset() + value);
        }
        for (int value = 0; value < label.values().length; value++) {
          long count = features.labels().count(f, label.offset() + value);
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
      for (Found each : found.subList(0, Math.min(found.size(), settings.maximumLabels()))) {
        tables.write(
            FeatureTables.LABELS,
            dictionary.id(),
            place.site(),
            place.checkpoint(),
            feature,
            each.label().name(),
            each.label().values()[each.value()],
            each.count(),
            each.precision(),
            each.recall(),
            each.f1());
      }
    }

    /** Examples by the block of rows in which they stand: slot, code, row in the block. */
    private void addExamples(
        Map<Integer, StatisticOutput> into, int firstSlot, Example[] examples) {
      for (int i = 0; i < examples.length; i++) {
        int shard = RowAddress.shard(examples[i].address());
        int row = RowAddress.row(examples[i].address());
        StatisticOutput out =
            into.computeIfAbsent(known.index().block(shard, row), none -> new StatisticOutput());
        out.writeCompact(firstSlot + i);
        out.writeFloat(examples[i].value());
        out.writeCompact(known.index().rowInBlock(shard, row));
      }
    }
  }
}
