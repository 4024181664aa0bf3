package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.VectorRows;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * What the feature of a track is on the rows of the track's top examples, at every checkpoint: the
 * same sentence before and after a birth. Rows are sorted by shard first, so that a scan of one
 * checkpoint opens every shard once, reads the wanted rows for all series together, and holds one
 * shard's wishes, one batch and one dictionary for each of its series.
 */
final class ReadingsTasks {
  private static final int BATCH = 1024;

  /** Readings that wait to be written, about so many. */
  private static final int MOST_PENDING = 1 << 16;

  private ReadingsTasks() {}

  /** The rows of a series in a shard. */
  record Part(int s, int shard) implements Serializable {}

  /** Series s at its t-th checkpoint. */
  record SeriesPlace(int s, int t) implements Serializable {}

  /**
   * A row that is among the top examples of a track.
   *
   * @param value its code there, at the peak of the track
   */
  record Wish(int row, int track, float value) implements Serializable {}

  /**
   * Which features tracks are, and at which checkpoint they are strongest.
   *
   * @param tracks by series
   * @param peaks by series, [tracks], places of checkpoints; -1 for a track without a peak
   */
  record Homes(List<TrackIndex> tracks, List<int[]> peaks) implements Serializable {}

  /**
   * One reading of all shards of a site at a checkpoint.
   *
   * @param series numbers of those that look at it
   */
  record Scan(String site, long checkpoint, int[] series) implements Serializable {}

  /** The unit of work that a series at its t-th checkpoint is. */
  static String unit(EvolveInputs inputs, int s, int t) {
    Series series = inputs.series().get(s);
    return "readings/" + series.name() + "/" + series.checkpoints()[t];
  }

  private static String path(EvolveInputs inputs, Part part) {
    return inputs.publication().scratchPath("wishes-" + part.s + "-" + part.shard);
  }

