package dev.ontogeny.job;

import static dev.ontogeny.job.ReportInputs.collected;
import static org.apache.spark.sql.functions.broadcast;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;

import dev.ontogeny.report.Population;
import dev.ontogeny.report.Rows;
import dev.ontogeny.report.TrackFiles;
import dev.ontogeny.run.Failure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The tables as a report needs them: counted over tracks for curves, and brought together track by
 * track. All joins are on the number of a series and what the contract's tables share; nothing that
 * grows with rows or features comes to the driver.
 */
final class ReportTables {
  private static final String TRACK_KEYS = "_series, track, checkpoint, dictionary, feature";

  private final SparkSession spark;
  private final ReportInputs inputs;
  private final ReportSettings settings;
  private final List<Population.Series> series;
  private final Dataset<Row> trajectories;
  private final Dataset<Row> events;

  ReportTables(SparkSession spark, ReportInputs inputs, ReportSettings settings) {
    this.spark = spark;
    this.inputs = inputs;
    this.settings = settings;
    Dataset<Row> rawTrajectories =
        inputs.table(
            "evolution",
            "trajectories",
            "series",
            "track",
            "checkpoint",
            "dictionary",
            "feature",
            "firing_rate",
            "strength");
    Dataset<Row> rawEvents =
        inputs.table(
            "evolution",
            "events",
            "series",
            "track",
            "birth",
            "emergence",
            "direction_birth",
            "peak",
            "death",
            "class",
            "confidence");
    this.series = seriesOf(rawTrajectories, rawEvents);
    this.trajectories = numbered(rawTrajectories);
    this.events = numbered(rawEvents);
  }

  List<Population.Series> series() {
    return series;
  }

  private static List<Population.Series> seriesOf(Dataset<Row> trajectories, Dataset<Row> events) {
    Map<String, List<Long>> checkpoints = new LinkedHashMap<>();
    for (Row row :
        trajectories
            .select("series", "checkpoint")
            .distinct()
            .orderBy("series", "checkpoint")
            .collectAsList()) {
      checkpoints.computeIfAbsent(row.getString(0), none -> new ArrayList<>()).add(row.getLong(1));
    }
    List<Population.Series> series = new ArrayList<>();
    for (Row row :
        events
            .groupBy("series")
            .agg(expr("max(track)"), expr("count(*)"))
            .orderBy("series")
            .collectAsList()) {
      List<Long> steps = checkpoints.get(row.getString(0));
      if (steps == null) {
        throw Failure.data(
            "series %s has events but no trajectories; both come from evolve", row.getString(0));
      }
      series.add(new Population.Series(row.getString(0), steps, row.getInt(1) + 1));
    }
    return series;
  }

  private Dataset<Row> numbered(Dataset<Row> table) {
    StructType schema =
        new StructType()
            .add("series", DataTypes.StringType)
            .add("_series", DataTypes.IntegerType)
            .add("_checkpoints", DataTypes.createArrayType(DataTypes.LongType));
    List<Row> rows = new ArrayList<>();
    for (int number = 0; number < series.size(); number++) {
      rows.add(
          RowFactory.create(
              series.get(number).name(),
              number,
              series.get(number).checkpoints().toArray(Long[]::new)));
    }
    return table.join(broadcast(spark.createDataFrame(rows, schema)), "series");
  }

  // What is counted over tracks.

  /** Rows of (series, event, checkpoint, class, confident, tracks). */
  Rows eventCounts() {
    return collected(
        events
            .withColumn("confident", expr("confidence >= " + settings.confident()))
            .selectExpr(
                "_series as series",
                "class",
                "confident",
                stack(
                    "event, checkpoint", "birth", "emergence", "direction_birth", "peak", "death"))
            .groupBy("series", "event", "checkpoint", "class", "confident")
            .agg(expr("count(*) as tracks")),
        "series",
        "event",
        "checkpoint",
        "class",
        "confident");
  }

