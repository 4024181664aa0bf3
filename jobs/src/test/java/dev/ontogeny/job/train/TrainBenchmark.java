package dev.ontogeny.job.train;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.BenchmarkDataset;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.InitialDictionary;
import dev.ontogeny.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whether reading keeps the kernel waiting: steps of the trainer, whose batches come out of a
 * published dataset, beside the same steps on batches that are in memory; and, with a bundle of
 * several dictionaries, which share one reading of the data, beside as many runs of one. All take
 * turns; the medians are told. Not part of the tests; it prints, and asserts nothing.
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=TrainBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.rows=65536 -Dontogeny.features=8192 -Dontogeny.width=512 -Dontogeny.steps=32 \
 *     -Dontogeny.bundle=1
 * }</pre>
 */
class TrainBenchmark {
  private static final int ROWS = Integer.getInteger("ontogeny.rows", 1 << 16);
  private static final int FEATURES = Integer.getInteger("ontogeny.features", 8192);
  private static final int WIDTH = Integer.getInteger("ontogeny.width", 512);
  private static final int STEPS = Integer.getInteger("ontogeny.steps", 32);
  private static final int BUNDLE = Integer.getInteger("ontogeny.bundle", 1);
  private static final int TURNS = Integer.getInteger("ontogeny.turns", 5);
  private static final int CORES = 2;
  private static final int BATCH = 4096;

  @Test
  void besideRowsInMemory(@TempDir Path folder) throws IOException {
    ShardedDataset dataset;
    try (SparkSession spark = BenchmarkDataset.session(folder, CORES)) {
      dataset = BenchmarkDataset.of(spark, folder, ROWS, WIDTH);
    }
    TrainSettings settings =
        SettingsReader.read(
            TrainSettings.class,
            "train",
            null,
            List.of(
                "dataset=" + folder.resolve("dataset"),
                "output=" + folder.resolve("dictionaries"),
                "replicas=" + BUNDLE,
                "mode=independent",
                "dictionaries=[{type=top-k,width=" + FEATURES + ",k=32}]",
                "training.batch=" + BATCH,
                "training.tokens=" + (long) STEPS * BATCH));
    TrainPlan.Lane lane = TrainPlan.of(dataset, settings).lanes().get(0);
    List<DictionaryPlan> plans = lane.series().stream().map(series -> series.get(0)).toList();
    Source source = plans.get(0).sources().get(0);
    KernelProvider kernels = Kernels.provider("auto", CORES);
    List<Dictionary> initial = new ArrayList<>();
    for (DictionaryPlan plan : plans) {
      initial.add(
          InitialDictionary.random(
              source,
              dataset.moments(source.site(), source.checkpoint()),
              FEATURES,
              plan.specification().type().selection().k(),
              plan.seed()));
    }
    List<FloatMatrix> batches = batches(dataset, source, lane.shards());
    Trainer trainer =
        new Trainer(
            dataset,
            kernels,
            Folder.of(folder.resolve("scratch").toString()),
            "states",
            settings.stateSeconds(),
            tokens -> {});
    BatchStream.Order order = lane.order(0, settings.seed());
    Timing memory =
        new Timing(
            "rows in memory",
            () -> {
              for (int i = 0; i < BUNDLE; i++) {
                inMemory(kernels, plans.get(i), initial.get(i), batches);
              }
            });
    Timing runs =
        new Timing(
            BUNDLE + " run(s) of one",
            () -> {
              for (int i = 0; i < BUNDLE; i++) {
                trainer.train(List.of(plans.get(i)), List.of(initial.get(i)), order);
              }
            });
    Timing bundle = new Timing("a bundle of " + BUNDLE, () -> trainer.train(plans, initial, order));
    List<Timing> all = BUNDLE == 1 ? List.of(memory, runs) : List.of(memory, runs, bundle);
    memory.take(0);
    for (int turn = 0; turn < TURNS; turn++) {
      for (Timing each : all) {
        each.take(turn);
      }
    }
    for (Timing each : all) {
      System.out.printf(
          Locale.ROOT,
          "%-16s %7.2f s (%.0f rows/s), %5.1f %% of the step rate on rows in memory, %5.1f %% by processor time (medians of %d turns)%n",
          each.name,
          BenchmarkDataset.median(each.clock),
          (double) BUNDLE * STEPS * BATCH / BenchmarkDataset.median(each.clock),
          100 * BenchmarkDataset.median(ratios(memory.clock, each.clock)),
          100 * BenchmarkDataset.median(ratios(memory.processor, each.processor)),
          TURNS);
    }
  }

  private static double[] ratios(double[] these, double[] those) {
    double[] ratios = new double[these.length];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = these[i] / those[i];
    }
    return ratios;
  }

  private interface Work {
    void run() throws IOException;
  }

  /** Seconds of one way to do the same steps, by turn. */
  private static final class Timing {
    final String name;
    final Work work;
    final double[] clock = new double[TURNS];
    final double[] processor = new double[TURNS];

    Timing(String name, Work work) {
      this.name = name;
      this.work = work;
    }

    void take(int turn) throws IOException {
      double used = BenchmarkDataset.processorSeconds();
      long start = System.nanoTime();
      work.run();
      clock[turn] = (System.nanoTime() - start) / 1e9;
      processor[turn] = BenchmarkDataset.processorSeconds() - used;
    }
  }

  /** A whole run, its kernel's making and its dictionary included. */
  private static void inMemory(
      KernelProvider kernels, DictionaryPlan plan, Dictionary initial, List<FloatMatrix> batches) {
    try (TrainingKernel kernel = kernels.training(plan.specification(), initial, BATCH)) {
      for (int step = 0; step < STEPS; step++) {
        var unused =
            kernel.step(batches.get(step % batches.size()), plan.schedule().at(step, STEPS));
      }
      var unused = kernel.snapshot();
    }
  }

  /** As many whole batches as a few shards hold. */
  private static List<FloatMatrix> batches(
      ShardedDataset dataset, Source source, List<Integer> shards) throws IOException {
    List<FloatMatrix> batches = new ArrayList<>();
    for (int shard : shards) {
      try (VectorReader reader = dataset.vectors(source.site(), source.checkpoint(), shard)) {
        FloatMatrix batch = FloatMatrix.zeros(BATCH, WIDTH);
        while (batches.size() < 8 && reader.read(batch) == BATCH) {
          batches.add(batch);
          batch = FloatMatrix.zeros(BATCH, WIDTH);
        }
      }
    }
    return batches;
  }
}
