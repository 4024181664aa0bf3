package dev.ontogeny.train;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains a bundle of dictionaries out of one stream of batches: read once, step each. A dictionary
 * that diverges ends there with its reason; the rest of the bundle goes on. States are saved on an
 * interval, and a run that finds some goes on from them with the bytes it would have had.
 */
public final class Trainer {
  private static final Logger LOG = LoggerFactory.getLogger(Trainer.class);

  /** Worse than this many times the variance is divergence: predicting the mean would give 1. */
  private static final double DIVERGED = 100;

  private final ShardedDataset dataset;
  private final KernelProvider kernels;
  private final StateStore states;
  private final double stateSeconds;
  private final TrainingProgress progress;

  /**
   * Prepares.
   *
   * @param scratch folder and path for states
   * @param stateSeconds how often states are saved; 0 after every step
   * @param progress hears of every step
   */
  public Trainer(
      ShardedDataset dataset,
      KernelProvider kernels,
      Folder scratch,
      String scratchPath,
      double stateSeconds,
      TrainingProgress progress) {
    this.dataset = dataset;
    this.kernels = kernels;
    this.states = new StateStore(scratch, scratchPath);
    this.stateSeconds = stateSeconds;
    this.progress = progress;
  }

  /** Rows of the log of a run, at most. */
  private static final int LOG_ROWS = 200;

  /**
   * A dictionary at the end of its run.
   *
   * @param dictionary null if it failed
   * @param failure null unless it failed
   * @param tokensPerSecond of its own steps in this process, 0 if it made none
   */
  public record Trained(
      DictionaryPlan plan,
      Dictionary dictionary,
      String failure,
      TrainingLog log,
      double tokensPerSecond) {}

  /** One member of the bundle while it is trained. */
  private static final class Member implements AutoCloseable {
    final DictionaryPlan plan;
    final TrainingKernel kernel;
    final List<LogRow> log = new ArrayList<>();
    LogRow.Sums sums = LogRow.Sums.NONE;
    long step;
    String failure;
    double seconds;
    long stepsHere;

    Member(DictionaryPlan plan, TrainingKernel kernel) {
      this.plan = plan;
      this.kernel = kernel;
    }

    boolean running() {
      return failure == null && step < plan.steps();
    }

    @Override
    public void close() {
      kernel.close();
    }
  }

  /**
   * Trains plans of equal batch on one stream, each from its initial dictionary.
   *
   * @param order what is read
   */
  public List<Trained> train(
      List<DictionaryPlan> plans, List<Dictionary> initial, BatchStream.Order order)
      throws IOException {
    List<Member> members = new ArrayList<>();
    try {
      for (int i = 0; i < plans.size(); i++) {
        members.add(open(plans.get(i), initial.get(i)));
      }
      run(members, order);
      List<Trained> trained = new ArrayList<>();
      for (Member member : members) {
        trained.add(
            new Trained(
                member.plan,
                member.failure == null ? member.kernel.snapshot() : null,
                member.failure,
                new TrainingLog(member.plan.id(), member.log),
                member.seconds > 0
                    ? member.stepsHere * (double) member.plan.batch() / member.seconds
                    : 0));
      }
      return trained;
    } finally {
      members.forEach(Member::close);
      members.forEach(member -> progress.ended(member.plan.id()));
    }
  }

  /** States of a dictionary that has been written are of no more use. */
  public void forget(DictionaryPlan plan) throws IOException {
    states.clear(plan.id());
  }

  private Member open(DictionaryPlan plan, Dictionary initial) throws IOException {
    Member member = new Member(plan, kernels.training(plan.specification(), initial, plan.batch()));
    Optional<StateStore.State> saved = states.load(plan.id());
    if (saved.isPresent()) {
      member.kernel.restore(saved.get().kernel());
      member.step = saved.get().step();
      member.log.addAll(saved.get().log());
      member.sums = saved.get().sums();
      LOG.info("{} goes on after step {} of {}", plan.id(), member.step, plan.steps());
    }
    return member;
  }

  private void run(List<Member> members, BatchStream.Order order) throws IOException {
    long first = members.stream().filter(Member::running).mapToLong(m -> m.step).min().orElse(-1);
    if (first < 0) {
      return;
    }
    int batch = members.get(0).plan.batch();
    long saved = System.nanoTime();
    try (BatchStream stream = new BatchStream(dataset, order, batch, first)) {
      for (long step = first; members.stream().anyMatch(Member::running); step++) {
        FloatMatrix rows = stream.next();
        for (Member member : members) {
          // A member whose state is younger than another's waits for the others.
          if (member.running() && member.step == step) {
            step(member, rows, stream.ahead());
          }
        }
        if (System.nanoTime() - saved >= stateSeconds * 1e9) {
          for (Member member : members) {
            if (member.running() && member.step == step + 1) {
              save(member);
            }
          }
          saved = System.nanoTime();
        }
      }
    }
  }

  private void step(Member member, FloatMatrix rows, FloatMatrix next) {
    DictionaryPlan plan = member.plan;
    StepSettings settings = plan.schedule().at(member.step, plan.steps());
    long start = System.nanoTime();
    StepLosses losses = member.kernel.step(rows, settings, next);
    double seconds = (System.nanoTime() - start) / 1e9;
    member.seconds += seconds;
    member.stepsHere++;
    member.step++;
    member.sums = member.sums.plus(losses, seconds);
    member.failure = failure(losses, member.step);
    if (member.failure != null) {
      LOG.warn("{} failed: {}", plan.id(), member.failure);
    }
    long interval = Math.max(1, (plan.steps() + LOG_ROWS - 1) / LOG_ROWS);
    if (member.step % interval == 0 || !member.running()) {
      LogRow row = member.sums.row(member.step, plan.batch(), settings.learningRate());
      member.log.add(row);
      progress.logged(plan.id(), row.tokens(), row.loss(), row.fvu());
      member.sums = LogRow.Sums.NONE;
      if (!member.running()) {
        LOG.info(
            "{}: step {}/{}, fvu {}, l0 {}, dead {}, {} tokens/s",
            plan.id(),
            row.step(),
            plan.steps(),
            String.format(java.util.Locale.ROOT, "%.4f", row.fvu()),
            String.format(java.util.Locale.ROOT, "%.1f", row.l0()),
            String.format(java.util.Locale.ROOT, "%.3f", row.deadShare()),
            Math.round(row.tokensPerSecond()));
      }
    }
    progress.stepped(rows.rows());
  }

  /** Why a run ends at a step, null where it goes on: seen at the very step at which it happens. */
  static String failure(StepLosses losses, long step) {
    if (!Double.isFinite(losses.loss())) {
      return "the loss or its gradient is not finite at step " + step;
    } else if (losses.fvu() > DIVERGED) {
      return String.format(
          java.util.Locale.ROOT,
          "diverged: at step %d the error is %.0f times the variance",
          step,
          losses.fvu());
    } else if (losses.deadShare() == 1) {
      return "all latents are dead at step " + step;
    }
    return null;
  }

  private void save(Member member) throws IOException {
    states.save(
        member.plan.id(),
        new StateStore.State(
            member.step, member.kernel.state(), List.copyOf(member.log), member.sums));
  }
}
