package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.spark.Gpus;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What tracks read on the rows of their top examples, at every checkpoint. */
final class ReadingsStage {
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

  private ReadingsStage() {}

  /** Writes what tracks read on the rows of their top examples, unless it is there already. */
  static void read(JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks)
      throws IOException {
    EvolveInputs inputs = shared.value();
    if (!reads(inputs)) {
      return;
    }
    List<ReadingsTasks.Scan> scans =
        ReadingsTasks.scans(inputs, inputs.settings().readings().dictionariesPerScan());
    List<ReadingsTasks.SeriesPlace> crosscoders = ReadingsTasks.crosscoders(inputs);
    if (scans.isEmpty() && crosscoders.isEmpty()) {
      return;
    }
    Broadcast<ReadingsTasks.Homes> homes =
        spark.broadcast(new ReadingsTasks.Homes(tracks, TrackStage.peaks(inputs, tracks)));
    List<PublishedFile> files = inputs.featureFiles("examples");
    spark.sc().setJobDescription("evolve: find the rows of top examples");
    spark
        .parallelize(files, files.size())
        .flatMapToPair(new ReadingsTasks.FindRows(shared, homes))
        .groupByKey(files.size())
        .foreach(new ReadingsTasks.Keep(shared));
    spark.sc().setJobDescription("evolve: read top examples again in " + scans.size() + " scans");
    if (!scans.isEmpty()) {
      Gpus.on(spark.parallelize(scans, scans.size()))
          .foreach(new ReadingsTasks.Read(shared, homes));
    }
    if (!crosscoders.isEmpty()) {
      spark.sc().setJobDescription("evolve: share out what crosscoders read again");
      spark.parallelize(crosscoders, crosscoders.size()).foreach(new ReadingsTasks.Share(shared));
    }
    LOG.info("Read top examples again in {} scans", scans.size());
  }

  /** Whether anything is read again. */
  static boolean reads(EvolveInputs inputs) {
    return inputs.settings().readings().rows() > 0 && !inputs.featureFiles("examples").isEmpty();
  }

  /** What it wrote. */
  static List<PublishedFile> files(EvolveInputs inputs) {
    List<PublishedFile> files = new ArrayList<>();
    for (int s = 0; s < inputs.series().size() && reads(inputs); s++) {
      for (int t = 0; t < inputs.series().get(s).length(); t++) {
        files.addAll(inputs.filesOf(ReadingsTasks.unit(inputs, s, t)));
      }
    }
    return files;
  }
}
