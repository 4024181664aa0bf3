package dev.ontogeny.job.measure;

import dev.ontogeny.data.Claim;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.RowBlock;
import dev.ontogeny.data.RowIndex;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.data.TokenBlock.Token;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.job.Estimate;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Workload;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.stats.BlockEncoder;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.LabelValues;
import dev.ontogeny.stats.RowAttributes;
import dev.ontogeny.stats.RowStatistics;
import dev.ontogeny.stats.TokenSummary;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.LongAccumulator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

/**
 * What every feature of every dictionary does on the dataset, at its checkpoint.
 *
 * <p>Blocks of rows are encoded once with all dictionaries of a source; their codes stay on the
 * executors' disks while a unit is at work. Statistics of blocks of features travel to the tasks
 * that merge them, in the order of the blocks of rows, and write them. Examples travel to where
 * their rows are, ask from there for their neighbours in the document, and come back to be written.
 * The driver sees files and, per dictionary, a few numbers.
 */
public final class Measure implements Job<MeasureSettings> {
  private static final Logger LOG = LoggerFactory.getLogger(Measure.class);

  @Override
  public String name() {
    return "measure";
  }

  @Override
  public String description() {
    return "Reduces what every feature does on the dataset: counts, histograms, examples, tokens, labels.";
  }

  @Override
  public Class<MeasureSettings> settingsType() {
    return MeasureSettings.class;
  }

  /** The key of {@link Summary#dictionaryContents}. */
  static final String CONTENTS = "dictionary_contents";

  /**
   * What was measured; the manifest's summary.
   *
   * @param dictionaryContents by id digests of the dictionaries' files, so that it can be told
   *     later what they were
   */
  record Summary(
      long rows,
      int dictionaries,
      long features,
      List<String> labelsLeftOut,
      Map<String, String> dictionaryContents) {}

  /** The job's inputs and how the work is divided. */
  private record Work(
      ShardedDataset dataset,
      DictionaryFolder dictionaries,
      MeasuredBefore before,
      List<RowBlock> blocks,
      List<MeasureUnit> units,
      TokenBlock.Columns columns,
      TokenOrder order) {

    static Work of(MeasureSettings settings) {
      return of(
          settings,
          ShardedDataset.open(Folder.of(settings.dataset())),
          DictionaryFolder.open(Folder.of(settings.dictionaries())));
    }

    static Work of(
        MeasureSettings settings, ShardedDataset dataset, DictionaryFolder dictionaries) {
      Folder folder = dataset.folder();
      MeasuredBefore before = MeasuredBefore.of(settings, dataset, dictionaries);
      try {
        return new Work(
            dataset,
            dictionaries,
            before,
            RowBlock.cut(dataset, settings.blockRows()),
            MeasureUnit.divide(
                dataset,
                dictionaries,
                settings.dictionariesPerScan(),
                settings.checkpointsPerUnit(),
                before.known(),
                before.sources(dictionaries)),
            TokenBlock.Columns.of(dataset),
            TokenOrder.of(seed(folder), dataset.summary().shards()));
      } catch (IOException e) {
        throw Failure.resources("dataset %s cannot be read: %s", folder, e.getMessage())
            .causedBy(e);
      }
    }

    /** The seed of the dataset's order of tokens. */
    private static long seed(Folder folder) {
      var seed = Manifest.read(folder, "dataset").settings().get("seed");
      if (seed == null || !seed.isIntegralNumber()) {
        throw Failure.data(
            "%s does not state settings.seed, by which tokens are found",
            folder.resolve(Manifest.FILE));
      }
      return seed.longValue();
    }

    /** Blocks of rows by task: neighbours together, tasks that have one more than others first. */
    List<List<RowBlock>> partitions(Integer tasks, int parallelism) {
      int count = Math.min(blocks.size(), tasks == null ? Math.max(16, 4 * parallelism) : tasks);
      List<List<RowBlock>> partitions = new ArrayList<>();
      int from = 0;
      for (int i = 0; i < count; i++) {
        int to = from + (blocks.size() - from + count - i - 1) / (count - i);
        partitions.add(new ArrayList<>(blocks.subList(from, to)));
        from = to;
      }
      return partitions;
    }
  }

