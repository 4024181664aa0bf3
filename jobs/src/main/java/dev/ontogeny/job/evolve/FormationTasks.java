package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.VectorRows;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.evolution.Formation;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/** How far the leading tracks of each series have formed at each checkpoint. */
final class FormationTasks {
  private FormationTasks() {}

  /** A top example of a leading track under its final dictionary. */
  record Example(int s, int track, int rank, int shard, int row) implements Serializable {}

  /** Series s at its t-th checkpoint. */
  record SeriesPlace(int s, int t) implements Serializable {
    String unit(EvolveInputs inputs) {
      Series series = inputs.series().get(s);
      return "formation/" + series.name() + "/" + series.checkpoints()[t];
    }
  }

  /** One shard of a series at a checkpoint. */
  record Shard(SeriesPlace place, int shard) implements Serializable {}

  /**
   * Activations of some tokens.
   *
   * @param token places in {@link Tokens}
   * @param values row-major, what {@link Series#sources} has side by side
   */
  record Rows(int[] token, float[] values) implements Serializable {}

  /**
   * The tokens of a series that are looked at: addresses (shard · 2³² + row) ascending.
   *
   * @param tracks leading tracks that have at least two examples
   * @param positions for each track its tokens
   * @param random tokens of the null
   */
  record Tokens(long[] addresses, int[] tracks, int[][] positions, int[] random)
      implements Serializable {

    /** Sorts addresses out. */
    static Tokens of(
        Series series, List<Example> examples, ShardedDataset dataset, EvolveSettings settings) {
      Map<Integer, List<Example>> byTrack = new TreeMap<>();
      for (Example each : examples) {
        byTrack.computeIfAbsent(each.track, key -> new ArrayList<>()).add(each);
      }
      byTrack.values().removeIf(each -> each.size() < 2);
      long[] random = randomAddresses(series, dataset, settings);
      long[] addresses =
          LongStream.concat(
                  Arrays.stream(random),
                  byTrack.values().stream().flatMap(List::stream).mapToLong(Tokens::address))
              .sorted()
              .distinct()
              .toArray();
      int[] tracks = byTrack.keySet().stream().mapToInt(Integer::intValue).toArray();
      int[][] positions = new int[tracks.length][];
      for (int i = 0; i < tracks.length; i++) {
        positions[i] =
            byTrack.get(tracks[i]).stream()
                .mapToInt(each -> Arrays.binarySearch(addresses, address(each)))
                .sorted()
                .toArray();
      }
      int[] randomPositions =
          Arrays.stream(random).mapToInt(each -> Arrays.binarySearch(addresses, each)).toArray();
      return new Tokens(addresses, tracks, positions, randomPositions);
    }

    private static long address(Example example) {
      return ((long) example.shard << 32) | example.row;
    }

    /** The same tokens for all series of a site. */
    private static long[] randomAddresses(
        Series series, ShardedDataset dataset, EvolveSettings settings) {
      RandomGenerator random = Seeds.generator(settings.seed(), "formation", series.site());
      int wanted = (int) Math.min(settings.formation().randomTokens(), dataset.summary().rows());
      return random
          .longs(0, dataset.summary().rows())
          .distinct()
          .limit(wanted)
          .map(
              row -> {
                long left = row;
                int shard = 0;
                while (left >= dataset.rows(shard)) {
                  left -= dataset.rows(shard++);
                }
                return ((long) shard << 32) | left;
              })
          .toArray();
    }

    /** Places of the tokens of a shard: from (inclusive) and to (exclusive). */
    int[] ofShard(int shard) {
      return new int[] {lowerBound((long) shard << 32), lowerBound((shard + 1L) << 32)};
    }

    private int lowerBound(long address) {
      int found = Arrays.binarySearch(addresses, address);
      return found >= 0 ? found : -found - 1;
    }
  }

  /** Finds the top examples of leading tracks in one file of the table {@code examples}. */
  static final class FindExamples implements FlatMapFunction<PublishedFile, Example> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    /** By series, track by final feature. */
    private final List<Map<Integer, Integer>> leaders;

    FindExamples(Broadcast<EvolveInputs> inputs, List<Map<Integer, Integer>> leaders) {
      this.broadcast = inputs;
      this.leaders = leaders;
    }

