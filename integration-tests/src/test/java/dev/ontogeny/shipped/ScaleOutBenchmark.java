package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
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
 * the start of JVMs does not count, but that they warm up does. On a machine of two cores the
 * driver takes its part of them. It prints, and asserts nothing but that the jobs succeed.
 *
 * <pre>{@code
 * mvn -q verify -pl integration-tests -am -Dtest=None -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dit.test=ScaleOutBenchmark -Dfailsafe.failIfNoSpecifiedTests=false \
 *     -Dontogeny.gibibytes=1 -Dontogeny.tokens=786432 -Dontogeny.repeats=3
 * }</pre>
 */
class ScaleOutBenchmark {
  private static final double GIBIBYTES =
      Double.parseDouble(System.getProperty("ontogeny.gibibytes", "1"));
  private static final int TOKENS = Integer.getInteger("ontogeny.tokens", 3 << 18);
  private static final int REPEATS = Integer.getInteger("ontogeny.repeats", 3);
  private static final Path WORK = ShippedJar.folder("ScaleOutBenchmark");

  private static final String WIDTH = "dictionaries=[{type = top-k, width = 2048, k = 32}]";

  @Test
  void oneExecutorAndTwo() throws IOException {
    new ShardCaptures(512, 8).write(WORK.resolve("capture"), (long) (GIBIBYTES * (1L << 30)));
    compare("shard", "dataset", "input=" + WORK.resolve("capture"), "binary-type=float16");
    String dataset = "dataset=" + WORK.resolve("dataset");
    compare(
        "train",
        "dictionaries",
        dataset,
        WIDTH,
        "mode=independent",
        "checkpoints=[0, 1]",
        "replicas=2",
        "training.tokens=" + TOKENS);
    compare("measure", "features", dataset, "dictionaries=" + WORK.resolve("dictionaries"));
    compare(
        "train",
        "rounds",
        dataset,
        WIDTH,
        "mode=independent",
        "checkpoints=[0]",
        "replicas=1",
        "training.tokens=" + 2 * TOKENS,
        "training.rounds.workers=2",
        "training.rounds.steps=64");
  }

  private static void compare(String job, String folder, String... settings) throws IOException {
    List<Double> one = new ArrayList<>();
    List<Double> two = new ArrayList<>();
    for (int i = 0; i < REPEATS; i++) {
      one.add(seconds(1, job, folder, settings));
      two.add(seconds(2, job, folder, settings));
    }
    System.out.printf(
        Locale.ROOT,
        "%-12s one executor %6.1f s, two %6.1f s: %.2f times as fast (%s; %s)%n",
        folder,
        median(one),
        median(two),
        median(one) / median(two),
        one,
        two);
  }

  /** Publishes a folder anew. */
  private static double seconds(int executors, String job, String folder, String... settings)
      throws IOException {
    Path output = WORK.resolve(folder);
    if (Files.exists(output)) {
      ShippedJar.delete(output);
    }
    List<String> arguments = new ArrayList<>(List.of(job, "--set", "output=" + output));
    for (String setting : settings) {
      arguments.addAll(List.of("--set", setting));
    }
    ShippedJar.Outcome outcome =
        ShippedJar.command(arguments.toArray(String[]::new))
            .executors(executors, 1, 1536)
            .compiled()
            .configure("spark.scheduler.minRegisteredResourcesRatio", "1")
            .configure("spark.local.dir", WORK.resolve("spark").toString())
            .patience(Duration.ofMinutes(20))
            .run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    return Manifest.read(Folder.of(output.toString()), outcome.result().get("kind").asText())
        .provenance()
        .effort()
        .seconds();
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