  /** Rows of (series, measure, checkpoint, bin, tracks) over the tracks that are not inactive. */
  Rows distributions() {
    List<String> measures = new ArrayList<>();
    for (String measure :
        List.of("cosine_previous", "cosine_first", "cosine_final", "jaccard_previous")) {
      if (Arrays.asList(trajectories.columns()).contains(measure)) {
        measures.add(measure);
      }
    }
    Dataset<Row> active =
        trajectories.join(
            events.filter("class <> 'inactive'").select("_series", "track"),
            new String[] {"_series", "track"},
            "inner");
    Dataset<Row> values =
        active.selectExpr(
            "_series as series",
            "checkpoint",
            stack("measure, value", measures.toArray(String[]::new)));
    Optional<Dataset<Row>> formation =
        inputs.optional(
            "evolution",
            "formation",
            "series",
            "track",
            "checkpoint",
            "similarity",
            "value",
            "null_value");
    if (formation.isPresent()) {
      values =
          values.unionByName(
              numbered(formation.get())
                  .selectExpr(
                      "_series as series",
                      "checkpoint",
                      "stack(2, concat('formation:', similarity), value,"
                          + " concat('null:', similarity), null_value) as (measure, value)"));
    }
    return binned(values);
  }

  /** Rows of (series, measure, class, bin, tracks): how confident tracks are. */
  Rows confidence() {
    return collected(
        events
            .filter("confidence is not null and class <> 'inactive'")
            .selectExpr(
                "_series as series",
                "class",
                "least(19, cast(floor(confidence * 20) as int)) as bin")
            .groupBy("series", "class", "bin")
            .agg(expr("count(*) as tracks")),
        "series",
        "class",
        "bin");
  }

  private static Rows binned(Dataset<Row> values) {
    String shares = "'jaccard_previous'";
    String share = "case when measure in (" + shares + ") then value else (value + 1) / 2 end";
    return collected(
        values
            .filter("value is not null and not isnan(value)")
            .withColumn(
                "bin",
                expr(
                    "cast(greatest(0, least(%d, floor((%s) * %d))) as int)"
                        .formatted(Population.BINS - 1, share, Population.BINS)))
            .groupBy("series", "measure", "checkpoint", "bin")
            .agg(expr("count(*) as tracks")),
        "series",
        "measure",
        "checkpoint",
        "bin");
  }

  /** Rows of (series, checkpoint_from, checkpoint_to, kind, relations, sources, targets). */
  Rows flow() {
    return lineage()
        .map(
            table ->
                collected(
                    table
                        .groupBy(
                            col("_series").as("series"),
                            col("checkpoint_from"),
                            col("checkpoint_to"),
                            col("kind"))
                        .agg(
                            expr("count(*) as relations"),
                            expr("count(distinct feature_from) as sources"),
                            expr("count(distinct feature_to) as targets")),
                    "series",
                    "checkpoint_from",
                    "checkpoint_to",
                    "kind"))
        .orElseGet(
            () ->
                Rows.of(
                    "series",
                    "checkpoint_from",
                    "checkpoint_to",
                    "kind",
                    "relations",
                    "sources",
                    "targets"));
  }

  /** The splits and merges of the highest decoder cosine, of every series. */
  Rows splitsAndMerges() {
    List<Rows> found = new ArrayList<>();
    Optional<Dataset<Row>> relations = relations();
    for (int number = 0; number < series.size() && relations.isPresent(); number++) {
      String order =
          "decoder_cosine desc, checkpoint_from, checkpoint_to, feature_from, feature_to";
      found.add(
          collected(
              relations
                  .get()
                  .filter("_series = " + number + " and kind in ('splits', 'merges')")
                  .orderBy(
                      Stream.of(order.split(", "))
                          .map(ReportTables::ordered)
                          .toArray(Column[]::new))
                  .limit(settings.lineageRows())
                  .selectExpr(
                      "_series as series",
                      "checkpoint_from",
                      "checkpoint_to",
                      "kind",
                      "feature_from",
                      "feature_to",
                      "track_from",
                      "track_to",
                      "decoder_cosine",
                      "encoder_cosine",
                      "confidence"),
              "checkpoint_from",
              "kind",
              "feature_from",
              "feature_to"));
    }
    Rows all =
        Rows.of(
            "series",
            "checkpoint_from",
            "checkpoint_to",
            "kind",
            "feature_from",
            "feature_to",
            "track_from",
            "track_to",
            "decoder_cosine",
            "encoder_cosine",
            "confidence");
    found.forEach(rows -> rows.values().forEach(all::add));
    return all;
  }

