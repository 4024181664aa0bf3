package dev.ontogeny.job.report;

import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.SeriesPlaces;
import dev.ontogeny.job.report.ReportInputs.Source;
import dev.ontogeny.report.PopulationTables;
import dev.ontogeny.report.TrackTable;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;

/**
 * Which track a feature belongs to at a checkpoint, and at which checkpoint a track is at home: 4
 * bytes per feature and checkpoint and 5 per track, on the driver and once on every executor.
 */
final class ReportTracks implements Serializable {
  private static final long serialVersionUID = 1;

  /** Those that have tracks; a report numbers them in this order. */
  private final ArrayList<Series> series = new ArrayList<>();

  /** By series, [T][F]; -1 where a feature belongs to none. */
  private final ArrayList<int[][]> trackOf = new ArrayList<>();

  /** By series, [tracks], places of checkpoints. */
  private final ArrayList<int[]> homes = new ArrayList<>();

  /** By series, [tracks]. */
  private final ArrayList<boolean[]> active = new ArrayList<>();

  private final HashMap<String, Integer> byName = new HashMap<>();
  private SeriesPlaces places;

  /**
   * What a file tells: tracks of a series, with what they are.
   *
   * @param checkpoint of trajectories; null if the file is of events
   * @param of their features; of events, the checkpoint of the peak, -1 for none
   * @param active whether something happens to them, of events alone
   */
  private record Part(String series, Long checkpoint, int[] tracks, long[] of, boolean[] active)
      implements Serializable {}

  /** Reads a file of trajectories or events. */
  private static final class Read implements Function<Source, List<Part>> {
    private static final long serialVersionUID = 1;

    private record Key(String series, Long checkpoint) {}

    private static final class Filling {
      private int size;
      private int[] tracks = new int[64];
      private long[] of = new long[64];
      private boolean[] active = new boolean[64];

      void add(int track, long its, boolean isActive) {
        if (size == tracks.length) {
          tracks = Arrays.copyOf(tracks, 2 * size);
          of = Arrays.copyOf(of, 2 * size);
          active = Arrays.copyOf(active, 2 * size);
        }
        tracks[size] = track;
        of[size] = its;
        active[size++] = isActive;
      }
    }

    @Override
    public List<Part> call(Source file) throws IOException {
      Map<Key, Filling> found = new HashMap<>();
      boolean events = file.table() == TrackTable.EVENTS;
      List<String> columns =
          events
              ? List.of("series", "track", "peak", "class")
              : List.of("series", "track", "feature", "checkpoint");
      file.eachRow(
          row ->
              found
                  .computeIfAbsent(
                      new Key((String) row[0], events ? null : (Long) row[3]),
                      none -> new Filling())
                  .add(
                      (Integer) row[1],
                      row[2] == null ? -1 : ((Number) row[2]).longValue(),
                      events && !"inactive".equals(row[3])),
          columns);
      List<Part> parts = new ArrayList<>();
      found.forEach(
          (key, rows) ->
              parts.add(
                  new Part(
                      key.series,
                      key.checkpoint,
                      Arrays.copyOf(rows.tracks, rows.size),
                      Arrays.copyOf(rows.of, rows.size),
                      Arrays.copyOf(rows.active, events ? rows.size : 0))));
      return parts;
    }
  }

  /** Reads trajectories and events on the executors, and keeps what the class says. */
  static ReportTracks read(JavaSparkContext spark, ReportInputs inputs) {
    List<Source> files = new ArrayList<>(inputs.files("evolution", "trajectories"));
    files.addAll(inputs.files("evolution", "events"));
    Map<String, List<Part>> parts = new HashMap<>();
    for (List<Part> each : spark.parallelize(files, files.size()).map(new Read()).collect()) {
      for (Part part : each) {
        parts.computeIfAbsent(part.series, none -> new ArrayList<>()).add(part);
      }
    }
    ReportTracks tracks = new ReportTracks();
    for (Series each : inputs.series()) {
      List<Part> its = parts.remove(each.name());
      if (its != null) {
        tracks.add(each, its);
      }
    }
    tracks.places = new SeriesPlaces(tracks.series);
    for (String unknown : parts.keySet()) {
      throw Failure.data(
          "evolution has tracks of series %s, which none of the dictionaries belongs to", unknown);
    }
    return tracks;
  }

