package dev.ontogeny.job.train;

import dev.ontogeny.job.train.RoundTasks.Share;
import dev.ontogeny.run.Failure;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.RoundStore;
import dev.ontogeny.train.RoundStore.Averaged;
import dev.ontogeny.train.RoundStore.Done;
import dev.ontogeny.train.RoundStore.Shared;
import dev.ontogeny.train.RoundTrainer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Training by rounds, on the driver: all dictionaries that wait for no other are trained at once,
 * round by round, each round two stages of ordinary tasks (workers, then parts of their mean) that
 * leave what they did in the run's scratch folder. The driver holds names of files and rows of
 * logs. A run that was cut off goes on with the round that was not finished, and in it with the
 * workers that were not.
 */
final class TrainingRounds {
  private static final Logger LOG = LoggerFactory.getLogger(TrainingRounds.class);

  private final JavaSparkContext spark;
  private final RoundTasks.Context context;

  TrainingRounds(JavaSparkContext spark, RoundTasks.Context context) {
    this.spark = spark;
    this.context = context;
  }

  /** A dictionary while it is trained. */
  private static final class Member {
    final DictionaryPlan plan;
    final BatchStream.Order order;
    final RoundStore store;
    final RoundTrainer trainer;
    Shared common;
    String failure;

    Member(DictionaryPlan plan, BatchStream.Order order, RoundTasks.Context context) {
      this.plan = plan;
      this.order = order;
      this.store = context.store(plan);
      this.trainer = context.trainer(plan);
    }

    boolean running() {
      return failure == null && common.rounds() < plan.rounds().count(plan.steps());
    }

    Share share(List<Done> workers, int number) {
      return new Share(plan, order, common, workers, number, failure);
    }
  }

  /**
   * Trains what is not trained yet.
   *
   * @param lanes each of one series
   */
  void train(List<TrainPlan.Lane> lanes) {
    int links = lanes.stream().mapToInt(lane -> lane.series().get(0).size()).max().orElse(0);
    try {
      for (int link = 0; link < links; link++) {
        List<Member> members = new ArrayList<>();
        for (TrainPlan.Lane lane : lanes) {
          List<DictionaryPlan> series = lane.series().get(0);
          if (link < series.size()) {
            members.add(
                new Member(series.get(link), lane.order(link, context.settings().seed()), context));
          }
        }
        finish(begun(members));
      }
    } catch (IOException e) {
      throw Failure.resources(
              "states of training below %s cannot be read or written: %s",
              context.publication().folder(), e.getMessage())
          .causedBy(e);
    } finally {
      spark.sc().setLocalProperty(Progress.EXPECTED_ROWS, null);
      spark.sc().setJobDescription(null);
    }
  }

  /** Those that have weights and are not trained. */
  private List<Member> waiting(List<Member> members) {
    return members.stream()
        .filter(member -> context.publication().unit(member.plan.id()).isEmpty())
        .toList();
  }

  private List<Member> begun(List<Member> all) throws IOException {
    List<Member> members = waiting(all);
    List<Share> first = new ArrayList<>();
    for (Member member : members) {
      if (member.store.latest().isEmpty()) {
        first.add(member.share(List.of(), 0));
      }
    }
    var unused =
        stage("begin " + first.size() + " dictionaries", first, new RoundTasks.Begin(context));
    // Taken from elsewhere, or without a parent, some are done already.
    List<Member> begun = waiting(members);
    for (Member member : begun) {
      member.common =
          member
              .store
              .latest()
              .orElseThrow(() -> new IllegalStateException("no weights of " + member.plan.id()));
      if (member.common.rounds() > 0) {
        LOG.info(
            "{} goes on after round {} of {}",
            member.plan.id(),
            member.common.rounds(),
            member.plan.rounds().count(member.plan.steps()));
      }
    }
    return begun;
  }

