package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.spark.Gpus;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** On how many rows features of neighbouring checkpoints fire together. */
final class OverlapStage {
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

  private OverlapStage() {}

  /**
   * Counts the rows on which tracks of independent dictionaries fire, unless they are counted
   * already.
   */
  static void count(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks) {
    EvolveInputs inputs = shared.value();
    List<OverlapTasks.SeriesPlace> missing = new ArrayList<>();
    List<OverlapTasks.SeriesPlace> taken = new ArrayList<>();
    for (OverlapTasks.SeriesPlace each : OverlapTasks.places(inputs)) {
      if (inputs.publication().unit(each.unit(inputs)).isEmpty()) {
        (each.before(inputs) == null ? missing : taken).add(each);
      }
    }
    if (!taken.isEmpty()) {
      spark
          .sc()
          .setJobDescription(
              "evolve: take over counts of " + taken.size() + " pairs of checkpoints");
      spark
          .parallelize(taken, Math.min(taken.size(), 4 * spark.defaultParallelism()))
          .foreach(new OverlapTasks.Take(shared));
      LOG.info(
          "Took where tracks fire at {} pairs of checkpoints from {}",
          taken.size(),
          inputs.before().folder());
    }
    if (missing.isEmpty()) {
      return;
    }
    List<OverlapTasks.Part> parts = OverlapTasks.parts(inputs, missing);
    // Counts of the blocks of a task are added up before they are sent.
    int tasks = Math.min(parts.size(), Math.max(16, 4 * spark.defaultParallelism()));
    spark
        .sc()
        .setJobDescription(
            "evolve: count where tracks fire at " + missing.size() + " pairs of checkpoints");
    Gpus.on(spark.parallelize(parts, tasks))
        .flatMapToPair(new OverlapTasks.Count(shared))
        .reduceByKey(OverlapTasks::merge, missing.size())
        .foreach(new OverlapTasks.Write(shared, spark.broadcast(tracks)));
    LOG.info(
        "Counted where tracks fire at {} pairs of checkpoints in {} blocks of rows",
        missing.size(),
        parts.size());
  }

  /** What it wrote. */
  static List<PublishedFile> files(EvolveInputs inputs) {
    return OverlapTasks.places(inputs).stream()
        .flatMap(each -> inputs.filesOf(each.unit(inputs)).stream())
        .toList();
  }
}
