package dev.ontogeny.job.shard;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.Claim;
import dev.ontogeny.data.DatasetTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.job.Estimate;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Workload;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.spark.SlicedShuffle;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaPairRDD;
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
public final class Shard implements Job<ShardSettings> {
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
    return plan(session, settings, toRead(settings, ShardCapture.read(spark, settings)));
  }

  static Plan plan(SparkSession session, ShardSettings settings, ShardCapture capture) {
    ShardPlan plan = plan(settings, capture, null, ShardNorms.all(capture));
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
    return Plan.of(session, lines, work(capture));
  }

  /** Of a capture the part that a dataset lacks which is to be extended. */
  private static ShardCapture toRead(ShardSettings settings, ShardCapture capture) {
    Optional<Manifest> there =
        Publication.of(Folder.of(settings.output()), "dataset", settings, capture.looks())
            .published();
    if (!settings.extend() || there.isEmpty()) {
      return capture;
    }
    Set<Long> added = ShardExtension.added(there.get(), capture);
    return added.isEmpty() ? capture : capture.only(added);
  }

  private static Workload work(ShardCapture capture) {
    return new Workload("dataset", capture.bytes(), 0, 0, capture.splits().size(), 1);
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
    Folder output = Folder.of(settings.output());
    Publication publication = Publication.of(output, "dataset", settings, capture.looks());
    Optional<Manifest> there = publication.published();
    if (there.isPresent() && !there.get().kind().equals("dataset")) {
      throw publication.another(there.get(), settings);
    }
    if (there.isPresent() && ShardExtension.added(there.get(), capture).isEmpty()) {
      return already(spark, settings, capture, output, there.get());
    }
    if (there.isPresent()) {
      ShardExtension extension = extension(spark, settings, capture, output, there.get());
      try (Claim claim = publication.claim(there.get())) {
        return extend(session, settings, capture, extension, publication, claim, begun);
      }
    }
    publication.requireFree();
    try (Claim claim = publication.claim()) {
      return shard(session, settings, capture, publication, claim, begun);
    }
  }

  private static ShardExtension extension(
      JavaSparkContext spark,
      ShardSettings settings,
      ShardCapture capture,
      Folder output,
      Manifest there) {
    if (!settings.extend()) {
      throw Failure.settings(
          "output %s already holds a dataset without checkpoints %s of this capture: extend = true adds them; another output, or none there, makes a dataset of all",
          output, ShardExtension.added(there, capture));
    }
    return ShardExtension.of(spark, settings, output, there, capture, shards(settings, capture));
  }

  /**
   * What is published already has to be the dataset of this capture; anything else is a failure.
   */
  private static Result already(
      JavaSparkContext spark,
      ShardSettings settings,
      ShardCapture capture,
      Folder output,
      Manifest there) {
    List<String> lines = new ArrayList<>(List.of("already published"));
    List<Manifest.Input> inputs = there.inputs();
    if (!capture.looksAs(inputs)) {
      // Copied, touched or made anew: only what is in it can tell.
      inputs = capture.contents(ShardDigests.look(spark, settings, capture));
      lines.add("files of the capture are newer than the dataset; they were read and are the same");
    }
    Publication.of(output, "dataset", settings, inputs).checked(settings);
    lines.addAll(findings(there.summary(ShardedDataset.Summary.class)));
    return new Result(there, settings.output(), true, lines);
  }

  private static Result shard(
      SparkSession session,
      ShardSettings settings,
      ShardCapture capture,
      Publication publication,
      Claim claim,
      long begun) {
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    ShardPlan plan =
        plan(settings, capture, publication, ShardNorms.kept(spark, settings, capture));
    Broadcast<ShardPlan> broadcast = spark.broadcast(plan);
    List<String> pages = writeShards(spark, capture, plan, broadcast);
    ShardsWritten written = new ShardsWritten(plan);
    List<ShardMomentsTask.Merged> merged = moments(spark, plan, broadcast, written);
    ShardedDataset.Summary summary = written.summary(plan, sites(capture), merged);
    List<PublishedFile> files = new ArrayList<>(written.files());
    Manifest manifest =
        publish(
            made(session, capture, claim),
            settings,
            capture,
            publication,
            claim,
            null,
            plan,
            pages,
            files,
            summary);
    broadcast.destroy();
    double seconds = (System.nanoTime() - begun) / 1e9;
    List<String> lines = account(capture, summary, written, seconds);
    lines.addAll(findings(summary));
    return new Result(manifest, settings.output(), false, lines);
  }

  /** Writes what is new, and publishes it together with what was there. */
  private static Result extend(
      SparkSession session,
      ShardSettings settings,
      ShardCapture capture,
      ShardExtension extension,
      Publication publication,
      Claim claim,
      long begun) {
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    ShardCapture added = extension.added();
    ShardPlan plan = plan(settings, added, publication, ShardNorms.kept(spark, settings, added));
    Broadcast<ShardPlan> broadcast = spark.broadcast(plan);
    List<String> read = writeShards(spark, added, plan, broadcast);
    ShardsWritten written = new ShardsWritten(plan);
    extension.requireSameTokens(spark, written);
    List<ShardMomentsTask.Merged> merged = moments(spark, plan, broadcast, written);
    ShardedDataset.Summary summary = extension.summary(spark, plan, written, merged);
    Manifest manifest;
    try {
      manifest =
          publish(
              made(session, added, claim),
              settings,
              capture,
              publication,
              claim,
              extension.before(),
              plan(settings, capture, publication, ShardNorms.all(capture)),
              extension.pages(read),
              new ArrayList<>(extension.files(written)),
              summary);
    } catch (IOException e) {
      throw Failure.resources("output %s cannot be read: %s", publication.folder(), e.getMessage())
          .causedBy(e);
    }
    broadcast.destroy();
    double seconds = (System.nanoTime() - begun) / 1e9;
    List<String> lines = new ArrayList<>(List.of(extension.described()));
    lines.addAll(account(added, summary, written, seconds));
    lines.addAll(findings(summary));
    return new Result(manifest, settings.output(), false, lines);
  }

  /** Moments of the sources of a plan, whose files join those that were written. */
  private static List<ShardMomentsTask.Merged> moments(
      JavaSparkContext spark,
      ShardPlan plan,
      Broadcast<ShardPlan> broadcast,
      ShardsWritten written) {
    mergeMoments(spark, plan, broadcast, written.attempts());
    List<ShardMomentsTask.Merged> merged = new ArrayList<>();
    for (ShardPlan.Source source : plan.sources()) {
      Publication.Unit unit = finished(plan.publication(), ShardPlan.momentsUnit(source));
      written.files().addAll(unit.files());
      merged.add(Json.fromTree(unit.result(), ShardMomentsTask.Merged.class));
    }
    return merged;
  }

  /**
   * Where it comes from.
   *
   * @param read what was read of the capture
   */
  private static Provenance made(SparkSession session, ShardCapture read, Claim claim) {
    return Provenance.here(session.version(), null)
        .with(Estimate.of(session, work(read)).took(claim));
  }

  /**
   * Publishes what a capture became.
   *
   * @param extended what it takes the place of; null for nothing
   * @param plan of the whole capture
   * @param pages of every file of the capture the digest of its pages
   */
  private static Manifest publish(
      Provenance made,
      ShardSettings settings,
      ShardCapture capture,
      Publication publication,
      Claim claim,
      Manifest extended,
      ShardPlan plan,
      List<String> pages,
      List<PublishedFile> files,
      ShardedDataset.Summary summary) {
    List<Manifest.Input> inputs = capture.contents(pages);
    files.add(writeContents(publication, capture.fileContents(pages)));
    return Publication.of(publication.folder(), "dataset", settings, inputs)
        .publish(
            claim,
            extended,
            settings,
            inputs,
            files,
            plan.tables(),
            made,
            told(plan, summary, extended));
  }

  private static PublishedFile writeContents(
      Publication publication, List<ShardCapture.FileContent> contents) {
    String path = String.format(Locale.ROOT, "capture/all-%s.parquet", publication.attempt());
    try (TableWriter writer = TableWriter.open(publication.folder(), path, DatasetTables.CAPTURE)) {
      for (ShardCapture.FileContent each : contents) {
        writer.write(each.input(), each.outline(), each.pages());
      }
      return writer.finish();
    } catch (IOException e) {
      throw Failure.resources(
              "output %s cannot be written to: %s", publication.folder(), e.getMessage())
          .causedBy(e);
    }
  }

  private static List<String> findings(ShardedDataset.Summary summary) {
    return summary.findings() == null
        ? List.of()
        : summary.findings().notes().stream().map(each -> "beware: " + each.text()).toList();
  }

  static ShardPlan plan(
      ShardSettings settings,
      ShardCapture capture,
      Publication publication,
      List<ShardNorms.Range> norms) {
    int shards = shards(settings, capture);
    ShardPlan plan =
        new ShardPlan(
            settings,
            publication,
            capture.files(),
            capture.sources(),
            capture.textDocuments(),
            capture.texts(),
            capture.labels(),
            capture.gradient(),
            capture.loss(),
            TokenOrder.of(settings.seed(), shards),
            norms,
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
        plan.texts(),
        plan.labels(),
        plan.gradient(),
        plan.loss(),
        plan.order(),
        norms,
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

  /** Unit of the digests of what was read: known once shards are written, needed at the end. */
  private static final String CONTENTS = "contents";

  /** What was read, with the identity that follows from it. */
  record Contents(List<String> pages) {}

  /** Writes the shards that are missing and tells what the files of the capture held. */
  private static List<String> writeShards(
      JavaSparkContext spark,
      ShardCapture capture,
      ShardPlan plan,
      Broadcast<ShardPlan> broadcast) {
    Optional<List<String>> known =
        plan.publication()
            .unit(CONTENTS)
            .map(unit -> Json.fromTree(unit.result(), Contents.class).pages());
    int[] open =
        IntStream.range(0, plan.slots().length).filter(shard -> plan.slots()[shard] >= 0).toArray();
    if (open.length == 0) {
      return known.orElseGet(() -> ShardDigests.look(spark, plan.settings(), capture));
    }
    LongAccumulator read = spark.sc().longAccumulator(Progress.ROWS);
    LongAccumulator written = spark.sc().longAccumulator(Progress.ROWS);
    ShardDigests digests = new ShardDigests();
    spark.sc().register(digests);
    List<List<CaptureReader.Split>> splits = capture.splits();
    JavaPairRDD<Integer, byte[]> rows =
        spark
            .parallelize(splits, splits.size())
            .mapPartitionsToPair(new ShardReadTask(broadcast, read, digests));
    if (plan.settings().skipFirstTokens() > 0) {
      rows = rows.union(ShardFirstTokens.marks(spark, capture, broadcast));
    }
    JavaRDD<Tuple2<Integer, byte[]>> shuffled = SlicedShuffle.of(rows, open.length, plan.slices());
    spark.setJobDescription(
        String.format(Locale.ROOT, "shard: %d rows into %d shards", capture.rows(), open.length));
    spark.setLocalProperty(Progress.EXPECTED_ROWS, Long.toString(capture.rows()));
    shuffled.foreachPartition(new ShardWriteTask(broadcast, open, written));
    spark.setLocalProperty(Progress.EXPECTED_ROWS, null);
    capture.requireUnchanged();
    List<String> pages =
        ShardDigests.byFile(digests.value(), capture)
            .orElseGet(() -> ShardDigests.look(spark, plan.settings(), capture));
    if (known.isPresent() && !known.get().equals(pages)) {
      throw Failure.data(
          "input %s is another one than when output %s was begun, though its files look the same: delete the output and run this again",
          String.join(", ", plan.settings().input()), plan.publication().folder());
    }
    try {
      plan.publication().finished(CONTENTS, List.of(), new Contents(pages));
    } catch (IOException e) {
      throw Failure.resources(
              "output %s cannot be written to: %s", plan.publication().folder(), e.getMessage())
          .causedBy(e);
    }
    return pages;
  }

  private static void mergeMoments(
      JavaSparkContext spark, ShardPlan plan, Broadcast<ShardPlan> broadcast, String[] attempts) {
    List<ShardPlan.Source> open =
        plan.sources().stream()
            .filter(source -> plan.publication().unit(ShardPlan.momentsUnit(source)).isEmpty())
            .toList();
    if (!open.isEmpty()) {
      spark.setJobDescription("shard: merge moments of " + open.size() + " sources");
      spark.parallelize(open, open.size()).foreach(new ShardMomentsTask(broadcast, attempts));
    }
  }

  static Publication.Unit finished(Publication publication, String unit) {
    return publication
        .unit(unit)
        .orElseThrow(() -> new IllegalStateException(unit + " left no record"));
  }

  /** Rows that a source had before any rule. */
  record Captured(String site, long checkpoint, long rows) {}

  /** The summary with what each source had, and with what the dataset was before. */
  private static ObjectNode told(
      ShardPlan plan, ShardedDataset.Summary summary, Manifest extended) {
    ObjectNode tree = Json.tree(summary).deepCopy();
    tree.set(
        "captured",
        Json.tree(
            plan.sources().stream()
                .map(source -> new Captured(source.site(), source.checkpoint(), source.rows()))
                .toList()));
    if (extended != null) {
      List<Manifest.Input> before = new ArrayList<>(ShardedDataset.before(extended));
      before.add(extended.asInput(null));
      tree.set(ShardedDataset.BEFORE, Json.tree(before));
    }
    return tree;
  }

  static List<ShardedDataset.Site> sites(ShardCapture capture) {
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
      ShardCapture capture, ShardedDataset.Summary dataset, ShardsWritten shards, double seconds) {
    long written = shards.files().stream().mapToLong(PublishedFile::bytes).sum();
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
            shards.shuffledBytes() / read,
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
