package dev.ontogeny.job.report;

import static dev.ontogeny.report.TrackTable.TRAJECTORIES;

import dev.ontogeny.data.Claim;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.job.Estimate;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Workload;
import dev.ontogeny.report.Chunk;
import dev.ontogeny.report.Page;
import dev.ontogeny.report.PageTable;
import dev.ontogeny.report.Pages;
import dev.ontogeny.report.PopulationTables;
import dev.ontogeny.report.TrackFiles;
import dev.ontogeny.report.TrackTables;
import dev.ontogeny.report.Warnings;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.spark.SlicedShuffle;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;

/**
 * Published tables become a folder of pages that opens from a disk. Executors bring together what
 * is known of each track and write it, by ranges of tracks: one pass over the files, one shuffle of
 * what can be shown. The driver sees {@link ReportTracks which feature is which track}, counts,
 * curves and the quality of dictionaries, which grow with checkpoints and dictionaries alone.
 */
public final class Report implements Job<ReportSettings> {
  /**
   * @param series that are shown
   * @param tracks of all series together
   * @param page what a browser opens
   * @param firstPageBytes what it loads before it shows the first page
   */
  record Summary(int series, long tracks, String page, long firstPageBytes) {}

  @Override
  public String name() {
    return "report";
  }

  @Override
  public String description() {
    return "Turns features and their evolution into pages that open in a browser, without a server.";
  }

  @Override
  public Class<ReportSettings> settingsType() {
    return ReportSettings.class;
  }

  @Override
  public Plan plan(SparkSession spark, ReportSettings settings) {
    ReportInputs inputs = ReportInputs.open(settings);
    PageTable catalogue = inputs.catalogue();
    long bytes = 0;
    long rows = 0;
    for (Object[] table : catalogue.values()) {
      if (!table[0].equals("dataset")) {
        rows += ((Number) table[3]).longValue();
        bytes += ((Number) table[4]).longValue();
      }
    }
    long tracks = rows(inputs, "events");
    long groups = groups(tracks, settings);
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put("rows", String.format(Locale.ROOT, "%,d in tables of features and evolution", rows));
    lines.put("bytes", new ByteSize(bytes).toString());
    lines.put("tracks", String.format(Locale.ROOT, "%,d", tracks));
    lines.put("tasks", String.format(Locale.ROOT, "at least %,d that write tracks", groups));
    lines.put("FLOPs", "none to speak of");
    lines.put(
        "memory per task",
        String.format(
            Locale.ROOT,
            "about %s: the tracks of one file and the list entries of one group",
            new ByteSize(
                settings.tracksPerFile() * 256L * 1024 + settings.tracksPerGroup() * 1024L)));
    return Plan.of(spark, lines, work(inputs, settings));
  }

  private static long rows(ReportInputs inputs, String table) {
    return inputs.manifests().get("evolution").table(table).mapToLong(PublishedFile::rows).sum();
  }

  private static long groups(long tracks, ReportSettings settings) {
    return Math.max(1, (tracks + settings.tracksPerGroup() - 1) / settings.tracksPerGroup());
  }

  /** A trajectory has a row for each of its checkpoints. */
  private static Workload work(ReportInputs inputs, ReportSettings settings) {
    long tasks = groups(rows(inputs, "events"), settings);
    return new Workload(
        "report", 0, 0, rows(inputs, "trajectories"), (int) Math.min(1 << 30, tasks), 1);
  }

  @Override
  public Result run(SparkSession spark, ReportSettings settings) {
    ReportInputs inputs = ReportInputs.open(settings);
    Folder output = Folder.of(settings.output());
    Publication publication = Publication.open(output, "report", settings, inputs.asInputs());
    if (publication.published().isPresent()) {
      return new Result(
          publication.published().get(), output.toString(), true, List.of(page(output)));
    }
    try (Claim claim = publication.claim()) {
      return write(spark, publication, claim, inputs, settings);
    }
  }

