package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.evolution.Counterparts;
import dev.ontogeny.evolution.Matches;
import dev.ontogeny.evolution.TrajectoryMatcher;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.api.java.function.PairFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Writes which tracks of two replicas are each other's counterparts, from both sides, and tells the
 * confidences that follow.
 */
final class CounterpartsTask implements PairFunction<Tuple2<Integer, Matches>, Integer, float[][]> {
  private static final long serialVersionUID = 1;
  private final Broadcast<EvolveInputs> broadcast;
  private final List<Replicas> pairs;

  /** Two series of a family that confirm each other. */
  record Replicas(int from, int to) implements Serializable {
    String unit(EvolveInputs inputs) {
      return "counterparts/" + name(inputs, from) + "/" + name(inputs, to);
    }
  }

  CounterpartsTask(Broadcast<EvolveInputs> inputs, List<Replicas> pairs) {
    this.broadcast = inputs;
    this.pairs = pairs;
  }

  private static String name(EvolveInputs inputs, int s) {
    return inputs.series().get(s).name();
  }

  @Override
  public Tuple2<Integer, float[][]> call(Tuple2<Integer, Matches> found) throws IOException {
    EvolveInputs inputs = broadcast.value();
    Replicas pair = pairs.get(found._1());
    Counterparts counterparts = Counterparts.of(found._2());
    String path =
        String.format(
            Locale.ROOT,
            "counterparts/%05d-%s.parquet",
            found._1(),
            inputs.publication().attempt());
    try (TableWriter writer =
        TableWriter.open(inputs.publication().folder(), path, EvolutionTables.COUNTERPARTS)) {
      write(writer, name(inputs, pair.from), name(inputs, pair.to), counterparts);
      write(writer, name(inputs, pair.to), name(inputs, pair.from), counterparts.reversed());
      inputs.publication().finished(pair.unit(inputs), List.of(writer.finish()), Map.of());
    }
    return new Tuple2<>(found._1(), TrajectoryMatcher.confidences(found._2()));
  }

  private static void write(
      TableWriter writer, String series, String other, Counterparts counterparts)
      throws IOException {
    for (int track = 0; track < counterparts.partners().length; track++) {
      if (counterparts.partners()[track] >= 0) {
        writer.write(
            series,
            track,
            other,
            counterparts.partners()[track],
            (double) counterparts.cosines()[track]);
      }
    }
  }
}