  /**
   * What scanning comes to.
   *
   * @param bytes read
   * @param disk bytes of codes, at most
   * @param memory of a task
   */
  private record Scanning(double operations, long bytes, long disk, long memory) {
    Workload work(int tasks) {
      return new Workload("features", bytes, operations, 0, tasks, 1);
    }
  }

  private static int tasks(SparkSession spark, MeasureSettings settings, Work work) {
    return work.partitions(settings.tasks(), spark.sparkContext().defaultParallelism()).size();
  }

  private static Scanning scanning(MeasureSettings settings, Work work) {
    long rows = work.dataset().summary().rows();
    int blockRows = blockRows(work);
    double operations = 0;
    long bytes = 0;
    long disk = 0;
    long memory = 0;
    for (MeasureUnit unit : work.units()) {
      long codes = 0;
      for (List<Integer> scan : unit.scans()) {
        MeasureUnit.Measured first = unit.dictionaries().get(scan.get(0));
        bytes +=
            rows
                * first.inputs()
                * work.dataset().site(first.place().site()).dtype().bytes()
                * (work.dataset().hasGradients() ? 2 : 1);
        long inScan = 0;
        for (int number : scan) {
          MeasureUnit.Measured each = unit.dictionaries().get(number);
          codes += rows * each.codesPerRow() * 6L;
          if (number > scan.get(0) && each.sources() > 1) {
            continue;
          }
          int views = each.sources() > 1 ? scan.size() : 1;
          double size = (double) each.width() * each.inputs();
          int decoded =
              Kernels.codesAreDense(settings.kernel()) ? each.width() : each.codesPerRow();
          operations +=
              rows * (2 * size + (each.sources() > 1 ? 6.0 : 2.0) * decoded * each.inputs());
          operations += each.forOverlapsOnly() ? 0 : 2 * size * each.width();
          inScan +=
              BlockEncoder.memory(
                      each.inputs(),
                      each.sources(),
                      each.width(),
                      settings.batchRows(),
                      (long) blockRows * each.codesPerRow(),
                      views)
                  + 16L * each.width() * each.inputs();
        }
        inScan +=
            first.places().stream()
                .mapToLong(
                    place ->
                        RowStatistics.memory(
                            place.width(), settings.batchRows(), classes(settings, work)))
                .sum();
        memory = Math.max(memory, inScan);
      }
      disk = Math.max(disk, codes);
      long chains =
          unit.dictionaries().stream()
              .filter(each -> each.place().series() != null)
              .map(each -> each.place().series())
              .distinct()
              .count();
      int widest = unit.dictionaries().stream().mapToInt(each -> each.width()).max().orElse(0);
      int codesPerRow =
          unit.dictionaries().stream().mapToInt(each -> each.codesPerRow()).max().orElse(0);
      memory =
          Math.max(
              memory, (2 + chains) * CodesByFeature.memory(widest, (long) blockRows * codesPerRow));
    }
    memory +=
        RowAttributes.memory(blockRows, work.columns().labels().size(), settings.replicates())
            + 64L * blockRows;
    return new Scanning(operations, bytes, disk, memory);
  }

  /** Values of all labels, at most. */
  private static int classes(MeasureSettings settings, Work work) {
    return work.columns().labels().size() * settings.maximumLabelValues();
  }

  private static int blockRows(Work work) {
    return work.blocks().stream().mapToInt(RowBlock::rows).max().orElse(0);
  }

