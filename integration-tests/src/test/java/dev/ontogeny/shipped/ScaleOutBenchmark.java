package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.shipped.ScaleOutSimulation.Measured;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/**
 * What a second executor of one core brings: to rows per second of {@code shard} and {@code
 * measure}, to dictionaries per second of {@code train}, and to tokens per second of one dictionary
 * that two workers train in rounds. Each job runs with one executor and with two in turn; told are
 * the medians of the time from its claim to its manifest. All executors are there by then, so that
 * the start of JVMs does not count, but that they warm up does. An executor is kept on a core of
 * its own, with its compilers and collectors, as a container of one core is; the driver goes where
 * there is room, and where there are two cores alone takes its part of them. What the machine
 * itself lets two executors do is told beside it: the same job twice at once, by an executor of a
 * core each that know nothing of one another, into folders of their own.
 *
 * <p>Then how much faster 4 to 256 executors would be than one, with as many times the data, by
 * {@link ScaleOutSimulation} from the tasks of the runs on one; that it tells the time of two
 * executors is its test. The driver's time for a task and a task's for a block of a shuffle come
 * from a run of {@code shard} in many small tasks.
 *
 * <p>It prints, and asserts nothing but that the jobs succeed.
 *
 * <pre>{@code
 * mvn -q verify -pl integration-tests -am -Dtest=None -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dit.test=ScaleOutBenchmark -Dfailsafe.failIfNoSpecifiedTests=false \
 *     -Dontogeny.gibibytes=4 -Dontogeny.tokens=3145728 -Dontogeny.repeats=3
 * }</pre>
 */
class ScaleOutBenchmark {
  private static final double GIBIBYTES =
      Double.parseDouble(System.getProperty("ontogeny.gibibytes", "4"));
  private static final int TOKENS = Integer.getInteger("ontogeny.tokens", 3 << 20);
  private static final int REPEATS = Integer.getInteger("ontogeny.repeats", 3);
  private static final int GROWTH = 4;
  private static final Path WORK = ShippedJar.folder("ScaleOutBenchmark");

  private static final String WIDTH = "dictionaries=[{type = top-k, width = 2048, k = 32}]";

  /** How a run went. */
  private record Ran(double seconds, EventLog log, double driver) {
    Measured measured() {
      return new Measured(log, Math.max(0, seconds - log.stageSeconds()));
    }

    long tasks() {
      return log.stages().stream().mapToLong(each -> each.tasks().size()).sum();
    }
  }

  @Test
  void oneExecutorAndTwo() throws IOException {
    ShardCaptures captures = new ShardCaptures(512, 8);
    long small = (long) (GIBIBYTES * (1L << 30) / GROWTH);
    captures.write(WORK.resolve("small"), small);
    captures.write(WORK.resolve("capture"), (long) (GIBIBYTES * (1L << 30)));
    String shard = "binary-type=float16";
    // From a thousand tasks on the driver has compiled what it does for each.
    ScaleOutSimulation simulation =
        calibrated(inTasksOf(1 << 19, captures, small), inTasksOf(1 << 17, captures, small));
    Ran before = run(1, "shard", "small-dataset", shard, "input=" + WORK.resolve("small"));
    compare(
        simulation, before, GROWTH, "shard", "dataset", shard, "input=" + WORK.resolve("capture"));

    String dataset = "dataset=" + WORK.resolve("dataset");
    String[] train = {dataset, WIDTH, "mode=independent", "training.tokens=" + TOKENS, "bundle=1"};
    before = run(1, "train", "small-dictionaries", with(train, "replicas=1", "checkpoints=[0]"));
    compare(
        simulation,
        before,
        GROWTH,
        "train",
        "dictionaries",
        with(train, "replicas=2", "checkpoints=[0, 1]"));

    String[] measure = {"dictionaries=" + WORK.resolve("dictionaries")};
    before =
        run(
            1,
            "measure",
            "small-features",
            with(measure, "dataset=" + WORK.resolve("small-dataset")));
    compare(simulation, before, GROWTH, "measure", "features", with(measure, dataset));

    String[] rounds = {dataset, WIDTH, "mode=independent", "checkpoints=[0]", "replicas=1"};
    before =
        run(
            1,
            "train",
            "small-rounds",
            with(rounds, "training.tokens=" + TOKENS, "training.rounds.workers=1"));
    compare(
        simulation,
        before,
        2,
        "train",
        "rounds",
        with(rounds, "training.tokens=" + 2 * TOKENS, "training.rounds.workers=2"));
  }

  /** Shards a capture in row groups of so many bytes, a task for each and as many that write. */
  private static Ran inTasksOf(int rowGroup, ShardCaptures captures, long bytes)
      throws IOException {
    Path capture = WORK.resolve("groups");
    captures.write(capture, bytes, rowGroup);
    Ran ran =
        run(
            1,
            "shard",
            "fine",
            "binary-type=float16",
            "input=" + capture,
            "split-bytes=" + rowGroup,
            "slice-bytes=" + 4 * rowGroup);
    ShippedJar.delete(WORK.resolve("fine"));
    ShippedJar.delete(capture);
    return ran;
  }