  private void finish(List<Member> members) throws IOException {
    boolean first = true;
    List<Member> running = members.stream().filter(Member::running).toList();
    while (!running.isEmpty()) {
      // Later rounds are this run's own: nobody has worked in them before.
      round(running, first);
      first = false;
      running = running.stream().filter(Member::running).toList();
    }
    var unused =
        stage(
            "write " + members.size() + " dictionaries",
            members.stream().map(member -> member.share(List.of(), 0)).toList(),
            new RoundTasks.End(context));
    for (Member member : members) {
      member.store.clear();
    }
  }

  private void round(List<Member> running, boolean perhapsBegun) throws IOException {
    List<List<Done>> done = new ArrayList<>();
    List<Share> missing = new ArrayList<>();
    long rows = 0;
    for (Member member : running) {
      List<Done> known = new ArrayList<>();
      for (int worker = 0; worker < member.plan.workers(); worker++) {
        Optional<Done> before =
            perhapsBegun ? member.store.done(member.common.rounds() + 1, worker) : Optional.empty();
        known.add(before.orElse(null));
        if (before.isEmpty()) {
          missing.add(member.share(List.of(), worker));
          rows += rowsOfRound(member);
        }
      }
      done.add(known);
    }
    spark.sc().setLocalProperty(Progress.EXPECTED_ROWS, Long.toString(rows));
    String name =
        String.format(
            Locale.ROOT,
            "round %d of %d",
            running.get(0).common.rounds() + 1,
            running.get(0).plan.rounds().count(running.get(0).plan.steps()));
    List<Done> came = stage(name, missing, new RoundTasks.Work(context));
    spark.sc().setLocalProperty(Progress.EXPECTED_ROWS, null);
    int next = 0;
    List<Share> parts = new ArrayList<>();
    for (int i = 0; i < running.size(); i++) {
      Member member = running.get(i);
      List<Done> workers = done.get(i);
      for (int worker = 0; worker < workers.size(); worker++) {
        if (workers.get(worker) == null) {
          workers.set(worker, came.get(next++));
        }
      }
      member.failure =
          workers.stream()
              .map(Done::failure)
              .filter(failure -> failure != null)
              .findFirst()
              .orElse(null);
      if (member.failure == null) {
        for (int part = 0; part < member.common.parts().size(); part++) {
          parts.add(member.share(workers, part));
        }
      } else {
        LOG.warn("{} failed: {}", member.plan.id(), member.failure);
      }
    }
    List<Averaged> averaged = stage(name + ", mean", parts, false, new RoundTasks.Average(context));
    int from = 0;
    for (int i = 0; i < running.size(); i++) {
      Member member = running.get(i);
      if (member.failure == null) {
        int to = from + member.common.parts().size();
        member.common = member.trainer.next(member.common, done.get(i), averaged.subList(from, to));
        from = to;
        member.store.publish(member.common);
        tell(member);
      }
    }
  }

  private static long rowsOfRound(Member member) {
    int round = member.common.rounds();
    return (member.plan.rounds().after(round, member.plan.steps())
            - member.plan.rounds().before(round))
        * member.plan.batch();
  }

  private static void tell(Member member) {
    RoundStore.Told told = member.common.told();
    LOG.info(
        String.format(
            Locale.ROOT,
            "%s: round %d/%d, loss %.4f, fvu %.4f, l0 %.1f, dead %.3f, %,.0f tokens/s of %d workers",
            member.plan.id(),
            member.common.rounds(),
            member.plan.rounds().count(member.plan.steps()),
            told.loss(),
            told.fvu(),
            told.l0(),
            told.deadShare(),
            told.tokensPerSecond(),
            member.plan.workers()));
  }

  /** Tasks that train or encode. */
  private <R> List<R> stage(String what, List<Share> shares, Function<Share, R> task) {
    return stage(what, shares, true, task);
  }

  private <R> List<R> stage(
      String what, List<Share> shares, boolean training, Function<Share, R> task) {
    if (shares.isEmpty()) {
      return List.of();
    }
    spark.sc().setJobDescription("train: " + what);
    JavaRDD<Share> all = spark.parallelize(shares, shares.size());
    return (training ? Gpus.on(all) : all).map(task).collect();
  }
}
