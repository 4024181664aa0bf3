package dev.ontogeny.job.report;

import dev.ontogeny.job.report.ReportInputs.Source;
import dev.ontogeny.report.PageTable;
import dev.ontogeny.report.PopulationTables;
import dev.ontogeny.report.TrackTable;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;

/**
 * What is counted over tracks for curves, mergeable. It grows with checkpoints; of lineage it keeps
 * a bit per feature, pair of checkpoints and kind, so that features are counted once.
 */
final class ReportCounts implements Serializable {
  private static final long serialVersionUID = 1;

  /** The tables that are counted. */
  static final List<TrackTable> TABLES =
      List.of(TrackTable.EVENTS, TrackTable.TRAJECTORIES, TrackTable.FORMATION, TrackTable.LINEAGE);

  private static final List<String> MEASURES =
      List.of("cosine_previous", "cosine_first", "cosine_final", "jaccard_previous");

  private static final int CONFIDENCE_BINS = 20;

  private static final String[] RELATION = {
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
    "confidence"
  };

  /** The order of splits and merges to list: the highest decoder cosine first. */
  private static final Comparator<Object[]> NOTABLE =
      PageTable.by(8).reversed().thenComparing(PageTable.by(1, 2, 4, 5, 3));

  private final HashMap<List<Object>, Long> events = new HashMap<>();
  private final HashMap<List<Object>, Long> confidence = new HashMap<>();
  private final HashMap<List<Object>, Long> distributions = new HashMap<>();
  private final HashMap<List<Object>, Long> relations = new HashMap<>();
  private final HashMap<List<Object>, BitSet[]> related = new HashMap<>();

  /** Splits and merges, by series. */
  private final HashMap<Integer, ArrayList<Object[]>> notable = new HashMap<>();

  private final int most;

  /**
   * Nothing is counted yet.
   *
   * @param most splits and merges that are kept of a series
   */
  ReportCounts(int most) {
    this.most = most;
  }

  /** Counts what is in files of {@link #TABLES}. */
  static final class Count implements Function<List<Source>, ReportCounts> {
    private static final long serialVersionUID = 1;
    private final Broadcast<ReportTracks> tracks;
    private final List<String> measures;
    private final double confident;
    private final int relations;

    /**
     * Starts.
     *
     * @param trajectories columns that this table has
     */
    Count(Broadcast<ReportTracks> tracks, List<String> trajectories, ReportSettings settings) {
      this.tracks = tracks;
      this.measures = new ArrayList<>(MEASURES);
      this.measures.retainAll(trajectories);
      this.confident = settings.confident();
      this.relations = settings.lineageRows();
    }

    @Override
    public ReportCounts call(List<Source> files) throws IOException {
      ReportCounts counts = new ReportCounts(relations);
      for (Source file : files) {
        switch (file.table()) {
          case EVENTS:
            file.eachRow(
                row -> counts.addEvents(tracks.value(), row, confident),
                List.of(
                    "series",
                    "class",
                    "confidence",
                    "birth",
                    "emergence",
                    "direction_birth",
                    "peak",
                    "death"));
            break;
          case TRAJECTORIES:
            List<String> columns = new ArrayList<>(List.of("series", "track", "checkpoint"));
            columns.addAll(measures);
            file.eachRow(row -> counts.addTrajectory(tracks.value(), row, measures), columns);
            break;
          case FORMATION:
            file.eachRow(
                row -> counts.addFormation(tracks.value(), row),
                List.of("series", "checkpoint", "similarity", "value", "null_value"));
            break;
          default:
            file.eachRow(
                row -> counts.addRelation(tracks.value(), row),
                List.of(
                    "series",
                    "checkpoint_from",
                    "checkpoint_to",
                    "kind",
                    "feature_from",
                    "feature_to",
                    "decoder_cosine",
                    "encoder_cosine",
                    "confidence"));
        }
      }
      return counts;
    }
  }

  private static void count(Map<List<Object>, Long> into, Object... key) {
    into.merge(Arrays.asList(key), 1L, Long::sum);
  }

  private void addEvents(ReportTracks tracks, Object[] row, double confident) {
    int s = tracks.number(row[0]);
    Double its = (Double) row[2];
    String[] names = {"birth", "emergence", "direction_birth", "peak", "death"};
    for (int i = 0; i < names.length; i++) {
      count(events, s, names[i], row[3 + i], row[1], its == null ? null : its >= confident);
    }
    if (its != null && !"inactive".equals(row[1])) {
      int bin = (int) Math.floor(its * CONFIDENCE_BINS);
      count(confidence, s, row[1], Math.min(CONFIDENCE_BINS - 1, bin));
    }
  }

  private void addTrajectory(ReportTracks tracks, Object[] row, List<String> measures) {
    int s = tracks.number(row[0]);
    if (tracks.active(s, (Integer) row[1])) {
      for (int i = 0; i < measures.size(); i++) {
        addValue(s, measures.get(i), row[2], row[3 + i]);
      }
    }
  }