  private static Column ordered(String term) {
    return term.endsWith(" desc")
        ? col(term.substring(0, term.length() - 5)).desc_nulls_last()
        : col(term).asc_nulls_first();
  }

  private Optional<Dataset<Row>> lineage() {
    return inputs
        .optional(
            "evolution",
            "lineage",
            "series",
            "checkpoint_from",
            "checkpoint_to",
            "feature_from",
            "feature_to",
            "decoder_cosine",
            "encoder_cosine",
            "kind",
            "confidence")
        .map(this::numbered);
  }

  /** Lineage with the tracks that its features belong to. */
  private Optional<Dataset<Row>> relations() {
    return lineage()
        .map(
            table ->
                table
                    .drop("_checkpoints")
                    .join(
                        trajectories.selectExpr(
                            "_series",
                            "checkpoint as checkpoint_from",
                            "feature as feature_from",
                            "track as track_from"),
                        new String[] {"_series", "checkpoint_from", "feature_from"},
                        "left")
                    .join(
                        trajectories.selectExpr(
                            "_series",
                            "checkpoint as checkpoint_to",
                            "feature as feature_to",
                            "track as track_to"),
                        new String[] {"_series", "checkpoint_to", "feature_to"},
                        "left"));
  }

  // What is shown of each track.

  /** All tables that tell of tracks, by name; the first four columns as {@link ReportTask.Tag}. */
  Map<String, Dataset<Row>> ofTracks() {
    Map<String, Dataset<Row>> tables = new LinkedHashMap<>();
    Dataset<Row> home =
        trajectories
            .join(
                events.selectExpr("_series", "track", "peak"),
                new String[] {"_series", "track"},
                "inner")
            .filter("checkpoint = coalesce(peak, element_at(_checkpoints, -1))");
    tables.put(
        "trajectories", leading(trajectories.drop("series", "_checkpoints"), "checkpoint", "0"));
    Dataset<Row> features =
        inputs.table(
            "features",
            "features",
            "dictionary",
            "checkpoint",
            "feature",
            "nearest_feature",
            "nearest_cosine");
    tables.put("features", leading(withNearestTrack(ofTracks(features)), "checkpoint", "0"));
    inputs
        .optional("features", "histograms", "dictionary", "checkpoint", "feature", "lower", "count")
        .ifPresent(table -> tables.put("histograms", leading(ofTracks(table), "checkpoint", "0")));
    Optional<Dataset<Row>> examples =
        inputs.optional(
            "features",
            "examples",
            "dictionary",
            "checkpoint",
            "feature",
            "kind",
            "rank",
            "document",
            "position",
            "token",
            "value",
            "context_start",
            "context_tokens",
            "context_values");
    examples.ifPresent(table -> tables.put("examples", shownExamples(table, home)));
    Optional<Dataset<Row>> labels =
        inputs.optional(
            "features",
            "labels",
            "dictionary",
            "checkpoint",
            "feature",
            "label",
            "value",
            "precision",
            "recall",
            "f1");
    labels.ifPresent(
        table ->
            tables.put(
                "labels",
                leading(
                    ofTracks(
                        table
                            .withColumn(
                                "_rank",
                                expr(
                                    "row_number() over (partition by dictionary, checkpoint, feature"
                                        + " order by f1 desc, label, value)"))
                            .filter("_rank <= 6 and f1 > 0")),
                    "checkpoint",
                    "_rank")));
    inputs
        .optional(
            "features",
            "top_tokens",
            "dictionary",
            "checkpoint",
            "feature",
            "rank",
            "token",
            "count")
        .ifPresent(
            table ->
                tables.put(
                    "top_tokens",
                    leading(ofTracks(table.filter("rank <= 8")), "checkpoint", "rank")));
    inputs
        .optional("evolution", "formation", "series", "track", "checkpoint", "similarity")
        .ifPresent(
            table ->
                tables.put(
                    "formation",
                    leading(numbered(table).drop("series", "_checkpoints"), "checkpoint", "0")));
    readings(examples, home).ifPresent(table -> tables.put("readings", table));
    inputs
        .optional(
            "evolution", "counterparts", "series", "track", "other_series", "other_track", "cosine")
        .ifPresent(
            table ->
                tables.put(
                    "counterparts",
                    leading(
                        numbered(table).drop("series", "_checkpoints"),
                        "cast(-1 as bigint)",
                        "0")));
    relations().ifPresent(table -> tables.put("lineage", lineageOfTracks(table)));
    tables.put(TrackFiles.INDEX, index(home, labels, examples));
    return tables;
  }

