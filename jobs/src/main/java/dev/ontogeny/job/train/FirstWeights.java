package dev.ontogeny.job.train;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.train.TrainTask.Outcome;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Json;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.InitialDictionary;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What dictionaries that read the same rows start from, on an executor: random directions, the
 * weights of a parent, or those that a crosscoder had over fewer sources. The same for whoever asks
 * and however often.
 */
final class FirstWeights {
  private static final Logger LOG = LoggerFactory.getLogger(FirstWeights.class);

  private final ShardedDataset dataset;
  private final Publication publication;
  private final TrainSettings settings;
  private final BatchStream.Order order;
  private final KernelProvider kernels;
  private final List<Moments> moments = new ArrayList<>();

  /** The first batch of the rows, once it was needed. */
  private FloatMatrix batch;

  /**
   * Prepares.
   *
   * @param order what is read for them
   */
  FirstWeights(
      ShardedDataset dataset,
      Publication publication,
      TrainSettings settings,
      BatchStream.Order order,
      KernelProvider kernels)
      throws IOException {
    this.dataset = dataset;
    this.publication = publication;
    this.settings = settings;
    this.order = order;
    this.kernels = kernels;
    for (Source source : order.sources()) {
      moments.add(dataset.moments(source.site(), source.checkpoint()));
    }
  }

  /** A dictionary before its first step, and its plan with what the weighting came to. */
  record Start(DictionaryPlan plan, Dictionary weights) {}

  /** Of one dictionary; none if its parent failed. */
  Optional<Start> of(DictionaryPlan plan) throws IOException {
    if (plan.parent() != null && plan.parentLink() == null) {
      Optional<Dictionary> parent = parent(plan);
      return parent.isEmpty()
          ? Optional.empty()
          : Optional.of(
              new Start(plan, InitialDictionary.continued(parent.get(), order.sources(), moments)));
    }
    // Plans of a bundle have one batch size and begin with the same batch.
    batch = batch == null ? firstBatch(plan) : batch;
    Dictionary first =
        plan.parent() == null ? plan.specification().started(random(plan)) : grown(plan);
    return Optional.of(new Start(plan.withSourceWeights(plan.weighting().of(first, batch)), first));
  }

  /**
   * Random directions, those of another site than is read by the first batch, and where k bounds
   * the code an encoder that fits it.
   */
  private Dictionary random(DictionaryPlan plan) {
    int k = plan.specification().type().selection().k();
    int width = plan.specification().width();
    Dictionary random =
        InitialDictionary.random(plan.sources(), plan.target(), moments, width, k, plan.seed());
    if (plan.target() == Target.TRANSCODER) {
      random = InitialDictionary.aimed(random, batch, kernels);
    }
    return k == 0 ? random : InitialDictionary.fitted(random, batch, kernels);
  }

  /** As many rows as all workers step on together. */
  private FloatMatrix firstBatch(DictionaryPlan plan) throws IOException {
    int rows = Math.multiplyExact(plan.batch(), plan.workers());
    try (BatchStream stream = new BatchStream(dataset, order, rows, 0)) {
      return stream.next();
    }
  }

  /** The parent's weights, out of this very publication; none if it failed. */
  private Optional<Dictionary> parent(DictionaryPlan plan) throws IOException {
    Outcome outcome =
        publication
            .unit(plan.parent())
            .map(unit -> Json.fromTree(unit.result(), Outcome.class))
            .orElseThrow(
                () -> new IllegalStateException("no record of " + plan.parent() + ", the parent"));
    return outcome.failure() == null
        ? Optional.of(DictionaryFolder.read(publication.folder(), plan.parent()))
        : Optional.empty();
  }

  /** The weights that a crosscoder had over fewer sources, out of an earlier publication. */
  private Dictionary grown(DictionaryPlan plan) throws IOException {
    Folder folder = Folder.of(settings.continueFrom());
    Dictionary had = DictionaryFolder.read(folder, plan.parent());
    LOG.info(
        "{}: starts from the weights that it had over {} of its {} sources in {}",
        plan.id(),
        had.sources().size(),
        plan.sources().size(),
        folder);
    return InitialDictionary.grown(had, plan.sources(), moments);
  }
}
