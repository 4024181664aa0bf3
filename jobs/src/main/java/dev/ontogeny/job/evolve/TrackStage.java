package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.StrengthLevels;
import dev.ontogeny.evolution.TrackIndex;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tracks from birth to death: trajectories, events, and sums over all of them. */
final class TrackStage {
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

  private TrackStage() {}

  /** The ranges that tracks are cut into. */
  static List<StatisticsTasks.Range> ranges(EvolveInputs inputs, List<TrackIndex> tracks) {
    List<StatisticsTasks.Range> ranges = new ArrayList<>();
    for (int s = 0; s < tracks.size(); s++) {
      int size = inputs.rangeSize(inputs.series().get(s));
      for (int number = 0; (long) number * size < tracks.get(s).count(); number++) {
        ranges.add(new StatisticsTasks.Range(s, number));
      }
    }
    return ranges;
  }

  /**
   * Writes trajectories, events and sums of every range of tracks, unless they are there already.
   */
  static void follow(
      JavaSparkContext spark,
      Broadcast<EvolveInputs> shared,
      List<TrackIndex> tracks,
      List<StrengthLevels> levels,
      List<float[]> confidences) {
    EvolveInputs inputs = shared.value();
    List<StatisticsTasks.Range> missing =
        ranges(inputs, tracks).stream()
            .filter(each -> inputs.publication().unit(TrackTask.unit(inputs, each)).isEmpty())
            .toList();
    if (missing.isEmpty()) {
      return;
    }
    List<double[]> strong = new ArrayList<>();
    levels.forEach(each -> strong.add(each.reachedBy(inputs.settings().phases().strongShare())));
    Broadcast<TrackTask.Knowledge> knowledge =
        spark.broadcast(new TrackTask.Knowledge(confidences, strong));
    spark.sc().setJobDescription("evolve: follow " + missing.size() + " ranges of tracks");
    spark.parallelize(missing, missing.size()).foreach(new TrackTask(shared, knowledge));
    LOG.info("Followed {} ranges of tracks", missing.size());
  }

  /** Sums over all ranges, by series. */
  static List<TrackTask.Sums> sums(EvolveInputs inputs, List<TrackIndex> tracks)
      throws IOException {
    List<TrackTask.Sums> sums = new ArrayList<>();
    for (Series series : inputs.series()) {
      sums.add(TrackTask.Sums.none(inputs, series));
    }
    for (StatisticsTasks.Range range : ranges(inputs, tracks)) {
      sums.get(range.s()).mergeFrom(inputs, range.s(), range.number());
    }
    return sums;
  }

  /** Places of the checkpoints at which tracks are strongest, as their events tell. */
  static List<int[]> peaks(EvolveInputs inputs, List<TrackIndex> tracks) throws IOException {
    List<int[]> peaks = new ArrayList<>();
    for (TrackIndex each : tracks) {
      int[] none = new int[each.count()];
      Arrays.fill(none, -1);
      peaks.add(none);
    }
    for (StatisticsTasks.Range range : ranges(inputs, tracks)) {
      long[] checkpoints = inputs.series().get(range.s()).checkpoints();
      for (PublishedFile file : inputs.filesOf(TrackTask.unit(inputs, range))) {
        if (!EvolutionTables.EVENTS.name().equals(file.table())) {
          continue;
        }
        try (TableReader reader =
            TableReader.open(
                inputs.publication().folder(),
                EvolutionTables.EVENTS,
                file.path(),
                "track",
                "peak")) {
          for (Object[] row = reader.next(); row != null; row = reader.next()) {
            if (row[1] != null) {
              peaks.get(range.s())[(Integer) row[0]] =
                  Arrays.binarySearch(checkpoints, (Long) row[1]);
            }
          }
        }
      }
    }
    return peaks;
  }

  /** What it wrote. */
  static List<PublishedFile> files(EvolveInputs inputs, List<TrackIndex> tracks) {
    return ranges(inputs, tracks).stream()
        .flatMap(range -> inputs.filesOf(TrackTask.unit(inputs, range)).stream())
        .toList();
  }
}