  /** The rows of a table of features with the tracks that these features belong to. */
  private Dataset<Row> ofTracks(Dataset<Row> table) {
    return trajectories
        .selectExpr(TRACK_KEYS.split(", "))
        .join(table, new String[] {"dictionary", "checkpoint", "feature"}, "inner");
  }

  private Dataset<Row> withNearestTrack(Dataset<Row> features) {
    return features.join(
        trajectories.selectExpr(
            "dictionary", "checkpoint", "feature as nearest_feature", "track as nearest_track"),
        new String[] {"dictionary", "checkpoint", "nearest_feature"},
        "left");
  }

  private Dataset<Row> shownExamples(Dataset<Row> examples, Dataset<Row> home) {
    String limits =
        "_rank <= case when _home is null then if(kind = 'top', %d, 0) when kind = 'top' then %d else %d end"
            .formatted(
                settings.examples().elsewhere(),
                settings.examples().top(),
                settings.examples().quantile());
    Dataset<Row> chosen =
        ofTracks(
                examples.withColumn(
                    "_rank",
                    expr(
                        "row_number() over (partition by dictionary, checkpoint, feature, kind order"
                            + " by rank, document, position)")))
            .join(
                home.selectExpr("_series", "track", "checkpoint", "true as _home"),
                new String[] {"_series", "track", "checkpoint"},
                "left")
            .filter(limits)
            .drop("_home");
    return leading(chosen, "checkpoint", "if(kind = 'top', 0, 100000) + _rank");
  }

  /** The examples at the peak of a track that were read again, with what it reads at every step. */
  private Optional<Dataset<Row>> readings(Optional<Dataset<Row>> examples, Dataset<Row> home) {
    Optional<Dataset<Row>> readings =
        inputs.optional(
            "evolution", "readings", "series", "track", "checkpoint", "shard", "row", "value");
    if (readings.isEmpty()
        || examples.isEmpty()
        || !Arrays.asList(examples.get().columns()).containsAll(List.of("shard", "row"))) {
      return Optional.empty();
    }
    Dataset<Row> courses =
        numbered(readings.get())
            .groupBy("_series", "track", "shard", "row")
            .agg(expr("sort_array(collect_list(struct(checkpoint, value))) as course"));
    return Optional.of(
        leading(
            ofTracks(examples.get().filter("kind = 'top'"))
                .join(
                    home.select("_series", "track", "checkpoint"),
                    new String[] {"_series", "track", "checkpoint"},
                    "left_semi")
                .join(courses, new String[] {"_series", "track", "shard", "row"}, "inner")
                .selectExpr(
                    "_series",
                    "track",
                    "rank as _rank",
                    "checkpoint",
                    "document",
                    "position",
                    "token",
                    "context_start",
                    "context_tokens",
                    "transform(course, each -> each.checkpoint) as checkpoints",
                    "transform(course, each -> each.value) as values"),
            "checkpoint",
            "_rank"));
  }

  private static Dataset<Row> lineageOfTracks(Dataset<Row> relations) {
    Dataset<Row> from = relations.withColumn("track", col("track_from"));
    Dataset<Row> to = relations.withColumn("track", col("track_to"));
    return leading(
        from.filter("track is not null")
            .unionByName(to.filter("track is not null and not (track_from <=> track_to)"))
            .drop("series"),
        "checkpoint_from",
        "0");
  }

