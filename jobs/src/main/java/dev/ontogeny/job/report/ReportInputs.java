package dev.ontogeny.job.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.PublishedTables;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.report.PageTable;
import dev.ontogeny.report.TrackTable;
import dev.ontogeny.report.TrackTables;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

/** The published folders that a report is made from, and their tables. */
final class ReportInputs {
  private static final long BYTES_PER_TASK = 16L << 20;

  private final Map<String, Folder> folders = new LinkedHashMap<>();
  private final Map<String, Manifest> manifests = new LinkedHashMap<>();

  /** Opens all four; fails if one is not published, or if they were not made from each other. */
  static ReportInputs open(ReportSettings settings) {
    ReportInputs inputs = new ReportInputs();
    inputs.add("dataset", settings.dataset());
    inputs.add("dictionaries", settings.dictionaries());
    inputs.add("features", settings.features());
    inputs.add("evolution", settings.evolution());
    inputs.checkDescent("dictionaries", "dataset");
    inputs.checkDescent("features", "dataset", "dictionaries");
    inputs.checkDescent("evolution", "dictionaries", "features");
    return inputs;
  }

  private void add(String kind, String path) {
    Folder folder = Folder.of(path);
    folders.put(kind, folder);
    manifests.put(kind, Manifest.read(folder, kind));
  }

  private void checkDescent(String kind, String... sources) {
    for (String source : sources) {
      Manifest.Input wanted = manifests.get(source).asInput(folders.get(source).toString());
      for (Manifest.Input input : manifests.get(kind).inputs()) {
        if (input.kind().equals(source) && !input.same(wanted)) {
          throw Failure.settings(
              "%s %s was made from other %s (identity %s) than %s (%s)",
              kind,
              folders.get(kind),
              source,
              input.shortened(),
              folders.get(source),
              wanted.shortened());
        }
      }
    }
  }

  List<Manifest.Input> asInputs() {
    return manifests.entrySet().stream()
        .map(each -> each.getValue().asInput(folders.get(each.getKey()).toString()))
        .toList();
  }

  /** What was found odd about the capture; null in datasets of old. */
  CaptureFindings findings() {
    JsonNode findings = manifests.get("dataset").summary().path("findings");
    return findings.isObject() ? Json.fromTree(findings, CaptureFindings.class) : null;
  }

  Map<String, Manifest> manifests() {
    return manifests;
  }

  Folder folder(String kind) {
    return folders.get(kind);
  }

  /**
   * A file of a table.
   *
   * @param folder that it is in
   * @param declared what its table holds
   */
  record Source(Folder folder, PublishedFile file, TableSchema declared) implements Serializable {
    TrackTable table() {
      return TrackTable.valueOf(file.table().toUpperCase(Locale.ROOT));
    }

    /** Its rows, with some of the columns that are declared. */
    TableReader open(List<String> columns) throws IOException {
      return TableReader.open(folder, declared, file.path(), columns.toArray(String[]::new));
    }