  @Override
  public Plan plan(SparkSession spark, MeasureSettings settings) {
    Work work = Work.of(settings);
    Scanning scanning = scanning(settings, work);
    int tasks = tasks(spark, settings, work);
    int widestPlaces =
        work.units().stream()
            .flatMap(unit -> unit.dictionaries().stream())
            .filter(each -> each.sources() > 1)
            .mapToInt(each -> each.places().size())
            .max()
            .orElse(0);
    FeatureBlock.Shape shape =
        new FeatureBlock.Shape(
            settings.topExamples(),
            settings.sampledExamples(),
            0,
            work.columns().anyToken() && settings.topTokens() > 0,
            classes(settings, work),
            settings.replicates(),
            widestPlaces);
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put("rows", work.dataset().summary().rows() + " in " + work.blocks().size() + " blocks");
    lines.put(
        "dictionaries",
        work.dictionaries().dictionaries().size()
            + " in "
            + work.units().size()
            + " units"
            + (work.before().folder() == null
                ? ""
                : ", %d taken from %s"
                    .formatted(work.before().known().size(), work.before().folder())));
    lines.put("bytes read", new ByteSize(scanning.bytes()).toString());
    lines.put("tasks", tasks + " per unit and pass");
    lines.put("FLOPs", String.format(Locale.ROOT, "%.3g", scanning.operations()));
    lines.put("memory per scanning task", new ByteSize(scanning.memory()).toString());
    lines.put(
        "memory per merging task",
        new ByteSize(2 * shape.memory(FeatureBlock.FEATURES, 5000) + (48L << 20))
            + " (at 5000 different tokens per feature)");
    if (settings.probing().any() && classes(settings, work) > 0) {
      lines.put(
          "memory per probing task",
          new ByteSize(
                  MeasureProbes.memory(
                      settings,
                      classes(settings, work),
                      work.dictionaries().dictionaries().stream()
                          .mapToLong(each -> each.width())
                          .max()
                          .orElse(0)))
              + " (at %d values per label)".formatted(settings.maximumLabelValues()));
    }
    lines.put("codes on local disks", new ByteSize(scanning.disk()) + " at most, in all");
    return Plan.of(spark, lines, scanning.work(tasks));
  }

