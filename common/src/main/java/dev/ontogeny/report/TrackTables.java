package dev.ontogeny.report;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What is shown of a track, out of the rows of published tables that tell of it. The checkpoint of
 * its peak, or the last one where it has none, is its home: there examples are shown in full.
 */
public final class TrackTables implements Serializable {
  private static final long serialVersionUID = 1;

  /** Columns that published tables do not have: they follow from others. */
  public static final List<String> DERIVED = List.of("nearest_track", "track_from", "track_to");

  private static final int LABELS = 6;
  private static final int TOKENS = 8;

  /** Of the course of a track in the list: 0 to this. */
  private static final int HIGHEST = 63;

  private static final List<String> EVENTS =
      List.of("class", "birth", "emergence", "direction_birth", "peak", "death", "confidence");

  private final EnumMap<TrackTable, List<String>> columns = new EnumMap<>(TrackTable.class);
  private final int top;
  private final int quantile;
  private final int elsewhere;

  /**
   * Takes the tables that there are.
   *
   * @param there their columns as published
   * @param top examples of the highest activations shown at home
   * @param quantile examples of all activations shown at home
   * @param elsewhere examples of the highest activations shown at every other checkpoint
   */
  public TrackTables(Map<TrackTable, List<String>> there, int top, int quantile, int elsewhere) {
    there.forEach((table, names) -> columns.put(table, table.shown(names)));
    columns.computeIfPresent(TrackTable.FEATURES, (table, of) -> with(of, "nearest_track"));
    columns.computeIfPresent(TrackTable.LINEAGE, (table, of) -> with(of, "track_from", "track_to"));
    if (!columns.containsKey(TrackTable.EXAMPLES)
        || !columns.get(TrackTable.EXAMPLES).containsAll(List.of("shard", "row"))) {
      columns.remove(TrackTable.READINGS);
    }
    this.top = top;
    this.quantile = quantile;
    this.elsewhere = elsewhere;
  }

  private static List<String> with(List<String> columns, String... more) {
    List<String> all = new ArrayList<>(columns);
    all.addAll(List.of(more));
    return all;
  }

  /** The tables that there are. */
  public List<TrackTable> tables() {
    return List.copyOf(columns.keySet());
  }

  /**
   * The columns of the rows that {@link #write} takes: those that the table has and, last, those of
   * {@link #DERIVED} that belong to it.
   */
  public List<String> columns(TrackTable table) {
    return columns.get(table);
  }

  /** The columns of the rows that are shown, by the names of tables. */
  public Map<String, List<String>> shown() {
    Map<String, List<String>> shown = new TreeMap<>();
    columns.forEach((table, of) -> shown.put(table.table(), of));
    shown.remove(TrackTable.EVENTS.table());
    List<String> index = new ArrayList<>(List.of("track"));
    index.addAll(EVENTS);
    index.addAll(List.of("checkpoint", "feature", "firing_rate", "strength"));
    index.addAll(List.of("label", "label_value", "label_f1", "tokens", "shape"));
    shown.put(TrackFiles.INDEX, index);
    if (columns.containsKey(TrackTable.READINGS)) {
      List<String> readings = new ArrayList<>(List.of("checkpoint", "document", "position"));
      readings.addAll(List.of("token", "context_start", "context_tokens"));
      readings.addAll(List.of("checkpoints", "values"));
      shown.put(TrackTable.READINGS.table(), readings);
    }
    return shown;
  }

  /**
   * Whether a row can be shown at all: others need not be brought together.
   *
   * @param home whether its checkpoint is the home of its track
   */
  public boolean maybeShown(TrackTable table, Object[] row, boolean home) {
    switch (table) {
      case EXAMPLES:
        boolean highest = "top".equals(row[at(table, "kind")]);
        if (home) {
          return !highest
              || columns.containsKey(TrackTable.READINGS)
              || rank(table, row) <= Math.max(top, TOKENS);
        }
        return highest && rank(table, row) <= elsewhere;
      case LABELS:
        return positive(row[at(table, "f1")]);
      case TOP_TOKENS:
        return rank(table, row) <= TOKENS;
      default:
        return true;
    }
  }

  private int rank(TrackTable table, Object[] row) {
    return ((Number) row[at(table, "rank")]).intValue();
  }

  private static boolean positive(Object number) {
    return number != null && (Double) number > 0;
  }

  private int at(TrackTable table, String column) {
    return columns.get(table).indexOf(column);
  }

  /** An order of a table's rows; of a table that is not there, which has none, any. */
  private Comparator<Object[]> by(TrackTable table, String... names) {
    return columns.containsKey(table)
        ? PageTable.by(Arrays.stream(names).mapToInt(name -> at(table, name)).toArray())
        : PageTable.by();
  }

