package dev.ontogeny.job;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.ontogeny.data.Folder;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What one more checkpoint costs: the line over a run of checkpoints, then over the same run with
 * one more, which takes over what is there. Told are, of each job, seconds by the clock and of the
 * processor, bytes read, written and shuffled, and how the last checkpoint compares with an equal
 * share of those before. All in one process that has drawn a small line before, so that neither the
 * start of Java and Spark nor compiling counts. Not part of the tests; it prints, and asserts
 * nothing.
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=GrowingBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.rows=131072 -Dontogeny.checkpoints=15 -Dontogeny.width=256 -Dontogeny.features=2048 \
 *     -Dontogeny.epochs=1
 * }</pre>
 */
class GrowingBenchmark {
  private static final int ROWS = Integer.getInteger("ontogeny.rows", 1 << 17);
  private static final int CHECKPOINTS = Integer.getInteger("ontogeny.checkpoints", 15);
  private static final int WIDTH = Integer.getInteger("ontogeny.width", 256);
  private static final int FEATURES = Integer.getInteger("ontogeny.features", 2048);
  private static final int EPOCHS = Integer.getInteger("ontogeny.epochs", 1);
  private static final int CORES = 2;

  @TempDir private Path folder;

  /** What a job took. */
  private record Cost(double seconds, double processor, long read, long written, long shuffled) {
    Cost plus(Cost other) {
      return new Cost(
          seconds + other.seconds,
          processor + other.processor,
          read + other.read,
          written + other.written,
          shuffled + other.shuffled);
    }
  }

  /** Bytes that tasks shuffle. */
  private static final class Shuffled extends SparkListener {
    private long bytes;

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
      TaskMetrics metrics = end.taskMetrics();
      bytes += metrics == null ? 0 : metrics.shuffleWriteMetrics().bytesWritten();
    }

    synchronized long bytes() {
      return bytes;
    }
  }

  @Test
  void theLastCheckpoint() throws Exception {
    try (SparkSession spark = BenchmarkDataset.session(folder, CORES)) {
      Shuffled shuffled = new Shuffled();
      spark.sparkContext().addSparkListener(shuffled);
      grow(spark, shuffled, folder.resolve("small"), 8192, 6);
      System.out.printf(
          Locale.ROOT,
          "%d rows of width %d, %d latents trained on each row %d times, %d checkpoints and one more%n",
          ROWS,
          WIDTH,
          FEATURES,
          EPOCHS,
          CHECKPOINTS);
      Path large = folder.resolve("large");
      var costs = grow(spark, shuffled, large, ROWS, CHECKPOINTS);
      Cost before = new Cost(0, 0, 0, 0, 0);
      Cost last = before;
      for (var job : costs.get(0).entrySet()) {
        print(job.getKey(), job.getValue(), costs.get(1).get(job.getKey()));
        before = before.plus(job.getValue());
        last = last.plus(costs.get(1).get(job.getKey()));
      }
      print("all", before, last);
    }
  }

  private static void print(String job, Cost before, Cost last) {
    System.out.printf(
        Locale.ROOT,
        "%-8s %d checkpoints %7.1f s, one more %6.1f s: %5.2f of an equal share (processor %7.1f, %6.1f: %5.2f); read %s and %s, written %s and %s, shuffled %s and %s MB%n",
        job,
        CHECKPOINTS,
        before.seconds(),
        last.seconds(),
        CHECKPOINTS * last.seconds() / before.seconds(),
        before.processor(),
        last.processor(),
        CHECKPOINTS * last.processor() / before.processor(),
        before.read() >> 20,
        last.read() >> 20,
        before.written() >> 20,
        last.written() >> 20,
        before.shuffled() >> 20,
        last.shuffled() >> 20);
  }

  /** By job the cost of the first checkpoints, then that of one more. */
  private static Map<Integer, Map<String, Cost>> grow(
      SparkSession spark, Shuffled shuffled, Path folder, int rows, int checkpoints)
      throws Exception {
    PlantedActivations planted =
        new PlantedActivations(PlantedActivations.Plan.of(1, WIDTH, 2 * WIDTH, checkpoints + 1));
    Folder capture = Folder.of(folder.resolve("capture").toString());
    long documents = rows / planted.plan().documentLength();
    for (int t = 0; t < checkpoints; t++) {
      CaptureWriter.write(capture, BenchmarkDataset.SITE, planted, documents, t);
    }
    Map<Integer, Map<String, Cost>> costs = new LinkedHashMap<>();
    costs.put(0, line(spark, shuffled, settings(folder, rows, 0)));
    CaptureWriter.write(capture, BenchmarkDataset.SITE, planted, documents, checkpoints);
    costs.put(1, line(spark, shuffled, settings(folder, rows, 1)));
    return costs;
  }

  private static Config settings(Path folder, int rows, int turn) {
    String from =
        turn == 0
            ? ""
            : """
              train.continue-from = "%s/run-0/dictionaries"
              measure.continue-from = "%s/run-0/features"
              evolve.continue-from = "%s/run-0/evolution"
              """
                .formatted(folder, folder, folder);
    return ConfigFactory.parseString(
        """
        work = "%s/run-%d"
        shard { input = "%s/capture", output = "%s/dataset", extend = true }
        train {
          dataset = "%s/dataset"
          dictionaries = [ { type = top-k, width = %d, k = 16 } ]
          training { tokens = %d, link-tokens = %d }
        }
        measure.dataset = "%s/dataset"
        evolve.dataset = "%s/dataset"
        report.dataset = "%s/dataset"
        """
                .formatted(
                    folder,
                    turn,
                    folder,
                    folder,
                    folder,
                    FEATURES,
                    EPOCHS * rows,
                    EPOCHS * rows,
                    folder,
                    folder,
                    folder)
            + from);
  }

  private static Map<String, Cost> line(SparkSession spark, Shuffled shuffled, Config settings)
      throws IOException {
    Map<String, Cost> costs = new LinkedHashMap<>();
    for (Pipeline.Step<?> step : Pipeline.of(Main.jobs(), settings, "a benchmark").steps()) {
      long begun = System.nanoTime();
      double processor = BenchmarkDataset.processorSeconds();
      long read = bytes(true);
      long written = bytes(false);
      long shuffledBefore = shuffled.bytes();
      step.run(spark);
      costs.put(
          step.job().name(),
          new Cost(
              (System.nanoTime() - begun) / 1e9,
              BenchmarkDataset.processorSeconds() - processor,
              bytes(true) - read,
              bytes(false) - written,
              shuffled.bytes() - shuffledBefore));
    }
    return costs;
  }

  @SuppressWarnings("deprecation") // What took its place tells no bytes of local files.
  private static long bytes(boolean read) {
    return FileSystem.getAllStatistics().stream()
        .mapToLong(each -> read ? each.getBytesRead() : each.getBytesWritten())
        .sum();
  }
}
