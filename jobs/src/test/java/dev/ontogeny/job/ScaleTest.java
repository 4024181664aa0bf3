package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.RowBlock;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.evolve.Evolve;
import dev.ontogeny.job.evolve.EvolveSettings;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.measure.MeasureSettings;
import dev.ontogeny.job.report.Report;
import dev.ontogeny.job.report.ReportSettings;
import dev.ontogeny.job.shard.ShardScale;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The jobs' own plans for 40 TB: one site of width 4,096 in float16 at 32 checkpoints, and two
 * chains of 98,304 features. Only manifests and descriptions are there, as the jobs would have
 * published them; plans read nothing else. The same for a quarter of the rows, and for a quarter of
 * the features, tells what grows with what.
 */
class ScaleTest {
  private static final String SITE = DatasetFixture.SITE;
  private static final int WIDTH = 4096;
  private static final List<Long> CHECKPOINTS =
      LongStream.range(0, 32).mapToObj(t -> t * 1000).toList();
  private static final int REPLICAS = 2;
  private static final int CODES = 64;
  private static final long ROWS = 40_000_000_000_000L / (32L * WIDTH * 2);
  private static final int FEATURES = 98_304;
  private static final int CORES = 1024;
  private static final int THREADS = 16;
  private static final List<String> JOBS = List.of("shard", "train", "measure", "evolve", "report");

  /** What is rounded up to whole tasks, files or blocks. */
  private static final double ROUNDING = 1.01;

  @TempDir private static Path work;
  private static SparkSession spark;
  private static Size full;
  private static Size fewerRows;
  private static Size fewerFeatures;

  /**
   * What the jobs plan at one size.
   *
   * @param driver bytes that the driver holds while a job runs: what it sends to all tasks, and the
   *     files and blocks that it hands out
   */
  private record Size(
      long rows,
      int features,
      int shards,
      int files,
      Map<String, Job.Plan> plans,
      Map<String, Long> driver) {
    Workload work(String job) {
      return plans.get(job).work();
    }

    double seconds(String job) {
      Workload work = work(job);
      return work.seconds(Workload.defaults(work.kind()), CORES);
    }

    double coreSeconds(String job) {
      Workload work = work(job);
      return work.coreSeconds(Workload.defaults(work.kind()));
    }

    /** Bytes of a task, where the plan says so; the largest of several. */
    double memory(String job) {
      return plans.get(job).lines().entrySet().stream()
          .filter(line -> line.getKey().startsWith("memory"))
          .mapToDouble(line -> bytes(line.getValue()))
          .max()
          .orElseThrow();
    }
  }

