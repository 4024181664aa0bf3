package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.Matches;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.TrackIndex;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which feature goes on as which from checkpoint to checkpoint. */
final class LineageStage {
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

  private LineageStage() {}

  /** Writes the lineage of every pair of neighbouring checkpoints, unless it is there already. */
  static void match(JavaSparkContext spark, Broadcast<EvolveInputs> shared) {
    EvolveInputs inputs = shared.value();
    List<LineageTasks.Pair> taken = new ArrayList<>();
    List<LineageTasks.Block> blocks = new ArrayList<>();
    int pairs = 0;
    for (int s = 0; s < inputs.series().size(); s++) {
      Series series = inputs.series().get(s);
      for (int t = 0; t + 1 < series.length(); t++) {
        LineageTasks.Pair pair = new LineageTasks.Pair(s, t);
        if (inputs.publication().unit(pair.unit(inputs)).isPresent()) {
          continue;
        }
        if (inputs.before().isLineageKnown(series, t)) {
          taken.add(pair);
        } else {
          pairs++;
          int size = inputs.blockSize(series);
          for (int first = 0; first < series.features()[t]; first += size) {
            blocks.add(new LineageTasks.Block(pair, first));
          }
        }
      }
    }
    if (!taken.isEmpty()) {
      spark.sc().setJobDescription("evolve: take over " + taken.size() + " pairs of checkpoints");
      spark
          .parallelize(taken, Math.min(taken.size(), 4 * spark.defaultParallelism()))
          .foreach(new LineageTasks.Take(shared));
      LOG.info("Took {} pairs of checkpoints from {}", taken.size(), inputs.before().folder());
    }
    if (blocks.isEmpty()) {
      return;
    }
    spark.sc().setJobDescription("evolve: match features of " + pairs + " pairs of checkpoints");
    spark
        .parallelize(blocks, blocks.size())
        .mapToPair(new LineageTasks.Compare(shared))
        .reduceByKey(Matches::merge, pairs)
        .foreach(new LineageTasks.Write(shared));
    LOG.info("Matched features of {} pairs of checkpoints in {} blocks", pairs, blocks.size());
  }

  /**
   * Who is the same from checkpoint to checkpoint: in a chain the feature of the same index, unless
   * its latent was taken over; in a crosscoder the feature itself; among independents what matching
   * continues.
   */
  static List<TrackIndex> tracks(JavaSparkContext spark, Broadcast<EvolveInputs> shared)
      throws IOException {
    EvolveInputs inputs = shared.value();
    BitSet[][] handovers = handovers(spark, shared);
    List<TrackIndex> tracks = new ArrayList<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      Series series = inputs.series().get(s);
      int number = s;
      tracks.add(
          TrackIndex.following(
              series.features(),
              t ->
                  switch (series.kind()) {
                    case CHAIN -> successors(series.features()[t], handovers[number][t + 1]);
                    case CROSSCODER -> successors(series.features()[t], new BitSet());
                    case INDEPENDENTS -> inputs.readSuccessors(number, t)[0];
                  }));
    }
    return tracks;
  }

  private static int[] successors(int features, BitSet handedOver) {
    int[] successors = new int[features];
    Arrays.setAll(successors, feature -> handedOver.get(feature) ? -1 : feature);
    return successors;
  }

  /**
   * Latents of chains that are another feature's from a checkpoint on: they point elsewhere than at
   * the checkpoint before and do not fire where they did. By series and checkpoint; null for a
   * series that is no chain.
   */
  private static BitSet[][] handovers(JavaSparkContext spark, Broadcast<EvolveInputs> shared)
      throws IOException {
    EvolveInputs inputs = shared.value();
    BitSet[][] turned = new BitSet[inputs.series().size()][];
    long count = 0;
    for (int s = 0; s < turned.length; s++) {
      Series series = inputs.series().get(s);
      if (series.chain()) {
        turned[s] = new BitSet[series.length()];
        for (int t = 0; t + 1 < series.length(); t++) {
          int[] flags = inputs.readSuccessors(s, t)[2];
          turned[s][t + 1] = new BitSet(flags.length);
          for (int feature = 0; feature < flags.length; feature++) {
            turned[s][t + 1].set(feature, flags[feature] != 0);
          }
          count += turned[s][t + 1].cardinality();
        }
      }
    }
    List<PublishedFile> files = inputs.featureFiles("overlaps");
    if (count == 0 || files.isEmpty()) {
      return turned;
    }
    spark.sc().setJobDescription("evolve: look where " + count + " turned latents fire");
    Broadcast<BitSet[][]> sharedTurned = spark.broadcast(turned);
    for (StatisticsTasks.Kept kept :
        spark
            .parallelize(files, files.size())
            .flatMap(new StatisticsTasks.FindKept(shared, sharedTurned))
            .collect()) {
      for (int feature : kept.features()) {
        turned[kept.s()][kept.t()].clear(feature);
        count--;
      }
    }
    LOG.info("{} times a latent of a chain was taken over by another feature", count);
    return turned;
  }

  /** What it wrote. */
  static List<PublishedFile> files(EvolveInputs inputs) {
    List<PublishedFile> files = new ArrayList<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      for (int t = 0; t + 1 < inputs.series().get(s).length(); t++) {
        files.addAll(inputs.filesOf(new LineageTasks.Pair(s, t).unit(inputs)));
      }
    }
    return files;
  }
}
