package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.StrengthLevels;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.evolution.TrackStatistics;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.api.java.function.PairFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Brings what was measured into the order of tracks: ranges of tracks, all checkpoints together.
 */
final class StatisticsTasks {
  private StatisticsTasks() {}

  /** A range of tracks of series s. */
  record Range(int s, int number) implements Serializable {}

  /**
   * The tables that are read: three of the features, and the overlaps that this job has counted of
   * independent dictionaries.
   */
  enum Table {
    FEATURES,
    OVERLAPS,
    LATENT_SCALING,
    TRACK_OVERLAPS;

    /** As the manifest names it. */
    String key() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Table of(PublishedFile file) {
      return valueOf(file.table().toUpperCase(Locale.ROOT));
    }
  }

  /**
   * Numbers of some tracks of a range at one checkpoint.
   *
   * @param columns by table: firing rate, mean and decoder norm; Jaccard index; the three β
   */
  record Chunk(int checkpoint, Table table, int[] track, double[][] columns)
      implements Serializable {}

  /** Chunks in the making. */
  private static final class Filling {
    private int size;
    private int[] track = new int[64];
    private double[][] columns;

    void add(int itsTrack, double... values) {
      if (columns == null) {
        columns = new double[values.length][track.length];
      }
      if (size == track.length) {
        track = Arrays.copyOf(track, 2 * size);
        for (int c = 0; c < columns.length; c++) {
          columns[c] = Arrays.copyOf(columns[c], 2 * size);
        }
      }
      track[size] = itsTrack;
      for (int c = 0; c < values.length; c++) {
        columns[c][size] = values[c];
      }
      size++;
    }

    Chunk chunk(int checkpoint, Table table) {
      return new Chunk(
          checkpoint,
          table,
          Arrays.copyOf(track, size),
          Arrays.stream(columns)
              .map(column -> Arrays.copyOf(column, size))
              .toArray(double[][]::new));
    }
  }

  private record Place(Range range, int checkpoint) {}

  /** Features of a chain that fire on much the same rows at checkpoint t as at the one before. */
  record Kept(int s, int t, int[] features) implements Serializable {}

  /**
   * Finds, among latents that turned away from their direction, those that still fire where they
   * did: they turned, but were not taken over.
   */
  static final class FindKept implements FlatMapFunction<PublishedFile, Kept> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<BitSet[][]> turned;

    /**
     * Starts.
     *
     * @param turned by series and later checkpoint; null where the series is no chain
     */
    FindKept(Broadcast<EvolveInputs> inputs, Broadcast<BitSet[][]> turned) {
      this.broadcast = inputs;
      this.turned = turned;
    }

