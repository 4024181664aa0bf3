package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.DatasetTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.job.shard.ShardCapture.FileContent;
import dev.ontogeny.job.shard.ShardMomentsTask.Merged;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.stats.SourceSketch;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;

/**
 * A dataset gains the checkpoints that its capture has gained. Their rows alone are read, shuffled
 * and written; that they are those of the dataset's tokens, every one and in the same order, is
 * checked shard by shard. What comes out is, file by file, the dataset that sharding the whole
 * capture at once makes: where that cannot be so, there is a failure that says why, and the dataset
 * stays what it was.
 */
final class ShardExtension {
  private final Folder folder;
  private final Manifest before;
  private final ShardedDataset.Summary had;
  private final ShardCapture whole;
  private final ShardCapture kept;
  private final ShardCapture added;

  /**
   * Digests of the pages of the files that were there; null where nothing says that they changed.
   */
  private List<String> reread;

  private ShardExtension(Folder folder, Manifest before, ShardCapture whole) {
    this.folder = folder;
    this.before = before;
    this.whole = whole;
    had = before.summary(ShardedDataset.Summary.class);
    kept = whole.only(Set.copyOf(had.sites().get(0).checkpoints()));
    added = whole.only(added(before, whole));
  }

  /** Checkpoints that a capture has and a dataset has not; none if it is no dataset. */
  static Set<Long> added(Manifest before, ShardCapture capture) {
    if (!before.kind().equals("dataset")) {
      return Set.of();
    }
    TreeSet<Long> added = new TreeSet<>(capture.checkpoints());
    before
        .summary(ShardedDataset.Summary.class)
        .sites()
        .forEach(site -> added.removeAll(site.checkpoints()));
    return added;
  }

  /**
   * Of what is published to a capture that has more.
   *
   * @param shards that the whole capture is cut into
   */
  static ShardExtension of(
      JavaSparkContext spark,
      ShardSettings settings,
      Folder folder,
      Manifest before,
      ShardCapture whole,
      int shards) {
    ShardExtension extension = new ShardExtension(folder, before, whole);
    extension.requireSame(settings, shards);
    extension.requireUnchanged(spark, settings);
    return extension;
  }

  private Failure refused(String why, Object... arguments) {
    return Failure.settings(
        "output %s cannot be extended to this capture: %s. Shard it into another folder",
        folder, String.format(Locale.ROOT, why, arguments));
  }

  private void requireSame(ShardSettings settings, int shards) {
    List<String> differ =
        Identity.differences(before.settings(), Identity.resultSettings(settings)).stream()
            .filter(each -> !each.startsWith("checkpoints"))
            .toList();
    if (!differ.isEmpty()) {
      throw refused("%s", String.join(", ", differ));
    }
    Set<Long> lost = new TreeSet<>(had.sites().get(0).checkpoints());
    lost.removeAll(whole.checkpoints());
    if (!lost.isEmpty()) {
      throw refused("it has no checkpoints %s any more", lost);
    }
    List<ShardedDataset.Site> sites = Shard.sites(kept);
    if (!sites.equals(had.sites()) || !sites.equals(keptOf(Shard.sites(whole)))) {
      throw refused(
          "the dataset has %s, and the capture now %s", described(had.sites()), described(sites));
    }
    if (whole.sources().get(0).checkpoint() != kept.sources().get(0).checkpoint()) {
      throw refused(
          "checkpoint %d comes before all that are there, and texts and labels are those of the first",
          whole.sources().get(0).checkpoint());
    }
    for (CaptureFooter file : whole.files()) {
      Set<Long> of = whole.checkpoints(file);
      Set<Long> fresh = new TreeSet<>(of);
      fresh.removeAll(kept.checkpoints());
      if (!fresh.isEmpty() && fresh.size() < of.size()) {
        throw refused(
            "%s holds checkpoints %s that are new and others that are there",
            file.file().location(), fresh);
      }
    }
    if (kept.loss() != whole.loss() || added.loss() != whole.loss()) {
      throw refused(
          "%s checkpoints have column '%s', and the others have not",
          added.loss() ? "the new" : "the old", settings.columns().loss());
    }
    if (shards != had.shards()) {
      throw refused("it would be cut into %d shards, the dataset has %d", shards, had.shards());
    }
    if (before.table("rejects").findAny().isPresent()) {
      throw refused("rows were dropped from the dataset (its table rejects lists them)");
    }
    if (had.findings() == null || before.table("capture").findAny().isEmpty()) {
      throw refused("the dataset was made before datasets could be extended");
    }
  }

