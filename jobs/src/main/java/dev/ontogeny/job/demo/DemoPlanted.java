package dev.ontogeny.job.demo;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedComparison;
import dev.ontogeny.demo.PlantedComparison.Recovered;
import dev.ontogeny.demo.PlantedComparison.Result;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.sql.SparkSession;

/** The half of the demonstration whose features are known: planted against recovered. */
final class DemoPlanted {
  static final String SITE = "blocks.0.hook_resid_post";
  private static final String TRUTH = "truth.json";
  private static final List<Double> CONFIDENCES = List.of(0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95);

  private final DemoSettings settings;
  private final PlantedActivations planted;
  private final DemoLine line;

  /**
   * How well the planted features were recovered.
   *
   * @param confidence the least of a track that counts
   * @param births of tracks with that confidence; peaks and deaths likewise
   * @param byConfidence the same comparison at other confidences
   */
  record Verification(
      int features,
      int found,
      int tracks,
      double confidence,
      PlantedComparison.Score births,
      PlantedComparison.Score peaks,
      PlantedComparison.Score deaths,
      double meanMaxCosine,
      List<Result> byConfidence) {}

  /** What was planted, for people; nothing that trains or measures reads it. */
  record Truth(PlantedActivations.Plan plan, List<PlantedActivations.Feature> features) {}

  DemoPlanted(DemoSettings settings, DemoLine line) {
    this.settings = settings;
    this.planted = new PlantedActivations(settings.planted().plan(settings.seed()));
    this.line = line;
  }

  Verification run(SparkSession spark) throws IOException {
    if (!line.folder().exists(TRUTH)) {
      capture(spark);
      // Written last: a capture that was cut off is made anew, one that is whole is left as it is.
      line.folder().writeText(TRUTH, Json.pretty(new Truth(planted.plan(), planted.features())));
    }
    line.run(
        spark,
        settings,
        settings.planted().dictionaries(),
        "Planted features, and what was found of them");
    return verify();
  }

  /** Writes the capture, one task per checkpoint. */
  private void capture(SparkSession spark) {
    spark.sparkContext().setJobDescription("plant features");
    List<Integer> checkpoints =
        IntStream.range(0, planted.plan().checkpoints().size()).boxed().toList();
    JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(checkpoints, checkpoints.size())
        .foreach(new PlantTask(line.capture(), planted.plan(), settings.planted().documents()));
    spark.sparkContext().setJobDescription(null);
  }

  /** Writes one checkpoint of a planted capture. */
  static final class PlantTask implements VoidFunction<Integer> {
    private static final long serialVersionUID = 1;

    private final Folder capture;
    private final PlantedActivations.Plan plan;
    private final long documents;

    PlantTask(Folder capture, PlantedActivations.Plan plan, long documents) {
      this.capture = capture;
      this.plan = plan;
      this.documents = documents;
    }

    @Override
    public void call(Integer checkpoint) throws IOException {
      CaptureWriter.write(capture, SITE, new PlantedActivations(plan), documents, checkpoint);
    }
  }

  private Verification verify() throws IOException {
    List<DictionaryMetadata> series = line.series();
    PlantedComparison comparison =
        new PlantedComparison(
            planted, line.dictionaries(series).stream().map(Dictionary::decoder).toList());
    List<Recovered> tracks = tracks(series.get(0).series());
    Result at = comparison.compare(tracks, settings.confidence());
    return new Verification(
        planted.features().size(),
        at.found(),
        at.tracks(),
        settings.confidence(),
        at.births(),
        at.peaks(),
        at.deaths(),
        comparison.meanMaxCosine(),
        CONFIDENCES.stream().map(each -> comparison.compare(tracks, each)).toList());
  }

  /** What evolve published of a series. */
  private List<Recovered> tracks(String series) throws IOException {
    Folder evolution = line.published("evolution");
    Manifest manifest = Manifest.read(evolution, "evolution");
    List<Long> checkpoints = planted.plan().checkpoints();
    int count = checkpoints.size();
    Map<Integer, int[]> features = new TreeMap<>();
    for (PublishedFile file : manifest.table("trajectories").toList()) {
      try (TableReader reader =
          TableReader.open(
              evolution,
              EvolutionTables.TRAJECTORIES,
              file.path(),
              "series",
              "track",
              "checkpoint",
              "feature")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          if (row[0].equals(series)) {
            int[] latents = features.computeIfAbsent((Integer) row[1], each -> absent(count));
            latents[index(checkpoints, row[2])] = row[3] == null ? -1 : (Integer) row[3];
          }
        }
      }
    }
    List<Recovered> tracks = new ArrayList<>();
    for (PublishedFile file : manifest.table("events").toList()) {
      try (TableReader reader =
          TableReader.open(
              evolution,
              EvolutionTables.EVENTS,
              file.path(),
              "series",
              "track",
              "birth",
              "peak",
              "death",
              "confidence")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          if (row[0].equals(series)) {
            tracks.add(
                new Recovered(
                    features.getOrDefault((Integer) row[1], absent(count)),
                    index(checkpoints, row[2]),
                    index(checkpoints, row[3]),
                    index(checkpoints, row[4]),
                    row[5] == null ? Double.NaN : (Double) row[5]));
          }
        }
      }
    }
    return tracks;
  }

  /** −1 where an event did not happen; immutable lists refuse to look for null. */
  private static int index(List<Long> checkpoints, Object checkpoint) {
    return checkpoint == null ? -1 : checkpoints.indexOf(checkpoint);
  }

  private static int[] absent(int checkpoints) {
    int[] features = new int[checkpoints];
    Arrays.fill(features, -1);
    return features;
  }
}
