package dev.ontogeny.job.train;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.Trainer;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.api.java.function.PairFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;
import scala.Tuple2;

/**
 * Trains one lane of series, checkpoint by checkpoint: opens, calls the trainer, writes, leaves a
 * record of each dictionary. What is recorded already is not done again, so a retried task goes on
 * at the link, and within it at the step, where its predecessor was killed.
 */
final class TrainTask implements PairFunction<TrainPlan.Lane, Integer, Integer> {
  private static final long serialVersionUID = 1;

  private final Broadcast<ShardedDataset> dataset;
  private final Publication publication;
  private final TrainSettings settings;
  private final Map<String, Reuse> reusable;
  private final int threads;
  private final LongAccumulator rows;

  /** A dictionary that another folder holds already: its files there. */
  record Reuse(Folder folder, List<PublishedFile> files, DictionaryMetadata.Quality quality)
      implements Serializable {}

  /**
   * What the driver learns of a dictionary.
   *
   * @param quality null if it failed
   * @param kernel null if it was taken from another folder
   * @param failure null unless it failed
   */
  record Outcome(
      DictionaryMetadata.Quality quality,
      String kernel,
      String failure,
      double tokensPerSecond,
      boolean reused) {}

  TrainTask(
      Broadcast<ShardedDataset> dataset,
      Publication publication,
      TrainSettings settings,
      Map<String, Reuse> reusable,
      int threads,
      LongAccumulator rows) {
    this.dataset = dataset;
    this.publication = publication;
    this.settings = settings;
    this.reusable = reusable;
    this.threads = threads;
    this.rows = rows;
  }

  @Override
  public Tuple2<Integer, Integer> call(TrainPlan.Lane lane) throws IOException {
    KernelProvider kernels = Gpus.provider(settings.kernel(), threads);
    Trainer trainer =
        new Trainer(
            dataset.value(),
            kernels,
            publication.folder(),
            publication.scratchPath("training"),
            settings.stateSeconds(),
            new TrainingMetrics(rows));
    int done = 0;
    for (int checkpoint = 0; checkpoint < lane.series().get(0).size(); checkpoint++) {
      List<DictionaryPlan> waiting = new ArrayList<>();
      for (List<DictionaryPlan> series : lane.series()) {
        DictionaryPlan plan = series.get(checkpoint);
        if (publication.unit(plan.id()).isPresent()) {
          continue;
        }
        if (reusable.containsKey(plan.id())) {
          files(kernels).take(plan, reusable.get(plan.id()));
        } else {
          waiting.add(plan);
        }
      }
      done += train(waiting, lane.order(checkpoint, settings.seed()), trainer, kernels);
    }
    return new Tuple2<>(0, done);
  }

  private int train(
      List<DictionaryPlan> waiting,
      BatchStream.Order order,
      Trainer trainer,
      KernelProvider kernels)
      throws IOException {
    if (waiting.isEmpty()) {
      return 0;
    }
    DictionaryFiles files = files(kernels);
    FirstWeights first = new FirstWeights(dataset.value(), publication, settings, order, kernels);
    List<DictionaryPlan> plans = new ArrayList<>();
    List<Dictionary> initial = new ArrayList<>();
    for (DictionaryPlan plan : waiting) {
      Optional<FirstWeights.Start> start = first.of(plan);
      if (start.isPresent()) {
        plans.add(start.get().plan());
        initial.add(start.get().weights());
      } else {
        files.failed(plan.id(), "its parent " + plan.parent() + " failed");
      }
    }
    if (plans.isEmpty()) {
      return 0;
    }
    List<Trainer.Trained> trained = trainer.train(plans, initial, order);
    for (Trainer.Trained each : trained) {
      if (each.failure() == null) {
        files.write(each);
      } else {
        files.failed(each.plan().id(), each.failure());
      }
      trainer.forget(each.plan());
    }
    return trained.size();
  }

  private DictionaryFiles files(KernelProvider kernels) {
    return new DictionaryFiles(dataset.value(), publication, settings, kernels);
  }
}
