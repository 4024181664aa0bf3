package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.Matches;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.job.evolve.CounterpartsTask.Replicas;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How far tracks are found again in other replicas. */
final class ReplicationStage {
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

  private ReplicationStage() {}

  /** Series that differ by their seed alone, each pair once. */
  static List<Replicas> pairs(EvolveInputs inputs) {
    List<Replicas> pairs = new ArrayList<>();
    List<Series> series = inputs.series();
    for (int a = 0; a < series.size(); a++) {
      for (int b = a + 1; b < series.size(); b++) {
        if (series.get(a).family().equals(series.get(b).family())
            && Arrays.equals(series.get(a).checkpoints(), series.get(b).checkpoints())) {
          pairs.add(new Replicas(a, b));
        }
      }
    }
    return pairs;
  }

  /**
   * How far each track is confirmed by the other replicas: the mean over them of the cosine to its
   * mutual nearest neighbour by whole trajectory, 0 where it has none; null for a series without
   * replica.
   */
  static List<float[]> confidences(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks) {
    EvolveInputs inputs = shared.value();
    List<float[]> confidences = new ArrayList<>();
    int[] others = new int[tracks.size()];
    tracks.forEach(each -> confidences.add(null));
    List<Replicas> pairs = pairs(inputs);
    List<ReplicationTask.Range> work = new ArrayList<>();
    for (int p = 0; p < pairs.size(); p++) {
      int from = pairs.get(p).from();
      int to = pairs.get(p).to();
      others[from]++;
      others[to]++;
      int size = inputs.rangeSize(inputs.series().get(from));
      for (int number = 0; (long) number * size < tracks.get(from).count(); number++) {
        work.add(new ReplicationTask.Range(p, from, number, to, tracks.get(to).count()));
      }
    }
    if (work.isEmpty()) {
      return confidences;
    }
    spark
        .sc()
        .setJobDescription(
            "evolve: compare trajectories of " + pairs.size() + " pairs of replicas");
    Map<Integer, float[][]> found =
        spark
            .parallelize(work, work.size())
            .mapToPair(new ReplicationTask(shared))
            .reduceByKey(Matches::merge, pairs.size())
            .mapToPair(new CounterpartsTask(shared, pairs))
            .collectAsMap();
    for (int p = 0; p < pairs.size(); p++) {
      add(confidences, pairs.get(p).from(), found.get(p)[0], others);
      add(confidences, pairs.get(p).to(), found.get(p)[1], others);
    }
    LOG.info("Compared trajectories of {} pairs of replicas", pairs.size());
    return confidences;
  }

  private static void add(List<float[]> confidences, int s, float[] values, int[] others) {
    if (confidences.get(s) == null) {
      confidences.set(s, new float[values.length]);
    }
    for (int i = 0; i < values.length; i++) {
      confidences.get(s)[i] += values[i] / others[s];
    }
  }

  /** What it wrote. */
  static List<PublishedFile> files(EvolveInputs inputs) {
    return pairs(inputs).stream()
        .flatMap(pair -> inputs.filesOf(pair.unit(inputs)).stream())
        .toList();
  }
}