    @Override
    public Iterator<Example> call(PublishedFile file) throws IOException {
      EvolveInputs inputs = broadcast.value();
      List<Example> found = new ArrayList<>();
      inputs.eachRow(
          file,
          (s, t, row) -> {
            Integer track = leaders.get(s).get((Integer) row[0]);
            if (track != null
                && t == inputs.series().get(s).length() - 1
                && row[1].equals("top")
                && (Integer) row[2] < inputs.settings().formation().positions()) {
              found.add(
                  new Example(s, track, (Integer) row[2], (Integer) row[3], (Integer) row[4]));
            }
          },
          "feature",
          "kind",
          "rank",
          "shard",
          "row");
      return found.iterator();
    }
  }

  /** Reads the wanted rows of one shard at one checkpoint. */
  static final class ReadRows implements PairFlatMapFunction<Shard, SeriesPlace, Rows> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<List<Tokens>> tokens;

    ReadRows(Broadcast<EvolveInputs> inputs, Broadcast<List<Tokens>> tokens) {
      this.broadcast = inputs;
      this.tokens = tokens;
    }

    @Override
    public Iterator<Tuple2<SeriesPlace, Rows>> call(Shard shard) throws IOException {
      EvolveInputs inputs = broadcast.value();
      Series series = inputs.series().get(shard.place.s);
      Tokens wanted = tokens.value().get(shard.place.s);
      int[] places = wanted.ofShard(shard.shard);
      int count = places[1] - places[0];
      int[] token = new int[count];
      long[] wantedRows = new long[count];
      for (int i = 0; i < count; i++) {
        token[i] = places[0] + i;
        wantedRows[i] = wanted.addresses[token[i]] & 0xffffffffL;
      }
      long there = inputs.dataset().rows(shard.shard);
      if (wantedRows[count - 1] >= there) {
        throw Failure.data(
            "examples name row %d of shard %d, which has %d rows",
            wantedRows[count - 1], shard.shard, there);
      }
      List<Source> sources = series.sources(shard.place.t);
      FloatMatrix values = FloatMatrix.zeros(count, sources.stream().mapToInt(Source::width).sum());
      int column = 0;
      for (Source source : sources) {
        try (VectorRows rows =
            inputs.dataset().vectorRows(source.site(), source.checkpoint(), shard.shard)) {
          rows.read(wantedRows, values, 0, column);
        }
        column += source.width();
      }
      return List.of(new Tuple2<>(shard.place, new Rows(token, values.values()))).iterator();
    }
  }

  /** Encodes the tokens of a series at a checkpoint and writes how alike they are. */
  static final class Write implements VoidFunction<Tuple2<SeriesPlace, Iterable<Rows>>> {
    private static final long serialVersionUID = 1;
    private static final int BATCH = 1024;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<List<Tokens>> tokens;

    Write(Broadcast<EvolveInputs> inputs, Broadcast<List<Tokens>> tokens) {
      this.broadcast = inputs;
      this.tokens = tokens;
    }

    @Override
    public void call(Tuple2<SeriesPlace, Iterable<Rows>> rows) throws IOException {
      EvolveInputs inputs = broadcast.value();
      SeriesPlace place = rows._1();
      Series series = inputs.series().get(place.s);
      Tokens wanted = tokens.value().get(place.s);
      int width = series.sources(place.t).stream().mapToInt(Source::width).sum();
      FloatMatrix all = FloatMatrix.zeros(wanted.addresses.length, width);
      for (Rows each : rows._2()) {
        for (int i = 0; i < each.token.length; i++) {
          System.arraycopy(each.values, i * width, all.values(), each.token[i] * width, width);
        }
      }
      SparseCodes codes =
          series.crosscoder() ? null : encode(inputs, inputs.dictionary(series, place.t), all);
      // Features are where they write to.
      FloatMatrix activations = all.columns(width - series.width(), series.width());
      double[] nulls = similarities(activations, codes, wanted.random);
      String path =
          String.format(
              Locale.ROOT,
              "formation/%s/%05d-%s.parquet",
              series.name(),
              place.t,
              inputs.publication().attempt());
      try (TableWriter writer =
          TableWriter.open(inputs.publication().folder(), path, EvolutionTables.FORMATION)) {
        for (int i = 0; i < wanted.tracks.length; i++) {
          double[] values = similarities(activations, codes, wanted.positions[i]);
          for (int k = 0; k < values.length; k++) {
            writer.write(
                series.name(),
                wanted.tracks[i],
                series.checkpoints()[place.t],
                Formation.SIMILARITIES.get(k),
                ColumnValue.number(values[k]),
                ColumnValue.number(nulls[k]));
          }
        }
        inputs.publication().finished(place.unit(inputs), List.of(writer.finish()), Map.of());
      }
    }

    /** Codes of crosscoders are the same at all checkpoints: there, only activations tell. */
    private static double[] similarities(
        FloatMatrix activations, SparseCodes codes, int[] positions) {
      return codes == null
          ? new double[] {Formation.activationCosine(activations, positions)}
          : Formation.similarities(activations, codes, positions);
    }

    private static SparseCodes encode(
        EvolveInputs inputs, Dictionary dictionary, FloatMatrix activations) {
      SparseCodes all = new SparseCodes(dictionary.width());
      all.reset(activations.rows(), 0);
      SparseCodes part = new SparseCodes(dictionary.width());
      try (EncodingKernel kernel = inputs.provider().encoding(dictionary, BATCH)) {
        int columns = activations.columns();
        for (int first = 0; first < activations.rows(); first += BATCH) {
          int count = Math.min(BATCH, activations.rows() - first);
          float[] batch =
              Arrays.copyOfRange(activations.values(), first * columns, (first + count) * columns);
          kernel.encode(new FloatMatrix(count, columns, batch), part);
          int size = part.size();
          all.ensure(all.starts()[first] + size);
          System.arraycopy(part.indices(), 0, all.indices(), all.starts()[first], size);
          System.arraycopy(part.values(), 0, all.values(), all.starts()[first], size);
          for (int r = 0; r < count; r++) {
            all.starts()[first + r + 1] = all.starts()[first] + part.starts()[r + 1];
          }
        }
      }
      return all;
    }
  }
}
