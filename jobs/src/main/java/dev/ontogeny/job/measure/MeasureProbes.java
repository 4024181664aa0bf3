package dev.ontogeny.job.measure;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.probing.ClassSums;
import dev.ontogeny.probing.FeatureSplitting;
import dev.ontogeny.probing.ProbeCandidates;
import dev.ontogeny.probing.ProbeDocuments;
import dev.ontogeny.probing.ProbeFeatures;
import dev.ontogeny.probing.ProbeRows;
import dev.ontogeny.probing.ProbeSample;
import dev.ontogeny.probing.ProbeSample.Probe;
import dev.ontogeny.probing.SparseProbe;
import dev.ontogeny.spark.Batched;
import dev.ontogeny.spark.TableParts;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.FeatureStatistic.Place;
import dev.ontogeny.stats.LabelValues;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Sparse probing. The examples are drawn once, from the tokens: in one pass those with the smallest
 * hashes, in another how long their documents are and which labels vary within them. Then every
 * unit's codes, which are on the executors' disks, are passed over twice: for the means of classes,
 * by which features are chosen, and for the codes of those that were. A task trains the probes of a
 * dictionary, one after another. The driver sees the examples' hashes and the chosen features'
 * numbers.
 */
final class MeasureProbes implements AutoCloseable {
  private final JavaSparkContext spark;
  private final Broadcast<MeasureScan> scan;
  private final ProbeSample sample;
  private final Broadcast<ProbeSample> shared;

  /** Draws the examples. */
  MeasureProbes(JavaSparkContext spark, Broadcast<MeasureScan> scan, JavaRDD<BlockBytes> tokens) {
    this.spark = spark;
    this.scan = scan;
    spark.setJobDescription("measure: draw examples for probes");
    ProbeCandidates candidates =
        tokens.mapPartitions(new Candidates(scan)).treeReduce(ProbeCandidates::merge);
    ProbeDocuments documents = new ProbeDocuments(candidates, scan.value().labels());
    Broadcast<ProbeDocuments> known = spark.broadcast(documents);
    ProbeDocuments.Seen seen =
        tokens.mapPartitions(new Documents(scan, known)).treeReduce(ProbeDocuments.Seen::merge);
    known.destroy();
    sample = new ProbeSample(candidates, documents, seen, scan.value().labels());
    shared = spark.broadcast(sample);
  }

  /** Bytes in memory of a task, at most. */
  static long memory(MeasureSettings settings, long classes, long widest) {
    MeasureSettings.Probing probing = settings.probing();
    long train = probing.trainPerClass();
    long test = probing.testPerClass();
    return ProbeCandidates.memory(classes, train, test)
        + ProbeSample.memory(classes, train, test)
        + 2 * ClassSums.memory(Math.min(widest, settings.featuresPerFile()), classes)
        + SparseProbe.memory(probing.mostFeatures(), train, test);
  }

  /** Trains and writes the probes of the dictionaries of a unit. */
  List<PublishedFile> measure(MeasureUnit unit, JavaRDD<BlockBytes> encoded) {
    if (sample.probes().isEmpty()) {
      return List.of();
    }
    spark.setJobDescription("measure: choose features for probes of " + unit.name());
    int ranges =
        unit.partitions(scan.value().settings().featuresPerFile())[unit.dictionaries().size()];
    List<Chosen> chosen =
        MeasureKey.sorted(spark, encoded.mapPartitionsToPair(new Sums(scan, shared, unit)), ranges)
            .mapPartitionsWithIndex(new Choice(scan, shared, unit), false)
            .collect();
    ProbeFeatures.Choice[][] choices = new ProbeFeatures.Choice[unit.dictionaries().size()][];
    for (Chosen each : chosen) {
      ProbeFeatures.Choice[] others = choices[each.dictionary()];
      choices[each.dictionary()] = each.choices();
      for (int probe = 0; others != null && probe < others.length; probe++) {
        each.choices()[probe].merge(others[probe]);
      }
    }
    ProbeFeatures[][] features = new ProbeFeatures[choices.length][];
    for (int i = 0; i < choices.length; i++) {
      features[i] =
          choices[i] == null
              ? null
              : Arrays.stream(choices[i])
                  .map(ProbeFeatures.Choice::chosen)
                  .toArray(ProbeFeatures[]::new);
    }
    spark.setJobDescription("measure: train probes of " + unit.name());
    Broadcast<ProbeFeatures[][]> known = spark.broadcast(features);
    List<PublishedFile> files =
        MeasureKey.sorted(
                spark,
                encoded.mapPartitionsToPair(new Codes(scan, shared, unit, known)),
                unit.dictionaries().size())
            .mapPartitionsWithIndex(new Training(scan, shared, unit, known), false)
            .collect();
    known.destroy();
    return files;
  }

