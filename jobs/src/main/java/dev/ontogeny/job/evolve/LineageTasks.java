package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.evolution.BlockMatcher;
import dev.ontogeny.evolution.Directions;
import dev.ontogeny.evolution.Lineage;
import dev.ontogeny.evolution.Matches;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.run.Seeds;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.api.java.function.PairFunction;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/** What became of features from one checkpoint to the next. */
final class LineageTasks {
  private LineageTasks() {}

  /** Checkpoints t and t + 1 of series s. */
  record Pair(int s, int t) implements Serializable {
    String unit(EvolveInputs inputs) {
      Series series = inputs.series().get(s);
      return "lineage/"
          + series.name()
          + "/"
          + series.checkpoints()[t]
          + (inputs.before().isLineageKnown(series, t) ? "/taken" : "");
    }
  }

  /** A block of features of the earlier checkpoint. */
  record Block(Pair pair, int first) implements Serializable {}

  /** Compares a block of the earlier checkpoint with all of the later one. */
  static final class Compare implements PairFunction<Block, Pair, Matches> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    Compare(Broadcast<EvolveInputs> inputs) {
      this.broadcast = inputs;
    }

    @Override
    public Tuple2<Pair, Matches> call(Block block) throws IOException {
      EvolveInputs inputs = broadcast.value();
      Series series = inputs.series().get(block.pair.s);
      int t = block.pair.t;
      int fromCount = series.features()[t];
      int toCount = series.features()[t + 1];
      try (SourceTensors from = inputs.tensors(series, t);
          SourceTensors to = inputs.tensors(series, t + 1)) {
        int count = Math.min(inputs.blockSize(series), fromCount - block.first);
        try (BlockMatcher matcher =
            new BlockMatcher(
                inputs.provider(),
                from.directions(block.first, count),
                block.first,
                fromCount,
                toCount,
                inputs.settings().matching(),
                Seeds.of(inputs.settings().seed(), "lineage", series.dictionaries()[t]))) {
          for (int first = 0; first < toCount; first += EvolveInputs.BLOCK) {
            int size = Math.min(EvolveInputs.BLOCK, toCount - first);
            matcher.compare(to.directions(first, size), first);
          }
          return new Tuple2<>(block.pair, matcher.result());
        }
      }
    }
  }

  /** Writes the lineage of a pair of checkpoints, and for later stages who continues whom. */
  static final class Write implements VoidFunction<Tuple2<Pair, Matches>> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    Write(Broadcast<EvolveInputs> inputs) {
      this.broadcast = inputs;
    }

    @Override
    public void call(Tuple2<Pair, Matches> found) throws IOException {
      EvolveInputs inputs = broadcast.value();
      Pair pair = found._1();
      Series series = inputs.series().get(pair.s);
      long from = series.checkpoints()[pair.t];
      long to = series.checkpoints()[pair.t + 1];
      Lineage lineage = Lineage.of(found._2(), inputs.settings().matching());
      String path =
          String.format(
              Locale.ROOT,
              "lineage/%s/%05d-%s.parquet",
              series.name(),
              pair.t,
              inputs.publication().attempt());
      PublishedFile file;
      try (TableWriter writer =
          TableWriter.open(inputs.publication().folder(), path, EvolutionTables.LINEAGE)) {
        for (Lineage.Relation each : lineage.relations()) {
          writer.write(
              series.name(),
              from,
              to,
              each.from() < 0 ? null : each.from(),
              each.to() < 0 ? null : each.to(),
              (double) each.decoderCosine(),
              (double) each.encoderCosine(),
              each.kind().key(),
              each.confidence());
        }
        file = writer.finish();
      }
      finish(inputs, pair, file, lineage.successors(), lineage.nearest());
    }
  }

  /**
   * Takes the lineage of a pair of checkpoints from an earlier evolution. That does not tell who is
   * nearest to whom, which is counted for the table {@code identity} alone: counts are taken too.
   */
  static final class Take implements VoidFunction<Pair> {
    private static final long serialVersionUID = 1;
    private final Broadcast<EvolveInputs> broadcast;

    Take(Broadcast<EvolveInputs> inputs) {
      this.broadcast = inputs;
    }

    @Override
    public void call(Pair pair) throws IOException {
      EvolveInputs inputs = broadcast.value();
      Series series = inputs.series().get(pair.s);
      Folder folder = inputs.publication().folder();
      PublishedFile file = inputs.before().lineage(series, pair.t);
      folder.copy(inputs.before().folder(), file);
      int[] successors = new int[series.features()[pair.t]];
      int[] nearest = new int[successors.length];
      Arrays.fill(successors, -1);
      Arrays.fill(nearest, -1);
      try (TableReader reader =
          TableReader.open(
              folder, EvolutionTables.LINEAGE, file.path(), "feature_from", "feature_to", "kind")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          if (row[2].equals(Lineage.Kind.CONTINUES.key())) {
            successors[(Integer) row[0]] = (Integer) row[1];
          }
        }
      }
      finish(inputs, pair, file, successors, nearest);
    }
  }

  /** Leaves what later stages need, and the record of the pair. */
  private static void finish(
      EvolveInputs inputs, Pair pair, PublishedFile file, int[] successors, int[] nearest)
      throws IOException {
    int[] turned = turned(inputs, inputs.series().get(pair.s), pair.t);
    try (DataOutputStream out =
        new DataOutputStream(
            new BufferedOutputStream(
                inputs.publication().folder().create(inputs.successorsPath(pair.s, pair.t)),
                1 << 16))) {
      for (int[] each : List.of(successors, nearest, turned)) {
        for (int value : each) {
          out.writeInt(value);
        }
      }
    }
    inputs.publication().finished(pair.unit(inputs), List.of(file), Map.of());
  }

  private static int[] turned(EvolveInputs inputs, Series series, int t) throws IOException {
    int[] turned = new int[series.features()[t]];
    if (!series.chain()) {
      return turned;
    }
    double least = inputs.settings().handover().cosine();
    try (SourceTensors from = inputs.tensors(series, t);
        SourceTensors to = inputs.tensors(series, t + 1)) {
      for (int first = 0; first < turned.length; first += EvolveInputs.BLOCK) {
        int count = Math.min(EvolveInputs.BLOCK, turned.length - first);
        double[] cosines =
            Directions.cosines(from.decoders(first, count), to.decoders(first, count));
        for (int i = 0; i < count; i++) {
          turned[first + i] = cosines[i] < least ? 1 : 0;
        }
      }
    }
    return turned;
  }
}