    /** All rows, one after the other. */
    void eachRow(RowConsumer into, List<String> columns) throws IOException {
      try (TableReader reader = open(columns)) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          into.take(row);
        }
      }
    }
  }

  /** Takes the values of the columns that were asked for. */
  interface RowConsumer {
    void take(Object[] row) throws IOException;
  }

  /**
   * The files of a table that have rows; none if there is no such table. Fails if there has to be
   * one.
   */
  List<Source> files(String kind, String name) {
    TableSchema declared = PublishedTables.find(kind, name).orElseThrow();
    List<PublishedFile> files = manifests.get(kind).table(name).toList();
    if (files.isEmpty() && declared.absent().isEmpty()) {
      throw Failure.data("%s %s has no table %s", kind, folders.get(kind), name);
    }
    return files.stream()
        .filter(file -> file.rows() > 0)
        .map(file -> new Source(folders.get(kind), file, declared))
        .toList();
  }

  /** The files of tables, dealt out to tasks: much the same bytes for each. */
  JavaRDD<List<Source>> dealt(JavaSparkContext spark, Collection<TrackTable> tables) {
    List<Source> files = new ArrayList<>();
    for (TrackTable table : tables) {
      files.addAll(files(table.kind(), table.table()));
    }
    files.sort(Comparator.comparingLong((Source each) -> each.file.bytes()).reversed());
    long bytes = files.stream().mapToLong(each -> each.file.bytes()).sum();
    long wanted = Math.max(2L * spark.defaultParallelism(), bytes / BYTES_PER_TASK);
    List<List<Source>> tasks = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      if (tasks.size() < wanted) {
        tasks.add(new ArrayList<>());
      }
      tasks.get((int) (i % wanted)).add(files.get(i));
    }
    return spark.parallelize(tasks, Math.max(1, tasks.size()));
  }

  /**
   * The columns of a table, these among them, even if the table lacks them and may; empty where
   * there is no row.
   */
  Optional<List<String>> columns(String kind, String name, String... needed) {
    List<Source> files = files(kind, name);
    if (files.isEmpty()) {
      return Optional.empty();
    }
    Set<String> columns;
    try (TableReader reader = files.get(0).open(List.of())) {
      columns = new LinkedHashSet<>(reader.columns());
    } catch (IOException e) {
      throw unreadable(kind, name, e);
    }
    List<String> wanted = List.of(needed);
    files.get(0).declared().require(wanted, List.copyOf(columns), folders.get(kind));
    columns.addAll(wanted);
    return Optional.of(List.copyOf(columns));
  }

  private Failure unreadable(String kind, String name, IOException e) {
    return Failure.resources(
            "table %s of %s cannot be read: %s", name, folders.get(kind), e.getMessage())
        .causedBy(e);
  }

  /** The tables that tell of tracks. */
  TrackTables trackTables(ReportSettings.Examples examples) {
    Map<TrackTable, List<String>> there = new EnumMap<>(TrackTable.class);
    for (TrackTable table : TrackTable.values()) {
      columns(table.kind(), table.table(), table.needed())
          .ifPresent(columns -> there.put(table, columns));
    }
    return new TrackTables(there, examples.top(), examples.quantile(), examples.elsewhere());
  }

  /** A whole table that does not grow with features, these columns among its own. */
  Optional<PageTable> rows(String kind, String name, String... needed) {
    return columns(kind, name, needed)
        .map(
            columns -> {
              PageTable rows = new PageTable(columns, new ArrayList<>());
              eachRow(kind, name, rows::add, columns);
              return rows;
            });
  }

  /**
   * All that a table declares, which does not grow with features, in the order of its columns;
   * empty where there is no row.
   *
   * @param name {@code folder/table}
   */
  Optional<PageTable> whole(String name) {
    String kind = name.substring(0, name.indexOf('/'));
    TableSchema declared =
        PublishedTables.find(kind, name.substring(kind.length() + 1)).orElseThrow();
    String[] columns = declared.names().toArray(String[]::new);
    String[] order =
        declared.columns().stream()
            .filter(each -> !each.type().key().startsWith("list"))
            .map(TableSchema.Column::name)
            .toArray(String[]::new);
    return rows(kind, declared.name(), columns).map(table -> table.sorted(order));
  }

  /** Every row of a table that does not grow with features. */
  void eachRow(String kind, String name, RowConsumer into, List<String> columns) {
    try {
      for (Source file : files(kind, name)) {
        file.eachRow(into, columns);
      }
    } catch (IOException e) {
      throw unreadable(kind, name, e);
    }
  }

  /** The series that the dictionaries make, as evolve forms them. */
  List<Series> series() {
    return Series.of(
        descriptions().stream()
            .map(each -> Json.fromTree(each, DictionaryMetadata.class))
            .toList());
  }

  /** What each table is made of, for readers who look for it: files, rows, bytes. */
  PageTable catalogue() {
    PageTable rows = PageTable.of("folder", "table", "files", "rows", "bytes", "example");
    manifests.forEach(
        (kind, manifest) ->
            manifest.files().stream()
                .filter(file -> file.table() != null && file.path().endsWith(".parquet"))
                .map(PublishedFile::table)
                .distinct()
                .sorted()
                .forEach(
                    table ->
                        rows.add(
                            kind,
                            table,
                            manifest.table(table).count(),
                            manifest.table(table).mapToLong(PublishedFile::rows).sum(),
                            manifest.table(table).mapToLong(PublishedFile::bytes).sum(),
                            Publication.ofAnyAttempt(
                                manifest.table(table).findFirst().orElseThrow().path()))));
    return rows;
  }

  /** What tables are, by folder and name: of those that are declared. */
  Map<String, TableSchema> declared() {
    Map<String, TableSchema> declared = new TreeMap<>();
    for (Object[] row : catalogue().values()) {
      manifests
          .get((String) row[0])
          .schema((String) row[1])
          .ifPresent(table -> declared.put(row[0] + "/" + row[1], table));
    }
    return declared;
  }

  /** One row per dictionary, from the descriptions beside the tensors. */
  PageTable dictionaries() {
    PageTable rows =
        PageTable.of(
            "dictionary",
            "type",
            "width",
            "k",
            "site",
            "checkpoint",
            "replica",
            "family",
            "series",
            "tokens",
            "reads");
    for (JsonNode description : descriptions()) {
      JsonNode sources = description.path("sources");
      JsonNode reconstructed = description.path("reconstructed");
      JsonNode source = sources.path(reconstructed.path(0).asInt());
      boolean one = sources.size() == 1 || reconstructed.size() == 1;
      JsonNode read = description.path("read").path(0);
      rows.add(
          description.path("id").asText(),
          description.path("type").asText(),
          description.path("width").asLong(),
          description.path("k").asLong(),
          source.path("site").asText(),
          one ? source.path("checkpoint").asLong() : null,
          description.path("replica").asLong(),
          description.path("family").textValue(),
          description.path("series").textValue(),
          description.path("training").path("tokens").asLong(),
          read.isMissingNode() ? null : sources.path(read.asInt()).path("site").asText());
    }
    return rows;
  }

  private List<JsonNode> descriptions() {
    Folder folder = folders.get("dictionaries");
    List<JsonNode> descriptions = new ArrayList<>();
    for (PublishedFile file : manifests.get("dictionaries").files()) {
      if (file.path().endsWith("/dictionary.json")) {
        String origin = folder.resolve(file.path());
        try {
          JsonNode description = Json.read(folder.readText(file.path()), JsonNode.class, origin);
          var unused = Json.fromTree(description, DictionaryMetadata.class, origin);
          descriptions.add(description);
        } catch (IOException e) {
          throw Failure.resources("%s cannot be read: %s", origin, e.getMessage()).causedBy(e);
        }
      }
    }
    return descriptions;
  }
}