    @Override
    public Iterator<Kept> call(PublishedFile file) throws IOException {
      EvolveInputs inputs = broadcast.value();
      double least = inputs.settings().handover().overlap();
      Map<List<Integer>, BitSet> kept = new LinkedHashMap<>();
      eachOverlap(
          inputs,
          file,
          (s, t, feature, jaccard) -> {
            BitSet[] of = turned.value()[s];
            if (of != null && of[t].get(feature) && jaccard >= least) {
              kept.computeIfAbsent(List.of(s, t), place -> new BitSet()).set(feature);
            }
          });
      return kept.entrySet().stream()
          .map(
              each ->
                  new Kept(
                      each.getKey().get(0),
                      each.getKey().get(1),
                      each.getValue().stream().toArray()))
          .iterator();
    }
  }

  /** Takes an overlap of firing rows with the checkpoint before. */
  private interface OverlapConsumer {
    void take(int s, int t, int feature, double jaccard);
  }

  private static Map<String, Integer> numbers(EvolveInputs inputs) {
    Map<String, Integer> byName = new HashMap<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      byName.put(inputs.series().get(s).name(), s);
    }
    return byName;
  }

  private static void eachOverlap(EvolveInputs inputs, PublishedFile file, OverlapConsumer into)
      throws IOException {
    Map<String, Integer> byName = numbers(inputs);
    try (TableReader reader =
        TableReader.open(
            inputs.features(),
            FeatureTables.OVERLAPS,
            file.path(),
            "series",
            "feature",
            "checkpoint_previous",
            "checkpoint",
            "both",
            "count_previous",
            "count")) {
      for (Object[] row = reader.next(); row != null; row = reader.next()) {
        Integer s = byName.get((String) row[0]);
        if (s == null) {
          continue;
        }
        long[] checkpoints = inputs.series().get(s).checkpoints();
        int t = Arrays.binarySearch(checkpoints, (Long) row[3]);
        if (t < 1 || checkpoints[t - 1] != (Long) row[2]) {
          continue;
        }
        into.take(s, t, (Integer) row[1], jaccard((Long) row[4], (Long) row[5], (Long) row[6]));
      }
    }
  }

  private static double jaccard(long both, long countPrevious, long count) {
    long either = countPrevious + count - both;
    // Two empty sets are not alike; nothing can be said of them.
    return either > 0 ? (double) both / either : Double.NaN;
  }

  /** Reads one file of a {@link Table}. */
  static final class Read implements PairFlatMapFunction<PublishedFile, Range, Chunk> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<List<TrackIndex>> tracks;

    Read(Broadcast<EvolveInputs> inputs, Broadcast<List<TrackIndex>> tracks) {
      this.broadcast = inputs;
      this.tracks = tracks;
    }

    @Override
    public Iterator<Tuple2<Range, Chunk>> call(PublishedFile file) throws IOException {
      Table table = Table.of(file);
      Map<Place, Filling> filling = new HashMap<>();
      List<Place> order = new ArrayList<>();
      switch (table) {
        case FEATURES ->
            readColumns(file, filling, order, 0, "firing_rate", "mean", "decoder_norm");
        case OVERLAPS -> readOverlaps(file, filling, order);
        case TRACK_OVERLAPS -> readTrackOverlaps(file, filling, order);
        case LATENT_SCALING ->
            readColumns(
                file, filling, order, Double.NaN, "beta_error", "beta_reconstruction", "beta_own");
      }
      return order.stream()
          .map(
              place -> new Tuple2<>(place.range, filling.get(place).chunk(place.checkpoint, table)))
          .iterator();
    }

    /** Columns of doubles; {@code unknown} stands for what is null. */
    private void readColumns(
        PublishedFile file,
        Map<Place, Filling> filling,
        List<Place> order,
        double unknown,
        String... columns)
        throws IOException {
      String[] all = Arrays.copyOf(columns, columns.length + 1);
      all[columns.length] = "feature";
      broadcast
          .value()
          .eachRow(
              file,
              (s, t, row) -> {
                double[] values = new double[columns.length];
                for (int c = 0; c < values.length; c++) {
                  values[c] = row[c] == null ? unknown : (Double) row[c];
                }
                int track = tracks.value().get(s).trackOf(t, (Integer) row[columns.length]);
                add(filling, order, s, t, track, values);
              },
              all);
    }

    private void readOverlaps(PublishedFile file, Map<Place, Filling> filling, List<Place> order)
        throws IOException {
      eachOverlap(
          broadcast.value(),
          file,
          (s, t, feature, jaccard) -> {
            TrackIndex index = tracks.value().get(s);
            int track = index.trackOf(t, feature);
            // Where a latent was taken over, the rows before are another track's.
            if (index.trackOf(t - 1, feature) == track) {
              add(filling, order, s, t, track, jaccard);
            }
          });
    }

    private void readTrackOverlaps(
        PublishedFile file, Map<Place, Filling> filling, List<Place> order) throws IOException {
      EvolveInputs inputs = broadcast.value();
      Map<String, Integer> byName = numbers(inputs);
      try (TableReader reader =
          TableReader.open(
              inputs.publication().folder(),
              EvolutionTables.TRACK_OVERLAPS,
              file.path(),
              "series",
              "track",
              "checkpoint",
              "both",
              "count_previous",
              "count")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          int s = byName.get((String) row[0]);
          int t = Arrays.binarySearch(inputs.series().get(s).checkpoints(), (Long) row[2]);
          double jaccard = jaccard((Long) row[3], (Long) row[4], (Long) row[5]);
          add(filling, order, s, t, (Integer) row[1], jaccard);
        }
      }
    }

    private void add(
        Map<Place, Filling> filling, List<Place> order, int s, int t, int track, double... values) {
      EvolveInputs inputs = broadcast.value();
      Place place = new Place(new Range(s, track / inputs.rangeSize(inputs.series().get(s))), t);
      Filling into = filling.get(place);
      if (into == null) {
        into = new Filling();
        filling.put(place, into);
        order.add(place);
      }
      into.add(track, values);
    }
  }

  /** Puts the chunks of a range together and leaves them for later stages. */
  static final class Assemble
      implements PairFunction<Tuple2<Range, Iterable<Chunk>>, Integer, StrengthLevels> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<List<TrackIndex>> tracks;

    Assemble(Broadcast<EvolveInputs> inputs, Broadcast<List<TrackIndex>> tracks) {
      this.broadcast = inputs;
      this.tracks = tracks;
    }

    @Override
    public Tuple2<Integer, StrengthLevels> call(Tuple2<Range, Iterable<Chunk>> chunks)
        throws IOException {
      EvolveInputs inputs = broadcast.value();
      Range range = chunks._1();
      Series series = inputs.series().get(range.s);
      TrackIndex index = tracks.value().get(range.s);
      int size = inputs.rangeSize(series);
      int first = range.number * size;
      int count = Math.min(size, index.count() - first);
      TrackStatistics statistics =
          new TrackStatistics(
              first, count, series.length(), index.features(first, count), series.crosscoder());
      for (Chunk chunk : chunks._2()) {
        double[][] of = chunk.columns;
        for (int i = 0; i < chunk.track.length; i++) {
          int track = chunk.track[i];
          switch (chunk.table) {
            case FEATURES ->
                statistics.measured(track, chunk.checkpoint, of[0][i], of[1][i], of[2][i]);
            case OVERLAPS, TRACK_OVERLAPS ->
                statistics.overlapped(track, chunk.checkpoint, of[0][i]);
            case LATENT_SCALING ->
                statistics.scaled(track, chunk.checkpoint, of[0][i], of[1][i] - of[2][i]);
          }
        }
      }
      int missing = statistics.missing();
      if (missing >= 0) {
        int t = missing % series.length();
        throw Failure.data(
            "features %s have no row of dictionary %s, checkpoint %d, feature %d: measure all dictionaries first",
            inputs.features(),
            series.dictionaries()[t],
            series.checkpoints()[t],
            statistics.feature(missing / series.length(), t));
      }
      if (series.crosscoder()) {
        statistics.shareCode();
      }
      inputs.writeStatistics(range.s, range.number, statistics);
      return new Tuple2<>(range.s, new StrengthLevels(series.length()).add(statistics));
    }
  }
}