  /** Scans for what is missing, at most {@code most} series each. */
  static List<Scan> scans(EvolveInputs inputs, int most) {
    Map<List<Object>, List<Integer>> places = new HashMap<>();
    List<List<Object>> order = new ArrayList<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      Series series = inputs.series().get(s);
      for (int t = 0; t < series.length() && !series.crosscoder(); t++) {
        if (inputs.publication().unit(unit(inputs, s, t)).isEmpty()) {
          List<Object> place = List.of(series.readSite(), series.checkpoints()[t]);
          places
              .computeIfAbsent(
                  place,
                  none -> {
                    order.add(place);
                    return new ArrayList<>();
                  })
              .add(s);
        }
      }
    }
    List<Scan> scans = new ArrayList<>();
    for (List<Object> place : order) {
      int[] series = places.get(place).stream().mapToInt(Integer::intValue).toArray();
      for (int first = 0; first < series.length; first += most) {
        scans.add(
            new Scan(
                (String) place.get(0),
                (Long) place.get(1),
                Arrays.copyOfRange(series, first, Math.min(series.length, first + most))));
      }
    }
    return scans;
  }

  /** Crosscoders at the checkpoints that are missing: series and place of the checkpoint. */
  static List<SeriesPlace> crosscoders(EvolveInputs inputs) {
    List<SeriesPlace> missing = new ArrayList<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      Series series = inputs.series().get(s);
      for (int t = 0; t < series.length() && series.crosscoder(); t++) {
        if (inputs.publication().unit(unit(inputs, s, t)).isEmpty()) {
          missing.add(new SeriesPlace(s, t));
        }
      }
    }
    return missing;
  }

  /** Finds the rows of top examples at the peaks of tracks in a file of the table examples. */
  static final class FindRows implements PairFlatMapFunction<PublishedFile, Part, Wish> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<Homes> homes;

    FindRows(Broadcast<EvolveInputs> inputs, Broadcast<Homes> homes) {
      this.broadcast = inputs;
      this.homes = homes;
    }

    @Override
    public Iterator<Tuple2<Part, Wish>> call(PublishedFile file) throws IOException {
      EvolveInputs inputs = broadcast.value();
      int rows = inputs.settings().readings().rows();
      List<Tuple2<Part, Wish>> found = new ArrayList<>();
      inputs.eachRow(
          file,
          (s, t, row) -> {
            if (!row[1].equals("top") || (Integer) row[2] >= rows) {
              return;
            }
            int track = homes.value().tracks.get(s).trackOf(t, (Integer) row[0]);
            if (homes.value().peaks.get(s)[track] == t) {
              found.add(
                  new Tuple2<>(
                      new Part(s, (Integer) row[3]),
                      new Wish((Integer) row[4], track, ((Double) row[5]).floatValue())));
            }
          },
          "feature",
          "kind",
          "rank",
          "shard",
          "row",
          "value");
      return found.iterator();
    }
  }

  /** Keeps the rows of a part in their order, for the scans of all checkpoints. */
  static final class Keep implements VoidFunction<Tuple2<Part, Iterable<Wish>>> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    Keep(Broadcast<EvolveInputs> inputs) {
      this.broadcast = inputs;
    }

    @Override
    public void call(Tuple2<Part, Iterable<Wish>> part) throws IOException {
      EvolveInputs inputs = broadcast.value();
      List<Wish> wishes = new ArrayList<>();
      part._2().forEach(wishes::add);
      wishes.sort(Comparator.comparingInt(Wish::row).thenComparingInt(Wish::track));
      try (DataOutputStream out =
          new DataOutputStream(
              new BufferedOutputStream(
                  inputs.publication().folder().create(path(inputs, part._1())), 1 << 16))) {
        out.writeInt(wishes.size());
        for (Wish wish : wishes) {
          out.writeInt(wish.row);
          out.writeInt(wish.track);
          out.writeFloat(wish.value);
        }
      }
    }
  }

  /** The wishes of a part; none if there are none. */
  private static Wish[] wishes(EvolveInputs inputs, Part part) throws IOException {
    String path = path(inputs, part);
    if (!inputs.publication().folder().exists(path)) {
      return new Wish[0];
    }
    try (DataInputStream in =
        new DataInputStream(
            new BufferedInputStream(inputs.publication().folder().open(path), 1 << 16))) {
      Wish[] wishes = new Wish[in.readInt()];
      for (int i = 0; i < wishes.length; i++) {
        wishes[i] = new Wish(in.readInt(), in.readInt(), in.readFloat());
      }
      return wishes;
    }
  }

  private static TableWriter writer(EvolveInputs inputs, Series series, int t) throws IOException {
    return TableWriter.open(
        inputs.publication().folder(),
        String.format(
            Locale.ROOT,
            "readings/%s/%05d-%s.parquet",
            series.name(),
            t,
            inputs.publication().attempt()),
        EvolutionTables.READINGS);
  }

  /**
   * What a crosscoder reads at a checkpoint: its code is the same at all of them, so what follows
   * training is the length of its term there, code × decoder norm, and 0 where a gate is closed.
   * Nothing needs to be encoded again. In memory: the dictionary.
   */
  static final class Share implements VoidFunction<SeriesPlace> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    Share(Broadcast<EvolveInputs> inputs) {
      this.broadcast = inputs;
    }

    @Override
    public void call(SeriesPlace place) throws IOException {
      EvolveInputs inputs = broadcast.value();
      int s = place.s;
      int t = place.t;
      Series series = inputs.series().get(s);
      Dictionary dictionary = inputs.dictionary(series, t);
      int source = Arrays.binarySearch(dictionary.sourceColumns(), series.columns()[t]);
      FloatMatrix decoder = dictionary.decoderOf(source);
      float[] bars = dictionary.sourceThreshold(source);
      try (TableWriter writer = writer(inputs, series, t)) {
        for (int shard = 0; shard < inputs.dataset().summary().shards(); shard++) {
          for (Wish wish : wishes(inputs, new Part(s, shard))) {
            boolean open = bars == null || wish.value > bars[wish.track];
            writer.write(
                series.name(),
                wish.track,
                series.checkpoints()[t],
                shard,
                wish.row,
                open ? wish.value * decoder.norm(wish.track) : 0);
          }
        }
        inputs.publication().finished(unit(inputs, s, t), List.of(writer.finish()), Map.of());
      }
    }
  }

  /** Reads the shards of a checkpoint once and writes what every series reads there. */
  static final class Read implements VoidFunction<Scan> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<Homes> homes;

    Read(Broadcast<EvolveInputs> inputs, Broadcast<Homes> homes) {
      this.broadcast = inputs;
      this.homes = homes;
    }

    @Override
    public void call(Scan scan) throws IOException {
      EvolveInputs inputs = broadcast.value();
      List<Reading> readings = new ArrayList<>();
      try {
        for (int s : scan.series) {
          readings.add(new Reading(inputs, homes.value().tracks.get(s), s, scan.checkpoint));
        }
        for (int shard = 0; shard < inputs.dataset().summary().shards(); shard++) {
          readShard(inputs, scan, shard, readings);
        }
        for (Reading each : readings) {
          each.finish();
        }
      } finally {
        for (Reading each : readings) {
          each.close();
        }
      }
    }

    private static void readShard(EvolveInputs inputs, Scan scan, int shard, List<Reading> readings)
        throws IOException {
      for (Reading each : readings) {
        each.begin(shard);
      }
      long[] rows =
          readings.stream().flatMapToLong(Reading::rowsWanted).sorted().distinct().toArray();
      if (rows.length == 0) {
        return;
      }
      long there = inputs.dataset().rows(shard);
      if (rows[rows.length - 1] >= there) {
        throw Failure.data(
            "examples name row %d of shard %d, which has %d rows",
            rows[rows.length - 1], shard, there);
      }
      try (VectorRows reader = inputs.dataset().vectorRows(scan.site, scan.checkpoint, shard)) {
        for (int first = 0; first < rows.length; first += BATCH) {
          long[] part = Arrays.copyOfRange(rows, first, Math.min(rows.length, first + BATCH));
          FloatMatrix vectors = FloatMatrix.zeros(part.length, reader.width());
          reader.read(part, vectors, 0, 0);
          for (int i = 0; i < part.length; i++) {
            for (Reading each : readings) {
              if (each.nextRow() == part[i]) {
                each.take(vectors, i);
              }
            }
          }
        }
      }
    }
  }

  /** What one series reads at one checkpoint. */
  private static final class Reading implements AutoCloseable {
    private final EvolveInputs inputs;
    private final Series series;
    private final int s;
    private final int t;
    private final int[] featureOf;
    private final EncodingKernel kernel;
    private final SparseCodes codes;
    private final TableWriter writer;

    /** What is known from an earlier evolution, in the order of wishes. */
    private final ReadingsBefore known;

    /** Wishes of the shard that is read. */
    private Wish[] wishes = new Wish[0];

    /** Of each wish what it comes to; NaN where that is not known yet. */
    private double[] values = new double[0];

    private int place;
    private int shard;

    private final float[] batch;
    private int rows;

    /** What is to be written: a code of the batch, or what is known. */
    private final List<Pending> pending = new ArrayList<>();

    /**
     * @param batchRow -1 where the value is known
     */
    private record Pending(int batchRow, int shard, Wish wish, double value) {}

    Reading(EvolveInputs inputs, TrackIndex tracks, int s, long checkpoint) throws IOException {
      this.inputs = inputs;
      this.s = s;
      series = inputs.series().get(s);
      t = Arrays.binarySearch(series.checkpoints(), checkpoint);
      featureOf = new int[tracks.count()];
      Arrays.fill(featureOf, -1);
      for (int feature = 0; feature < series.features()[t]; feature++) {
        featureOf[tracks.trackOf(t, feature)] = feature;
      }
      batch = new float[BATCH * series.readWidth()];
      Dictionary dictionary = inputs.dictionary(series, t);
      codes = new SparseCodes(dictionary.width());
      kernel = inputs.provider().encoding(dictionary, BATCH);
      known = ReadingsBefore.open(inputs.before(), series, t);
      writer = writer(inputs, series, t);
    }

    void begin(int number) throws IOException {
      passKnown();
      shard = number;
      place = 0;
      wishes =
          Arrays.stream(wishes(inputs, new Part(s, number)))
              .filter(wish -> featureOf[wish.track] >= 0)
              .toArray(Wish[]::new);
      values = new double[wishes.length];
      for (int i = 0; i < wishes.length; i++) {
        values[i] = known.value(shard, wishes[i].row, wishes[i].track);
      }
    }

    /** Takes what is known up to the next wish that is not. */
    private void passKnown() throws IOException {
      for (; place < wishes.length && !Double.isNaN(values[place]); place++) {
        pending.add(new Pending(-1, shard, wishes[place], values[place]));
        if (pending.size() >= MOST_PENDING) {
          flush();
        }
      }
    }

    /** The next row that is wanted of the shard; the greatest int at its end. */
    int nextRow() throws IOException {
      passKnown();
      return place < wishes.length ? wishes[place].row : Integer.MAX_VALUE;
    }

    /** All rows that are wanted of the shard. */
    LongStream rowsWanted() {
      return IntStream.range(0, wishes.length)
          .filter(i -> Double.isNaN(values[i]))
          .mapToLong(i -> wishes[i].row);
    }

    /** Takes the next row that is wanted, which is the i-th of {@code vectors}. */
    void take(FloatMatrix vectors, int i) throws IOException {
      int row = nextRow();
      int width = series.readWidth();
      System.arraycopy(vectors.values(), i * width, batch, rows * width, width);
      for (; place < wishes.length && wishes[place].row == row; place++) {
        boolean isKnown = !Double.isNaN(values[place]);
        pending.add(new Pending(isKnown ? -1 : rows, shard, wishes[place], values[place]));
      }
      if (++rows == BATCH) {
        flush();
      }
    }

    private void flush() throws IOException {
      if (rows > 0) {
        kernel.encode(
            new FloatMatrix(
                rows, series.readWidth(), Arrays.copyOf(batch, rows * series.readWidth())),
            codes);
      }
      for (Pending each : pending) {
        writer.write(
            series.name(),
            each.wish.track,
            series.checkpoints()[t],
            each.shard,
            each.wish.row,
            each.batchRow < 0
                ? each.value
                : (double) codes.at(each.batchRow, featureOf[each.wish.track]));
      }
      pending.clear();
      rows = 0;
    }

    void finish() throws IOException {
      passKnown();
      flush();
      inputs.publication().finished(unit(inputs, s, t), List.of(writer.finish()), Map.of());
    }

    @Override
    public void close() throws IOException {
      try (writer;
          known) {
        kernel.close();
      }
    }
  }
}
