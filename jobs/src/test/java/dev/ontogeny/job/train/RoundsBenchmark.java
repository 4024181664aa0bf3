package dev.ontogeny.job.train;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
import dev.ontogeny.job.BenchmarkDataset;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.job.shard.ShardSettings;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

/**
 * Rounds of several workers beside a single stream of as many tokens: held-out FVU, dead latents,
 * the features that two seeds have in common, and the rate at which it all goes, by the clock and
 * by the seconds of a processor, which a busy machine does not change. On planted activations, or
 * on those of a capture ({@code -Dontogeny.capture=FOLDER}) at its last checkpoint. Not part of the
 * tests; it prints, and asserts nothing.
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=RoundsBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.work=/tmp/rounds -Dontogeny.features=2048 -Dontogeny.tokens=1000000 \
 *     -Dontogeny.cores=2 -Dontogeny.workers=0,2,4,8 "-Dontogeny.dictionary={ type = top-k, k = 32 }"
 * }</pre>
 */
class RoundsBenchmark {
  private static final Path WORK = Path.of(System.getProperty("ontogeny.work", "target/rounds"));
  private static final String CAPTURE = System.getProperty("ontogeny.capture", "");
  private static final int ROWS = Integer.getInteger("ontogeny.rows", 1 << 18);
  private static final int WIDTH = Integer.getInteger("ontogeny.width", 128);
  private static final int FEATURES = Integer.getInteger("ontogeny.features", 2048);
  private static final long TOKENS = Long.getLong("ontogeny.tokens", 1_000_000);
  private static final int CORES = Integer.getInteger("ontogeny.cores", 2);
  private static final String WORKERS = System.getProperty("ontogeny.workers", "0,2,4,8");
  private static final String DICTIONARY =
      System.getProperty("ontogeny.dictionary", "type = top-k, k = 32");

  /** Further assignments, with blanks between them. */
  private static final String MORE = System.getProperty("ontogeny.set", "");

  private static final int SHARDS = 20;

  /** From this cosine on two features are one. */
  private static final double SAME = 0.7;

  @Test
  void besideASingleStream() throws IOException {
    Files.createDirectories(WORK);
    try (SparkSession spark = BenchmarkDataset.session(WORK, CORES)) {
      ShardedDataset dataset = dataset(spark);
      System.out.printf(
          Locale.ROOT,
          "%-8s %8s %7s %6s %6s %7s %9s %13s%n",
          "workers",
          "fvu",
          "of 1",
          "l0",
          "dead",
          "again",
          "tokens/s",
          "a processor");
      double single = 0;
      for (String workers : WORKERS.split(",")) {
        List<String> settings = new ArrayList<>();
        settings.add("dataset=" + dataset.folder().location());
        settings.add("output=" + WORK.resolve("run-" + System.nanoTime()));
        settings.add("mode=independent");
        List<Long> checkpoints = dataset.summary().sites().get(0).checkpoints();
        settings.add("checkpoints=" + checkpoints.get(checkpoints.size() - 1));
        settings.add("replicas=2");
        settings.add("dictionaries=[{" + DICTIONARY + ", width = " + FEATURES + "}]");
        settings.add("training.tokens=" + TOKENS);
        settings.add("training.rounds.workers=" + workers);
        for (String more : MORE.isBlank() ? new String[0] : MORE.strip().split(" +")) {
          settings.add(more);
        }
        TrainSettings train = SettingsReader.read(TrainSettings.class, "train", null, settings);
        double used = BenchmarkDataset.processorSeconds();
        long start = System.nanoTime();
        Folder output = Folder.of(train.output());
        new Train().run(spark, train);
        double seconds = (System.nanoTime() - start) / 1e9;
        used = BenchmarkDataset.processorSeconds() - used;
        List<String> ids =
            TrainPlan.of(dataset, train).dictionaries().stream().map(each -> each.id()).toList();
        double fvu = 0;
        double dead = 0;
        double active = 0;
        for (String id : ids) {
          Quality quality = DictionaryFolder.metadata(output, id + "/dictionary.json").quality();
          fvu += quality.fvu() / ids.size();
          dead += quality.deadShare() / ids.size();
          active += quality.l0() / ids.size();
        }
        single = single == 0 ? fvu : single;
        System.out.printf(
            Locale.ROOT,
            "%-8s %8.4f %7.3f %6.1f %6.3f %7.3f %9.0f %13.0f%n",
            workers,
            fvu,
            fvu / single,
            active,
            dead,
            foundAgain(dataset, output, ids),
            TOKENS * ids.size() / seconds,
            TOKENS * ids.size() / used);
        output.delete("");
      }
    }
  }

  private static ShardedDataset dataset(SparkSession spark) throws IOException {
    if (CAPTURE.isEmpty()) {
      return BenchmarkDataset.of(spark, WORK, ROWS, WIDTH, SHARDS);
    }
    Folder folder = Folder.of(WORK.resolve("dataset").toString());
    if (!folder.exists("_manifest.json")) {
      new Shard()
          .run(
              spark,
              SettingsReader.read(
                  ShardSettings.class,
                  "shard",
                  null,
                  List.of("input=" + CAPTURE, "shards=" + SHARDS, "output=" + folder.location())));
    }
    return ShardedDataset.open(folder);
  }

  /** Of the features of one seed that fire on held-out rows, the share that another one has. */
  private static double foundAgain(ShardedDataset dataset, Folder output, List<String> ids)
      throws IOException {
    Dictionary one = DictionaryFolder.read(output, ids.get(0));
    Dictionary other = DictionaryFolder.read(output, ids.get(1));
    boolean[] alive = fires(dataset, one);
    boolean[] candidates = fires(dataset, other);
    int found = 0;
    int all = 0;
    for (int i = 0; i < alive.length; i++) {
      if (!alive[i]) {
        continue;
      }
      all++;
      for (int j = 0; j < candidates.length; j++) {
        if (candidates[j] && cosine(one.decoder(), i, other.decoder(), j) >= SAME) {
          found++;
          break;
        }
      }
    }
    return (double) found / all;
  }

  private static boolean[] fires(ShardedDataset dataset, Dictionary dictionary) throws IOException {
    KernelProvider kernels = Kernels.provider("auto", CORES);
    boolean[] fires = new boolean[dictionary.width()];
    int shard = dataset.summary().heldOutShards().get(0);
    int rows = (int) Math.min(8192, dataset.rows(shard));
    FloatMatrix batch = FloatMatrix.zeros(rows, dictionary.inputs());
    SparseCodes codes = new SparseCodes(dictionary.width());
    try (SourceRows vectors = new SourceRows(dataset, dictionary.sources(), shard);
        EncodingKernel kernel = kernels.encoding(dictionary, rows)) {
      vectors.read(batch, 0, rows);
      kernel.encode(batch, codes);
    }
    for (int i = 0; i < codes.size(); i++) {
      fires[codes.indices()[i]] = true;
    }
    return fires;
  }

  private static double cosine(FloatMatrix these, int i, FloatMatrix those, int j) {
    double product = 0;
    double one = 0;
    double other = 0;
    for (int c = 0; c < these.columns(); c++) {
      double a = these.at(i, c);
      double b = those.at(j, c);
      product += a * b;
      one += a * a;
      other += b * b;
    }
    return product / Math.sqrt(one * other);
  }
}