  @BeforeAll
  static void plan() throws IOException {
    spark =
        SparkSession.builder()
            .master("local[" + THREADS + "]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.task.cpus", THREADS)
            .config("spark.default.parallelism", CORES)
            .getOrCreate();
    full = size(ROWS, FEATURES);
    fewerRows = size(ROWS / 4, FEATURES);
    fewerFeatures = size(ROWS, FEATURES / 4);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void fourTimesTheRowsAreAtMostFourTimesTheWork() {
    for (String job : JOBS) {
      Workload most = full.work(job);
      Workload few = fewerRows.work(job);
      assertThat(most.bytes()).as(job).isLessThanOrEqualTo(4 * ROUNDING * few.bytes());
      assertThat(most.flops()).as(job).isLessThanOrEqualTo(4 * ROUNDING * few.flops());
      assertThat(most.features()).as(job).isEqualTo(few.features());
      assertThat((double) most.tasks()).as(job).isLessThanOrEqualTo(4 * ROUNDING * few.tasks());
      assertThat(full.memory(job))
          .as("memory of a task of %s", job)
          .isEqualTo(fewerRows.memory(job));
    }
    // So many tokens are trained on, however many there are; features are followed, not rows.
    assertThat(full.work("train").flops()).isEqualTo(fewerRows.work("train").flops());
    assertThat(full.work("evolve").flops()).isLessThan(1.5 * fewerRows.work("evolve").flops());
    assertThat(full.work("report")).isEqualTo(fewerRows.work("report"));
  }

  @Test
  void fourTimesTheFeaturesAreFourTimesTheWorkAndSixteenTimesThePairs() {
    assertThat(full.work("shard")).isEqualTo(fewerFeatures.work("shard"));
    for (String job : List.of("train", "measure", "report")) {
      Workload many = full.work(job);
      Workload few = fewerFeatures.work(job);
      assertThat(many.flops()).as(job).isLessThanOrEqualTo(4 * ROUNDING * few.flops());
      assertThat(many.bytes()).as(job).isLessThanOrEqualTo(ROUNDING * few.bytes());
      assertThat(many.features()).as(job).isEqualTo(4 * few.features());
    }
    // Every feature is compared with every one of the next checkpoint, and of the other replica.
    assertThat(full.work("evolve").features())
        .isEqualTo(4 * fewerFeatures.work("evolve").features());
    assertThat(full.work("evolve").flops())
        .isLessThanOrEqualTo(16 * ROUNDING * fewerFeatures.work("evolve").flops());
    for (String job : JOBS) {
      // As the weights that it holds.
      assertThat(full.memory(job))
          .as(job)
          .isLessThanOrEqualTo(4 * ROUNDING * fewerFeatures.memory(job));
    }
    assertThat(full.memory("report")).isEqualTo(fewerFeatures.memory("report"));
  }

  /** What the driver holds is of files and blocks, of which there is one for so many bytes. */
  @Test
  void theDriverHoldsFilesAndBlocksAndNoRows() {
    for (String job : List.of("shard", "train", "measure")) {
      long held = full.driver().get(job);
      assertThat(held).as(job).isLessThan(256L << 20);
      assertThat((double) held / fewerRows.driver().get(job))
          .as("%s: of as many files as there are", job)
          .isLessThanOrEqualTo(ROUNDING * full.shards() / fewerRows.shards());
      assertThat((double) held)
          .as("%s: nothing of features", job)
          .isCloseTo(fewerFeatures.driver().get(job), within(1000.0));
    }
    assertThat(full.driver().get("shard"))
        .as("of a file of 1 GiB")
        .isLessThan(full.files() * 1000L);
    assertThat(full.driver().get("train"))
        .as("of a file of a shard")
        .isLessThan(full.shards() * 33L * 300);
  }

  /**
   * The page tells these numbers; what this prints where it does not is what should stand there.
   */
  @Test
  void thePageTellsThem() throws IOException {
    StringBuilder table =
        new StringBuilder(
            "| | reads | FLOPs | tasks | memory of a task | core-hours | hours | with a quarter of the rows | of the features |\n|---|---|---|---|---|---|---|---|---|\n");
    for (String job : JOBS) {
      Workload does = full.work(job);
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %s | %s | %,d | %s | %,.1f | %,.1f | %.2f | %.2f |%n",
              job,
              does.bytes() == 0 ? "" : new ByteSize((long) does.bytes()),
              does.flops() == 0 ? "" : String.format(Locale.ROOT, "%.1e", does.flops()),
              does.tasks(),
              new ByteSize((long) full.memory(job)),
              full.coreSeconds(job) / 3600,
              full.seconds(job) / 3600,
              fewerRows.coreSeconds(job) / full.coreSeconds(job),
              fewerFeatures.coreSeconds(job) / full.coreSeconds(job)));
    }
    String driver =
        String.format(
            Locale.ROOT,
            "%,d files of a capture are %.0f MiB; %,d files of a dataset %.0f MiB; blocks of rows %.1f MiB",
            full.files(),
            mebibytes(full.driver().get("shard")),
            full.shards() * 33L,
            mebibytes(full.driver().get("train")),
            mebibytes(full.driver().get("measure") - full.driver().get("train")));
    assertThat(Files.readString(Path.of("../.github/docs/operations.md"))).contains(table, driver);
  }

  private static double mebibytes(long bytes) {
    return bytes / (double) (1 << 20);
  }

  private static Size size(long rows, int features) throws IOException {
    Path at = work.resolve(rows + "-" + features);
    ShardScale.Scaled shard = ShardScale.plan(spark, SITE, WIDTH, CHECKPOINTS, rows);
    Manifest dataset = dataset(at.resolve("dataset"), rows, shard.shards());
    Manifest dictionaries = dictionaries(at.resolve("dictionaries"), features, dataset);
    Manifest measured = features(at.resolve("features"), features, dataset, dictionaries);
    evolution(at.resolve("evolution"), features, dataset, dictionaries, measured);
    Map<String, Job.Plan> plans = new LinkedHashMap<>();
    plans.put("shard", shard.plan());
    plans.put(
        "train",
        new Train()
            .plan(
                spark,
                settings(
                    TrainSettings.class,
                    "train",
                    at,
                    List.of("dataset"),
                    "dictionaries=[{type=top-k,width=" + features + ",k=" + CODES + "}]")));
    plans.put(
        "measure",
        new Measure()
            .plan(
                spark,
                settings(
                    MeasureSettings.class, "measure", at, List.of("dataset", "dictionaries"))));
    List<String> three = List.of("dataset", "dictionaries", "features");
    plans.put(
        "evolve", new Evolve().plan(spark, settings(EvolveSettings.class, "evolve", at, three)));
    List<String> four = List.of("dataset", "dictionaries", "features", "evolution");
    plans.put(
        "report", new Report().plan(spark, settings(ReportSettings.class, "report", at, four)));
    ShardedDataset opened = ShardedDataset.open(Folder.of(at + "/dataset"));
    Map<String, Long> driver = new LinkedHashMap<>();
    driver.put("shard", serialized(shard.held()));
    driver.put("train", serialized(opened));
    driver.put(
        "measure", serialized(opened) + serialized(new ArrayList<>(RowBlock.cut(opened, 65_536))));
    return new Size(rows, features, shard.shards(), shard.files(), plans, driver);
  }

  private static <S extends Record> S settings(
      Class<S> type, String job, Path at, List<String> inputs, String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    inputs.forEach(each -> all.add(each + "=" + at.resolve(each)));
    all.add("output=" + at.resolve("output-of-" + job));
    return SettingsReader.read(type, job, null, all);
  }

  /** The tokens of the first shard are real, since plans look which columns they have. */
  private static Manifest dataset(Path at, long rows, int shards) throws IOException {
    Folder folder = Folder.of(at.toString());
    DatasetFixture.publish(
        folder, new PlantedActivations(PlantedActivations.Plan.of(1, 8, 12, 10)), 4, 2);
    String real =
        Manifest.read(folder)
            .table("tokens")
            .filter(file -> file.shard() == 0)
            .findFirst()
            .orElseThrow()
            .path();
    List<PublishedFile> files = new ArrayList<>();
    List<Integer> heldOut = new ArrayList<>();
    for (int shard = 0; shard < shards; shard++) {
      long here = rows * (shard + 1) / shards - rows * shard / shards;
      if (shard >= shards - shards / 10) {
        heldOut.add(shard);
      }
      String path = shard == 0 ? real : "tokens/shard-" + shard + "-0123abcd-1.parquet";
      files.add(PublishedFile.of(path, 40 * here, here, sha(shard), "tokens").ofShard(shard));
      for (long checkpoint : CHECKPOINTS) {
        files.add(
            PublishedFile.of(
                    String.format(
                        Locale.ROOT,
                        "vectors/%s/checkpoint-%d/shard-%05d-0123abcd-%d.parquet",
                        SITE,
                        checkpoint,
                        shard,
                        shard),
                    2L * WIDTH * here,
                    here,
                    sha(shard),
                    "vectors")
                .ofShard(shard)
                .ofSource(SITE, checkpoint));
      }
    }
    return manifest(
        folder,
        "dataset",
        List.of(),
        files,
        new ShardedDataset.Summary(
            rows,
            shards,
            heldOut,
            List.of(new ShardedDataset.Site(SITE, WIDTH, CHECKPOINTS, VectorType.FLOAT16)),
            Map.of(),
            new ShardedDataset.Mixing(0, 0),
            null));
  }

  private static Manifest dictionaries(Path at, int features, Manifest dataset) throws IOException {
    Folder folder = Folder.of(at.toString());
    List<PublishedFile> files = new ArrayList<>();
    for (int replica = 0; replica < REPLICAS; replica++) {
      for (int t = 0; t < CHECKPOINTS.size(); t++) {
        String id = id(replica, t);
        String family = "chain-" + SITE;
        String text =
            Json.pretty(
                new DictionaryMetadata(
                    DictionaryMetadata.VERSION,
                    id,
                    family,
                    TopK.TYPE,
                    Target.AUTOENCODER,
                    features,
                    CODES,
                    List.of(new Source(SITE, CHECKPOINTS.get(t), WIDTH)),
                    0,
                    replica,
                    family + "-r" + replica,
                    t,
                    t == 0 ? null : id(replica, t - 1),
                    null,
                    null,
                    TopK.TYPE.rule(),
                    new DictionaryMetadata.Training(0, Json.object()),
                    new DictionaryMetadata.Quality(0.3, CODES, 0, 1)));
        folder.writeText(id + "/dictionary.json", text);
        files.add(
            PublishedFile.of(id + "/dictionary.json", text.length(), 1, sha(t), null)
                .ofDictionary(id));
      }
    }
    return manifest(folder, "dictionaries", List.of(input(dataset)), files, Map.of());
  }

  private static String id(int replica, int t) {
    return "chain-" + SITE + "-r" + replica + "-c" + CHECKPOINTS.get(t);
  }

  private static Manifest features(Path at, int features, Manifest dataset, Manifest dictionaries)
      throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    for (String table : List.of("features", "examples")) {
      for (int number = 0; number < REPLICAS * CHECKPOINTS.size(); number++) {
        for (int from = 0; from < features; from += 16_384) {
          int here = Math.min(16_384, features - from);
          long rows = table.equals("features") ? here : 45L * here;
          files.add(
              PublishedFile.of(
                  table + "/" + number + "-" + from, 100 * rows, rows, sha(from), table));
        }
      }
    }
    return manifest(
        Folder.of(at.toString()),
        "features",
        List.of(input(dataset), input(dictionaries)),
        files,
        Map.of());
  }

  private static void evolution(
      Path at, int features, Manifest dataset, Manifest dictionaries, Manifest measured)
      throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    long tracks = (long) REPLICAS * features;
    files.add(PublishedFile.of("events/all.parquet", 100 * tracks, tracks, sha(1), "events"));
    files.add(
        PublishedFile.of(
            "trajectories/all.parquet", 3200 * tracks, 32 * tracks, sha(2), "trajectories"));
    manifest(
        Folder.of(at.toString()),
        "evolution",
        List.of(input(dataset), input(dictionaries), input(measured)),
        files,
        Map.of());
  }

  private static Manifest.Input input(Manifest manifest) {
    return manifest.asInput("here");
  }

  private static Manifest manifest(
      Folder folder,
      String kind,
      List<Manifest.Input> inputs,
      List<PublishedFile> files,
      Object summary)
      throws IOException {
    Manifest manifest =
        new Manifest(
            kind,
            1,
            sha(kind.hashCode()),
            "2026-01-01T00:00:00Z",
            Json.tree(Map.of("seed", 0)),
            inputs,
            files,
            null,
            Provenance.here(null, null),
            Json.tree(summary));
    folder.writeText(Manifest.FILE, Json.pretty(manifest));
    return manifest;
  }

  private static String sha(int number) {
    return String.format(Locale.ROOT, "%064x", number);
  }

  private static long serialized(Object value) throws IOException {
    long[] count = new long[1];
    try (ObjectOutputStream out =
        new ObjectOutputStream(
            new OutputStream() {
              @Override
              public void write(int each) {
                count[0]++;
              }

              @Override
              public void write(byte[] bytes, int from, int length) {
                count[0] += length;
              }
            })) {
      out.writeObject(value);
    }
    return count[0];
  }

  private static double bytes(String told) {
    Matcher size = Pattern.compile("([0-9.]+) (B|KiB|MiB|GiB|TiB)").matcher(told);
    assertThat(size.find()).as(told).isTrue();
    return Double.parseDouble(size.group(1))
        * (1L << (10 * List.of("B", "KiB", "MiB", "GiB", "TiB").indexOf(size.group(2))));
  }
}
