package dev.ontogeny.job.evolve;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublicationFixture;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.Job;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Evolve at the size of the largest published study: one chain of 100,000 features at 32
 * checkpoints, made up, with directions of 8 dimensions unless told otherwise. Driver and executors
 * are one JVM of 2 GB of heap, which is more than is asked of the driver alone. Prints seconds, the
 * greatest heap and the heap that is left after a collection at the end.
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=EvolveBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.features=100000 -Dontogeny.checkpoints=32 -Dontogeny.width=8
 * }</pre>
 */
class EvolveBenchmark {
  private static final String SITE = "made.up";

  private record MadeUp(int features, int checkpoints, int width) {}

  @Test
  void inTwoGigabytes(@TempDir Path path) throws IOException {
    MadeUp size =
        new MadeUp(
            Integer.getInteger("ontogeny.features", 100_000),
            Integer.getInteger("ontogeny.checkpoints", 32),
            Integer.getInteger("ontogeny.width", 8));
    make(Folder.of(path.toString()), size);
    EvolveSettings settings =
        SettingsReader.read(
            EvolveSettings.class,
            "evolve",
            null,
            List.of(
                "dataset=" + path.resolve("dataset"),
                "dictionaries=" + path.resolve("dictionaries"),
                "features=" + path.resolve("features"),
                "output=" + path.resolve("evolution")));
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.local.dir", path.resolve("spark").toString())
            .getOrCreate()) {
      new Evolve()
          .plan(spark, settings)
          .lines()
          .forEach((k, v) -> System.out.println(k + ": " + v));
      long start = System.nanoTime();
      Job.Result result = new Evolve().run(spark, settings);
      System.out.printf("%.0f seconds%n", (System.nanoTime() - start) / 1e9);
      result.lines().forEach(System.out::println);
    }
    long heap = 0;
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      heap += pool.getType() == MemoryType.HEAP ? pool.getPeakUsage().getUsed() : 0;
    }
    System.gc();
    System.out.printf(
        "greatest heap %d MiB (sum over pools) of %d MiB, %d MiB live at the end%n",
        heap >> 20,
        Runtime.getRuntime().maxMemory() >> 20,
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 20);
  }

  private static void make(Folder root, MadeUp settings) throws IOException {
    List<Long> steps = new ArrayList<>();
    for (int t = 0; t < settings.checkpoints; t++) {
      steps.add(t == 0 ? 0L : 1L << (t / 2 + 1) | (t % 2 == 0 ? 0 : 1L << (t / 2)));
    }
    Manifest.Input dataset = dataset(root, settings, steps);
    Manifest.Input dictionaries = dictionaries(root, settings, steps, dataset);
    features(root, settings, steps, List.of(dataset, dictionaries));
  }

  private static Manifest.Input dataset(Folder root, MadeUp settings, List<Long> steps) {
    Folder folder = Folder.of(root.resolve("dataset"));
    return PublicationFixture.publish(
            folder,
            "dataset",
            settings,
            List.of(),
            List.of(),
            new ShardedDataset.Summary(
                0,
                0,
                List.of(),
                List.of(new ShardedDataset.Site(SITE, settings.width, steps, VectorType.FLOAT16)),
                Map.of(),
                new ShardedDataset.Mixing(0, 0),
                null))
        .asInput(folder.toString());
  }

  private static Manifest.Input dictionaries(
      Folder root, MadeUp settings, List<Long> steps, Manifest.Input dataset) throws IOException {
    Folder folder = Folder.of(root.resolve("dictionaries"));
    List<PublishedFile> files = new ArrayList<>();
    int count = settings.features;
    int width = settings.width;
    float[] decoder = new float[count * width];
    RandomGenerator random = Seeds.generator(1, "directions");
    for (int i = 0; i < decoder.length; i++) {
      decoder[i] = (float) random.nextGaussian();
    }
    for (int t = 0; t < steps.size(); t++) {
      float[] encoder = new float[decoder.length];
      for (int i = 0; i < decoder.length; i++) {
        decoder[i] += 0.2f * (float) random.nextGaussian();
        encoder[(i % width) * count + i / width] = decoder[i];
      }
      String id = "chain-" + SITE + "-r0-c" + steps.get(t);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("W_enc", Tensor.matrix(width, count, encoder));
      tensors.put("W_dec", Tensor.matrix(count, width, decoder));
      files.add(
          folder.write(
              id + "/dictionary.safetensors",
              null,
              out -> Safetensors.write(tensors, Map.of("format", "made up"), out)));
      DictionaryMetadata metadata = metadata(id, settings, steps.get(t), t);
      files.add(
          folder.write(
              id + "/dictionary.json",
              null,
              out -> out.write(Json.pretty(metadata).getBytes(StandardCharsets.UTF_8))));
    }
    return PublicationFixture.publish(
            folder, "dictionaries", settings, List.of(dataset), files, Json.object())
        .asInput(folder.toString());
  }

  private static DictionaryMetadata metadata(
      String id, MadeUp settings, long checkpoint, int index) {
    return new DictionaryMetadata(
        DictionaryMetadata.VERSION,
        id,
        "chain-" + SITE,
        TopK.TYPE,
        Target.AUTOENCODER,
        settings.features,
        32,
        List.of(new Source(SITE, checkpoint, settings.width)),
        0,
        0,
        "chain-" + SITE + "-r0",
        index,
        null,
        null,
        null,
        TopK.TYPE.rule(),
        new DictionaryMetadata.Training(1, Json.object()),
        new DictionaryMetadata.Quality(0, 32, 0, 1));
  }

  private static void features(
      Folder root, MadeUp settings, List<Long> steps, List<Manifest.Input> inputs)
      throws IOException {
    Folder folder = Folder.of(root.resolve("features"));
    TableSchema schema =
        FeatureTables.FEATURES.without(
            "count",
            "variance",
            "maximum",
            "q10",
            "q50",
            "q90",
            "q99",
            "encoder_norm",
            "nearest_feature",
            "nearest_cosine");
    List<PublishedFile> files = new ArrayList<>();
    RandomGenerator random = Seeds.generator(2, "statistics");
    for (int t = 0; t < steps.size(); t++) {
      try (TableWriter writer =
          TableWriter.open(folder, "features/part-" + t + ".parquet", schema)) {
        for (int feature = 0; feature < settings.features; feature++) {
          boolean born = feature % steps.size() <= t;
          writer.write(
              "chain-" + SITE + "-r0-c" + steps.get(t),
              SITE,
              steps.get(t),
              feature,
              born ? 0.01 * random.nextDouble() : 0,
              born ? 1 + random.nextDouble() : null,
              1.0);
        }
        files.add(writer.finish());
      }
    }
    PublicationFixture.publish(folder, "features", settings, inputs, files, Json.object());
  }
}