  @Override
  public Result run(SparkSession spark, MeasureSettings settings) {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(settings.dataset()));
    DictionaryFolder dictionaries = DictionaryFolder.open(Folder.of(settings.dictionaries()));
    List<Manifest.Input> inputs = List.of(dataset.asInput(), dictionaries.asInput());
    Publication publication =
        Publication.open(Folder.of(settings.output()), "features", settings, inputs);
    Optional<Manifest> published = publication.published();
    if (published.isPresent()) {
      return result(published.get(), publication, true);
    }
    Work work = Work.of(settings, dataset, dictionaries);
    try (Claim claim = publication.claim()) {
      return result(measure(spark, settings, work, inputs, publication, claim), publication, false);
    }
  }

  private static Manifest measure(
      SparkSession spark,
      MeasureSettings settings,
      Work work,
      List<Manifest.Input> inputs,
      Publication publication,
      Claim claim) {
    String kernel = Gpus.name(spark.sparkContext().conf(), settings.kernel());
    List<PublishedFile> files = new ArrayList<>();
    List<MeasuredDictionary> measured = new ArrayList<>();
    List<String> leftOut = new ArrayList<>();
    try {
      work.before()
          .copyTo(publication.folder(), JavaSparkContext.fromSparkContext(spark.sparkContext()));
      files.addAll(work.before().files());
      measured.addAll(work.before().dictionaries());
    } catch (IOException e) {
      throw Failure.resources(
              "continue-from %s cannot be read: %s", settings.continueFrom(), e.getMessage())
          .causedBy(e);
    }
    try (Session session = new Session(spark, settings, work, publication)) {
      leftOut.addAll(session.labelsLeftOut());
      for (MeasureUnit unit : work.units()) {
        Publication.Unit done =
            publication.unit(unit.name()).orElseGet(() -> session.measure(unit));
        files.addAll(done.files());
        for (var each : done.result()) {
          measured.add(Json.fromTree(each, MeasuredDictionary.class));
        }
      }
    }
    files.addAll(MeasuredDictionary.write(publication, measured));
    return publication.publish(
        claim,
        settings,
        inputs,
        files,
        FeatureTables.all(work.columns().documents()),
        Provenance.here(spark.version(), kernel)
            .with(
                Estimate.of(spark, scanning(settings, work).work(tasks(spark, settings, work)))
                    .took(claim)),
        new Summary(
            work.dataset().summary().rows(),
            work.dictionaries().dictionaries().size(),
            work.dictionaries().dictionaries().stream().mapToLong(each -> each.width()).sum(),
            leftOut,
            work.dictionaries().contents()));
  }

  private static Result result(Manifest manifest, Publication publication, boolean already) {
    Summary summary = manifest.summary(Summary.class);
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%d features of %d dictionaries over %d rows",
            summary.features(),
            summary.dictionaries(),
            summary.rows()));
    if (!summary.labelsLeftOut().isEmpty()) {
      lines.add("left out as no classes: " + String.join(", ", summary.labelsLeftOut()));
    }
    return new Result(manifest, publication.folder().toString(), already, lines);
  }

  /** What units share: the tokens of all blocks, read once, and what every task knows. */
  private static final class Session implements AutoCloseable {
    private final JavaSparkContext spark;
    private final MeasureSettings settings;
    private final Work work;
    private final Publication publication;
    private final List<List<RowBlock>> partitions;
    private final JavaRDD<BlockBytes> tokens;
    private final Broadcast<ShardedDataset> dataset;
    private final Broadcast<MeasureScan> scan;
    private final List<String> labelsLeftOut = new ArrayList<>();

    /** Null where there are none. */
    private final MeasureProbes probes;

    Session(SparkSession session, MeasureSettings settings, Work work, Publication publication) {
      this.spark = JavaSparkContext.fromSparkContext(session.sparkContext());
      this.settings = settings;
      this.work = work;
      this.publication = publication;
      partitions = work.partitions(settings.tasks(), spark.defaultParallelism());
      dataset = spark.broadcast(work.dataset());
      tokens =
          spark
              .parallelize(partitions, partitions.size())
              .mapPartitions(new MeasureTokens(dataset, work.columns(), work.order()))
              .persist(StorageLevel.DISK_ONLY());
      spark.setJobDescription("measure: read tokens and labels");
      int vocabulary = settings.maximumVocabulary();
      int labelValues = settings.maximumLabelValues();
      TokenSummary summary =
          tokens
              .mapPartitions(new MeasureVocabulary(vocabulary, labelValues))
              .treeReduce(TokenSummary::merge);
      if (summary.vocabularyIsUnbounded()) {
        throw Failure.settings(
            "the dataset has more than maximum-vocabulary = %d different tokens; raise it, at some 100 bytes of every executor's memory per token",
            vocabulary);
      }
      List<LabelValues> labels = MeasureScan.labels(work.columns(), summary);
      for (String label : work.columns().labels()) {
        if (labels.stream().noneMatch(each -> each.name().equals(label))) {
          labelsLeftOut.add(label);
        }
      }
      int[] partitionOfBlock = new int[work.blocks().size()];
      boolean[] heldOut = new boolean[work.blocks().size()];
      for (int i = 0; i < partitions.size(); i++) {
        for (RowBlock block : partitions.get(i)) {
          partitionOfBlock[block.index()] = i;
          heldOut[block.index()] = block.heldOut();
        }
      }
      Token[] sorted = summary.vocabulary();
      LOG.info(
          "{} rows in {} blocks, {} different tokens, {} labels",
          work.dataset().summary().rows(),
          work.blocks().size(),
          sorted.length,
          labels.size());
      scan =
          spark.broadcast(
              new MeasureScan(
                  work.dataset(),
                  work.dictionaries().folder(),
                  publication,
                  settings,
                  work.columns(),
                  work.order(),
                  sorted,
                  labels,
                  new RowIndex(
                      work.dataset().summary().shards(), work.blocks(), summary::firstHashes),
                  partitionOfBlock,
                  heldOut));
      probes =
          settings.probing().any() && !labels.isEmpty()
              ? new MeasureProbes(spark, scan, tokens)
              : null;
    }

    List<String> labelsLeftOut() {
      return labelsLeftOut;
    }

    Publication.Unit measure(MeasureUnit unit) {
      int ranges = unit.partitions(settings.featuresPerFile())[unit.dictionaries().size()];
      LongAccumulator rows = new LongAccumulator();
      spark.sc().register(rows, Progress.ROWS);
      JavaRDD<BlockBytes> encoded =
          Gpus.on(tokens.mapPartitions(new MeasureEncoding(scan, unit, rows)))
              .persist(StorageLevel.DISK_ONLY());
      JavaPairRDD<MeasureKey, byte[]> statistics =
          weights(unit).union(encoded.mapPartitionsToPair(new MeasureStatistics(scan, unit)));
      JavaRDD<MeasureReduction.Reduced> reduced =
          MeasureKey.sorted(spark, statistics, ranges + unit.sources().size())
              .mapPartitionsWithIndex(new MeasureReduction(scan, unit), false)
              .persist(StorageLevel.DISK_ONLY());
      spark.setJobDescription("measure: encode and merge " + unit.name());
      spark.setLocalProperty(
          Progress.EXPECTED_ROWS,
          Long.toString(work.dataset().summary().rows() * unit.scans().size()));
      List<MeasureReduction.Part> parts =
          reduced.filter(each -> each.part() != null).map(MeasureReduction.Reduced::part).collect();
      spark.setLocalProperty(Progress.EXPECTED_ROWS, null);
      spark.setJobDescription("measure: examples of " + unit.name());
      List<PublishedFile> files = new ArrayList<>();
      parts.forEach(part -> files.addAll(part.files()));
      files.addAll(Gpus.without(encoded, codes -> examples(unit, reduced, codes, ranges)));
      if (probes != null) {
        files.addAll(Gpus.without(encoded, codes -> probes.measure(unit, codes)));
      }
      reduced.unpersist();
      encoded.unpersist();
      List<MeasuredDictionary> measured = MeasuredDictionary.of(unit, settings, parts);
      try {
        publication.finished(unit.name(), files, measured);
      } catch (IOException e) {
        throw Failure.resources(
                "output %s cannot be written to: %s", publication.folder(), e.getMessage())
            .causedBy(e);
      }
      return new Publication.Unit(unit.name(), files, Json.tree(measured));
    }

    private JavaPairRDD<MeasureKey, byte[]> weights(MeasureUnit unit) {
      List<MeasureWeights.Range> ranges = MeasureWeights.ranges(unit);
      return spark.parallelize(ranges, ranges.size()).flatMapToPair(new MeasureWeights(scan, unit));
    }

    private List<PublishedFile> examples(
        MeasureUnit unit,
        JavaRDD<MeasureReduction.Reduced> reduced,
        JavaRDD<BlockBytes> encoded,
        int ranges) {
      JavaPairRDD<MeasureKey, byte[]> kept =
          reduced
              .filter(each -> each.part() == null)
              .mapToPair(each -> new Tuple2<>(each.key(), each.examples()));
      JavaRDD<MeasureMessage> located =
          MeasureKey.sorted(spark, kept, partitions.size())
              .zipPartitions(tokens, new MeasureLocation(scan, unit))
              .persist(StorageLevel.DISK_ONLY());
      JavaPairRDD<MeasureKey, byte[]> questions =
          located
              .filter(MeasureMessage::question)
              .mapToPair(each -> new Tuple2<>(each.key(), each.bytes()));
      JavaRDD<MeasureMessage> answers =
          MeasureKey.sorted(spark, questions, partitions.size())
              .zipPartitions(encoded, new MeasureContexts(scan, unit));
      List<PublishedFile> files =
          MeasureKey.sorted(
                  spark,
                  located
                      .filter(each -> !each.question())
                      .union(answers)
                      .mapToPair(each -> new Tuple2<>(each.key(), each.bytes())),
                  ranges)
              .mapPartitionsWithIndex(new MeasureExamples(scan, unit), false)
              .collect();
      located.unpersist();
      return files;
    }

    @Override
    public void close() {
      if (probes != null) {
        probes.close();
      }
      tokens.unpersist();
      scan.destroy();
      dataset.destroy();
      spark.setJobDescription(null);
    }
  }
}