  private static Result write(
      SparkSession session,
      Publication publication,
      Claim claim,
      ReportInputs inputs,
      ReportSettings settings) {
    JavaSparkContext spark = new JavaSparkContext(session.sparkContext());
    Folder output = publication.folder();
    TrackTables tables = inputs.trackTables(settings.examples());
    spark.sc().setJobDescription("report: which features are which tracks");
    Broadcast<ReportTracks> tracks = spark.broadcast(ReportTracks.read(spark, inputs));
    List<PopulationTables.Series> series = tracks.value().described();
    spark.sc().setJobDescription("report: counts over tracks");
    ReportCounts counts =
        inputs
            .dealt(spark, ReportCounts.TABLES)
            .map(new ReportCounts.Count(tracks, tables.columns(TRAJECTORIES), settings))
            .reduce(ReportCounts::merge);
    List<PublishedFile> files = new ArrayList<>();
    try {
      for (String page : Pages.FILES) {
        files.add(write(output, page, Pages.read(page)));
      }
      files.addAll(chunks(output, inputs, series, tables, counts, settings));
    } catch (IOException e) {
      throw Failure.resources("output %s cannot be written: %s", output, e.getMessage())
          .causedBy(e);
    }
    long firstPage =
        files.stream()
            .filter(
                file -> !file.path().startsWith("data/") || file.path().equals("data/report.js"))
            .mapToLong(PublishedFile::bytes)
            .sum();
    spark.sc().setJobDescription("report: pages of tracks");
    ReportTask.Layout layout = ReportTask.Layout.of(series, settings);
    ReportTask.Layout missing = layout.missing(publication);
    if (!missing.groups().isEmpty()) {
      SlicedShuffle.of(
              inputs
                  .dealt(spark, tables.tables())
                  .flatMapToPair(new TrackRows(tracks, tables, missing)),
              missing.groups().size(),
              missing.slices())
          .foreachPartition(new ReportTask(publication, tracks, tables, missing));
    }
    for (ReportTask.Group group : layout.groups()) {
      files.addAll(publication.unit(group.unit()).orElseThrow().files());
    }
    spark.sc().setJobDescription(null);
    long total = series.stream().mapToLong(PopulationTables.Series::tracks).sum();
    Manifest manifest =
        publication.publish(
            claim,
            settings,
            inputs.asInputs(),
            files,
            List.of(),
            Provenance.here(session.version(), null)
                .with(Estimate.of(session, work(inputs, settings)).took(claim)),
            new Summary(series.size(), total, "index.html", firstPage));
    return new Result(
        manifest,
        output.toString(),
        false,
        List.of(
            String.format(
                Locale.ROOT,
                "%,d tracks of %d series, %s in %,d files; the first page loads %s",
                total,
                series.size(),
                new ByteSize(files.stream().mapToLong(PublishedFile::bytes).sum()),
                files.size(),
                new ByteSize(firstPage)),
            page(output)));
  }

  private static String page(Folder output) {
    return "open " + output + "/index.html";
  }

  private static PublishedFile write(Folder output, String path, byte[] bytes) throws IOException {
    return output.write(path, null, out -> out.write(bytes));
  }

  private static PublishedFile writeChunk(Folder output, String name, Object value)
      throws IOException {
    return write(output, TrackFiles.pathOf(name), Chunk.script(name, value));
  }

