package dev.ontogeny.job.train;

import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.train.DictionaryPlan;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/**
 * What the largest task of a plan holds, beside what it may hold where it would run.
 *
 * @param needed bytes
 * @param dictionaries that it trains at once
 * @param widest of them
 * @param heap bytes of the JVM that it would run in
 * @param atOnce tasks that run there side by side
 * @param onGpu whether they are bytes of a GPU, which is known where it is alone
 */
record TaskMemory(
    long needed, int dictionaries, DictionaryPlan widest, long heap, int atOnce, boolean onGpu) {
  /** Of a heap what tasks may have; the rest is Spark's and Java's. */
  private static final double SHARE = 0.6;

  static TaskMemory of(SparkSession spark, List<TrainPlan.Lane> tasks, String name, int threads) {
    boolean wanted = spark.sparkContext().conf().getBoolean(Gpus.WANTED, false);
    // Of a GPU that tasks are given auto tries this one first.
    String kernel = wanted && name.equals("auto") ? "cuda" : name;
    TrainPlan.Lane largest =
        tasks.stream()
            .max(Comparator.comparingLong(lane -> bytes(lane, kernel, threads)))
            .orElseThrow();
    SparkConf conf = spark.sparkContext().conf();
    boolean here = spark.sparkContext().isLocal();
    int cores =
        here
            ? spark.sparkContext().defaultParallelism()
            : conf.getInt("spark.executor.cores", threads);
    return new TaskMemory(
        bytes(largest, kernel, threads),
        largest.series().size(),
        largest.series().stream()
            .map(series -> series.get(0))
            .max(Comparator.comparingLong(plan -> bytes(plan, kernel, threads)))
            .orElseThrow(),
        here
            ? Runtime.getRuntime().maxMemory()
            : conf.getSizeAsBytes("spark.executor.memory", "1g"),
        Math.max(1, cores / threads),
        wanted || Kernels.needsDevice(kernel));
  }

  private static long bytes(TrainPlan.Lane lane, String kernel, int threads) {
    return lane.series().stream().mapToLong(series -> bytes(series.get(0), kernel, threads)).sum();
  }

  private static long bytes(DictionaryPlan plan, String kernel, int threads) {
    return Kernels.trainingMemory(kernel, plan.specification(), size(plan, threads));
  }

  /** What a kernel plans with. */
  static TrainingSize size(DictionaryPlan plan, int threads) {
    return new TrainingSize(
        plan.readColumns(),
        plan.reconstructedColumns(),
        plan.reconstructed(),
        plan.batch(),
        threads);
  }

  /** The bytes; where they are too many, why they are and what would hold them. */
  String told() {
    ByteSize bytes = new ByteSize(needed);
    if (onGpu) {
      return bytes + " of a GPU; a task whose GPU has less fails when it begins";
    }
    if (needed <= SHARE * heap / atOnce) {
      return bytes.toString();
    }
    return String.format(
        Locale.ROOT,
        "%s, more than the %s that a task has here (%s of a heap of %s, shared by %d at a time): %s of width %,d over %,d columns with the means and gradients of its weights; a heap of %s holds one such task at a time (spark.executor.memory, spark.task.cpus), and %s hold less; rounds hold as much, since every worker has all weights",
        bytes,
        new ByteSize((long) (SHARE * heap / atOnce)),
        SHARE,
        new ByteSize(heap),
        atOnce,
        dictionaries == 1 ? "a dictionary" : dictionaries + " dictionaries, one",
        widest.specification().width(),
        Math.max(widest.readColumns(), widest.reconstructedColumns()),
        new ByteSize((long) Math.ceil(needed / SHARE)),
        dictionaries == 1 ? "a smaller width or fewer sources" : "bundle = 1 or a smaller width");
  }
}
