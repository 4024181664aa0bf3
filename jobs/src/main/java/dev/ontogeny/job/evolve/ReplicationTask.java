package dev.ontogeny.job.evolve;

import dev.ontogeny.evolution.Matches;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.TrackStatistics;
import dev.ontogeny.evolution.TrajectoryMatcher;
import java.io.IOException;
import java.io.Serializable;
import org.apache.spark.api.java.function.PairFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/** Compares a range of one replica's tracks with all tracks of another replica. */
final class ReplicationTask implements PairFunction<ReplicationTask.Range, Integer, Matches> {
  private static final long serialVersionUID = 1;
  private final Broadcast<EvolveInputs> broadcast;

  /**
   * A range of tracks.
   *
   * @param pair number of the pair of replicas
   * @param from series of the range
   * @param to series of the other replica
   * @param toTracks its number of tracks
   */
  record Range(int pair, int from, int number, int to, int toTracks) implements Serializable {}

  ReplicationTask(Broadcast<EvolveInputs> inputs) {
    this.broadcast = inputs;
  }

  @Override
  public Tuple2<Integer, Matches> call(Range range) throws IOException {
    EvolveInputs inputs = broadcast.value();
    Series from = inputs.series().get(range.from);
    Series to = inputs.series().get(range.to);
    TrackStatistics statistics = inputs.readStatistics(range.from, range.number);
    try (TrajectoryMatcher matcher =
        new TrajectoryMatcher(
            inputs.provider(),
            statistics,
            inputs.decoders(from, statistics),
            from.width(),
            range.toTracks)) {
      int size = inputs.rangeSize(to);
      for (int number = 0; number * size < range.toTracks; number++) {
        TrackStatistics others = inputs.readStatistics(range.to, number);
        matcher.compare(others, inputs.decoders(to, others));
      }
      return new Tuple2<>(range.pair, matcher.result());
    }
  }
}