  /** The chunks that every page or one page of curves needs. */
  private static List<PublishedFile> chunks(
      Folder output,
      ReportInputs inputs,
      List<PopulationTables.Series> series,
      TrackTables tables,
      ReportCounts counts,
      ReportSettings settings)
      throws IOException {
    PageTable events = counts.events();
    PageTable quality =
        inputs
            .rows(
                "features",
                "dictionaries",
                "dictionary",
                "site",
                "checkpoint",
                "split",
                "rows",
                "fvu",
                "l0",
                "dead_share",
                "cosine",
                "norm_ratio")
            .orElseThrow()
            .sorted("dictionary", "site", "checkpoint", "split");
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("version", 1);
    report.put("title", settings.title());
    report.put("confident", settings.confident());
    report.put("tracks_per_file", settings.tracksPerFile());
    report.put("tracks_per_group", settings.tracksPerGroup());
    report.put("series", series.stream().map(Report::described).toList());
    Map<String, Object> folders = new LinkedHashMap<>();
    inputs
        .manifests()
        .forEach(
            (kind, manifest) -> {
              Map<String, Object> folder = new LinkedHashMap<>();
              folder.put("identity", manifest.identity());
              folder.put("settings", manifest.settings());
              folder.put("summary", manifest.summary());
              folders.put(kind, folder);
            });
    report.put("folders", folders);
    report.put("catalogue", inputs.catalogue());
    report.put("tables", Json.tree(inputs.declared()));
    report.put("columns", tables.shown());
    report.put("dictionaries", inputs.dictionaries());
    report.put("quality", quality);
    // Features of an earlier release have none.
    inputs.whole("features/quality").ifPresent(table -> report.put("figures", table));
    report.put(
        "warnings",
        Warnings.of(
            inputs.manifests().get("dataset").summary().path("rows").asLong(),
            inputs.findings(),
            quality,
            series,
            events,
            settings.confident()));
    report.put("events", events);
    report.put("alive", PopulationTables.alive(series, events));
    Map<String, Map<String, PageTable>> pages = new LinkedHashMap<>();
    Map<String, List<String>> lacking = new LinkedHashMap<>();
    for (Page page : Page.ALL) {
      Map<String, PageTable> whole = new LinkedHashMap<>();
      page.tables().forEach(name -> inputs.whole(name).ifPresent(t -> whole.put(name, t)));
      if (whole.size() < page.tables().size()) {
        lacking.put(
            page.name(), page.tables().stream().filter(each -> !whole.containsKey(each)).toList());
      } else if (!whole.isEmpty()) {
        pages.put(page.name(), whole);
      }
    }
    report.put("lacking", lacking);

    PageTable distributions = counts.distributions();
    Map<String, Object> population = new LinkedHashMap<>();
    population.put("distributions", distributions);
    population.put("quantiles", PopulationTables.quantiles(distributions));
    population.put("confidence", counts.confidence());
    population.put(
        "curves",
        table(
            inputs,
            "evolution",
            "curves",
            "series",
            "curve",
            "checkpoint",
            "value",
            "low",
            "high"));
    population.put(
        "phases", table(inputs, "evolution", "phases", "series", "curve", "start", "end", "score"));

    Map<String, Object> lineage = new LinkedHashMap<>();
    lineage.put("flow", counts.flow());
    lineage.put("splits_and_merges", counts.splitsAndMerges());

    List<PublishedFile> files = new ArrayList<>();
    files.add(writeChunk(output, "report", report));
    files.add(writeChunk(output, "population", population));
    files.add(writeChunk(output, "lineage", lineage));
    files.add(writeChunk(output, "training", Map.of("log", trainingLog(inputs))));
    files.add(writeChunk(output, "provenance", provenance(inputs)));
    for (Map.Entry<String, Map<String, PageTable>> page : pages.entrySet()) {
      files.add(writeChunk(output, page.getKey(), page.getValue()));
    }
    return files;
  }

  private static Map<String, Object> described(PopulationTables.Series series) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", series.name());
    map.put("checkpoints", series.checkpoints());
    map.put("tracks", series.tracks());
    return map;
  }

  private static PageTable table(ReportInputs inputs, String kind, String name, String... columns) {
    return inputs
        .rows(kind, name, columns)
        .map(table -> table.sorted(columns[0], columns[1], columns[2]))
        .orElseGet(() -> PageTable.of(columns));
  }

  /** About a hundred rows of each dictionary's log, at even steps. */
  private static PageTable trainingLog(ReportInputs inputs) {
    String[] columns = {"dictionary", "step", "tokens", "fvu", "dead_share", "tokens_per_second"};
    List<String> read = List.of(columns);
    Map<Object, Long> last = new HashMap<>();
    inputs
        .columns("dictionaries", "training_log", columns)
        .ifPresent(
            there ->
                inputs.eachRow(
                    "dictionaries",
                    "training_log",
                    row -> last.merge(row[0], (Long) row[1], Math::max),
                    read));
    Map<List<Object>, Object[]> places = new HashMap<>();
    inputs.eachRow(
        "dictionaries",
        "training_log",
        row ->
            places.merge(
                List.of(row[0], 100 * (Long) row[1] / (1 + last.get(row[0]))),
                row,
                (a, b) -> (Long) a[1] > (Long) b[1] ? a : b),
        read);
    return new PageTable(read, new ArrayList<>(places.values())).sorted("dictionary", "step");
  }

  /** When and where the inputs were made: all that this report holds of clocks and machines. */
  private static Map<String, Object> provenance(ReportInputs inputs) {
    Map<String, Object> folders = new LinkedHashMap<>();
    inputs
        .manifests()
        .forEach(
            (kind, manifest) -> {
              Map<String, Object> folder = new LinkedHashMap<>();
              folder.put("created", manifest.created());
              folder.put("ontogeny", manifest.provenance().ontogeny());
              folder.put("spark", manifest.provenance().spark());
              folder.put("java", manifest.provenance().java());
              folder.put("kernel", manifest.provenance().kernel());
              folder.put("os", manifest.provenance().os());
              folder.put("bytes", manifest.files().stream().mapToLong(PublishedFile::bytes).sum());
              folders.put(kind, folder);
            });
    return folders;
  }
}
