package dev.ontogeny.job.train;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.spark.ProcessCache;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.RoundStore;
import dev.ontogeny.train.RoundStore.Averaged;
import dev.ontogeny.train.RoundStore.Done;
import dev.ontogeny.train.RoundStore.Shared;
import dev.ontogeny.train.RoundTrainer;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;

/** The tasks that training by rounds is made of. */
final class RoundTasks {
  private static final ProcessCache<FirstWeights.Start> STARTS = new ProcessCache<>();

  private RoundTasks() {}

  /**
   * What a task is about.
   *
   * @param order what is read for the dictionary by all of its workers together
   * @param common the state that there is; null before the first
   * @param workers what they did in the round, by their numbers; none before they have
   * @param number of the worker, or of the part that is averaged
   * @param failure why there will be no dictionary; null where there will
   */
  record Share(
      DictionaryPlan plan,
      BatchStream.Order order,
      Shared common,
      List<Done> workers,
      int number,
      String failure)
      implements Serializable {}

  /** What all of them need. */
  record Context(
      Broadcast<ShardedDataset> dataset,
      Publication publication,
      TrainSettings settings,
      Map<String, TrainTask.Reuse> reusable,
      int threads,
      LongAccumulator rows)
      implements Serializable {

    KernelProvider kernels() {
      return Gpus.provider(settings.kernel(), threads);
    }

    DictionaryFiles files(KernelProvider kernels) {
      return new DictionaryFiles(dataset.value(), publication, settings, kernels);
    }

    /** What a dictionary starts from: the same in every round, and for every worker. */
    Optional<FirstWeights.Start> start(Share share, KernelProvider kernels) throws IOException {
      DictionaryPlan plan = share.plan();
      return Optional.ofNullable(
          STARTS.get(
              publication.folder().resolve(scratch(plan)),
              () ->
                  new FirstWeights(dataset.value(), publication, settings, share.order(), kernels)
                      .of(plan)
                      .orElse(null)));
    }

    private String scratch(DictionaryPlan plan) {
      return publication.scratchPath("rounds/" + Folder.safeName(plan.id()));
    }

    RoundStore store(DictionaryPlan plan) {
      return new RoundStore(publication.folder(), scratch(plan), publication.attempt());
    }

    RoundTrainer trainer(DictionaryPlan plan) {
      return new RoundTrainer(plan, store(plan));
    }
  }

  /** Leaves the weights that a dictionary starts from, or takes it from another folder. */
  record Begin(Context context) implements Function<Share, Integer> {
    @Override
    public Integer call(Share share) throws IOException {
      DictionaryPlan plan = share.plan();
      KernelProvider kernels = context.kernels();
      if (context.reusable().containsKey(plan.id())) {
        context.files(kernels).take(plan, context.reusable().get(plan.id()));
        return 0;
      }
      Optional<FirstWeights.Start> start = context.start(share, kernels);
      if (start.isPresent()) {
        context.trainer(start.get().plan()).begin(start.get().weights(), kernels);
      } else {
        context.files(kernels).failed(plan.id(), "its parent " + plan.parent() + " failed");
      }
      return 1;
    }
  }

  /** A worker's steps of a round. */
  record Work(Context context) implements Function<Share, Done> {
    @Override
    public Done call(Share share) throws IOException {
      KernelProvider kernels = context.kernels();
      FirstWeights.Start start = context.start(share, kernels).orElseThrow();
      return context
          .trainer(start.plan())
          .work(
              context.dataset().value(),
              start.weights(),
              kernels,
              share.order(),
              share.common(),
              share.number(),
              new TrainingMetrics(context.rows()));
    }
  }

  /** A part of the state that a round comes to. */
  record Average(Context context) implements Function<Share, Averaged> {
    @Override
    public Averaged call(Share share) throws IOException {
      return context.trainer(share.plan()).average(share.common(), share.workers(), share.number());
    }
  }

  /** Leaves the dictionary that the last round came to, or why there is none. */
  record End(Context context) implements Function<Share, Integer> {
    @Override
    public Integer call(Share share) throws IOException {
      KernelProvider kernels = context.kernels();
      DictionaryFiles files = context.files(kernels);
      new TrainingMetrics(context.rows()).ended(share.plan().id());
      if (share.failure() != null) {
        files.failed(share.plan().id(), share.failure());
        return 0;
      }
      FirstWeights.Start start = context.start(share, kernels).orElseThrow();
      files.write(context.trainer(start.plan()).end(start.weights(), kernels, share.common()));
      return 1;
    }
  }
}
