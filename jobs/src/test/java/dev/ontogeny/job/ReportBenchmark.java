package dev.ontogeny.job;

import dev.ontogeny.data.Manifest;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/**
 * The report at the size of the largest published study: two replicas of 50,000 tracks at eleven
 * checkpoints, made up. Prints how long the job takes and the greatest size of its heap (driver and
 * executor are one process here), then what a headless Chromium loads until a page is drawn, and
 * how long that takes, over five new browsers. Arguments: tracks of each replica, top examples of a
 * feature at a checkpoint, folder. The heap stays the same when examples are many: run it with 1
 * and with 8.
 *
 * <pre>mvn -q -pl common,jobs test-compile && mvn -q -pl jobs exec:exec -Dexec.executable=java \
 *   -Dexec.classpathScope=test \
 *   -Dexec.args="-Xmx1500m -cp %classpath dev.ontogeny.job.ReportBenchmark 50000 1 target/report-benchmark"
 * </pre>
 */
final class ReportBenchmark {
  private static final int BROWSERS = 5;

  private ReportBenchmark() {}

  public static void main(String[] arguments) throws Exception {
    Path root = Path.of(arguments[2]).toAbsolutePath();
    ReportFixture fixture =
        new ReportFixture(
            root.resolve("in"), Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1]));
    if (!Files.exists(fixture.evolution().resolve(Manifest.FILE))) {
      long start = System.nanoTime();
      fixture.write();
      System.out.printf("tables made in %.0f s%n", (System.nanoTime() - start) / 1e9);
    }
    Path report = root.resolve("report-" + System.nanoTime());
    write(fixture, report);
    Path program = Browser.program().orElse(null);
    if (program == null) {
      System.out.println("no chromium on this machine: pages are not loaded");
      return;
    }
    String series = ReportFixture.series(0);
    for (String address :
        List.of("#/overview", "#/formation", "#/features", "#/feature/" + series + "/5")) {
      load(program, root, report, address);
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
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate()) {
      for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
        pool.resetPeakUsage();
      }
      long start = System.nanoTime();
      Job.Result result = new Report().run(spark, settings);
      System.out.printf("report written in %.0f s%n", (System.nanoTime() - start) / 1e9);
      result.lines().forEach(System.out::println);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    long heap = 0;
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      heap += pool.getType() == MemoryType.HEAP ? pool.getPeakUsage().getUsed() : 0;
    }
    System.out.printf(
        "greatest heap %d MiB (sum over pools, garbage included) of %d MiB%n",
        heap >> 20, Runtime.getRuntime().maxMemory() >> 20);
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
}
