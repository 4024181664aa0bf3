package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.StrengthLevels;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.run.Failure;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

/** Statistics of features become statistics of tracks. */
final class StatisticsStage {
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

  private StatisticsStage() {}

  /** Brings statistics into ranges of tracks; tells how strengths are distributed. */
  static List<StrengthLevels> collect(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks) {
    EvolveInputs inputs = shared.value();
    List<PublishedFile> files = new ArrayList<>();
    for (StatisticsTasks.Table table : StatisticsTasks.Table.values()) {
      files.addAll(inputs.featureFiles(table.key()));
    }
    if (inputs.featureFiles("features").isEmpty()) {
      throw Failure.data("features %s have no table features", inputs.features());
    }
    files.addAll(OverlapStage.files(inputs));
    Broadcast<List<TrackIndex>> sharedTracks = spark.broadcast(tracks);
    spark.sc().setJobDescription("evolve: sort statistics of " + files.size() + " files by track");
    List<StrengthLevels> levels = new ArrayList<>();
    for (Series series : inputs.series()) {
      levels.add(new StrengthLevels(series.length()));
    }
    JavaPairRDD<Integer, StrengthLevels> found =
        spark
            .parallelize(files, files.size())
            .flatMapToPair(new StatisticsTasks.Read(shared, sharedTracks))
            .groupByKey(Math.max(1, TrackStage.ranges(inputs, tracks).size()))
            .mapToPair(new StatisticsTasks.Assemble(shared, sharedTracks))
            .reduceByKey(StrengthLevels::merge, inputs.series().size());
    for (Tuple2<Integer, StrengthLevels> each : found.collect()) {
      levels.get(each._1()).merge(each._2());
    }
    LOG.info("Sorted statistics of {} files into tracks", files.size());
    return levels;
  }
}
