package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedComparison;
import dev.ontogeny.demo.PlantedComparison.Recovered;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.job.evolve.Evolve;
import dev.ontogeny.job.evolve.EvolveSettings;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.measure.MeasureSettings;
import dev.ontogeny.job.report.Report;
import dev.ontogeny.job.report.ReportSettings;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole line with transcoders: planted features are read at one site and written to another,
 * which has other dimensions, another order of them and another scale.
 */
class TranscoderTest {
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(11, 24, 24, 7));
  private static final List<Long> CHECKPOINTS = PLANTED.plan().checkpoints();
  private static final int WIDTH = 40;
  private static final String IN = "blocks.0.hook_mlp_in";
  private static final String OUT = "blocks.0.hook_mlp_out";
  private static final int READ = 24;
  private static final int WRITTEN = 30;
  private static final String FAMILY = "chain-" + IN + "-to-" + OUT + "-top-k-w40-k4";
  private static final String TARGETS = "targets={\"" + IN + "\"=\"" + OUT + "\"}";

  @TempDir private static Path folder;
  private static SparkSession spark;

  @BeforeAll
  static void run() throws IOException {
    spark = TestSpark.local(2).config("spark.sql.shuffle.partitions", "2").getOrCreate();
    Map<String, UnaryOperator<float[]>> sites = new LinkedHashMap<>();
    sites.put(IN, UnaryOperator.identity());
    sites.put(OUT, TranscoderTest::written);
    DatasetFixture.publish(
        at("dataset"),
        PLANTED,
        new DatasetFixture.Settings(0, 5, 1, 120),
        VectorType.FLOAT32,
        sites);
    train("dictionaries", "sites=[\"" + IN + "\"]");
    measure("dictionaries", "features");
    evolve("dictionaries", "features", "evolution");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** The coordinates of what is read in reverse, every other one negative, and far larger. */
  private static float[] written(float[] read) {
    float[] written = new float[WRITTEN];
    for (int i = 0; i < READ; i++) {
      written[3 + READ - 1 - i] = (i % 2 == 0 ? 5 : -5) * read[i];
    }
    return written;
  }

  /** Rows of a decoder in the coordinates of what is read. */
  private static FloatMatrix unwritten(FloatMatrix decoder) {
    FloatMatrix back = FloatMatrix.zeros(decoder.rows(), READ);
    for (int row = 0; row < decoder.rows(); row++) {
      for (int i = 0; i < READ; i++) {
        back.values()[row * READ + i] = (i % 2 == 0 ? 1 : -1) * decoder.at(row, 3 + READ - 1 - i);
      }
    }
    return back;
  }

  private static Folder at(String name) {
    return Folder.of(folder.resolve(name).toString());
  }

  private static <S extends Record> S settings(Class<S> type, String job, List<String> more) {
    List<String> assignments = new ArrayList<>(List.of("dataset=" + at("dataset")));
    assignments.addAll(more);
    return SettingsReader.read(type, job, null, assignments);
  }

  private static Manifest train(String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "output=" + at(output),
                TARGETS,
                "dictionaries=[{type=top-k,width=40,k=4}]",
                "training.batch=128",
                "training.tokens=150000",
                "training.link-tokens=50000",
                "training.learning-rate=3e-4",
                "training.dead-window=20000"));
    assignments.addAll(List.of(more));
    return new Train().run(spark, settings(TrainSettings.class, "train", assignments)).manifest();
  }

  private static Manifest measure(String dictionaries, String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dictionaries=" + at(dictionaries),
                "output=" + at(output),
                "top-examples=6",
                "quantiles=2",
                "examples-per-quantile=1",
                "replicates=10",
                "block-rows=1024",
                "features-per-file=128"));
    assignments.addAll(List.of(more));
    return new Measure()
        .run(spark, settings(MeasureSettings.class, "measure", assignments))
        .manifest();
  }

  private static Job.Result evolve(String dictionaries, String measured, String output) {
    return new Evolve()
        .run(
            spark,
            settings(
                EvolveSettings.class,
                "evolve",
                List.of(
                    "dictionaries=" + at(dictionaries),
                    "features=" + at(measured),
                    "output=" + at(output),
                    "phases.bootstraps=20")));
  }

  private static List<Map<String, Object>> table(String folder, String kind, String name)
      throws IOException {
    return TestSpark.table(at(folder), Manifest.read(at(folder), kind), name);
  }

  private static String id(int replica, long checkpoint) {
    return FAMILY + "-r" + replica + "-c" + checkpoint;
  }

  private static Dictionary dictionary(long checkpoint) throws IOException {
    return DictionaryFolder.read(at("dictionaries"), id(0, checkpoint));
  }

  private static int index(Object checkpoint) {
    return checkpoint == null ? -1 : CHECKPOINTS.indexOf((Long) checkpoint);
  }

  /** What a reader of the files is told, and that it is true. */
  @Test
  void theyAreADictionaryForEachCheckpoint() throws IOException {
    List<DictionaryMetadata> all = DictionaryFolder.open(at("dictionaries")).dictionaries();
    assertThat(all).hasSize(2 * CHECKPOINTS.size());
    for (DictionaryMetadata each : all) {
      assertThat(each.target()).isEqualTo(Target.TRANSCODER);
      assertThat(each.family()).isEqualTo(FAMILY);
      assertThat(each.sources()).extracting(source -> source.site()).containsExactly(IN, OUT);
      assertThat(each.quality().fvu()).isBetween(0.0, 0.25);
      assertThat(each.quality().sourceFvu()).isEmpty();
      assertThat(each.parent() == null).isEqualTo(each.seriesIndex() == 0);
      // It refuses to be if anything is read or written where it should not.
      Dictionary dictionary = DictionaryFolder.read(at("dictionaries"), each.id());
      assertThat(dictionary.readColumns()).isEqualTo(READ);
      assertThat(dictionary.reconstructedColumns()).isEqualTo(WRITTEN);
      assertThat(dictionary.inputScale()[0] / dictionary.inputScale()[1])
          .as("scales of their own")
          .isCloseTo((float) (5 * Math.sqrt((double) READ / WRITTEN)), within(0.01f));
    }
    JsonNode written =
        Json.read(
            at("dictionaries").readText(id(1, 100) + "/dictionary.json"), JsonNode.class, "json");
    assertThat(written.get("target").asText()).isEqualTo("transcoder");
    assertThat(written.get("read").toString()).isEqualTo("[0]");
    assertThat(written.get("reconstructed").toString()).isEqualTo("[1]");
    assertThat(written.get("rule").asText())
        .contains("the first source is read and the second is reconstructed");
    assertThat(Manifest.read(at("dictionaries"), "dictionaries").table("decoder_norms")).isEmpty();
  }

  @Test
  void theirFeaturesAreMeasuredWhereTheyWriteTo() throws IOException {
    List<Map<String, Object>> features = table("features", "features", "features");
    assertThat(features).hasSize(2 * WIDTH * CHECKPOINTS.size());
    for (String table : List.of("features", "dictionaries", "examples", "histograms", "geometry")) {
      assertThat(table("features", "features", table))
          .as(table)
          .isNotEmpty()
          .allSatisfy(row -> assertThat(row.get("site")).isEqualTo(OUT));
    }
    assertThat(table("features", "features", "latent_scaling")).isEmpty();
    for (long checkpoint : List.of(0L, 300L)) {
      Dictionary dictionary = dictionary(checkpoint);
      for (Map<String, Object> row : features) {
        if (row.get("dictionary").equals(id(0, checkpoint))) {
          int feature = (Integer) row.get("feature");
          double encoder = 0;
          double decoder = 0;
          for (int i = 0; i < READ; i++) {
            encoder += Math.pow(dictionary.encoder().at(i, feature), 2);
          }
          for (int i = READ; i < READ + WRITTEN; i++) {
            decoder += Math.pow(dictionary.decoder().at(feature, i), 2);
          }
          assertThat((Double) row.get("encoder_norm")).isCloseTo(Math.sqrt(encoder), within(1e-5));
          assertThat((Double) row.get("decoder_norm")).isCloseTo(Math.sqrt(decoder), within(1e-5));
        }
      }
    }
    Map<String, DictionaryMetadata> byId = new HashMap<>();
    DictionaryFolder.open(at("dictionaries"))
        .dictionaries()
        .forEach(each -> byId.put(each.id(), each));
    for (Map<String, Object> row : table("features", "features", "dictionaries")) {
      if (row.get("split").equals("held_out")) {
        DictionaryMetadata.Quality quality = byId.get((String) row.get("dictionary")).quality();
        assertThat((Double) row.get("fvu")).isCloseTo(quality.fvu(), within(1e-4));
        assertThat((Double) row.get("l0")).isCloseTo(quality.l0(), within(1e-3));
      }
    }
  }

  @Test
  void theyAreFollowedThroughTraining() throws IOException {
    List<FloatMatrix> decoders = new ArrayList<>();
    for (long checkpoint : CHECKPOINTS) {
      decoders.add(unwritten(dictionary(checkpoint).decoderOf(1)));
    }
    int[][] features = new int[WIDTH * CHECKPOINTS.size()][CHECKPOINTS.size()];
    for (int[] each : features) {
      Arrays.fill(each, -1);
    }
    String series = FAMILY + "-r0";
    for (Map<String, Object> row : table("evolution", "evolution", "trajectories")) {
      if (row.get("series").equals(series)) {
        features[(Integer) row.get("track")][index(row.get("checkpoint"))] =
            (Integer) row.get("feature");
      }
    }
    List<Recovered> tracks = new ArrayList<>();
    for (Map<String, Object> row : table("evolution", "evolution", "events")) {
      if (row.get("series").equals(series)) {
        tracks.add(
            new Recovered(
                features[(Integer) row.get("track")],
                index(row.get("birth")),
                index(row.get("peak")),
                index(row.get("death")),
                (Double) row.get("confidence")));
      }
    }
    PlantedComparison.Result result = new PlantedComparison(PLANTED, decoders).compare(tracks, 0.7);
    assertThat(result.births().f1()).isGreaterThan(0.6);
    List<Map<String, Object>> lineage = table("evolution", "evolution", "lineage");
    assertThat(lineage).isNotEmpty();
    assertThat(
            lineage.stream()
                .filter(row -> row.get("kind").equals("continues"))
                .mapToDouble(row -> (Double) row.get("encoder_cosine"))
                .average()
                .orElseThrow())
        .isGreaterThan(0.6);
    assertThat(table("evolution", "evolution", "formation")).isNotEmpty();
  }

  /** What features read is at the one site, whatever they write to. */
  @Test
  void topExamplesAreReadAgain() throws IOException {
    Map<List<Object>, Double> codes = new HashMap<>();
    for (Map<String, Object> row : table("features", "features", "examples")) {
      codes.put(
          List.of(row.get("dictionary"), row.get("feature"), row.get("shard"), row.get("row")),
          (Double) row.get("value"));
    }
    Map<List<Object>, Object> features = new HashMap<>();
    Map<List<Object>, Object> dictionaries = new HashMap<>();
    for (Map<String, Object> row : table("evolution", "evolution", "trajectories")) {
      List<Object> place = List.of(row.get("series"), row.get("track"), row.get("checkpoint"));
      features.put(place, row.get("feature"));
      dictionaries.put(place, row.get("dictionary"));
    }
    int compared = 0;
    for (Map<String, Object> row : table("evolution", "evolution", "readings")) {
      List<Object> place = List.of(row.get("series"), row.get("track"), row.get("checkpoint"));
      Double code =
          codes.get(
              List.of(
                  dictionaries.get(place), features.get(place), row.get("shard"), row.get("row")));
      if (code != null) {
        assertThat((Double) row.get("value")).isCloseTo(code, within(1e-4));
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(100);
  }

  /** Beside autoencoders of the same site, which other dictionaries are. */
  @Test
  void independentsStandBesideAutoencodersOfTheirTarget() throws IOException {
    train(
        "independent",
        "mode=independent",
        "replicas=1",
        "checkpoints=[0,300]",
        "dictionaries=[{type=batch-top-k,width=40,k=4}]",
        "training.tokens=60000");
    String transcoder = "independent-" + IN + "-to-" + OUT + "-batch-top-k-w40-k4-r0-c";
    String autoencoder = "independent-" + OUT + "-batch-top-k-w40-k4-r0-c";
    assertThat(DictionaryFolder.open(at("independent")).dictionaries())
        .extracting(DictionaryMetadata::id)
        .containsExactly(transcoder + 0, transcoder + 300, autoencoder + 0, autoencoder + 300);
    measure("independent", "independent-features");
    assertThat(table("independent-features", "features", "features")).hasSize(4 * WIDTH);
    assertThat(table("independent-features", "features", "geometry"))
        .allSatisfy(row -> assertThat(row.get("site")).isEqualTo(OUT));
    evolve("independent", "independent-features", "independent-evolution");
    Map<Object, Long> counts = new HashMap<>();
    for (Map<String, Object> row : table("independent-evolution", "evolution", "track_overlaps")) {
      counts.merge(row.get("series"), (Long) row.get("count"), Long::sum);
    }
    // Of as many tracks as are matched; all codes of the transcoder, counted here, bound them.
    Dictionary dictionary = DictionaryFolder.read(at("independent"), transcoder + 300);
    assertThat(counts.get(transcoder.replace("-c", ""))).isBetween(1000L, firings(dictionary));
    assertThat(counts.get(autoencoder.replace("-c", ""))).isPositive();
  }

  private static long firings(Dictionary dictionary) throws IOException {
    var dataset = dev.ontogeny.data.ShardedDataset.open(at("dataset"));
    SparseCodes codes = new SparseCodes(WIDTH);
    long firings = 0;
    try (EncodingKernel kernel = Kernels.provider("cpu", 1).encoding(dictionary, 4096)) {
      for (int shard = 0; shard < dataset.summary().shards(); shard++) {
        FloatMatrix rows = FloatMatrix.zeros((int) dataset.rows(shard), READ + WRITTEN);
        try (SourceRows reader = new SourceRows(dataset, dictionary.sources(), shard)) {
          reader.read(rows, 0, rows.rows());
        }
        kernel.encode(rows, codes);
        firings += codes.size();
      }
    }
    return firings;
  }

  @Test
  void theReportSaysWhatTheyRead() throws Exception {
    Job.Result result =
        new Report()
            .run(
                spark,
                settings(
                    ReportSettings.class,
                    "report",
                    List.of(
                        "dictionaries=" + at("dictionaries"),
                        "features=" + at("features"),
                        "evolution=" + at("evolution"),
                        "output=" + at("report"))));
    assertThat(result.manifest().files().stream().map(PublishedFile::path)).contains("index.html");
    assertThat(Files.readString(folder.resolve("report/data/report.js"))).contains("\"reads\"");
    Optional<Path> program = Browser.program();
    if (program.isPresent()) {
      Path home = Files.createDirectories(folder.resolve("browser"));
      try (Browser browser = Browser.start(program.get(), home)) {
        for (String view : List.of("overview", "formation", "features", "lineage", "compare")) {
          browser.open(folder.resolve("report"), "#/" + view);
          assertThat(browser.evaluate("document.querySelectorAll('.error').length").asInt())
              .as(view)
              .isZero();
          if (view.equals("overview")) {
            assertThat(browser.text("document.querySelector('main').textContent"))
                .contains(IN + " → " + OUT);
          }
        }
        assertThat(browser.complaints()).isEmpty();
      }
    }
  }

  @Test
  void bytesDoNotDependOnHowTheWorkIsDivided() {
    Manifest one = measure("dictionaries", "one", "tasks=1", "batch-rows=77");
    Manifest other = Manifest.read(at("features"), "features");
    assertThat(contents(one)).isEqualTo(contents(other));
    Manifest bundled = train("bundled", "sites=[\"" + IN + "\"]", "bundle=2");
    Manifest first = Manifest.read(at("dictionaries"), "dictionaries");
    assertThat(bundled.identity()).isEqualTo(first.identity());
    assertThat(contents(bundled)).isEqualTo(contents(first));
  }

  private static List<String> contents(Manifest of) {
    return of.files().stream()
        .map(file -> file.table() + file.dictionary() + file.sha256())
        .sorted()
        .toList();
  }
}
