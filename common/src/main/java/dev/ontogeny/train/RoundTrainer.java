package dev.ontogeny.train;

import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.train.RoundStore.Averaged;
import dev.ontogeny.train.RoundStore.Done;
import dev.ontogeny.train.RoundStore.Shared;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The pieces that training one dictionary by {@link Rounds} is made of, each for one task: it
 * begins, then in every round each worker steps and each part is averaged, then it ends. What one
 * leaves for another lies in a {@link RoundStore}, so no process ever holds the states of several
 * workers at once.
 *
 * <p>Every worker reads shards of its own, in an order of its own for every epoch, and goes on in
 * them where it was the round before.
 */
public final class RoundTrainer {
  /** Of a part of a state, about. */
  private static final long PART_BYTES = 64 << 20;

  private final DictionaryPlan plan;
  private final Rounds rounds;
  private final StateSlices slices;
  private final RoundStore store;

  /**
   * Of one dictionary.
   *
   * @param plan that has rounds
   */
  public RoundTrainer(DictionaryPlan plan, RoundStore store) {
    this(plan, store, parts(plan));
  }

  RoundTrainer(DictionaryPlan plan, RoundStore store, int parts) {
    this.plan = plan;
    this.rounds = plan.rounds();
    this.slices = new StateSlices(plan.specification().width(), parts);
    this.store = store;
  }

  /**
   * Parts that states are cut into, each averaged by a task of its own: so many that they are of a
   * size worth a task and a file, and no more than there are workers, who do no more than that.
   */
  private static int parts(DictionaryPlan plan) {
    long bySize = 1 + bytesOfState(plan) / PART_BYTES;
    return (int) Math.min(bySize, Math.min(plan.workers(), plan.specification().width()));
  }

  private static long bytesOfState(DictionaryPlan plan) {
    long weights =
        (long) plan.specification().width() * (plan.readColumns() + plan.reconstructedColumns());
    int copies = plan.specification().optimiser().averageDecay() > 0 ? 4 : 3;
    return Float.BYTES * weights * copies;
  }

  /** Bytes that a round writes: the states of all workers, and the one that they become. */
  public static long bytesOfRound(DictionaryPlan plan) {
    long weights =
        (long) plan.specification().width() * (plan.readColumns() + plan.reconstructedColumns());
    long velocity = plan.rounds().outerMomentum() > 0 ? Float.BYTES * weights : 0;
    return bytesOfState(plan) * (plan.workers() + 1L) + velocity;
  }

  /** The weights that all workers begin with become the common ones. */
  public void begin(Dictionary initial, KernelProvider kernels) throws IOException {
    try (TrainingKernel kernel = kernel(initial, kernels)) {
      Map<String, float[]> first = OuterStep.first(rounds, kernel.state());
      List<String> files = new ArrayList<>();
      for (int part = 0; part < slices.parts(); part++) {
        files.add(store.writeCommon(0, part, slices.part(first, part)));
      }
      store.publish(new Shared(0, files, List.of()));
    }
  }

  /**
   * A worker's steps of the round after those that are done.
   *
   * @param initial what {@link #begin} had
   * @param order what is read for the dictionary by all workers together
   * @param progress hears of every step, and after the round how the first worker did
   */
  public Done work(
      ShardedDataset dataset,
      Dictionary initial,
      KernelProvider kernels,
      BatchStream.Order order,
      Shared common,
      int worker,
      TrainingProgress progress)
      throws IOException {
    LogRow.Sums sums = LogRow.Sums.NONE;
    String failure = null;
    long first = rounds.before(common.rounds());
    long end = rounds.after(common.rounds(), plan.steps());
    BatchStream.Order own = order.of(worker, rounds.workers());
    try (TrainingKernel kernel = kernel(initial, kernels)) {
      kernel.restore(state(common));
      try (BatchStream stream = new BatchStream(dataset, own, plan.batch(), first)) {
        for (long step = first; step < end && failure == null; step++) {
          FloatMatrix rows = stream.next();
          StepSettings settings = plan.schedule().at(step, plan.steps());
          long start = System.nanoTime();
          StepLosses losses = kernel.step(rows, settings, stream.ahead());
          sums = sums.plus(losses, (System.nanoTime() - start) / 1e9);
          failure = Trainer.failure(losses, step + 1);
          progress.stepped(rows.rows());
        }
      }
      if (worker == 0 && failure == null) {
        LogRow row = sums.row(end, plan.batch(), 0);
        progress.logged(plan.id(), row.tokens() * rounds.workers(), row.loss(), row.fvu());
      }
      int round = common.rounds() + 1;
      List<String> parts = new ArrayList<>();
      if (failure == null) {
        Map<String, float[]> state = kernel.state();
        for (int part = 0; part < slices.parts(); part++) {
          parts.add(store.writePart(round, worker, part, slices.part(state, part)));
        }
      }
      Done done =
          new Done(
              worker, parts, sums, failure == null ? null : "worker " + worker + ": " + failure);
      store.finish(round, done);
      return done;
    }
  }

  /**
   * A part of the state that the workers of a round came to.
   *
   * @param workers all of them, by their numbers
   */
  public Averaged average(Shared common, List<Done> workers, int part) throws IOException {
    boolean unitDecoder = plan.specification().type().unitDecoder(plan.reconstructed());
    OuterStep step = new OuterStep(rounds, unitDecoder, store.read(common.parts().get(part)));
    for (Done worker : workers) {
      step.add(store.read(worker.parts().get(part)));
    }
    Map<String, float[]> next = step.next();
    long window = rounds.deadWindow(plan.specification().deadWindow());
    return new Averaged(
        part,
        store.writeCommon(common.rounds() + 1, part, next),
        DeadLatents.countDead(next, window));
  }

  /**
   * The state after a round, of which every part is written.
   *
   * @param workers all of them, by their numbers
   * @param averaged all parts, by their numbers
   */
  public Shared next(Shared common, List<Done> workers, List<Averaged> averaged) {
    long steps = rounds.after(common.rounds(), plan.steps());
    LogRow.Sums sums = LogRow.Sums.NONE;
    for (Done worker : workers) {
      sums = sums.and(worker.sums());
    }
    int dead = averaged.stream().mapToInt(Averaged::dead).sum();
    List<LogRow> log = new ArrayList<>(common.log());
    log.add(
        sums.row(
            steps,
            plan.batch(),
            rounds.workers(),
            (double) dead / plan.specification().width(),
            plan.schedule().at(steps - 1, plan.steps()).learningRate()));
    return new Shared(
        common.rounds() + 1, averaged.stream().map(Averaged::file).toList(), List.copyOf(log));
  }

  /** The dictionary that the last round came to. */
  public Trainer.Trained end(Dictionary initial, KernelProvider kernels, Shared common)
      throws IOException {
    try (TrainingKernel kernel = kernel(initial, kernels)) {
      kernel.restore(state(common));
      return new Trainer.Trained(
          plan,
          kernel.snapshot(),
          null,
          new TrainingLog(plan.id(), common.log()),
          common.log().get(common.log().size() - 1).tokensPerSecond());
    }
  }

  private TrainingKernel kernel(Dictionary initial, KernelProvider kernels) {
    long window = rounds.deadWindow(plan.specification().deadWindow());
    return kernels.training(plan.specification().withDeadWindow(window), initial, plan.batch());
  }

  private Map<String, float[]> state(Shared common) throws IOException {
    List<Map<String, float[]>> parts = new ArrayList<>();
    for (String file : common.parts()) {
      parts.add(store.read(file));
    }
    return StateSlices.join(parts);
  }
}