  @Override
  public void close() {
    shared.destroy();
  }

  /** The candidates of the blocks of a partition. */
  private static final class Candidates
      implements FlatMapFunction<Iterator<BlockBytes>, ProbeCandidates> {
    private static final long serialVersionUID = 1;

    private final Broadcast<MeasureScan> scan;

    Candidates(Broadcast<MeasureScan> scan) {
      this.scan = scan;
    }

    @Override
    public Iterator<ProbeCandidates> call(Iterator<BlockBytes> blocks) {
      MeasureScan known = scan.value();
      MeasureSettings.Probing probing = known.settings().probing();
      int classes = known.labels().stream().mapToInt(label -> label.values().length).sum();
      ProbeCandidates all =
          new ProbeCandidates(classes, probing.trainPerClass(), probing.testPerClass());
      while (blocks.hasNext()) {
        all.add(known.probeRows(BlockBytes.next(blocks).tokens()));
      }
      return List.of(all).iterator();
    }
  }

  /** What is to be known of the candidates' documents. */
  private static final class Documents
      implements FlatMapFunction<Iterator<BlockBytes>, ProbeDocuments.Seen> {
    private static final long serialVersionUID = 1;

    private final Broadcast<MeasureScan> scan;
    private final Broadcast<ProbeDocuments> documents;

    Documents(Broadcast<MeasureScan> scan, Broadcast<ProbeDocuments> documents) {
      this.scan = scan;
      this.documents = documents;
    }

    @Override
    public Iterator<ProbeDocuments.Seen> call(Iterator<BlockBytes> blocks) {
      ProbeDocuments.Seen seen = documents.value().none();
      while (blocks.hasNext()) {
        ProbeRows rows = scan.value().probeRows(BlockBytes.next(blocks).tokens());
        documents.value().look(rows, seen);
      }
      return List.of(seen).iterator();
    }
  }

  /** Passes over the codes of blocks, each with the examples of its rows at hand. */
  private abstract static class OverCodes
      implements PairFlatMapFunction<Iterator<BlockBytes>, MeasureKey, byte[]> {
    private static final long serialVersionUID = 1;

    final Broadcast<MeasureScan> scan;
    final Broadcast<ProbeSample> sample;
    final MeasureUnit unit;

    OverCodes(Broadcast<MeasureScan> scan, Broadcast<ProbeSample> sample, MeasureUnit unit) {
      this.scan = scan;
      this.sample = sample;
      this.unit = unit;
    }

    /**
     * What a block comes to with a dictionary.
     *
     * @param examples per label, {@link ProbeSample#examples}
     */
    abstract List<Tuple2<MeasureKey, byte[]>> of(
        int block, int dictionary, int[][] examples, CodesByFeature codes);

    @Override
    public Iterator<Tuple2<MeasureKey, byte[]>> call(Iterator<BlockBytes> encoded) {
      return new Batched<>() {
        private final int[][] examples = new int[sample.value().labels()][];

        @Override
        protected List<Tuple2<MeasureKey, byte[]>> batch() {
          if (!encoded.hasNext()) {
            return null;
          }
          BlockBytes.Whole next = BlockBytes.next(encoded);
          if (next.dictionary() == BlockBytes.TOKENS) {
            ProbeRows rows = scan.value().probeRows(next.tokens());
            Arrays.setAll(examples, label -> sample.value().examples(label, rows));
            return List.of();
          }
          if (next.dictionary() < BlockBytes.TOKENS
              || unit.dictionaries().get(next.dictionary()).forOverlapsOnly()) {
            return List.of();
          }
          CodesByFeature codes = CodesByFeature.read(new StatisticInput(next.bytes()));
          return of(next.block(), next.dictionary(), examples, codes);
        }
      };
    }
  }