  private List<ShardedDataset.Site> keptOf(List<ShardedDataset.Site> sites) {
    return sites.stream()
        .map(
            site ->
                new ShardedDataset.Site(
                    site.site(),
                    site.width(),
                    site.checkpoints().stream().filter(kept.checkpoints()::contains).toList(),
                    site.dtype()))
        .toList();
  }

  private static List<String> described(List<ShardedDataset.Site> sites) {
    return sites.stream()
        .map(site -> site.site() + " of width " + site.width() + " as " + site.dtype().key())
        .toList();
  }

  /** What the dataset was made of has to be what it was, or at least to hold the same. */
  private void requireUnchanged(JavaSparkContext spark, ShardSettings settings) {
    if (kept.looksAs(before.inputs())) {
      return;
    }
    reread = ShardDigests.look(spark, settings, kept);
    Set<String> now = new HashSet<>();
    kept.contents(reread).forEach(input -> now.add(input.identity()));
    Set<String> then = new HashSet<>();
    before.inputs().forEach(input -> then.add(input.identity()));
    if (!now.equals(then)) {
      throw refused("files of the checkpoints that are there hold something else than they did");
    }
  }

  Manifest before() {
    return before;
  }

  /** What is to be read. */
  ShardCapture added() {
    return added;
  }

  /**
   * The digests of the pages of all files of the whole capture.
   *
   * @param pages of those that were read
   */
  List<String> pages(List<String> pages) throws IOException {
    List<String> old = reread == null ? kept.pages(before.inputs(), contents()) : reread;
    Map<String, String> byFile = new HashMap<>();
    collect(kept, old, byFile);
    collect(added, pages, byFile);
    return whole.files().stream().map(file -> byFile.get(file.file().location())).toList();
  }

  private static void collect(ShardCapture part, List<String> pages, Map<String, String> into) {
    for (int file = 0; file < pages.size(); file++) {
      into.put(part.files().get(file).file().location(), pages.get(file));
    }
  }