  private void addFormation(ReportTracks tracks, Object[] row) {
    int s = tracks.number(row[0]);
    addValue(s, "formation:" + row[2], row[1], row[3]);
    addValue(s, "null:" + row[2], row[1], row[4]);
  }

  private void addValue(int s, String measure, Object checkpoint, Object value) {
    if (value != null && !Double.isNaN((Double) value)) {
      count(distributions, s, measure, checkpoint, PopulationTables.bin(measure, (Double) value));
    }
  }

  private void addRelation(ReportTracks tracks, Object[] row) {
    int s = tracks.number(row[0]);
    List<Object> key = Arrays.asList(s, row[1], row[2], row[3]);
    relations.merge(key, 1L, Long::sum);
    BitSet[] features =
        related.computeIfAbsent(key, none -> new BitSet[] {new BitSet(), new BitSet()});
    for (int end = 0; end < 2; end++) {
      if (row[4 + end] != null) {
        features[end].set((Integer) row[4 + end]);
      }
    }
    if (row[3].equals("splits") || row[3].equals("merges")) {
      Object[] relation = new Object[RELATION.length];
      System.arraycopy(row, 1, relation, 1, 5);
      relation[0] = s;
      relation[6] = tracks.track(s, tracks.place(s, row[1]), row[4]);
      relation[7] = tracks.track(s, tracks.place(s, row[2]), row[5]);
      System.arraycopy(row, 6, relation, 8, 3);
      addNotable(s, List.<Object[]>of(relation), 2 * most);
    }
  }

  /** Forgets those that will not be listed as soon as there are more than some. */
  private void addNotable(int s, List<Object[]> more, int limit) {
    ArrayList<Object[]> all = notable.computeIfAbsent(s, none -> new ArrayList<>());
    all.addAll(more);
    if (all.size() > limit) {
      all.sort(NOTABLE);
      all.subList(most, all.size()).clear();
    }
  }

  /** Takes in what others counted. */
  ReportCounts merge(ReportCounts other) {
    add(events, other.events);
    add(confidence, other.confidence);
    add(distributions, other.distributions);
    add(relations, other.relations);
    other.related.forEach(
        (key, features) ->
            related.merge(
                key,
                features,
                (a, b) -> {
                  a[0].or(b[0]);
                  a[1].or(b[1]);
                  return a;
                }));
    other.notable.forEach((s, rows) -> addNotable(s, rows, most));
    return this;
  }

  private static void add(Map<List<Object>, Long> into, Map<List<Object>, Long> more) {
    more.forEach((key, count) -> into.merge(key, count, Long::sum));
  }

  private static PageTable rows(Map<List<Object>, Long> counts, String... columns) {
    PageTable rows = PageTable.of(columns);
    counts.forEach(
        (key, count) -> {
          List<Object> row = new ArrayList<>(key);
          row.add(count);
          rows.add(row.toArray());
        });
    return rows.sorted(Arrays.copyOf(columns, columns.length - 1));
  }

  /** Rows of (series, event, checkpoint, class, confident, tracks). */
  PageTable events() {
    return rows(events, "series", "event", "checkpoint", "class", "confident", "tracks");
  }

  /** Rows of (series, class, bin, tracks): how confident tracks are. */
  PageTable confidence() {
    return rows(confidence, "series", "class", "bin", "tracks");
  }

  /** Rows of (series, measure, checkpoint, bin, tracks) over the tracks that are not inactive. */
  PageTable distributions() {
    return rows(distributions, "series", "measure", "checkpoint", "bin", "tracks");
  }

  /** Rows of (series, checkpoint_from, checkpoint_to, kind, relations, sources, targets). */
  PageTable flow() {
    PageTable counted =
        rows(relations, "series", "checkpoint_from", "checkpoint_to", "kind", "relations");
    PageTable flow =
        PageTable.of(
            "series",
            "checkpoint_from",
            "checkpoint_to",
            "kind",
            "relations",
            "sources",
            "targets");
    for (Object[] row : counted.values()) {
      BitSet[] features = related.get(Arrays.asList(row).subList(0, 4));
      flow.add(
          row[0],
          row[1],
          row[2],
          row[3],
          row[4],
          features[0].cardinality(),
          features[1].cardinality());
    }
    return flow;
  }

  /** The splits and merges of the highest decoder cosine, of every series. */
  PageTable splitsAndMerges() {
    PageTable all = PageTable.of(RELATION);
    Consumer<List<Object[]>> listed =
        rows ->
            rows.stream()
                .sorted(NOTABLE)
                .limit(most)
                .sorted(PageTable.by(1, 3, 4, 5))
                .forEach(all::add);
    notable.keySet().stream().sorted().map(notable::get).forEach(listed);
    return all;
  }
}
