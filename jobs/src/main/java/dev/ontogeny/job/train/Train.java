package dev.ontogeny.job.train;

import static java.util.stream.Collectors.joining;

import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.Claim;
import dev.ontogeny.data.DictionaryTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.train.TrainTask.Outcome;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.type.DictionaryTypes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import org.apache.spark.HashPartitioner;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Dictionaries out of a dataset. */
public final class Train implements Job<TrainSettings> {
  private static final Logger LOG = LoggerFactory.getLogger(Train.class);

  /** The {@code summary} of the manifest. */
  record Summary(int dictionaries, List<Failed> failed, List<CaptureFindings.Source> leftOut) {}

  /** A dictionary of the plan that is not published. */
  record Failed(String dictionary, String reason) {}

  @Override
  public String name() {
    return "train";
  }

  @Override
  public String description() {
    return "Trains dictionaries on a dataset: one for each checkpoint, alone or as a chain.";
  }

  @Override
  public String reference() {
    return "Types of dictionaries:\n\n" + DictionaryTypes.help();
  }

  @Override
  public Class<TrainSettings> settingsType() {
    return TrainSettings.class;
  }

  @Override
  public Plan plan(SparkSession spark, TrainSettings settings) {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(settings.dataset()));
    TrainPlan plan = TrainPlan.of(dataset, settings);
    List<DictionaryPlan> all = plan.dictionaries();
    Map<String, TrainTask.Reuse> reusable = reusable(settings, plan);
    List<DictionaryPlan> trained =
        all.stream().filter(each -> !reusable.containsKey(each.id())).toList();
    int threads = threads(spark);
    List<TrainPlan.Lane> tasks = plan.tasks(settings.mode(), bundle(spark, settings, plan));
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "dictionaries",
        String.format(
            Locale.ROOT,
            "%d (%d to train, %d from %s)",
            all.size(),
            trained.size(),
            reusable.size(),
            settings.continueFrom() == null ? "nowhere else" : settings.continueFrom()));
    lines.put(
        "rows",
        String.format(
            Locale.ROOT,
            "%,d to train on",
            trained.stream().mapToLong(DictionaryPlan::tokens).sum()));
    lines.put("bytes", new ByteSize(bytesRead(dataset, tasks, reusable)) + " to read");
    lines.put("tasks", tasks.size() + ", " + threads + " threads each");
    lines.put(
        "arithmetic",
        String.format(
            Locale.ROOT,
            "%.3g FLOP",
            trained.stream()
                .mapToDouble(
                    each ->
                        (double) each.tokens()
                            * each.specification().operationsPerRow(each.inputs()))
                .sum()));
    long memory =
        tasks.stream()
            .mapToLong(
                lane ->
                    lane.series().stream()
                        .mapToLong(
                            series ->
                                series
                                    .get(0)
                                    .specification()
                                    .bytes(
                                        series.get(0).inputs(),
                                        series.get(0).sources().size(),
                                        series.get(0).batch(),
                                        threads))
                        .sum())
            .max()
            .orElse(0);
    lines.put("memory per task", new ByteSize(memory).toString());
    return new Plan(lines);
  }

  @Override
  public Result run(SparkSession spark, TrainSettings settings) {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(settings.dataset()));
    List<Manifest.Input> inputs = List.of(dataset.asInput());
    Folder output = Folder.of(settings.output());
    Publication publication = Publication.open(output, "dictionaries", settings, inputs);
    Optional<Manifest> there = publication.published();
    if (there.isPresent()) {
      return new Result(there.get(), output.toString(), true, List.of());
    }
    TrainPlan plan = TrainPlan.of(dataset, settings);
    if (!plan.leftOut().isEmpty()) {
      LOG.warn("nothing varies in {}: left out", listed(plan.leftOut()));
    }
    try (Claim claim = publication.claim()) {
      train(spark, settings, dataset, publication, plan);
      return publish(spark, settings, inputs, publication, claim, plan);
    }
  }

  private static void train(
      SparkSession spark,
      TrainSettings settings,
      ShardedDataset dataset,
      Publication publication,
      TrainPlan plan) {
    Map<String, TrainTask.Reuse> reusable = reusable(settings, plan);
    List<TrainPlan.Lane> tasks =
        plan.tasks(settings.mode(), bundle(spark, settings, plan)).stream()
            .filter(
                lane ->
                    lane.series().stream()
                        .flatMap(List::stream)
                        .anyMatch(each -> publication.unit(each.id()).isEmpty()))
            .toList();
    if (tasks.isEmpty()) {
      return;
    }
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    long rows =
        tasks.stream()
            .flatMap(lane -> lane.series().stream())
            .flatMap(List::stream)
            .filter(each -> !reusable.containsKey(each.id()))
            .filter(each -> publication.unit(each.id()).isEmpty())
            .mapToLong(DictionaryPlan::tokens)
            .sum();
    LOG.info(
        "training {} dictionaries on {} rows in {} tasks, {} taken from elsewhere",
        plan.dictionaries().size(),
        rows,
        tasks.size(),
        reusable.size());
    LongAccumulator counted = spark.sparkContext().longAccumulator(Progress.ROWS);
    TrainTask task =
        new TrainTask(
            context.broadcast(dataset), publication, settings, reusable, threads(spark), counted);
    spark.sparkContext().setJobDescription("train");
    spark.sparkContext().setLocalProperty(Progress.EXPECTED_ROWS, Long.toString(rows));
    try {
      // Training is the map side of a shuffle: an executor that is lost afterwards costs a look at
      // records, and a task that is lost meanwhile is tried again.
      context
          .parallelize(tasks, tasks.size())
          .mapToPair(task)
          .partitionBy(new HashPartitioner(1))
          .values()
          .collect();
    } finally {
      spark.sparkContext().setLocalProperty(Progress.EXPECTED_ROWS, null);
      spark.sparkContext().setJobDescription(null);
    }
  }

  private static Result publish(
      SparkSession spark,
      TrainSettings settings,
      List<Manifest.Input> inputs,
      Publication publication,
      Claim claim,
      TrainPlan plan) {
    List<PublishedFile> files = new ArrayList<>();
    List<Failed> failed = new ArrayList<>();
    TreeSet<String> kernels = new TreeSet<>();
    List<String> lines = new ArrayList<>();
    int reused = 0;
    double worst = 0;
    double fastest = 0;
    for (DictionaryPlan each : plan.dictionaries()) {
      Publication.Unit unit =
          publication
              .unit(each.id())
              .orElseThrow(() -> new IllegalStateException("no record of " + each.id()));
      Outcome outcome = Json.fromTree(unit.result(), Outcome.class);
      if (outcome.failure() != null) {
        failed.add(new Failed(each.id(), outcome.failure()));
        lines.add(each.id() + " FAILED: " + outcome.failure());
        continue;
      }
      files.addAll(unit.files());
      if (outcome.kernel() != null) {
        kernels.add(outcome.kernel());
      }
      reused += outcome.reused() ? 1 : 0;
      worst = Math.max(worst, outcome.quality().fvu());
      fastest = Math.max(fastest, outcome.tokensPerSecond());
    }
    if (files.isEmpty()) {
      throw Failure.data(
          "no dictionary could be trained; the first, %s, failed: %s",
          failed.get(0).dictionary(), failed.get(0).reason());
    }
    int published = plan.dictionaries().size() - failed.size();
    Manifest manifest =
        publication.publish(
            claim,
            settings,
            inputs,
            files,
            DictionaryTables.ALL,
            Provenance.here(spark.version(), kernels.isEmpty() ? null : String.join("; ", kernels)),
            new Summary(published, failed, plan.leftOut()));
    if (!plan.leftOut().isEmpty()) {
      lines.add(0, "left out, since the vectors are all the same there: " + listed(plan.leftOut()));
    }
    lines.add(
        0,
        String.format(
            Locale.ROOT,
            "%d dictionaries, %d of them taken from elsewhere, %d failed; largest held-out fvu %.4f; up to %,.0f tokens/s for one",
            published,
            reused,
            failed.size(),
            worst,
            fastest));
    return new Result(manifest, publication.folder().toString(), false, lines);
  }

  /** Dictionaries of an earlier publication that are this plan's, byte for byte. */
  private static Map<String, TrainTask.Reuse> reusable(TrainSettings settings, TrainPlan plan) {
    Map<String, TrainTask.Reuse> reusable = new HashMap<>();
    if (settings.continueFrom() == null) {
      return reusable;
    }
    Folder folder = Folder.of(settings.continueFrom());
    Manifest manifest = Manifest.read(folder, "dictionaries");
    for (DictionaryPlan each : plan.dictionaries()) {
      List<PublishedFile> files =
          manifest.files().stream()
              .filter(file -> Objects.equals(file.dictionary(), each.id()))
              .toList();
      String description = each.id() + "/dictionary.json";
      if (files.stream().anyMatch(file -> file.path().equals(description))) {
        DictionaryMetadata metadata = metadata(folder, description);
        if (each.link().equals(metadata.link())) {
          reusable.put(each.id(), new TrainTask.Reuse(folder, files, metadata.quality()));
        }
      }
    }
    LOG.info(
        "{} of {} dictionaries stand in {} already",
        reusable.size(),
        plan.dictionaries().size(),
        folder);
    return reusable;
  }

  private static DictionaryMetadata metadata(Folder folder, String path) {
    try {
      return Json.read(folder.readText(path), DictionaryMetadata.class, folder.resolve(path));
    } catch (IOException e) {
      throw Failure.resources("%s cannot be read: %s", folder.resolve(path), e.getMessage())
          .causedBy(e);
    }
  }

  private static String listed(List<CaptureFindings.Source> sources) {
    return sources.stream().map(CaptureFindings.Source::toString).collect(joining(", "));
  }

  private static int threads(SparkSession spark) {
    return spark.sparkContext().conf().getInt("spark.task.cpus", 1);
  }

  private static int bundle(SparkSession spark, TrainSettings settings, TrainPlan plan) {
    int slots = Math.max(1, spark.sparkContext().defaultParallelism() / threads(spark));
    return settings.bundle() == null ? plan.bundle(settings.mode(), slots) : settings.bundle();
  }

  private static long bytesRead(
      ShardedDataset dataset, List<TrainPlan.Lane> tasks, Map<String, TrainTask.Reuse> reusable) {
    long bytes = 0;
    for (TrainPlan.Lane lane : tasks) {
      for (int checkpoint = 0; checkpoint < lane.series().get(0).size(); checkpoint++) {
        int at = checkpoint;
        long rows =
            lane.series().stream()
                .map(series -> series.get(at))
                .filter(each -> !reusable.containsKey(each.id()))
                .mapToLong(DictionaryPlan::tokens)
                .max()
                .orElse(0);
        for (Source source : lane.series().get(0).get(at).sources()) {
          bytes += rows * source.width() * dataset.site(source.site()).dtype().bytes();
        }
      }
    }
    return bytes;
  }
}