  private Dataset<Row> index(
      Dataset<Row> home, Optional<Dataset<Row>> labels, Optional<Dataset<Row>> examples) {
    String[] key = {"dictionary", "checkpoint", "feature"};
    Dataset<Row> course =
        trajectories
            .groupBy("_series", "track")
            .agg(
                expr("any_value(_checkpoints) as steps"),
                expr("map_from_entries(collect_list(struct(checkpoint, strength))) as strengths"),
                expr("max(nanvl(strength, 0)) as highest"))
            .selectExpr(
                "_series",
                "track",
                "transform(steps, step -> cast(round(63 * nanvl(try_element_at(strengths, step), 0)"
                    + " / nullif(highest, 0)) as int)) as shape");
    Dataset<Row> rows =
        events
            .drop("series", "_checkpoints")
            .join(course, new String[] {"_series", "track"}, "left")
            .join(
                home.selectExpr(
                    "_series",
                    "track",
                    "checkpoint",
                    "dictionary",
                    "feature",
                    "firing_rate",
                    "strength"),
                new String[] {"_series", "track"},
                "left");
    rows =
        labels.isPresent()
            ? rows.join(
                labels
                    .get()
                    .filter("f1 > 0")
                    .groupBy("dictionary", "checkpoint", "feature")
                    .agg(expr("max(struct(f1, label, value)) as best")),
                key,
                "left")
            : rows.withColumn(
                "best", expr("cast(null as struct<f1:double,label:string,value:string>)"));
    rows =
        examples.isPresent()
            ? rows.join(
                examples
                    .get()
                    .filter("kind = 'top' and rank <= 8")
                    .groupBy("dictionary", "checkpoint", "feature")
                    .agg(
                        expr(
                            "slice(array_distinct(transform(sort_array(collect_list(struct(rank,"
                                + " document, position, token))), each -> each.token)), 1, 8) as tokens")),
                key,
                "left")
            : rows.withColumn("tokens", expr("cast(null as array<string>)"));
    return leading(
        rows.selectExpr(
            "_series",
            "track",
            "track as number",
            "class",
            "birth",
            "emergence",
            "direction_birth",
            "peak",
            "death",
            "confidence",
            "checkpoint",
            "feature",
            "firing_rate",
            "strength",
            "best.label as label",
            "cast(best.value as string) as label_value",
            "best.f1 as label_f1",
            "tokens",
            "shape"),
        "cast(-1 as bigint)",
        "0");
  }

  /** Series, track, checkpoint and rank first, then the columns that readers see. */
  private static Dataset<Row> leading(Dataset<Row> table, String checkpoint, String rank) {
    List<String> columns = new ArrayList<>();
    columns.add("_series");
    columns.add("track as _track");
    columns.add(checkpoint + " as _checkpoint");
    columns.add("cast(" + rank + " as int) as _order");
    for (String column : table.columns()) {
      if (!column.startsWith("_") && !column.equals("track")) {
        columns.add(column.equals("number") ? "number as track" : column);
      }
    }
    return table.selectExpr(columns.toArray(String[]::new));
  }

  /**
   * Everything about the tracks of some groups in one table, ordered as {@link ReportTask} needs
   * it.
   *
   * @param units names of the groups' units
   */
  Dataset<Row> tagged(Map<String, Dataset<Row>> tables, List<String> units) {
    Dataset<Row> all = null;
    for (Map.Entry<String, Dataset<Row>> each : tables.entrySet()) {
      Dataset<Row> table =
          each.getValue()
              .map(
                  new ReportTask.Tag(each.getKey(), settings.tracksPerGroup()),
                  Encoders.row(ReportTask.TAGGED));
      all = all == null ? table : all.union(table);
    }
    return all.filter(expr("concat('tracks-', series, '-', group)").isin(units.toArray()))
        .repartition(units.size(), col("series"), col("group"))
        .sortWithinPartitions("series", "group", "track", "table", "checkpoint", "rank", "payload");
  }

  private static String stack(String names, String... columns) {
    List<String> pairs = new ArrayList<>();
    for (String column : columns) {
      pairs.add("'" + column + "', " + column);
    }
    return "stack(" + columns.length + ", " + String.join(", ", pairs) + ") as (" + names + ")";
  }
}