  private static String[] with(String[] settings, String... more) {
    List<String> all = new ArrayList<>(List.of(settings));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /** What a task and a block cost, by as much work in many more of them. */
  private static ScaleOutSimulation calibrated(Ran coarse, Ran fine) {
    double dispatch = (fine.driver - coarse.driver) / Math.max(1, fine.tasks() - coarse.tasks());
    double work = 0;
    long blocks = 0;
    for (int sign : new int[] {1, -1}) {
      for (EventLog.Stage stage : (sign > 0 ? fine : coarse).log.stages()) {
        if (stage.blocks() > 0) {
          work += sign * stage.work();
          blocks += sign * stage.blocks();
        }
      }
    }
    ScaleOutSimulation simulation =
        new ScaleOutSimulation(Math.max(0, dispatch), blocks > 0 ? Math.max(0, work / blocks) : 0);
    System.out.printf(
        Locale.ROOT,
        "%d tasks and %d tasks: the driver takes %.2f ms for a task, a task %.3f ms for a block%n",
        coarse.tasks(),
        fine.tasks(),
        1e3 * simulation.dispatch(),
        1e3 * simulation.block());
    return simulation;
  }

  private static void compare(
      ScaleOutSimulation simulation,
      Ran small,
      double growth,
      String job,
      String folder,
      String... settings)
      throws IOException {
    List<Double> one = new ArrayList<>();
    List<Double> two = new ArrayList<>();
    List<Double> apart = new ArrayList<>();
    List<Ran> all = new ArrayList<>();
    for (int i = 0; i < REPEATS; i++) {
      all.add(run(1, job, folder, settings));
      one.add(all.get(i).seconds);
      apart.add(twiceAtOnce(job, folder, settings));
      two.add(run(2, job, folder, settings).seconds);
    }
    System.out.printf(
        Locale.ROOT,
        "%-12s one executor %6.1f s, two %6.1f s: %.2f times as fast, two apart from one another %.2f times (%s; %s; %s)%n",
        folder,
        median(one),
        median(two),
        median(one) / median(two),
        2 * median(one) / median(apart),
        one,
        two,
        apart);
    Measured large =
        all.stream()
            .filter(each -> each.seconds == median(one))
            .findFirst()
            .orElseThrow()
            .measured();
    System.out.printf(
        Locale.ROOT,
        "%-12s as simulated %.1f s and %.1f s, the driver alone %.1f s of it; so many executors beside one, of as many times the data:",
        folder,
        simulation.seconds(small.measured(), large, growth, 1, 1),
        simulation.seconds(small.measured(), large, growth, 2, 1),
        large.alone());
    for (int executors = 4; executors <= 256; executors *= 4) {
      double together = simulation.seconds(small.measured(), large, growth, executors, executors);
      System.out.printf(
          Locale.ROOT,
          " %d %.1f times (%.0f s)",
          executors,
          simulation.seconds(small.measured(), large, growth, 1, executors) / together,
          together);
    }
    System.out.println();
  }

  /** Publishes a folder anew. */
  private static Ran run(int executors, String job, String folder, String... settings)
      throws IOException {
    Path events = WORK.resolve("events");
    ShippedJar.delete(events);
    Files.createDirectories(events);
    ShippedJar command = command(executors, 0, job, folder, settings);
    EventLog.settings(events).forEach(command::configure);
    ShippedJar.Running running = command.start(WORK);
    double driver = 0;
    while (running.goesOnFor(Duration.ofMillis(50))) {
      driver = Math.max(driver, running.processorSeconds());
    }
    return new Ran(seconds(running, folder), EventLog.read(events), driver);
  }

  /** Seconds of the slower of two runs that begin together, each with an executor of its own. */
  private static double twiceAtOnce(String job, String folder, String... settings)
      throws IOException {
    ShippedJar.Running first = command(1, 0, job, folder, settings).start(WORK);
    ShippedJar.Running second = command(1, 1, job, folder + "-again", settings).start(WORK);
    double seconds = Math.max(seconds(first, folder), seconds(second, folder + "-again"));
    ShippedJar.delete(WORK.resolve(folder + "-again"));
    return seconds;
  }

  private static ShippedJar command(
      int executors, int firstCore, String job, String folder, String... settings)
      throws IOException {
    Path output = WORK.resolve(folder);
    ShippedJar.delete(output);
    return ShippedJar.job(job, with(settings, "output=" + output))
        .executors(executors, 1, 1536)
        .compiled()
        .configure("spark.executorEnv.JAVA_HOME", onCoresOfTheirOwn().toString())
        .configure("spark.executorEnv.FIRST_CORE", Integer.toString(firstCore))
        .configure("spark.scheduler.minRegisteredResourcesRatio", "1")
        .configure("spark.local.dir", WORK.resolve("spark").toString())
        .patience(Duration.ofMinutes(20));
  }

  private static double seconds(ShippedJar.Running running, String folder) throws IOException {
    ShippedJar.Outcome outcome = running.await();
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    return Manifest.read(
            Folder.of(WORK.resolve(folder).toString()), outcome.result().get("kind").asText())
        .provenance()
        .effort()
        .seconds();
  }

  /**
   * A home of Java whose java keeps to the core of the executor's number, counted from FIRST_CORE.
   */
  private static Path onCoresOfTheirOwn() throws IOException {
    Path home = WORK.resolve("java");
    Path java = home.resolve("bin").resolve("java");
    if (!Files.exists(java)) {
      Files.createDirectories(java.getParent());
      Files.writeString(
          java,
          """
          #!/bin/sh
          for word; do [ "$previous" = --executor-id ] && core=$word; previous=$word; done
          exec taskset -c "$(((core + FIRST_CORE) %% %d))" "%s" "$@"
          """
              .formatted(
                  Runtime.getRuntime().availableProcessors(),
                  Path.of(System.getProperty("java.home"), "bin", "java")));
      assertThat(java.toFile().setExecutable(true)).isTrue();
    }
    return home;
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
