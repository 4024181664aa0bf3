package dev.ontogeny.job.report;

import com.sun.management.OperatingSystemMXBean;
import dev.ontogeny.job.Browser;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.ReportFixture;
import dev.ontogeny.run.SettingsReader;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.commons.io.FileUtils;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

/**
 * The report at the size of the largest published study: two replicas of 50,000 tracks at eleven
 * checkpoints, made up. Prints how long the job takes and the greatest size of its heap (driver and
 * executors are one process of 2 GB here), then what a headless Chromium loads until a page is
 * drawn, and how long that takes, over new browsers. Its name keeps it out of the tests:
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=ReportBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.tracks=50000 -Dontogeny.examples=1
 * }</pre>
 *
 * <p>With {@code -Dontogeny.examples=8} there are eight times as many examples for the same heap.
 */
class ReportBenchmark {
  private static final int TRACKS = Integer.getInteger("ontogeny.tracks", 50_000);
  private static final int EXAMPLES = Integer.getInteger("ontogeny.examples", 1);
  private static final int BROWSERS = 5;

  @Test
  void reportOfManyTracks() throws Exception {
    Path root = Files.createTempDirectory("ontogeny-report-benchmark-");
    try {
      long start = System.nanoTime();
      ReportFixture fixture = new ReportFixture(root.resolve("in"), TRACKS, EXAMPLES).write();
      System.out.printf("tables made in %.0f s%n", (System.nanoTime() - start) / 1e9);
      Path report = root.resolve("report");
      write(fixture, report);
      Path program = Browser.program().orElse(null);
      if (program == null) {
        System.out.println("no chromium on this machine: pages are not loaded");
        return;
      }
      for (String address :
          List.of(
              "#/overview",
              "#/formation",
              "#/features",
              "#/feature/" + ReportFixture.series(0) + "/5")) {
        load(program, root, report, address);
      }
      sortAndSearch(program, root, report);
    } finally {
      FileUtils.deleteQuietly(root.toFile());
    }
  }

  private static void write(ReportFixture fixture, Path report) {
    ReportSettings settings =
        SettingsReader.read(
            ReportSettings.class,
            "report",
            null,
            List.of(
                "dataset=" + fixture.dataset(),
                "dictionaries=" + fixture.dictionaries(),
                "features=" + fixture.features(),
                "evolution=" + fixture.evolution(),
                "output=" + report));
    SparkSession spark = ReportFixture.spark();
    MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
    AtomicLong greatest = new AtomicLong();
    ScheduledExecutorService watch = Executors.newSingleThreadScheduledExecutor();
    try {
      spark.conf().set("spark.sql.shuffle.partitions", "200");
      System.gc();
      ScheduledFuture<?> watching =
          watch.scheduleAtFixedRate(
              () -> greatest.accumulateAndGet(memory.getHeapMemoryUsage().getUsed(), Math::max),
              0,
              100,
              TimeUnit.MILLISECONDS);
      long processor = processorTime();
      long start = System.nanoTime();
      Job.Result result = new Report().run(spark, settings);
      System.out.printf(
          "report written in %.0f s, %.0f s of processor time%n",
          (System.nanoTime() - start) / 1e9, (processorTime() - processor) / 1e9);
      result.lines().forEach(System.out::println);
      watching.cancel(true);
    } finally {
      watch.shutdownNow();
      spark.stop();
    }
    System.gc();
    System.out.printf(
        "greatest heap %d MiB of %d MiB, garbage included; %d MiB left after a collection%n",
        greatest.get() >> 20,
        Runtime.getRuntime().maxMemory() >> 20,
        memory.getHeapMemoryUsage().getUsed() >> 20);
  }

  /**
   * Of this process, in nanoseconds: on a machine that has other work it says more than a clock.
   */
  private static long processorTime() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private static void load(Path program, Path root, Path report, String address) throws Exception {
    double[] seconds = new double[BROWSERS];
    long bytes = 0;
    for (int i = 0; i < BROWSERS; i++) {
      Path home = Files.createTempDirectory(root, "browser-");
      try (Browser browser = Browser.start(program, home)) {
        long start = System.nanoTime();
        browser.open(report, address);
        seconds[i] = (System.nanoTime() - start) / 1e9;
        bytes = 0;
        for (String request : browser.requests()) {
          if (request.startsWith("file:")) {
            bytes += Files.size(Path.of(URI.create(request.replaceFirst("#.*", ""))));
          }
        }
      }
    }
    Arrays.sort(seconds);
    System.out.printf(
        "%s: %.2f MB, drawn after %.2f s (median of %d new browsers, %.2f to %.2f)%n",
        address, bytes / 1e6, seconds[BROWSERS / 2], BROWSERS, seconds[0], seconds[BROWSERS - 1]);
  }

  /** From the list, which is loaded, to the same list in another order or with fewer rows. */
  private static void sortAndSearch(Path program, Path root, Path report) throws Exception {
    try (Browser browser = Browser.start(program, Files.createTempDirectory(root, "browser-"))) {
      browser.open(report, "#/overview");
      for (String address : List.of("#/features?sort=birth", "#/features?q=London")) {
        double[] seconds = new double[BROWSERS];
        for (int i = 0; i < BROWSERS; i++) {
          browser.go("#/features");
          long start = System.nanoTime();
          browser.go(address);
          seconds[i] = (System.nanoTime() - start) / 1e9;
        }
        Arrays.sort(seconds);
        System.out.printf(
            "%s from the list: drawn after %.2f s (median of %d, %.2f to %.2f)%n",
            address, seconds[BROWSERS / 2], BROWSERS, seconds[0], seconds[BROWSERS - 1]);
      }
    }
  }
}
