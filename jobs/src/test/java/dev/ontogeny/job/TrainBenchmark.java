package dev.ontogeny.job;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.SettingsReader;
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
 * published dataset, beside the same steps on batches that are in memory. The two take turns; the
 * median is told. Not part of the tests; it prints, and asserts nothing.
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=TrainBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.rows=65536 -Dontogeny.features=8192 -Dontogeny.width=512 -Dontogeny.steps=32
 * }</pre>
 */
class TrainBenchmark {
  private static final int ROWS = Integer.getInteger("ontogeny.rows", 1 << 16);
  private static final int FEATURES = Integer.getInteger("ontogeny.features", 8192);
  private static final int WIDTH = Integer.getInteger("ontogeny.width", 512);
  private static final int STEPS = Integer.getInteger("ontogeny.steps", 32);
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
                "replicas=1",
                "mode=independent",
                "dictionaries=[{type=top-k,width=" + FEATURES + ",k=32}]",
                "training.batch=" + BATCH,
                "training.tokens=" + (long) STEPS * BATCH));
    TrainPlan.Lane lane = TrainPlan.of(dataset, settings).lanes().get(0);
    DictionaryPlan plan = lane.series().get(0).get(0);
    Source source = plan.sources().get(0);
    KernelProvider kernels = Kernels.provider("auto", CORES);
    Dictionary initial =
        InitialDictionary.random(
            source,
            dataset.moments(source.site(), source.checkpoint()),
            FEATURES,
            plan.specification().sparsity().budget(),
            plan.seed());
    List<FloatMatrix> batches = batches(dataset, source, lane.shards());
    inMemory(kernels, plan, initial, batches);
    double[] share = new double[TURNS];
    double[] processorShare = new double[TURNS];
    for (int turn = 0; turn < TURNS; turn++) {
      double used = BenchmarkDataset.processorSeconds();
      double memory = inMemory(kernels, plan, initial, batches);
      double memoryUsed = BenchmarkDataset.processorSeconds() - used;
      Trainer trainer =
          new Trainer(
              dataset,
              kernels,
              Folder.of(folder.resolve("scratch").toString()),
              "states",
              settings.stateSeconds(),
              tokens -> {});
      long start = System.nanoTime();
      trainer.train(List.of(plan), List.of(initial), lane.order(0, settings.seed()));
      double whole = (System.nanoTime() - start) / 1e9;
      share[turn] = memory / whole;
      processorShare[turn] = memoryUsed / (BenchmarkDataset.processorSeconds() - used - memoryUsed);
      System.out.printf(
          Locale.ROOT,
          "%d steps of %d rows: in memory %.2f s (%.0f rows/s), from the dataset %.2f s (%.0f rows/s), %.1f %%; of processor time %.1f %%%n",
          STEPS,
          BATCH,
          memory,
          STEPS * (double) BATCH / memory,
          whole,
          STEPS * (double) BATCH / whole,
          100 * share[turn],
          100 * processorShare[turn]);
    }
    System.out.printf(
        Locale.ROOT,
        "training reaches %.1f %% of the step rate on rows in memory, %.1f %% by processor time (medians of %d turns)%n",
        100 * BenchmarkDataset.median(share),
        100 * BenchmarkDataset.median(processorShare),
        TURNS);
  }

  /** Seconds of a whole run, its kernel's making and its dictionary included. */
  private static double inMemory(
      KernelProvider kernels, DictionaryPlan plan, Dictionary initial, List<FloatMatrix> batches) {
    long start = System.nanoTime();
    try (TrainingKernel kernel = kernels.training(plan.specification(), initial, BATCH)) {
      for (int step = 0; step < STEPS; step++) {
        var unused =
            kernel.step(batches.get(step % batches.size()), plan.schedule().at(step, STEPS));
      }
      var unused = kernel.snapshot();
    }
    return (System.nanoTime() - start) / 1e9;
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