  /** A row to show, and where it stands among those of its table. */
  private record Line(long checkpoint, int rank, String json) {
    static final Comparator<Line> ORDER =
        Comparator.comparingLong(Line::checkpoint)
            .thenComparingInt(Line::rank)
            .thenComparing(Line::json);

    static Line of(Object checkpoint, int rank, Object... values) {
      return new Line(checkpoint == null ? -1 : (Long) checkpoint, rank, Chunk.json(values));
    }
  }

  /**
   * Writes a track.
   *
   * @param checkpoints of its series, ascending
   * @param rows of its tables, in any order; a track without a row of events is in no list
   */
  public void write(
      TrackFiles into, int track, long[] checkpoints, Map<TrackTable, List<Object[]>> rows)
      throws IOException {
    Map<String, List<Line>> lines = new TreeMap<>();
    List<Object[]> events = rows.getOrDefault(TrackTable.EVENTS, List.of());
    Object peak = events.isEmpty() ? null : events.get(0)[at(TrackTable.EVENTS, "peak")];
    Long home = peak == null ? Long.valueOf(checkpoints[checkpoints.length - 1]) : (Long) peak;
    rows.forEach(
        (table, all) -> {
          if (columns.containsKey(table) && table != TrackTable.EVENTS) {
            lines.put(table.table(), lines(table, all, home, rows));
          }
        });
    if (!events.isEmpty()) {
      lines.put(TrackFiles.INDEX, List.of(entry(track, checkpoints, home, events.get(0), rows)));
    }
    for (Map.Entry<String, List<Line>> table : lines.entrySet()) {
      List<Line> sorted = new ArrayList<>(table.getValue());
      sorted.sort(Line.ORDER);
      for (Line line : sorted) {
        into.add(track, table.getKey(), line.json());
      }
    }
  }

  private List<Line> lines(
      TrackTable table, List<Object[]> all, Long home, Map<TrackTable, List<Object[]>> rows) {
    switch (table) {
      case EXAMPLES:
        return examples(all, home);
      case LABELS:
        return labels(all);
      case READINGS:
        return readings(all, home, rows.getOrDefault(TrackTable.EXAMPLES, List.of()));
      default:
        int checkpoint =
            table == TrackTable.LINEAGE ? at(table, "checkpoint_from") : at(table, "checkpoint");
        int rank = table == TrackTable.TOP_TOKENS ? at(table, "rank") : -1;
        List<Line> lines = new ArrayList<>();
        for (Object[] row : all) {
          lines.add(
              Line.of(
                  checkpoint < 0 ? null : row[checkpoint],
                  rank < 0 ? 0 : (Integer) row[rank],
                  row));
        }
        return lines;
    }
  }

  /** The highest of each checkpoint; at home also some of all strengths, evenly out of those. */
  private List<Line> examples(List<Object[]> all, Long home) {
    TrackTable table = TrackTable.EXAMPLES;
    int checkpoint = at(table, "checkpoint");
    Map<Object, Integer> number = new HashMap<>();
    List<Object[]> ofAllStrengths = new ArrayList<>();
    List<Line> lines = new ArrayList<>();
    List<Object[]> sorted = new ArrayList<>(all);
    sorted.sort(by(table, "rank", "document", "position"));
    for (Object[] row : sorted) {
      boolean atHome = home.equals(row[checkpoint]);
      if (!"top".equals(row[at(table, "kind")])) {
        if (atHome) {
          ofAllStrengths.add(row);
        }
      } else if (number.merge(row[checkpoint], 1, Integer::sum) <= (atHome ? top : elsewhere)) {
        lines.add(Line.of(row[checkpoint], number.get(row[checkpoint]), row));
      }
    }
    int shown = Math.min(quantile, ofAllStrengths.size());
    for (int i = 0; i < shown; i++) {
      Object[] row = ofAllStrengths.get((2 * i + 1) * ofAllStrengths.size() / (2 * shown));
      lines.add(Line.of(row[checkpoint], 100_001 + i, row));
    }
    return lines;
  }

  private List<Line> labels(List<Object[]> all) {
    TrackTable table = TrackTable.LABELS;
    Comparator<Object[]> group = by(table, "checkpoint");
    List<Object[]> sorted = new ArrayList<>(all);
    sorted.sort(
        group.thenComparing(by(table, "f1").reversed()).thenComparing(by(table, "label", "value")));
    List<Line> lines = new ArrayList<>();
    int number = 0;
    for (int i = 0; i < sorted.size(); i++) {
      Object[] row = sorted.get(i);
      number = i > 0 && group.compare(sorted.get(i - 1), row) == 0 ? number + 1 : 1;
      if (number <= LABELS) {
        lines.add(Line.of(row[at(table, "checkpoint")], number, row));
      }
    }
    return lines;
  }

