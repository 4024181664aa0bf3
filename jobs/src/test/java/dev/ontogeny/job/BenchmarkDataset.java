package dev.ontogeny.job;

import com.sun.management.OperatingSystemMXBean;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.job.shard.ShardSettings;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/** Planted activations that {@code shard} made a dataset of, for benchmarks. */
public final class BenchmarkDataset {
  public static final String SITE = "made.up";

  /** Planted; the last two are captured. */
  private static final int CHECKPOINTS = 6;

  private BenchmarkDataset() {}

  /** A session that takes all its room from {@code folder}. */
  public static SparkSession session(Path folder, int cores) {
    return TestSpark.local(cores)
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.local.dir", folder.resolve("spark").toString())
        .getOrCreate();
  }

  /** The dataset in {@code folder}; of half precision, in eight shards. */
  public static ShardedDataset of(SparkSession spark, Path folder, int rows, int width)
      throws IOException {
    return of(spark, folder, rows, width, 8);
  }

  /** The same in so many shards. */
  public static ShardedDataset of(SparkSession spark, Path folder, int rows, int width, int shards)
      throws IOException {
    Folder capture = Folder.of(folder.resolve("capture").toString());
    Folder dataset = Folder.of(folder.resolve("dataset").toString());
    if (!dataset.exists("_manifest.json")) {
      PlantedActivations planted =
          new PlantedActivations(PlantedActivations.Plan.of(1, width, 2 * width, CHECKPOINTS));
      long documents = rows / planted.plan().documentLength();
      for (int t = CHECKPOINTS - 2; t < CHECKPOINTS; t++) {
        CaptureWriter.write(capture, SITE, planted, documents, t);
      }
      new Shard()
          .run(
              spark,
              SettingsReader.read(
                  ShardSettings.class,
                  "shard",
                  null,
                  List.of(
                      "input=" + capture.location(),
                      "stored-type=float16",
                      "shards=" + shards,
                      "output=" + dataset.location())));
      capture.delete(".");
    }
    return ShardedDataset.open(dataset);
  }

  /** Between the lower and the upper half. */
  public static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /**
   * Seconds that this process has spent on all cores. What keeps every core at work takes as much
   * of it on a busy machine as on a quiet one, so ratios of it hold where those of the clock do
   * not.
   */
  public static double processorSeconds() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime()
        / 1e9;
  }
}