  /** The sums of classes, to whom has the range of features. */
  private static final class Sums extends OverCodes {
    private static final long serialVersionUID = 1;

    Sums(Broadcast<MeasureScan> scan, Broadcast<ProbeSample> sample, MeasureUnit unit) {
      super(scan, sample, unit);
    }

    @Override
    List<Tuple2<MeasureKey, byte[]>> of(
        int block, int dictionary, int[][] examples, CodesByFeature codes) {
      int perFile = scan.value().settings().featuresPerFile();
      int partition = unit.partitions(perFile)[dictionary];
      List<Tuple2<MeasureKey, byte[]>> result = new ArrayList<>();
      for (int first = 0; first < codes.features(); first += perFile) {
        ClassSums sums =
            new ClassSums(Math.min(perFile, codes.features() - first), sample.value().classes());
        sums.add(sample.value(), examples, codes, first);
        result.add(
            new Tuple2<>(
                MeasureKey.toFeatures(partition + first / perFile, 0, 0, block), sums.toBytes()));
      }
      return result;
    }
  }

  /**
   * The best of a range of features.
   *
   * @param choices by probe
   */
  private record Chosen(int dictionary, ProbeFeatures.Choice[] choices) implements Serializable {}

  /** Merges the sums of a range of features and chooses among them for every probe. */
  private static final class Choice
      implements Function2<Integer, Iterator<Tuple2<MeasureKey, byte[]>>, Iterator<Chosen>> {
    private static final long serialVersionUID = 1;

    private final Broadcast<MeasureScan> scan;
    private final Broadcast<ProbeSample> sample;
    private final MeasureUnit unit;

    Choice(Broadcast<MeasureScan> scan, Broadcast<ProbeSample> sample, MeasureUnit unit) {
      this.scan = scan;
      this.sample = sample;
      this.unit = unit;
    }

    @Override
    public Iterator<Chosen> call(Integer partition, Iterator<Tuple2<MeasureKey, byte[]>> records) {
      MeasureSettings settings = scan.value().settings();
      int perFile = settings.featuresPerFile();
      int[] partitions = unit.partitions(perFile);
      int dictionary = MeasureReduction.dictionaryOf(partitions, partition);
      int first = (partition - partitions[dictionary]) * perFile;
      ClassSums sums =
          new ClassSums(
              Math.min(perFile, unit.dictionaries().get(dictionary).width() - first),
              sample.value().classes());
      while (records.hasNext()) {
        sums.mergeFrom(new StatisticInput(records.next()._2()));
      }
      return List.of(
              new Chosen(
                  dictionary,
                  sums.choose(sample.value(), first, settings.probing().mostFeatures())))
          .iterator();
    }
  }

  /** The codes of the chosen features, to whom trains the dictionary's probes. */
  private static final class Codes extends OverCodes {
    private static final long serialVersionUID = 1;

    private final Broadcast<ProbeFeatures[][]> features;

    Codes(
        Broadcast<MeasureScan> scan,
        Broadcast<ProbeSample> sample,
        MeasureUnit unit,
        Broadcast<ProbeFeatures[][]> features) {
      super(scan, sample, unit);
      this.features = features;
    }

    @Override
    List<Tuple2<MeasureKey, byte[]>> of(
        int block, int dictionary, int[][] examples, CodesByFeature codes) {
      List<Tuple2<MeasureKey, byte[]>> result = new ArrayList<>();
      List<Probe> probes = sample.value().probes();
      for (int number = 0; number < probes.size(); number++) {
        Probe probe = probes.get(number);
        SparseProbe part =
            new SparseProbe(sample.value(), probe, features.value()[dictionary][number].all());
        part.add(examples[probe.label()], codes);
        StatisticOutput out = new StatisticOutput();
        part.write(out);
        result.add(
            new Tuple2<>(MeasureKey.toFeatures(dictionary, number, 0, block), out.toBytes()));
      }
      return result;
    }
  }

