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
 * free, stage after stage; between stages the driver works alone. How a stage grows with the data
 * is told by runs of two sizes: either its tasks are more or each of them is longer, and none if
 * neither was.
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
    // Linear in the data, through both.
    double perData = Math.max(0, (large.alone - small.alone) / (growth - 1));
    double seconds = Math.max(0, large.alone - growth * perData) + times * growth * perData;
    for (Stage stage : large.log.stages()) {
      seconds += seconds(stage, before(small, stage), growth, executors, times);
    }
    return seconds;
  }

  private static Stage before(Measured small, Stage of) {
    return small.log.stages().stream()
        .filter(each -> each.name().equals(of.name()))
        .findFirst()
        .orElse(new Stage(of.name(), 0, 0, List.of()));
  }

  private double seconds(Stage large, Stage small, double growth, int executors, int times) {
    double middle = Math.sqrt(growth);
    boolean moreTasks = large.tasks().size() > middle * small.tasks().size();
    boolean moreWork = large.work() > middle * small.work();
    boolean moreBlocks = large.blocks() > middle * Math.max(1, small.blocks());
    int copies = moreTasks ? times : 1;
    double longer = moreWork && !moreTasks ? times : 1;
    // Maps are as many times more as tasks that fetch from them, or their blocks are of more data.
    double blocksOfEach = moreBlocks ? (double) times : 1;
    List<Double> tasks = new ArrayList<>();
    for (Task task : large.tasks()) {
      double fetching = Math.min(task.seconds(), task.blocks() * block);
      double length = (task.seconds() - fetching) * longer + fetching * blocksOfEach;
      for (int copy = 0; copy < copies; copy++) {
        tasks.add(length);
      }
    }
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
