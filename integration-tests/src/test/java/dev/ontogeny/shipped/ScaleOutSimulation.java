package dev.ontogeny.shipped;

import dev.ontogeny.shipped.EventLog.Stage;
import dev.ontogeny.shipped.EventLog.Task;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * How long a job takes on executors of one core that are not there, by what its tasks took on one
 * that is. Tasks are handed out by a driver that needs its time for each, to whichever executor is
 * free, stage after stage; between stages the driver works alone. Tasks of a stage, their work and
 * the blocks that each of them fetches are linear in the data, through runs of two sizes.
 *
 * <p>Nothing is known here of networks and stores: executors that share a disk or a link wait for
 * it beyond what this says.
 *
 * @param dispatch seconds of the driver for a task
 * @param block seconds of a task for a block of a shuffle that it fetches
 */
record ScaleOutSimulation(double dispatch, double block) {

  /**
   * A job as it ran on one executor.
   *
   * @param log what its tasks took
   * @param alone seconds of the driver
   */
  record Measured(EventLog log, double alone) {}

  /**
   * Seconds of a job on so many executors.
   *
   * @param small the job with less data
   * @param large with {@code growth} times the data of the small one
   * @param times the data of the large one
   */
  double seconds(Measured small, Measured large, double growth, int executors, int times) {
    double seconds = at(small.alone, large.alone, growth, times);
    for (Stage stage : large.log.stages()) {
      seconds += seconds(stage, before(small, stage), growth, executors, times);
    }
    return seconds;
  }

  /**
   * The line through a small and a large one, at so many times the large one; never less than 0.
   */
  private static double at(double small, double large, double growth, int times) {
    double slope = Math.max(0, (large - small) / (1 - 1 / growth));
    return Math.max(0, large + slope * (times - 1));
  }

  private static Stage before(Measured small, Stage of) {
    return small.log.stages().stream()
        .filter(each -> each.name().equals(of.name()))
        .findFirst()
        .orElse(new Stage(of.name(), 0, 0, List.of()));
  }

  private double seconds(Stage large, Stage small, double growth, int executors, int times) {
    int count = (int) Math.round(at(small.tasks().size(), large.tasks().size(), growth, times));
    if (large.tasks().isEmpty() || count == 0) {
      return 0;
    }
    double work = at(computing(small), computing(large), growth, times);
    double blocks = at(blocksOfEach(small), blocksOfEach(large), growth, times);
    // As unlike one another as those that there were.
    List<Double> tasks = new ArrayList<>();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      tasks.add(computing(large.tasks().get(i % large.tasks().size())));
      sum += tasks.get(i);
    }
    double longer = sum > 0 ? work / sum : 0;
    tasks.replaceAll(each -> each * longer + blocks * block);
    double seconds = 0;
    // What ran several times, as rounds do, has as many barriers.
    int barriers = Math.max(1, large.times());
    for (int turn = 0; turn < barriers; turn++) {
      List<Double> part = new ArrayList<>();
      for (int i = turn; i < tasks.size(); i += barriers) {
        part.add(tasks.get(i));
      }
      seconds += makespan(part, executors);
    }
    return seconds;
  }

  private double computing(Task task) {
    return Math.max(0, task.seconds() - task.blocks() * block);
  }

  private double computing(Stage stage) {
    return stage.tasks().stream().mapToDouble(this::computing).sum();
  }

  private static double blocksOfEach(Stage stage) {
    return (double) stage.blocks() / Math.max(1, stage.tasks().size());
  }

  /** Each task goes to the executor that is free first, once the driver has come to it. */
  private double makespan(List<Double> tasks, int executors) {
    PriorityQueue<Double> free = new PriorityQueue<>(Comparator.naturalOrder());
    for (int i = 0; i < executors; i++) {
      free.add(0.0);
    }
    double driver = 0;
    double last = 0;
    for (double task : tasks) {
      driver = Math.max(driver, free.peek()) + dispatch;
      free.poll();
      double end = driver + task;
      free.add(end);
      last = Math.max(last, end);
    }
    return last;
  }
}
