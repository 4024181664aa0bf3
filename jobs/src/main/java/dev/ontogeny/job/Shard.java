package dev.ontogeny.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.Claim;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.spark.SlicedShuffle;
import dev.ontogeny.stats.DocumentSample;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

/**
 * Captures become a dataset: tokens in an order that only the seed decides, aligned over sites and
 * checkpoints, with moments. One pass over the capture and one shuffle, no join: a row goes to the
 * shard that the hash of its token names, where all rows of that token meet.
 */
final class Shard implements Job<ShardSettings> {
  private static final Logger LOG = LoggerFactory.getLogger(Shard.class);

  private static final int FEWEST_SHARDS = 10;

  @Override
  public String name() {
    return "shard";
  }

  @Override
  public String description() {
    return "Captures become a dataset: checked, aligned over checkpoints, shuffled token by token, with moments.";
  }

  @Override
  public Class<ShardSettings> settingsType() {
    return ShardSettings.class;
  }

  @Override
  public Plan plan(SparkSession session, ShardSettings settings) {
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    ShardCapture capture = ShardCapture.read(spark, settings);
    ShardPlan plan = plan(settings, capture, null, new double[capture.sources().size()]);
    long shuffled = capture.tokens() * plan.bytesPerToken();
    long stored =
        capture.sources().stream().mapToLong(source -> source.rows() * source.bytes()).sum()
            * (plan.gradient() ? 2 : 1);
    long products =
        capture.sources().stream()
            .mapToLong(source -> source.rows() * source.width() * (source.width() + 1L))
            .sum();
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "capture",
        String.format(
            Locale.ROOT,
            "%d files, %s, %d sources (site × checkpoint)",
            capture.files().size(),
            new ByteSize(capture.bytes()),
            capture.sources().size()));
    for (ShardedDataset.Site site : sites(capture)) {
      lines.put(
          "site " + site.site(),
          String.format(
              Locale.ROOT,
              "width %d, %s, checkpoints %s",
              site.width(),
              site.dtype().key(),
              site.checkpoints()));
    }
    lines.put(
        "rows",
        String.format(
            Locale.ROOT, "%d of the capture, %d tokens", capture.rows(), capture.tokens()));
    lines.put(
        "bytes",
        String.format(
            Locale.ROOT,
            "%s read, about %s shuffled (%.2f per byte read), about %s written",
            new ByteSize(capture.bytes()),
            new ByteSize(shuffled),
            (double) shuffled / capture.bytes(),
            new ByteSize(stored)));
    lines.put(
        "tasks",
        String.format(
            Locale.ROOT,
            "%d that read, %d shards of %d slices, %d that merge moments",
            capture.splits().size(),
            plan.order().shards(),
            plan.slices(),
            capture.sources().size()));
    lines.put("floating-point operations", String.format(Locale.ROOT, "%.3g", (double) products));
    lines.put(
        "memory per task",
        new ByteSize(plan.memoryPerTask())
            + (plan.momentsInPassing() ? "" : "; moments source by source"));
    return new Plan(lines);
  }

  @Override
  public Result run(SparkSession session, ShardSettings settings) {
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    long begun = System.nanoTime();
    ShardCapture capture = ShardCapture.read(spark, settings);
    LOG.info(
        "capture: {} files, {} rows, {} sources",
        capture.files().size(),
        capture.rows(),
        capture.sources().size());
    Publication publication =
        Publication.open(Folder.of(settings.output()), "dataset", settings, capture.inputs());
    if (publication.published().isPresent()) {
      return new Result(
          publication.published().get(), settings.output(), true, List.of("already published"));
    }
    try (Claim claim = publication.claim()) {
      return shard(session, settings, capture, publication, claim, begun);
    }
  }

  private static Result shard(
      SparkSession session,
      ShardSettings settings,
      ShardCapture capture,
      Publication publication,
      Claim claim,
      long begun) {
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    double[] normLimits = ShardNorms.limits(spark, settings, capture);
    ShardPlan plan = plan(settings, capture, publication, normLimits);
    Broadcast<ShardPlan> broadcast = spark.broadcast(plan);
    writeShards(spark, capture, plan, broadcast);
    List<ShardWriteTask.Outcome> outcomes = new ArrayList<>();
    List<PublishedFile> files = new ArrayList<>();
    for (int shard = 0; shard < plan.order().shards(); shard++) {
      Publication.Unit unit = finished(publication, ShardPlan.unit(shard));
      files.addAll(unit.files());
      outcomes.add(Json.fromTree(unit.result(), ShardWriteTask.Outcome.class));
    }
    ShardedDataset.Summary summary = summary(plan, capture, outcomes);
    mergeMoments(spark, plan, broadcast, outcomes);
    for (ShardPlan.Source source : plan.sources()) {
      files.addAll(finished(publication, ShardPlan.momentsUnit(source)).files());
    }
    Manifest manifest =
        publication.publish(
            claim,
            settings,
            capture.inputs(),
            files,
            Provenance.here(session.version(), null),
            withCaptured(plan, summary));
    broadcast.destroy();
    double seconds = (System.nanoTime() - begun) / 1e9;
    return new Result(
        manifest, settings.output(), false, account(capture, summary, outcomes, files, seconds));
  }

  private static ShardPlan plan(
      ShardSettings settings, ShardCapture capture, Publication publication, double[] limits) {
    int shards = shards(settings, capture);
    ShardPlan plan =
        new ShardPlan(
            settings,
            publication,
            capture.files(),
            capture.sources(),
            capture.textDocuments(),
            capture.labels(),
            capture.gradient(),
            capture.loss(),
            TokenOrder.of(settings.seed(), shards),
            limits,
            1,
            new int[0]);
    long perShard = capture.tokens() * plan.bytesPerToken() / shards;
    int slices = (int) Math.max(1, over(perShard, settings.sliceBytes()));
    int[] slots = new int[shards];
    int open = 0;
    for (int shard = 0; shard < shards; shard++) {
      boolean finished = publication != null && publication.unit(ShardPlan.unit(shard)).isPresent();
      slots[shard] = finished ? -1 : open++;
    }
    return new ShardPlan(
        settings,
        publication,
        plan.files(),
        plan.sources(),
        plan.textDocuments(),
        plan.labels(),
        plan.gradient(),
        plan.loss(),
        plan.order(),
        limits,
        slices,
        slots);
  }

  /** By the bytes of the largest source, so that its files are about as large as is wished. */
  private static int shards(ShardSettings settings, ShardCapture capture) {
    if (settings.shards() != null) {
      return settings.shards();
    }
    long largest =
        capture.sources().stream()
            .mapToLong(source -> source.rows() * source.bytes() * (capture.gradient() ? 2 : 1))
            .max()
            .orElse(0);
    return (int) Math.max(FEWEST_SHARDS, over(largest, settings.shardBytes()));
  }

  /** How many pieces of a size it takes. */
  private static long over(long bytes, ByteSize size) {
    return (bytes + size.bytes() - 1) / size.bytes();
  }

  private static void writeShards(
      JavaSparkContext spark,
      ShardCapture capture,
      ShardPlan plan,
      Broadcast<ShardPlan> broadcast) {
    int[] open =
        IntStream.range(0, plan.slots().length).filter(shard -> plan.slots()[shard] >= 0).toArray();
    if (open.length == 0) {
      return;
    }
    LongAccumulator read = spark.sc().longAccumulator(Progress.ROWS);
    LongAccumulator written = spark.sc().longAccumulator(Progress.ROWS);
    List<List<CaptureReader.Split>> splits = capture.splits();
    JavaRDD<Tuple2<Integer, byte[]>> shuffled =
        SlicedShuffle.of(
            spark
                .parallelize(splits, splits.size())
                .mapPartitionsToPair(new ShardReadTask(broadcast, read)),
            open.length,
            plan.slices());
    spark.setJobDescription(
        String.format(Locale.ROOT, "shard: %d rows into %d shards", capture.rows(), open.length));
    spark.setLocalProperty(Progress.EXPECTED_ROWS, Long.toString(capture.rows()));
    shuffled.foreachPartition(new ShardWriteTask(broadcast, open, written));
    spark.setLocalProperty(Progress.EXPECTED_ROWS, null);
  }

  private static void mergeMoments(
      JavaSparkContext spark,
      ShardPlan plan,
      Broadcast<ShardPlan> broadcast,
      List<ShardWriteTask.Outcome> outcomes) {
    List<ShardPlan.Source> open =
        plan.sources().stream()
            .filter(source -> plan.publication().unit(ShardPlan.momentsUnit(source)).isEmpty())
            .toList();
    if (!open.isEmpty()) {
      spark.setJobDescription("shard: merge moments of " + open.size() + " sources");
      spark
          .parallelize(open, open.size())
          .foreach(
              new ShardMomentsTask(
                  broadcast,
                  outcomes.stream().map(ShardWriteTask.Outcome::attempt).toArray(String[]::new)));
    }
  }

  private static Publication.Unit finished(Publication publication, String unit) {
    return publication
        .unit(unit)
        .orElseThrow(() -> new IllegalStateException(unit + " left no record"));
  }

  /** Rows that a source had before any rule. */
  record Captured(String site, long checkpoint, long rows) {}

  private static ShardedDataset.Summary summary(
      ShardPlan plan, ShardCapture capture, List<ShardWriteTask.Outcome> outcomes) {
    long rows = 0;
    long neighbours = 0;
    long pairs = 0;
    TreeMap<String, Long> dropped = new TreeMap<>();
    DocumentSample documents = new DocumentSample();
    for (ShardWriteTask.Outcome outcome : outcomes) {
      rows += outcome.rows();
      neighbours += outcome.neighbours();
      pairs += Math.max(0, outcome.rows() - 1);
      outcome.dropped().forEach((rule, count) -> dropped.merge(rule, count, Long::sum));
      documents.merge(outcome.documents());
    }
    if (rows == 0) {
      throw Failure.data("no token is left: every one was dropped, %s", dropped);
    }
    return new ShardedDataset.Summary(
        rows,
        plan.order().shards(),
        heldOut(plan),
        sites(capture),
        dropped,
        new ShardedDataset.Mixing(
            pairs == 0 ? 0 : (double) neighbours / pairs, documents.expectedNeighbours()));
  }

  /** The summary with what each source had. */
  private static ObjectNode withCaptured(ShardPlan plan, ShardedDataset.Summary summary) {
    ObjectNode tree = Json.tree(summary).deepCopy();
    tree.set(
        "captured",
        Json.tree(
            plan.sources().stream()
                .map(source -> new Captured(source.site(), source.checkpoint(), source.rows()))
                .toList()));
    return tree;
  }

  /** Chosen by the seed: the shards with the smallest hashes. */
  private static List<Integer> heldOut(ShardPlan plan) {
    int shards = plan.order().shards();
    double share = plan.settings().heldOutShare();
    int count =
        share == 0 ? 0 : (int) Math.min(shards - 1, Math.max(1, Math.round(share * shards)));
    long seed = Seeds.of(plan.settings().seed(), "held-out");
    return IntStream.range(0, shards)
        .boxed()
        .sorted(Comparator.comparingLong((Integer shard) -> Seeds.mix(seed, shard)))
        .limit(Math.max(0, count))
        .sorted()
        .toList();
  }

  private static List<ShardedDataset.Site> sites(ShardCapture capture) {
    Map<String, List<ShardPlan.Source>> bySite = new TreeMap<>();
    for (ShardPlan.Source source : capture.sources()) {
      bySite.computeIfAbsent(source.site(), site -> new ArrayList<>()).add(source);
    }
    return bySite.values().stream()
        .map(
            of ->
                new ShardedDataset.Site(
                    of.get(0).site(),
                    of.get(0).width(),
                    of.stream().map(ShardPlan.Source::checkpoint).toList(),
                    of.get(0).type()))
        .toList();
  }

  private static List<String> account(
      ShardCapture capture,
      ShardedDataset.Summary dataset,
      List<ShardWriteTask.Outcome> outcomes,
      List<PublishedFile> files,
      double seconds) {
    long shuffled = outcomes.stream().mapToLong(ShardWriteTask.Outcome::shuffledBytes).sum();
    long written = files.stream().mapToLong(PublishedFile::bytes).sum();
    double read = capture.bytes();
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%d tokens at %d sources in %d shards, %d held out",
            dataset.rows(),
            capture.sources().size(),
            dataset.shards(),
            dataset.heldOutShards().size()));
    lines.add(dataset.dropped().isEmpty() ? "nothing dropped" : "dropped: " + dataset.dropped());
    lines.add(
        String.format(
            Locale.ROOT,
            "%s read; per byte of it %.3f shuffled and %.3f written",
            new ByteSize(capture.bytes()),
            shuffled / read,
            written / read));
    lines.add(
        String.format(
            Locale.ROOT,
            "neighbours of one document: %.5f, a random order gives %.5f",
            dataset.mixing().neighboursSameDocument(),
            dataset.mixing().expected()));
    lines.add(
        String.format(
            Locale.ROOT, "%.0f rows of the capture per second", capture.rows() / seconds));
    return lines;
  }
}