  private List<FileContent> contents() throws IOException {
    List<FileContent> contents = new ArrayList<>();
    for (PublishedFile file : before.table("capture").toList()) {
      try (TableReader reader =
          TableReader.open(
              folder, DatasetTables.CAPTURE, file.path(), "input", "outline", "content")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          contents.add(new FileContent((Integer) row[0], (String) row[1], (String) row[2]));
        }
      }
    }
    return contents;
  }

  /** Fails unless the shards that were written hold the dataset's tokens, all and in its order. */
  void requireSameTokens(JavaSparkContext spark, ShardsWritten written) {
    if (!written.dropped().equals(had.dropped())
        || written.files().stream().anyMatch(file -> "rejects".equals(file.table()))) {
      throw Failure.data(
          "output %s cannot be extended by checkpoints %s: of these %s was dropped, of the others %s. Shard the capture into another folder",
          folder, added.checkpoints(), written.dropped(), had.dropped());
    }
    Map<Integer, PublishedFile> there = new HashMap<>();
    before.table("tokens").forEach(file -> there.put(file.shard(), file));
    List<Pair> pairs =
        written.files().stream()
            .filter(file -> "tokens".equals(file.table()))
            .map(file -> new Pair(there.get(file.shard()), file))
            .toList();
    spark.setJobDescription("shard: compare tokens of " + pairs.size() + " shards");
    spark
        .parallelize(pairs, pairs.size())
        .foreach(new Compare(folder, new ArrayList<>(added.checkpoints())));
  }

  private record Pair(PublishedFile there, PublishedFile here) implements Serializable {}

  /** Compares the tokens of a shard with what they were. */
  private static final class Compare implements VoidFunction<Pair> {
    private static final long serialVersionUID = 1;

    private final Folder folder;
    private final List<Long> checkpoints;

    Compare(Folder folder, List<Long> checkpoints) {
      this.folder = folder;
      this.checkpoints = checkpoints;
    }

    @Override
    public void call(Pair pair) throws IOException {
      try (TableReader there = open(pair.there());
          TableReader here = open(pair.here())) {
        for (int row = 0; ; row++) {
          Object[] was = there.next();
          Object[] is = here.next();
          if (was == null && is == null) {
            return;
          }
          if (was == null
              || is == null
              || !was[0].equals(is[0])
              || !was[1].equals(is[1])
              || (was[2] != null && is[2] != null && !was[2].equals(is[2]))) {
            throw Failure.data(
                "output %s cannot be extended by checkpoints %s, for they have other tokens: row %d of shard %d is %s in the dataset and %s in them. Shard the capture into another folder",
                folder, checkpoints, row, pair.here().shard(), described(was), described(is));
          }
        }
      }
    }

    private TableReader open(PublishedFile file) throws IOException {
      return TableReader.open(folder, file.path(), "document", "position", "token_id");
    }

    private static String described(Object[] token) {
      return token == null
          ? "none"
          : String.format(
              Locale.ROOT,
              "document %s, position %s%s",
              token[0],
              token[1],
              token[2] == null ? "" : ", token id " + token[2]);
    }
  }

  /** All files of the dataset, with those that were written for the new checkpoints. */
  List<PublishedFile> files(ShardsWritten written) {
    return Stream.concat(
            before.files().stream().filter(file -> !"capture".equals(file.table())),
            written.files().stream().filter(file -> file.checkpoint() != null))
        .toList();
  }

  /**
   * The summary of the whole.
   *
   * @param merged of the checkpoints that were added, in their order
   */
  ShardedDataset.Summary summary(
      JavaSparkContext spark, ShardPlan plan, ShardsWritten written, List<Merged> merged) {
    Map<CaptureFindings.Source, Merged> known = new HashMap<>();
    for (ShardPlan.Source source : plan.sources()) {
      known.put(
          new CaptureFindings.Source(source.site(), source.checkpoint()),
          merged.get(source.index()));
    }
    Broadcast<ShardedDataset> dataset = spark.broadcast(ShardedDataset.open(folder));
    spark.setJobDescription("shard: first rows of " + kept.sources().size() + " sources");
    List<String> sketches =
        spark.parallelize(kept.sources(), kept.sources().size()).map(new Sketch(dataset)).collect();
    dataset.destroy();
    for (ShardPlan.Source source : kept.sources()) {
      known.put(
          new CaptureFindings.Source(source.site(), source.checkpoint()),
          found(source, sketches.get(source.index())));
    }
    List<Merged> all =
        whole.sources().stream()
            .map(each -> known.get(new CaptureFindings.Source(each.site(), each.checkpoint())))
            .toList();
    Set<String> bfloat16 = new TreeSet<>(had.findings().likelyBfloat16());
    bfloat16.addAll(written.likelyBfloat16(plan));
    return new ShardedDataset.Summary(
        had.rows(),
        had.shards(),
        had.heldOutShards(),
        Shard.sites(whole),
        had.dropped(),
        had.mixing(),
        ShardsWritten.findings(
            had.findings().documents(),
            whole.sources(),
            Shard.sites(whole),
            all,
            bfloat16,
            files(written)));
  }

  /** What is told of a source that was there. */
  private Merged found(ShardPlan.Source source, String sketch) {
    boolean constant = had.isConstant(source.site(), source.checkpoint());
    return had.findings().norms().stream()
        .filter(
            each -> each.site().equals(source.site()) && each.checkpoint() == source.checkpoint())
        .findFirst()
        .map(
            each ->
                new Merged(
                    each.rows(), each.median(), each.sinks(), each.zeros(), constant, sketch))
        .orElseGet(() -> new Merged(had.rows(), 0, 0, 0, constant, sketch));
  }

  /** Sketches the first rows of a source that was there. */
  private static final class Sketch implements Function<ShardPlan.Source, String> {
    private static final long serialVersionUID = 1;

    private final Broadcast<ShardedDataset> dataset;

    Sketch(Broadcast<ShardedDataset> dataset) {
      this.dataset = dataset;
    }

    @Override
    public String call(ShardPlan.Source source) throws IOException {
      FloatMatrix rows =
          FloatMatrix.zeros(ShardMomentsTask.sketched(source.width()), source.width());
      int read = 0;
      int shards = dataset.value().summary().shards();
      for (int shard = 0; shard < shards && read < rows.rows(); shard++) {
        try (VectorReader reader =
            dataset.value().vectors(source.site(), source.checkpoint(), shard)) {
          read += reader.read(rows, read, rows.rows() - read);
        }
      }
      return SourceSketch.of(rows.values(), read, source.width(), source.site()).stored();
    }
  }

  /** For the account. */
  String described() {
    return String.format(
        Locale.ROOT,
        "extended by checkpoints %s; %d files of %s stay as they are",
        Arrays.toString(added.checkpoints().toArray()),
        before.files().size(),
        kept.checkpoints());
  }
}
