package dev.ontogeny.job;

import dev.ontogeny.job.evolve.Evolve;
import dev.ontogeny.job.evolve.EvolveSettings;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.measure.MeasureSettings;
import dev.ontogeny.job.report.Report;
import dev.ontogeny.job.report.ReportSettings;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.job.shard.ShardSettings;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.run.SettingsReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/**
 * The jobs with the settings of the folders that are kept of every release: what {@link
 * ReleaseArtefacts} keeps and {@link OldFoldersTest} goes on from.
 */
record ReleasedLine(SparkSession spark) {
  /** Of the dataset. */
  static final List<Long> CHECKPOINTS = List.of(0L, 100L, 400L);

  /** Of them those that chains and crosscoders are trained on; the last one is for later builds. */
  static final String TRAINED = "checkpoints=[0,100]";

  static final String CHAIN = "mode=chain";
  static final String CROSSCODER = "mode=crosscoder";

  Job.Result shard(Path capture, Path dataset) {
    return new Shard()
        .run(
            spark,
            settings(
                ShardSettings.class,
                "shard",
                "input=" + capture,
                "output=" + dataset,
                "shards=2",
                "held-out-share=0.5"));
  }

  Job.Result train(Path dataset, Path output, String mode, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "dataset=" + dataset,
                "output=" + output,
                mode,
                "dictionaries=[{type=batch-top-k,width=8,k=2}]",
                "training.batch=32",
                "training.tokens=4000",
                "training.link-tokens=1000",
                "training.dead-window=500",
                "training.learning-rate=1e-3"));
    all.addAll(List.of(more));
    return new Train()
        .run(spark, settings(TrainSettings.class, "train", all.toArray(String[]::new)));
  }

  Job.Result measure(Path dataset, Path dictionaries, Path output, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "dataset=" + dataset,
                "dictionaries=" + dictionaries,
                "output=" + output,
                "top-examples=2",
                "quantiles=2",
                "examples-per-quantile=1",
                "context-window={before=1,after=1}",
                "top-tokens=2",
                "replicates=4"));
    all.addAll(List.of(more));
    return new Measure()
        .run(spark, settings(MeasureSettings.class, "measure", all.toArray(String[]::new)));
  }

  Job.Result evolve(Path dataset, Path dictionaries, Path features, Path output) {
    return new Evolve()
        .run(
            spark,
            settings(
                EvolveSettings.class,
                "evolve",
                "dataset=" + dataset,
                "dictionaries=" + dictionaries,
                "features=" + features,
                "output=" + output));
  }

  Job.Result report(Path dataset, Path dictionaries, Path features, Path evolution, Path output) {
    return new Report()
        .run(
            spark,
            settings(
                ReportSettings.class,
                "report",
                "dataset=" + dataset,
                "dictionaries=" + dictionaries,
                "features=" + features,
                "evolution=" + evolution,
                "output=" + output));
  }

  private static <S extends Record> S settings(Class<S> type, String job, String... assignments) {
    return SettingsReader.read(type, job, null, List.of(assignments));
  }
}