  private ReportTracks() {}

  private void add(Series each, List<Part> parts) {
    int count = 0;
    for (Part part : parts) {
      if (part.checkpoint == null) {
        count = Math.max(count, 1 + Arrays.stream(part.tracks).max().orElse(-1));
      }
    }
    int[][] its = new int[each.length()][];
    for (int t = 0; t < its.length; t++) {
      its[t] = new int[each.features()[t]];
      Arrays.fill(its[t], -1);
    }
    int[] home = new int[count];
    Arrays.fill(home, each.length() - 1);
    boolean[] happens = new boolean[count];
    for (Part part : parts) {
      int t = part.checkpoint == null ? -1 : place(each, part.checkpoint);
      for (int i = 0; i < part.tracks.length; i++) {
        if (t < 0) {
          home[part.tracks[i]] = part.of[i] < 0 ? each.length() - 1 : place(each, part.of[i]);
          happens[part.tracks[i]] = part.active[i];
        } else if (part.of[i] >= 0 && part.of[i] < its[t].length) {
          its[t][(int) part.of[i]] = part.tracks[i];
        }
      }
    }
    for (int t = 1; t < its.length; t++) {
      if (Arrays.equals(its[t], its[t - 1])) {
        // As in most of a chain: not to be kept once for every checkpoint.
        its[t] = its[t - 1];
      }
    }
    byName.put(each.name(), series.size());
    series.add(each);
    trackOf.add(its);
    homes.add(home);
    active.add(happens);
  }

  private static int place(Series of, long checkpoint) {
    int t = Arrays.binarySearch(of.checkpoints(), checkpoint);
    if (t < 0) {
      throw Failure.data(
          "evolution tells of series %s at checkpoint %d, where it has no dictionary",
          of.name(), checkpoint);
    }
    return t;
  }

  /** As the pages know them. */
  List<PopulationTables.Series> described() {
    List<PopulationTables.Series> described = new ArrayList<>();
    for (int s = 0; s < series.size(); s++) {
      described.add(
          new PopulationTables.Series(
              series.get(s).name(),
              Arrays.stream(series.get(s).checkpoints()).boxed().toList(),
              homes.get(s).length));
    }
    return described;
  }

  /** The number of a series. */
  int number(Object name) {
    Integer number = byName.get((String) name);
    if (number == null) {
      throw Failure.data("evolution tells of series %s, which has no tracks", name);
    }
    return number;
  }

  /** Ascending. */
  long[] checkpoints(int s) {
    return series.get(s).checkpoints();
  }

  /** The place of a checkpoint. */
  int place(int s, Object checkpoint) {
    return place(series.get(s), (Long) checkpoint);
  }

  /** Where a series has a place for what was measured; null if none has. */
  SeriesPlaces.Place place(Object dictionary, Object site, Object checkpoint) {
    return places.of((String) dictionary, (String) site, (Long) checkpoint);
  }

  /** The track of a feature; null if it belongs to none, or there is no feature. */
  Integer track(int s, int t, Object feature) {
    int[] tracks = trackOf.get(s)[t];
    int number = feature == null ? -1 : (Integer) feature;
    return number < 0 || number >= tracks.length || tracks[number] < 0 ? null : tracks[number];
  }

  /** Whether the place of a checkpoint is the home of a track: its peak, or else the last one. */
  boolean home(int s, int track, int t) {
    return track < homes.get(s).length && homes.get(s)[track] == t;
  }

  /** Whether something happens to a track. */
  boolean active(int s, int track) {
    return track < active.get(s).length && active.get(s)[track];
  }
}
