package dev.ontogeny.job.train;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.DictionaryTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.TensorFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
import dev.ontogeny.evolution.Consensus;
import dev.ontogeny.evolution.Counterparts;
import dev.ontogeny.evolution.Directions;
import dev.ontogeny.evolution.FeatureClusters;
import dev.ontogeny.job.train.TrainTask.Outcome;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.run.Json;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.train.DictionaryPlan;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Merges the replicas of a dictionary that were trained: compares them pair by pair, groups what is
 * mutual nearest in decoder and encoder, and publishes what enough of them have as one more
 * dictionary. Memory as {@link ConsensusPlan#bytes} has it; what is recorded is not done again.
 */
final class ConsensusTask implements VoidFunction<ConsensusPlan> {
  private static final long serialVersionUID = 1;
  private static final Logger LOG = LoggerFactory.getLogger(ConsensusTask.class);

  private final Broadcast<ShardedDataset> dataset;
  private final Publication publication;
  private final TrainSettings settings;
  private final int threads;

  ConsensusTask(
      Broadcast<ShardedDataset> dataset,
      Publication publication,
      TrainSettings settings,
      int threads) {
    this.dataset = dataset;
    this.publication = publication;
    this.settings = settings;
    this.threads = threads;
  }

  @Override
  public void call(ConsensusPlan plan) throws IOException {
    if (publication.unit(plan.id()).isPresent()) {
      return;
    }
    KernelProvider kernels = Gpus.provider(settings.kernel(), threads);
    DictionaryFiles files = new DictionaryFiles(dataset.value(), publication, settings, kernels);
    int[] features = new int[plan.replicas().size()];
    int trained = 0;
    for (int replica = 0; replica < features.length; replica++) {
      // One that failed has none, and is none of those that could have a feature.
      DictionaryPlan each = plan.replicas().get(replica);
      features[replica] = isTrained(each) ? each.specification().width() : 0;
      trained += features[replica] > 0 ? 1 : 0;
    }
    int fewest = plan.rules().fewest(trained);
    List<int[]> clusters = clusters(plan, features, fewest, kernels);
    if (clusters.isEmpty()) {
      String reason =
          trained < 2
              ? String.format(
                  Locale.ROOT, "%d of its %d replicas could be trained", trained, features.length)
              : String.format(
                  Locale.ROOT,
                  "of %d replicas no %d have a feature in common whose cosine is at least %s",
                  trained,
                  fewest,
                  plan.rules().cosine());
      files.failed(plan.id(), reason);
      return;
    }
    Consensus consensus = new Consensus(clusters);
    for (int replica = 0; replica < features.length; replica++) {
      if (features[replica] > 0) {
        consensus.add(replica, read(plan, replica));
      }
    }
    write(plan, consensus.merge(), trained, files);
  }

  private boolean isTrained(DictionaryPlan replica) {
    return publication
        .unit(replica.id())
        .map(unit -> Json.fromTree(unit.result(), Outcome.class).failure() == null)
        .orElseThrow(() -> new IllegalStateException("no record of " + replica.id()));
  }

  private Dictionary read(ConsensusPlan plan, int replica) throws IOException {
    return DictionaryFolder.read(publication.folder(), plan.replicas().get(replica).id());
  }

  private List<int[]> clusters(
      ConsensusPlan plan, int[] features, int fewest, KernelProvider kernels) throws IOException {
    FeatureClusters clusters = new FeatureClusters(features);
    for (int from = 0; from < features.length; from++) {
      if (features[from] == 0) {
        continue;
      }
      Directions directions = Directions.of(read(plan, from));
      for (int to = from + 1; to < features.length; to++) {
        if (features[to] > 0) {
          clusters.link(
              from,
              to,
              Counterparts.of(kernels, directions, Directions.of(read(plan, to))),
              plan.rules().cosine());
        }
      }
    }
    return clusters.of(fewest);
  }

  private void write(
      ConsensusPlan plan, Consensus.Merged merged, int trained, DictionaryFiles files)
      throws IOException {
    Dictionary dictionary = merged.dictionary();
    Quality quality =
        files.write(
            dictionary,
            found ->
                new DictionaryMetadata(
                    DictionaryMetadata.VERSION,
                    plan.id(),
                    plan.family(),
                    dictionary.type(),
                    dictionary.target(),
                    dictionary.width(),
                    dictionary.k(),
                    dictionary.sources(),
                    settings.seed(),
                    0,
                    // What is merged at one checkpoint has other numbers at the next.
                    dictionary.reconstructed().size() > 1 ? plan.id() : null,
                    plan.replicas().get(0).seriesIndex(),
                    null,
                    null,
                    plan.link(),
                    dictionary.type().rule() + dictionary.target().rule(),
                    new DictionaryMetadata.Training(0, plan.settings()),
                    found),
            List.of(agreement(plan, merged, trained)),
            0);
    LOG.info(
        "{}: {} features of at least {} of {} replicas, {}",
        plan.id(),
        dictionary.width(),
        plan.rules().fewest(trained),
        trained,
        DictionaryFiles.told(quality));
  }

  /** Writes the table {@code consensus} of a merged dictionary. */
  private PublishedFile agreement(ConsensusPlan plan, Consensus.Merged merged, int trained)
      throws IOException {
    Folder folder = publication.folder();
    int features = merged.dictionary().width();
    double[] spread = new double[features];
    for (int replica = 0; replica < plan.replicas().size(); replica++) {
      int[] latents = merged.of(replica);
      if (Arrays.stream(latents).allMatch(latent -> latent < 0)) {
        continue;
      }
      String tensors = plan.replicas().get(replica).id() + "/dictionary.safetensors";
      try (TensorFile file = TensorFile.open(folder, tensors)) {
        double[] angles = merged.angles(file.rows("W_dec", latents));
        for (int feature = 0; feature < features; feature++) {
          spread[feature] = Math.max(spread[feature], angles[feature]);
        }
      }
    }
    try (TableWriter writer =
        TableWriter.open(folder, plan.id() + "/consensus.parquet", DictionaryTables.CONSENSUS)) {
      for (int feature = 0; feature < features; feature++) {
        int replicas = merged.replicas(feature);
        writer.write(
            plan.id(),
            feature,
            (double) replicas / trained,
            replicas,
            merged.meanCosine()[feature],
            spread[feature],
            Arrays.stream(merged.members().get(feature)).asLongStream().toArray());
      }
      return writer.finish().ofDictionary(plan.id());
    }
  }
}
