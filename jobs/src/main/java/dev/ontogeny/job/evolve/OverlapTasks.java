package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.RowBlock;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.spark.Batched;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.CountTable;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * On how many rows tracks of independent dictionaries fire, at two neighbouring checkpoints and at
 * both. Which features these are is known only once they are matched, so rows are encoded again: a
 * block of rows once with every dictionary, checkpoint after checkpoint. In memory at a time: one
 * dictionary, the codes of a block at two checkpoints and three counts for every feature.
 */
final class OverlapTasks {
  private static final int BATCH = 1024;
  private static final int BOTH = 0;
  private static final int PREVIOUS = 1;
  private static final int HERE = 2;

  private OverlapTasks() {}

  /** Series s at its t-th checkpoint, beside the one before. */
  record SeriesPlace(int s, int t) implements Serializable {
    String unit(EvolveInputs inputs) {
      Series series = inputs.series().get(s);
      return "overlaps/" + series.name() + "/" + series.checkpoints()[t];
    }

    /** Its file in an earlier evolution, null for none. */
    PublishedFile before(EvolveInputs inputs) {
      return inputs.before().overlaps(inputs.series().get(s), t);
    }
  }

  /**
   * A block of rows to count in.
   *
   * @param missing places of the checkpoints that are to be set beside the ones before
   */
  record Part(int s, BitSet missing, RowBlock rows) implements Serializable {}

  /** All series of independent dictionaries at all checkpoints but their first. */
  static List<SeriesPlace> places(EvolveInputs inputs) {
    List<SeriesPlace> places = new ArrayList<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      Series series = inputs.series().get(s);
      for (int t = 1; t < series.length() && series.kind() == Series.Kind.INDEPENDENTS; t++) {
        places.add(new SeriesPlace(s, t));
      }
    }
    return places;
  }

  /** The work that the counts at some checkpoints need. */
  static List<Part> parts(EvolveInputs inputs, List<SeriesPlace> places) {
    BitSet[] missing = new BitSet[inputs.series().size()];
    for (SeriesPlace each : places) {
      missing[each.s] = missing[each.s] == null ? new BitSet() : missing[each.s];
      missing[each.s].set(each.t);
    }
    List<Part> parts = new ArrayList<>();
    for (int s = 0; s < missing.length; s++) {
      if (missing[s] != null) {
        int rows = inputs.rowsOfCodes(inputs.series().get(s));
        for (RowBlock block : RowBlock.cut(inputs.dataset(), rows)) {
          parts.add(new Part(s, missing[s], block));
        }
      }
    }
    return parts;
  }

  /** Counts in a block of rows. */
  static final class Count implements PairFlatMapFunction<Part, SeriesPlace, CountTable> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    Count(Broadcast<EvolveInputs> inputs) {
      this.broadcast = inputs;
    }

    @Override
    public Iterator<Tuple2<SeriesPlace, CountTable>> call(Part part) {
      EvolveInputs inputs = broadcast.value();
      Series series = inputs.series().get(part.s);
      return new Batched<>() {
        private int t = part.missing.nextSetBit(0);
        private int encoded = -1;
        private CodesByFeature codes;

        @Override
        protected List<Tuple2<SeriesPlace, CountTable>> batch() throws IOException {
          if (t < 0) {
            return null;
          }
          CodesByFeature before = encoded == t - 1 ? codes : encode(inputs, series, t - 1, part);
          codes = encode(inputs, series, t, part);
          encoded = t;
          SeriesPlace place = new SeriesPlace(part.s, t);
          CountTable counts = new CountTable(series.features()[t], 3);
          int[] successors = inputs.readSuccessors(part.s, t - 1)[0];
          for (int from = 0; from < successors.length; from++) {
            int to = successors[from];
            if (to >= 0) {
              counts.add(to, BOTH, codes.both(to, before, from));
              counts.add(to, PREVIOUS, before.count(from));
              counts.add(to, HERE, codes.count(to));
            }
          }
          t = part.missing.nextSetBit(t + 1);
          return List.of(new Tuple2<>(place, counts));
        }
      };
    }

    private static CodesByFeature encode(EvolveInputs inputs, Series series, int t, Part part)
        throws IOException {
      Dictionary dictionary = inputs.dictionary(series, t);
      CodesByFeature.Builder turned = new CodesByFeature.Builder(dictionary.width());
      SparseCodes codes = new SparseCodes(dictionary.width());
      FloatMatrix batch = FloatMatrix.zeros(BATCH, series.readWidth());
      try (EncodingKernel kernel = inputs.provider().encoding(dictionary, BATCH)) {
        for (RowBlock.Run run : part.rows.runs()) {
          try (SourceRows rows =
              new SourceRows(inputs.dataset(), List.of(series.read(t)), run.shard())) {
            rows.skip(run.first());
            for (int left = run.count(); left > 0; left -= BATCH) {
              int count = Math.min(left, BATCH);
              rows.read(batch, 0, count);
              kernel.encode(batch.firstRows(count), codes);
              turned.add(codes);
            }
          }
        }
      }
      return turned.build();
    }
  }

  /** Takes the counts of a series at a checkpoint from an earlier evolution. */
  static final class Take implements VoidFunction<SeriesPlace> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    Take(Broadcast<EvolveInputs> inputs) {
      this.broadcast = inputs;
    }

    @Override
    public void call(SeriesPlace place) throws IOException {
      EvolveInputs inputs = broadcast.value();
      PublishedFile file = place.before(inputs);
      inputs.publication().folder().copy(inputs.before().folder(), file);
      inputs.publication().finished(place.unit(inputs), List.of(file), Map.of());
    }
  }

  /** Counts of other rows added. */
  static CountTable merge(CountTable counts, CountTable others) {
    counts.merge(others);
    return counts;
  }

  /** Writes the counts of a series at a checkpoint, tracks ascending. */
  static final class Write implements VoidFunction<Tuple2<SeriesPlace, CountTable>> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;
    private final Broadcast<List<TrackIndex>> tracks;

    Write(Broadcast<EvolveInputs> inputs, Broadcast<List<TrackIndex>> tracks) {
      this.broadcast = inputs;
      this.tracks = tracks;
    }

    @Override
    public void call(Tuple2<SeriesPlace, CountTable> counted) throws IOException {
      EvolveInputs inputs = broadcast.value();
      SeriesPlace place = counted._1();
      CountTable counts = counted._2();
      int t = place.t;
      Series series = inputs.series().get(place.s);
      TrackIndex index = tracks.value().get(place.s);
      long[] trackAndFeature =
          Arrays.stream(inputs.readSuccessors(place.s, t - 1)[0])
              .filter(feature -> feature >= 0)
              .mapToLong(feature -> (long) index.trackOf(t, feature) << 32 | feature)
              .sorted()
              .toArray();
      String path =
          String.format(
              Locale.ROOT,
              "track_overlaps/%s/%05d-%s.parquet",
              series.name(),
              t,
              inputs.publication().attempt());
      PublishedFile file;
      try (TableWriter writer =
          TableWriter.open(inputs.publication().folder(), path, EvolutionTables.TRACK_OVERLAPS)) {
        for (long each : trackAndFeature) {
          int feature = (int) each;
          writer.write(
              series.name(),
              (int) (each >> 32),
              series.checkpoints()[t - 1],
              series.checkpoints()[t],
              counts.count(feature, BOTH),
              counts.count(feature, PREVIOUS),
              counts.count(feature, HERE));
        }
        file = writer.finish();
      }
      inputs.publication().finished(place.unit(inputs), List.of(file), Map.of());
    }
  }
}
