package dev.ontogeny.job;

import static dev.ontogeny.job.ReportInputs.collected;
import static org.apache.spark.sql.functions.expr;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.report.Chunk;
import dev.ontogeny.report.Pages;
import dev.ontogeny.report.Population;
import dev.ontogeny.report.Rows;
import dev.ontogeny.report.TrackFiles;
import dev.ontogeny.report.Warnings;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Published tables become a folder of pages that opens from a disk. Executors bring together what
 * is known of each track and write it, by ranges of tracks; the driver sees counts, curves and the
 * quality of dictionaries, which grow with checkpoints and dictionaries but not with rows or
 * features.
 */
final class Report implements Job<ReportSettings> {
  private static final String BROADCAST = "spark.sql.autoBroadcastJoinThreshold";

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
    ReportInputs inputs = ReportInputs.open(spark, settings);
    Rows catalogue = inputs.catalogue();
    long bytes = 0;
    long rows = 0;
    for (Object[] table : catalogue.values()) {
      if (!table[0].equals("dataset")) {
        rows += ((Number) table[3]).longValue();
        bytes += ((Number) table[4]).longValue();
      }
    }
    long tracks =
        inputs.manifests().get("evolution").table("events").mapToLong(PublishedFile::rows).sum();
    long groups = Math.max(1, (tracks + settings.tracksPerGroup() - 1) / settings.tracksPerGroup());
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
            "about %s: the tracks of one file and the list entries of one group, beside Spark's sort"
                + " buffers, which spill",
            new ByteSize(
                settings.tracksPerFile() * 256L * 1024 + settings.tracksPerGroup() * 1024L)));
    return new Plan(lines);
  }

  @Override
  public Result run(SparkSession spark, ReportSettings settings) {
    ReportInputs inputs = ReportInputs.open(spark, settings);
    Folder output = Folder.of(settings.output());
    Publication publication = Publication.open(output, "report", settings, inputs.asInputs());
    if (publication.published().isPresent()) {
      return new Result(
          publication.published().get(), output.toString(), true, List.of(page(output)));
    }
    // A table that is small as a file may be a large map in memory, and the driver would build it:
    // only what is marked
    // as small, because it grows with checkpoints alone, is sent to all tasks as a whole.
    String threshold = spark.conf().get(BROADCAST);
    spark.conf().set(BROADCAST, "-1");
    try {
      return write(spark, publication, inputs, settings);
    } finally {
      spark.conf().set(BROADCAST, threshold);
    }
  }

  private static Result write(
      SparkSession spark, Publication publication, ReportInputs inputs, ReportSettings settings) {
    Folder output = publication.folder();
    ReportTables tables = new ReportTables(spark, inputs, settings);
    Map<String, Dataset<Row>> ofTracks = tables.ofTracks();
    List<PublishedFile> files = new ArrayList<>();
    try {
      for (String page : Pages.FILES) {
        files.add(write(output, page, Pages.read(page)));
      }
      spark.sparkContext().setJobDescription("report: counts over tracks");
      files.addAll(chunks(output, inputs, tables, ofTracks, settings));
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
    spark.sparkContext().setJobDescription("report: pages of tracks");
    files.addAll(writeTracks(publication, tables, ofTracks, settings));
    spark.sparkContext().setJobDescription(null);
    long tracks = tables.series().stream().mapToLong(Population.Series::tracks).sum();
    Manifest manifest =
        publication.publish(
            settings,
            inputs.asInputs(),
            files,
            Provenance.here(spark.version(), null),
            new Summary(tables.series().size(), tracks, "index.html", firstPage));
    return new Result(
        manifest,
        output.toString(),
        false,
        List.of(
            String.format(
                Locale.ROOT,
                "%,d tracks of %d series, %s in %,d files; the first page loads %s",
                tracks,
                tables.series().size(),
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
      ReportTables tables,
      Map<String, Dataset<Row>> ofTracks,
      ReportSettings settings)
      throws IOException {
    Rows events = tables.eventCounts();
    Rows quality =
        collected(
            inputs.table(
                "features",
                "dictionaries",
                "dictionary",
                "site",
                "checkpoint",
                "split",
                "rows",
                "fvu",
                "l0",
                "dead_share"),
            "dictionary",
            "site",
            "checkpoint",
            "split");
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("version", 1);
    report.put("title", settings.title());
    report.put("confident", settings.confident());
    report.put("tracks_per_file", settings.tracksPerFile());
    report.put("tracks_per_group", settings.tracksPerGroup());
    report.put("series", tables.series().stream().map(Report::described).toList());
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
    report.put("columns", columns(ofTracks));
    report.put("dictionaries", inputs.dictionaries());
    report.put("quality", quality);
    report.put(
        "warnings",
        Warnings.of(
            inputs.manifests().get("dataset").summary().path("rows").asLong(),
            quality,
            tables.series(),
            events,
            settings.confident()));
    report.put("events", events);
    report.put("alive", Population.alive(tables.series(), events));

    Rows distributions = tables.distributions();
    Map<String, Object> population = new LinkedHashMap<>();
    population.put("distributions", distributions);
    population.put("quantiles", Population.quantiles(distributions));
    population.put("confidence", tables.confidence());
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
    lineage.put("flow", tables.flow());
    lineage.put("splits_and_merges", tables.splitsAndMerges());

    List<PublishedFile> files = new ArrayList<>();
    files.add(writeChunk(output, "report", report));
    files.add(writeChunk(output, "population", population));
    files.add(writeChunk(output, "lineage", lineage));
    files.add(writeChunk(output, "training", Map.of("log", trainingLog(inputs))));
    files.add(writeChunk(output, "provenance", provenance(inputs)));
    return files;
  }

  private static Map<String, Object> described(Population.Series series) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", series.name());
    map.put("checkpoints", series.checkpoints());
    map.put("tracks", series.tracks());
    return map;
  }

  private static Map<String, List<String>> columns(Map<String, Dataset<Row>> ofTracks) {
    Map<String, List<String>> columns = new TreeMap<>();
    ofTracks.forEach(
        (name, table) ->
            columns.put(name, List.of(table.columns()).subList(4, table.columns().length)));
    return columns;
  }

  private static Rows table(ReportInputs inputs, String kind, String name, String... columns) {
    return inputs
        .optional(kind, name, columns)
        .map(table -> collected(table, columns[0], columns[1], columns[2]))
        .orElseGet(() -> Rows.of(columns));
  }

  /** About a hundred rows of each dictionary's log, at even steps. */
  private static Rows trainingLog(ReportInputs inputs) {
    String[] columns = {"dictionary", "step", "tokens", "fvu", "dead_share", "tokens_per_second"};
    return inputs
        .optional("dictionaries", "training_log", columns)
        .map(
            table ->
                collected(
                    table
                        .selectExpr(columns)
                        .withColumn(
                            "_slice",
                            expr(
                                "floor(100 * step / (1 + max(step) over (partition by dictionary)))"))
                        .withColumn(
                            "_place",
                            expr(
                                "row_number() over (partition by dictionary, _slice order by step desc)"))
                        .filter("_place = 1")
                        .drop("_slice", "_place"),
                    "dictionary",
                    "step"))
        .orElseGet(() -> Rows.of(columns));
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

  private static List<PublishedFile> writeTracks(
      Publication publication,
      ReportTables tables,
      Map<String, Dataset<Row>> ofTracks,
      ReportSettings settings) {
    List<String> units = new ArrayList<>();
    for (int number = 0; number < tables.series().size(); number++) {
      int groups = (tables.series().get(number).tracks() - 1) / settings.tracksPerGroup() + 1;
      for (int group = 0; group < groups; group++) {
        units.add(ReportTask.unit(number, group));
      }
    }
    List<String> missing = units.stream().filter(unit -> publication.unit(unit).isEmpty()).toList();
    if (!missing.isEmpty()) {
      tables
          .tagged(ofTracks, missing)
          .foreachPartition(new ReportTask(publication, settings.tracksPerFile()));
    }
    return units.stream()
        .flatMap(unit -> publication.unit(unit).stream())
        .flatMap(unit -> unit.files().stream())
        .toList();
  }
}