  /** Trains the probes of a dictionary, one after another, and writes what they are worth. */
  private static final class Training
      implements Function2<Integer, Iterator<Tuple2<MeasureKey, byte[]>>, Iterator<PublishedFile>> {
    private static final long serialVersionUID = 1;

    private final Broadcast<MeasureScan> scan;
    private final Broadcast<ProbeSample> sample;
    private final MeasureUnit unit;
    private final Broadcast<ProbeFeatures[][]> features;

    Training(
        Broadcast<MeasureScan> scan,
        Broadcast<ProbeSample> sample,
        MeasureUnit unit,
        Broadcast<ProbeFeatures[][]> features) {
      this.scan = scan;
      this.sample = sample;
      this.unit = unit;
      this.features = features;
    }

    @Override
    public Iterator<PublishedFile> call(
        Integer dictionary, Iterator<Tuple2<MeasureKey, byte[]>> records) throws IOException {
      MeasureScan known = scan.value();
      MeasureUnit.Measured measured = unit.dictionaries().get(dictionary);
      String name = MeasureReduction.fileName(measured.id(), 0, known.publication().attempt());
      try (TableParts tables = new TableParts(known.publication().folder(), name)) {
        SparseProbe probe = null;
        int at = -1;
        while (records.hasNext()) {
          Tuple2<MeasureKey, byte[]> next = records.next();
          if (next._1().major() != at) {
            publish(dictionary, at, probe, tables);
            at = next._1().major();
            probe =
                new SparseProbe(
                    sample.value(),
                    sample.value().probes().get(at),
                    features.value()[dictionary][at].all());
          }
          probe.mergeFrom(new StatisticInput(next._2()));
        }
        publish(dictionary, at, probe, tables);
        return tables.finish().stream()
            .map(file -> MeasureReduction.belonging(file, measured))
            .iterator();
      }
    }

    private void publish(int place, int number, SparseProbe probe, TableParts tables)
        throws IOException {
      if (probe == null) {
        return;
      }
      MeasureUnit.Measured dictionary = unit.dictionaries().get(place);
      ProbeFeatures chosen = features.value()[place][number];
      Probe its = sample.value().probes().get(number);
      LabelValues label = sample.value().label(its);
      for (SparseProbe.Method method : SparseProbe.Method.values()) {
        for (int k : scan.value().settings().probing().features()) {
          int used = Math.min(k, chosen.differing().length);
          SparseProbe.Trained trained =
              probe.train(Arrays.copyOf(chosen.differing(), used), method);
          for (Place at : dictionary.places()) {
            tables.write(
                FeatureTables.PROBES,
                dictionary.id(),
                at.site(),
                at.checkpoint(),
                label.name(),
                label.values()[its.ofClass() - label.offset()],
                sample.value().kind(its).shown(),
                method.shown(),
                k,
                Arrays.stream(trained.features()).asLongStream().toArray(),
                TableWriter.finite(trained.scores().accuracy()),
                TableWriter.finite(trained.scores().auc()),
                TableWriter.finite(trained.scores().f1()),
                trained.c(),
                (long) probe.count(false),
                (long) probe.count(true));
          }
        }
      }
      if (chosen.toward().length == 0) {
        return;
      }
      FeatureSplitting splitting = FeatureSplitting.of(probe, chosen.toward());
      for (Place at : dictionary.places()) {
        tables.write(
            FeatureTables.FEATURE_SPLITS,
            dictionary.id(),
            at.site(),
            at.checkpoint(),
            label.name(),
            label.values()[its.ofClass() - label.offset()],
            sample.value().kind(its).shown(),
            splitting.splits(),
            Arrays.stream(splitting.features()).asLongStream().toArray(),
            splitting.f1());
      }
    }
  }
}
