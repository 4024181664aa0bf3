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
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.Estimate;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Workload;
import dev.ontogeny.job.train.TrainTask.Outcome;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.RoundTrainer;
import dev.ontogeny.type.DictionaryTypes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.spark.HashPartitioner;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
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
    Continued continued = Continued.of(dataset, settings);
    TrainPlan plan = continued.plan();
    MllibFit.requireOnePartition(spark, plan.fitted());
    List<DictionaryPlan> all = plan.dictionaries();
    Map<String, TrainTask.Reuse> reusable = continued.taken();
    List<DictionaryPlan> trained =
        all.stream().filter(each -> !reusable.containsKey(each.id())).toList();
    int threads = threads(spark);
    List<TrainPlan.Lane> tasks = plan.tasks(settings.mode(), bundle(spark, settings, plan));
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "dictionaries",
        settings.continueFrom() == null
            ? all.size() + ", all to train"
            : String.format(
                Locale.ROOT,
                "%d (%d to train, %d from %s)",
                all.size(),
                trained.size(),
                reusable.size(),
                settings.continueFrom()));
    if (!continued.starts().isEmpty()) {
      lines.put("weights", String.join("; ", continued.starts()));
    }
    lines.put(
        "rows",
        String.format(
            Locale.ROOT,
            "%,d to train on",
            trained.stream().mapToLong(DictionaryPlan::tokens).sum()));
    lines.put("bytes", new ByteSize(bytesRead(dataset, tasks, reusable)) + " to read");
    int workers = plan.workers();
    lines.put("tasks", workers * tasks.size() + ", " + threads + " threads each");
    if (settings.training().rounds() != null && !trained.isEmpty()) {
      lines.put("rounds", rounds(trained));
    }
    Workload work = work(spark, settings, dataset, plan, reusable);
    lines.put("arithmetic", String.format(Locale.ROOT, "%.3g FLOP", work.flops()));
    List<ConsensusPlan> merged = ConsensusPlan.of(plan, settings);
    if (!merged.isEmpty()) {
      long merging = merged.stream().mapToLong(ConsensusPlan::bytes).max().getAsLong();
      lines.put(
          "consensus",
          "%d dictionaries more, merged out of replicas in %s a task"
              .formatted(merged.size(), new ByteSize(merging)));
    }
    if (!plan.fitted().isEmpty()) {
      long reading =
          plan.fitted().stream().mapToLong(each -> each.bytes(dataset)).max().getAsLong();
      lines.put(
          "fitted",
          "%d dictionaries more by Spark MLlib, one after the other, rows in %s of a task"
              .formatted(plan.fitted().size(), new ByteSize(reading)));
    }
    if (!tasks.isEmpty()) {
      lines.put("memory per task", TaskMemory.of(spark, tasks, settings.kernel(), threads).told());
    }
    return Plan.of(spark, lines, work);
  }

  private static Workload work(
      SparkSession spark,
      TrainSettings settings,
      ShardedDataset dataset,
      TrainPlan plan,
      Map<String, TrainTask.Reuse> reusable) {
    List<TrainPlan.Lane> tasks = plan.tasks(settings.mode(), bundle(spark, settings, plan));
    double operations =
        plan.dictionaries().stream()
            .filter(each -> !reusable.containsKey(each.id()))
            .mapToDouble(
                each ->
                    (double) each.tokens()
                        * Kernels.trainingOperations(
                            settings.kernel(), each.specification(), TaskMemory.size(each, 1)))
            .sum();
    double merging =
        ConsensusPlan.of(plan, settings).stream().mapToDouble(ConsensusPlan::operations).sum();
    List<FittedPlan> fitted = plan.fitted();
    return new Workload(
        "dictionaries",
        bytesRead(dataset, tasks, reusable)
            + fitted.stream().mapToLong(each -> each.bytesRead(dataset)).sum(),
        operations + merging + fitted.stream().mapToDouble(each -> each.operations(dataset)).sum(),
        0,
        plan.workers() * tasks.size() + fitted.size(),
        threads(spark));
  }

  private static String rounds(List<DictionaryPlan> trained) {
    return trained.stream()
        .map(
            each ->
                String.format(
                    Locale.ROOT,
                    "%,d of %d workers for %s tokens, each round %d steps of each on %d rows and %s written for each dictionary",
                    each.rounds().count(each.steps()),
                    each.workers(),
                    String.format(Locale.ROOT, "%,d", each.tokens()),
                    each.rounds().steps(),
                    each.batch(),
                    new ByteSize(RoundTrainer.bytesOfRound(each))))
        .distinct()
        .collect(joining("; "));
  }

  @Override
  public Result run(SparkSession spark, TrainSettings settings) {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(settings.dataset()));
    List<Manifest.Input> inputs = Continued.inputs(dataset, settings);
    Folder output = Folder.of(settings.output());
    Publication publication = Publication.open(output, "dictionaries", settings, inputs);
    Optional<Manifest> there = publication.published();
    if (there.isPresent()) {
      return new Result(there.get(), output.toString(), true, List.of());
    }
    Continued continued = Continued.of(dataset, settings);
    TrainPlan plan = continued.plan();
    if (!plan.leftOut().isEmpty()) {
      LOG.warn("nothing varies in {}: left out", listed(plan.leftOut()));
    }
    MllibFit.requireOnePartition(spark, plan.fitted());
    try (Claim claim = publication.claim()) {
      continued.log(settings);
      train(spark, settings, dataset, publication, plan, continued.taken());
      fit(spark, settings, dataset, publication, plan.fitted());
      merge(spark, settings, dataset, publication, ConsensusPlan.of(plan, settings));
      Workload work = work(spark, settings, dataset, plan, continued.taken());
      return publish(spark, settings, inputs, publication, claim, continued, work);
    }
  }

  private static void train(
      SparkSession spark,
      TrainSettings settings,
      ShardedDataset dataset,
      Publication publication,
      TrainPlan plan,
      Map<String, TrainTask.Reuse> reusable) {
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
    if (settings.training().rounds() != null) {
      RoundTasks.Context shared =
          new RoundTasks.Context(
              context.broadcast(dataset), publication, settings, reusable, threads(spark), counted);
      new TrainingRounds(context, shared).train(tasks);
      return;
    }
    TrainTask task =
        new TrainTask(
            context.broadcast(dataset), publication, settings, reusable, threads(spark), counted);
    spark
        .sparkContext()
        .setJobDescription(
            String.format(
                Locale.ROOT,
                "train: %d dictionaries in %d tasks",
                plan.dictionaries().size(),
                tasks.size()));
    spark.sparkContext().setLocalProperty(Progress.EXPECTED_ROWS, Long.toString(rows));
    try {
      // Training is the map side of a shuffle: an executor that is lost afterwards costs a look at
      // records, and a task that is lost meanwhile is tried again.
      Gpus.on(context.parallelize(tasks, tasks.size()))
          .mapToPair(task)
          .partitionBy(new HashPartitioner(1))
          .values()
          .collect();
    } finally {
      spark.sparkContext().setLocalProperty(Progress.EXPECTED_ROWS, null);
      spark.sparkContext().setJobDescription(null);
    }
  }

  /** Fits baselines by MLlib, which spreads its own work: one after the other. */
  private static void fit(
      SparkSession spark,
      TrainSettings settings,
      ShardedDataset dataset,
      Publication publication,
      List<FittedPlan> plans) {
    if (plans.isEmpty()) {
      return;
    }
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    Broadcast<ShardedDataset> shared = context.broadcast(dataset);
    MllibFit mllib = new MllibFit(spark, shared);
    for (FittedPlan plan : plans) {
      if (publication.unit(plan.id()).isPresent()) {
        continue;
      }
      spark.sparkContext().setJobDescription("train: fit " + plan.id());
      Broadcast<MllibFit.Weights> weights = null;
      try {
        weights = context.broadcast(mllib.fit(plan));
        context
            .parallelize(List.of(plan), 1)
            .foreach(new FittedTask(shared, weights, publication, settings, threads(spark)));
      } finally {
        spark.sparkContext().setJobDescription(null);
        if (weights != null) {
          weights.destroy();
        }
      }
    }
  }

  /** Merges replicas, one task for each dictionary that they become. */
  private static void merge(
      SparkSession spark,
      TrainSettings settings,
      ShardedDataset dataset,
      Publication publication,
      List<ConsensusPlan> plans) {
    if (plans.isEmpty()) {
      return;
    }
    LOG.info("merging replicas into {} dictionaries", plans.size());
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    spark
        .sparkContext()
        .setJobDescription("train: merge replicas into " + plans.size() + " dictionaries");
    try {
      context
          .parallelize(plans, plans.size())
          .foreach(
              new ConsensusTask(context.broadcast(dataset), publication, settings, threads(spark)));
    } finally {
      spark.sparkContext().setJobDescription(null);
    }
  }

  private static Result publish(
      SparkSession spark,
      TrainSettings settings,
      List<Manifest.Input> inputs,
      Publication publication,
      Claim claim,
      Continued continued,
      Workload work) {
    TrainPlan plan = continued.plan();
    List<PublishedFile> files = new ArrayList<>();
    List<Failed> failed = new ArrayList<>();
    TreeSet<String> kernels = new TreeSet<>();
    List<String> lines = new ArrayList<>();
    int reused = 0;
    double worst = 0;
    double fastest = 0;
    List<ConsensusPlan> merged = ConsensusPlan.of(plan, settings);
    List<String> ids =
        Stream.of(
                plan.dictionaries().stream().map(DictionaryPlan::id),
                plan.fitted().stream().map(FittedPlan::id),
                merged.stream().map(ConsensusPlan::id))
            .flatMap(each -> each)
            .toList();
    for (String id : ids) {
      Publication.Unit unit =
          publication.unit(id).orElseThrow(() -> new IllegalStateException("no record of " + id));
      Outcome outcome = Json.fromTree(unit.result(), Outcome.class);
      if (outcome.failure() != null) {
        failed.add(new Failed(id, outcome.failure()));
        lines.add(id + " FAILED: " + outcome.failure());
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
    lines.addAll(continued.starts());
    int published = ids.size() - failed.size();
    Manifest manifest =
        publication.publish(
            claim,
            settings,
            inputs,
            files,
            DictionaryTables.ALL,
            Provenance.here(spark.version(), kernels.isEmpty() ? null : String.join("; ", kernels))
                .with(Estimate.of(spark, work).took(claim)),
            new Summary(published, failed, plan.leftOut()));
    if (!plan.leftOut().isEmpty()) {
      lines.add(0, "left out, since the vectors are all the same there: " + listed(plan.leftOut()));
    }
    lines.add(
        0,
        String.format(
            Locale.ROOT,
            "%d dictionaries, %d of them taken from elsewhere,%s %d failed; largest held-out fvu %.4f; up to %,.0f tokens/s for one",
            published,
            reused,
            merged.isEmpty() ? "" : " " + merged.size() + " merged out of replicas,",
            failed.size(),
            worst,
            fastest));
    return new Result(manifest, publication.folder().toString(), false, lines);
  }

  private static String listed(List<CaptureFindings.Source> sources) {
    return sources.stream().map(CaptureFindings.Source::toString).collect(joining(", "));
  }

  private static int threads(SparkSession spark) {
    return spark.sparkContext().conf().getInt("spark.task.cpus", 1);
  }

  private static int bundle(SparkSession spark, TrainSettings settings, TrainPlan plan) {
    if (settings.training().rounds() != null) {
      // Workers read streams of their own.
      return 1;
    }
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
