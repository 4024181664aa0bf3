package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.LeadingTracks;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How the leading tracks form, seen from their last checkpoint. */
final class FormationStage {
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

  private FormationStage() {}

  /** Formation of the leading tracks, where it is not there yet. */
  static void form(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackTask.Sums> sums) {
    EvolveInputs inputs = shared.value();
    List<FormationTasks.SeriesPlace> missing = places(inputs, true);
    if (missing.isEmpty()) {
      return;
    }
    List<Map<Integer, Integer>> leaders = new ArrayList<>();
    for (TrackTask.Sums each : sums) {
      Map<Integer, Integer> trackOfFeature = new HashMap<>();
      for (LeadingTracks.Leader leader : each.leading().leaders()) {
        trackOfFeature.put(leader.finalFeature(), leader.track());
      }
      leaders.add(trackOfFeature);
    }
    // Where files tell whose they are, those of final dictionaries are enough.
    Set<String> last = new HashSet<>();
    inputs.series().forEach(each -> last.add(each.dictionaries()[each.length() - 1]));
    List<PublishedFile> files =
        inputs.featureFiles("examples").stream()
            .filter(file -> file.dictionary() == null || last.contains(file.dictionary()))
            .toList();
    spark.sc().setJobDescription("evolve: find examples of the leading tracks");
    Map<Integer, List<FormationTasks.Example>> examples = new HashMap<>();
    for (FormationTasks.Example each :
        spark
            .parallelize(files, Math.max(1, files.size()))
            .flatMap(new FormationTasks.FindExamples(shared, leaders))
            .collect()) {
      examples.computeIfAbsent(each.s(), key -> new ArrayList<>()).add(each);
    }
    List<FormationTasks.Tokens> tokens = new ArrayList<>();
    for (int s = 0; s < sums.size(); s++) {
      tokens.add(
          FormationTasks.Tokens.of(
              inputs.series().get(s),
              examples.getOrDefault(s, List.of()),
              inputs.dataset(),
              inputs.settings()));
    }
    List<FormationTasks.Shard> shards = new ArrayList<>();
    for (FormationTasks.SeriesPlace place : missing) {
      for (int shard = 0; shard < inputs.dataset().summary().shards(); shard++) {
        int[] tokenPlaces = tokens.get(place.s()).ofShard(shard);
        if (tokenPlaces[1] > tokenPlaces[0]) {
          shards.add(new FormationTasks.Shard(place, shard));
        }
      }
    }
    Broadcast<List<FormationTasks.Tokens>> sharedTokens = spark.broadcast(tokens);
    spark.sc().setJobDescription("evolve: see tracks form at " + missing.size() + " checkpoints");
    spark
        .parallelize(shards, shards.size())
        .flatMapToPair(new FormationTasks.ReadRows(shared, sharedTokens))
        .groupByKey(missing.size())
        .foreach(new FormationTasks.Write(shared, sharedTokens));
    LOG.info("Saw tracks form at {} checkpoints from {} shards", missing.size(), shards.size());
  }

  private static List<FormationTasks.SeriesPlace> places(EvolveInputs inputs, boolean onlyMissing) {
    List<FormationTasks.SeriesPlace> places = new ArrayList<>();
    if (inputs.settings().formation().tracks() == 0 || inputs.featureFiles("examples").isEmpty()) {
      return places;
    }
    for (int s = 0; s < inputs.series().size(); s++) {
      for (int t = 0; t < inputs.series().get(s).length(); t++) {
        FormationTasks.SeriesPlace place = new FormationTasks.SeriesPlace(s, t);
        if (!onlyMissing || inputs.publication().unit(place.unit(inputs)).isEmpty()) {
          places.add(place);
        }
      }
    }
    return places;
  }

  /** What it wrote. */
  static List<PublishedFile> files(EvolveInputs inputs) {
    return places(inputs, false).stream()
        .flatMap(place -> inputs.filesOf(place.unit(inputs)).stream())
        .toList();
  }
}