  /** The top examples at home that were read again, with what the track reads at every step. */
  private List<Line> readings(List<Object[]> all, Long home, List<Object[]> examples) {
    TrackTable table = TrackTable.READINGS;
    List<Object[]> sorted = new ArrayList<>(all);
    sorted.sort(by(table, "checkpoint", "value"));
    Map<List<Object>, List<Object[]>> courses = new HashMap<>();
    for (Object[] row : sorted) {
      courses
          .computeIfAbsent(
              Arrays.asList(row[at(table, "shard")], row[at(table, "row")]),
              none -> new ArrayList<>())
          .add(row);
    }
    TrackTable of = TrackTable.EXAMPLES;
    List<Line> lines = new ArrayList<>();
    for (Object[] example : examples) {
      List<Object[]> course =
          courses.get(Arrays.asList(example[at(of, "shard")], example[at(of, "row")]));
      if (course != null
          && home.equals(example[at(of, "checkpoint")])
          && "top".equals(example[at(of, "kind")])) {
        lines.add(
            Line.of(
                home,
                rank(of, example),
                home,
                example[at(of, "document")],
                example[at(of, "position")],
                example[at(of, "token")],
                example[at(of, "context_start")],
                example[at(of, "context_tokens")],
                course.stream().map(row -> row[at(table, "checkpoint")]).toArray(),
                course.stream().map(row -> row[at(table, "value")]).toArray()));
      }
    }
    return lines;
  }

  /** The entry of a track in the list of tracks. */
  private Line entry(
      int track,
      long[] checkpoints,
      Long home,
      Object[] events,
      Map<TrackTable, List<Object[]>> rows) {
    List<Object> entry = new ArrayList<>();
    entry.add(track);
    for (String column : EVENTS) {
      entry.add(events[at(TrackTable.EVENTS, column)]);
    }
    List<Object[]> course = rows.getOrDefault(TrackTable.TRAJECTORIES, List.of());
    Object[] there = at(TrackTable.TRAJECTORIES, home, course).stream().findFirst().orElse(null);
    for (String column : List.of("checkpoint", "feature", "firing_rate", "strength")) {
      entry.add(there == null ? null : there[at(TrackTable.TRAJECTORIES, column)]);
    }
    Object[] label =
        at(TrackTable.LABELS, home, rows.getOrDefault(TrackTable.LABELS, List.of())).stream()
            .max(by(TrackTable.LABELS, "f1", "label", "value"))
            .orElse(null);
    for (String column : List.of("label", "value", "f1")) {
      entry.add(label == null ? null : label[at(TrackTable.LABELS, column)]);
    }
    entry.add(tokens(home, rows.getOrDefault(TrackTable.EXAMPLES, List.of())));
    entry.add(shape(checkpoints, course));
    return Line.of(null, 0, entry.toArray());
  }

  private List<Object[]> at(TrackTable table, Long checkpoint, List<Object[]> rows) {
    return rows.stream().filter(row -> checkpoint.equals(row[at(table, "checkpoint")])).toList();
  }

  /** The different tokens of the highest activations at home; null if there are none. */
  private Object tokens(Long home, List<Object[]> examples) {
    TrackTable table = TrackTable.EXAMPLES;
    Set<Object> tokens = new LinkedHashSet<>();
    examples.stream()
        .filter(row -> home.equals(row[at(table, "checkpoint")]))
        .filter(row -> "top".equals(row[at(table, "kind")]) && rank(table, row) <= TOKENS)
        .sorted(by(table, "rank", "document", "position"))
        .forEach(row -> tokens.add(row[at(table, "token")]));
    return tokens.isEmpty() ? null : tokens.stream().limit(TOKENS).toArray();
  }

  /** Strength at every checkpoint, the greatest as {@link #HIGHEST}; null if it has no course. */
  private Object shape(long[] checkpoints, List<Object[]> course) {
    if (course.isEmpty()) {
      return null;
    }
    Map<Object, Double> strengths = new HashMap<>();
    double highest = 0;
    for (Object[] row : course) {
      Double strength = (Double) row[at(TrackTable.TRAJECTORIES, "strength")];
      if (strength != null) {
        double known = Double.isNaN(strength) ? 0 : strength;
        strengths.put(row[at(TrackTable.TRAJECTORIES, "checkpoint")], known);
        highest = Math.max(highest, known);
      }
    }
    Object[] shape = new Object[checkpoints.length];
    for (int t = 0; t < shape.length; t++) {
      Double strength = strengths.get(checkpoints[t]);
      shape[t] = strength == null || highest == 0 ? null : Math.round(HIGHEST * strength / highest);
    }
    return shape;
  }
}
