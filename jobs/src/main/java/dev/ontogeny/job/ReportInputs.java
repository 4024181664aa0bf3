package dev.ontogeny.job;

import static org.apache.spark.sql.functions.col;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.report.Rows;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** The published folders that a report is made from, and their tables. */
final class ReportInputs {
  private final SparkSession spark;
  private final Map<String, Folder> folders = new LinkedHashMap<>();
  private final Map<String, Manifest> manifests = new LinkedHashMap<>();

  /** Opens all four; fails if one is not published, or if they were not made from each other. */
  static ReportInputs open(SparkSession spark, ReportSettings settings) {
    ReportInputs inputs = new ReportInputs(spark);
    inputs.add("dataset", settings.dataset());
    inputs.add("dictionaries", settings.dictionaries());
    inputs.add("features", settings.features());
    inputs.add("evolution", settings.evolution());
    inputs.checkDescent("dictionaries", "dataset");
    inputs.checkDescent("features", "dataset", "dictionaries");
    inputs.checkDescent("evolution", "dictionaries", "features");
    return inputs;
  }

  private ReportInputs(SparkSession spark) {
    this.spark = spark;
  }

  private void add(String kind, String path) {
    Folder folder = Folder.of(path);
    folders.put(kind, folder);
    manifests.put(kind, Manifest.read(folder, kind));
  }

  private void checkDescent(String kind, String... sources) {
    for (String source : sources) {
      String wanted = manifests.get(source).identity();
      for (Manifest.Input input : manifests.get(kind).inputs()) {
        if (input.kind().equals(source) && !input.identity().equals(wanted)) {
          throw Failure.settings(
              "%s %s was made from other %s (identity %s) than %s (%s)",
              kind,
              folders.get(kind),
              source,
              input.identity().substring(0, 12),
              folders.get(source),
              wanted.substring(0, 12));
        }
      }
    }
  }

  List<Manifest.Input> asInputs() {
    return manifests.entrySet().stream()
        .map(each -> each.getValue().asInput(folders.get(each.getKey()).toString()))
        .toList();
  }

  Map<String, Manifest> manifests() {
    return manifests;
  }

  Folder folder(String kind) {
    return folders.get(kind);
  }

  /** A table that the report cannot do without. */
  Dataset<Row> table(String kind, String name, String... columns) {
    return optional(kind, name, columns)
        .orElseThrow(() -> Failure.data("%s %s has no table %s", kind, folders.get(kind), name));
  }

  /** A table that may be absent; where there is one it has these columns. */
  Optional<Dataset<Row>> optional(String kind, String name, String... columns) {
    String[] paths =
        manifests
            .get(kind)
            .table(name)
            .filter(file -> file.rows() > 0)
            .map(file -> folders.get(kind).resolve(file.path()))
            .toArray(String[]::new);
    if (paths.length == 0) {
      return Optional.empty();
    }
    Dataset<Row> table = spark.read().parquet(paths);
    List<String> there = Arrays.asList(table.columns());
    for (String column : columns) {
      if (!there.contains(column)) {
        throw Failure.data(
            "table %s of %s has no column %s; it has %s",
            name, folders.get(kind), column, String.join(", ", there));
      }
    }
    return Optional.of(table);
  }

  /** What each table is made of, for readers who look for it: files, rows, bytes. */
  Rows catalogue() {
    Rows rows = Rows.of("folder", "table", "files", "rows", "bytes", "example");
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
                            manifest.table(table).findFirst().orElseThrow().path())));
    return rows;
  }

  /** One row per dictionary, from the descriptions beside the tensors. */
  Rows dictionaries() {
    Rows rows =
        Rows.of(
            "dictionary",
            "type",
            "width",
            "k",
            "site",
            "checkpoint",
            "replica",
            "family",
            "series",
            "tokens");
    Folder folder = folders.get("dictionaries");
    for (PublishedFile file : manifests.get("dictionaries").files()) {
      if (!file.path().endsWith("/dictionary.json")) {
        continue;
      }
      String origin = folder.resolve(file.path());
      JsonNode description;
      try {
        description = Json.read(folder.readText(file.path()), JsonNode.class, origin);
      } catch (IOException e) {
        throw Failure.resources("%s cannot be read: %s", origin, e.getMessage()).causedBy(e);
      }
      JsonNode source = description.path("sources").path(0);
      boolean one = description.path("sources").size() == 1;
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
          description.path("training").path("tokens").asLong());
    }
    return rows;
  }

  /** Collects a table that does not grow with rows or features. */
  static Rows collected(Dataset<Row> table, String... order) {
    Rows rows = Rows.of(table.columns());
    Dataset<Row> ordered =
        table.orderBy(
            Arrays.stream(order)
                .map(column -> col(column).asc_nulls_first())
                .toArray(Column[]::new));
    for (Row row : ordered.collectAsList()) {
      rows.add(ReportTask.values(row, 0));
    }
    return rows;
  }
}
