package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublicationFixture;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedComparison;
import dev.ontogeny.demo.PlantedComparison.Recovered;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.job.evolve.Evolve;
import dev.ontogeny.job.evolve.EvolveSettings;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.measure.MeasureSettings;
import dev.ontogeny.job.report.Report;
import dev.ontogeny.job.report.ReportSettings;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole line with crosscoders: two of different seeds are trained on planted features and
 * measured, and features followed through them.
 */
class CrosscoderTest {
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(11, 24, 24, 7));
  private static final List<Long> CHECKPOINTS = PLANTED.plan().checkpoints();
  private static final int WIDTH = 40;
  private static final String SERIES =
      "crosscoder-" + DatasetFixture.SITE + "-batch-top-k-w40-k4-r";

  @TempDir private static Path folder;
  private static SparkSession spark;
  private static ShardedDataset dataset;
  private static Manifest features;

  @BeforeAll
  static void run() throws IOException {
    spark = TestSpark.local(2).config("spark.sql.shuffle.partitions", "2").getOrCreate();
    dataset = DatasetFixture.publish(at("dataset"), PLANTED, 120, 5);
    new Train()
        .run(
            spark,
            settings(
                TrainSettings.class,
                "train",
                "output=" + at("dictionaries"),
                "mode=crosscoder",
                "dictionaries=[{type=batch-top-k,width=40,k=4}]",
                "training.batch=128",
                "training.tokens=250000",
                "training.learning-rate=5e-4"));
    features = measure("dictionaries", "features");
    evolve("dictionaries", "features", "evolution");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Folder at(String name) {
    return Folder.of(folder.resolve(name).toString());
  }

  private static <S extends Record> S settings(Class<S> type, String job, String... more) {
    List<String> assignments = new ArrayList<>(List.of("dataset=" + at("dataset")));
    assignments.addAll(List.of(more));
    // Of several the last one counts.
    return SettingsReader.read(type, job, null, assignments);
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
        .run(spark, settings(MeasureSettings.class, "measure", assignments.toArray(String[]::new)))
        .manifest();
  }

  private static Job.Result evolve(String dictionaries, String measured, String output) {
    return new Evolve()
        .run(
            spark,
            settings(
                EvolveSettings.class,
                "evolve",
                "dictionaries=" + at(dictionaries),
                "features=" + at(measured),
                "output=" + at(output),
                "phases.bootstraps=20"));
  }

  private static List<Map<String, Object>> table(String folder, String kind, String name)
      throws IOException {
    return TestSpark.table(at(folder), Manifest.read(at(folder), kind), name);
  }

  private static Stream<Map<String, Object>> ofFirst(String folder, String table)
      throws IOException {
    return table(folder, "evolution", table).stream()
        .filter(row -> row.get("series").equals(SERIES + 0));
  }

  private static int index(Object checkpoint) {
    return checkpoint == null ? -1 : CHECKPOINTS.indexOf((Long) checkpoint);
  }

  @Test
  void birthsAreThoseThatWerePlanted() throws IOException {
    Dictionary dictionary = DictionaryFolder.read(at("dictionaries"), SERIES + 0);
    List<FloatMatrix> decoders =
        IntStream.range(0, CHECKPOINTS.size()).mapToObj(dictionary::decoderOf).toList();
    List<Recovered> tracks = new ArrayList<>();
    ofFirst("evolution", "events")
        .forEach(
            row -> {
              int[] same = new int[CHECKPOINTS.size()];
              Arrays.fill(same, (Integer) row.get("track"));
              tracks.add(
                  new Recovered(
                      same,
                      index(row.get("birth")),
                      index(row.get("peak")),
                      index(row.get("death")),
                      (Double) row.get("confidence")));
            });
    assertThat(tracks).hasSize(WIDTH);
    PlantedComparison.Result result = new PlantedComparison(PLANTED, decoders).compare(tracks, 0.7);
    assertThat(result.births().f1()).isGreaterThan(0.85);
    assertThat(result.deaths().f1()).isGreaterThan(0.7);
    // What only one seed has is not a feature.
    assertThat(result.tracks()).isLessThan(WIDTH);
  }

  @Test
  void strengthIsTheNormAndAllDefinitionsOfBirthAreTold() throws IOException {
    assertThat(ofFirst("evolution", "trajectories"))
        .hasSize(WIDTH * CHECKPOINTS.size())
        .allSatisfy(
            row -> {
              assertThat(row.get("dictionary")).isEqualTo(SERIES + 0);
              assertThat(row.get("feature")).isEqualTo(row.get("track"));
              if ((Double) row.get("firing_rate") > 0) {
                assertThat((Double) row.get("relative_strength"))
                    .isCloseTo((Double) row.get("relative_norm"), within(1e-12));
                assertThat(row.get("alive")).isEqualTo((Double) row.get("relative_norm") >= 0.5);
                assertThat(row.get("jaccard_previous"))
                    .isEqualTo(row.get("checkpoint").equals(0L) ? null : (Object) 1.0);
              }
            });
    assertThat(
            ofFirst("evolution", "events")
                .filter(row -> !row.get("class").equals("inactive"))
                .toList())
        .isNotEmpty()
        .allSatisfy(
            row -> {
              assertThat(row.get("birth")).isNotNull();
              assertThat(row.get("emergence")).isNotNull();
              assertThat(row.get("direction_birth")).isNotNull();
            });
    assertThat(ofFirst("evolution", "lineage")).isNotEmpty();
    assertThat(ofFirst("evolution", "phases")).isNotEmpty();
    assertThat(ofFirst("evolution", "curves").map(row -> row.get("curve")))
        .contains("births_presence_confirmed", "fvu", "alive_share", "rotation_degrees");
    assertThat(ofFirst("evolution", "formation").map(row -> row.get("similarity")).distinct())
        .containsExactly("activation_cosine");
    assertThat(ofFirst("evolution", "identity")).isEmpty();
    assertThat(ofFirst("evolution", "relative_norms")).isEmpty();
  }

  /** A reading is the code at the peak times the norm of the decoder. */
  @Test
  void readingsFollowTheNorm() throws IOException {
    Map<List<Object>, Double> norms = new HashMap<>();
    Map<Object, Object> peaks = new HashMap<>();
    ofFirst("evolution", "trajectories")
        .forEach(
            row ->
                norms.put(
                    List.of(row.get("track"), row.get("checkpoint")),
                    (Double) row.get("decoder_norm")));
    ofFirst("evolution", "events").forEach(row -> peaks.put(row.get("track"), row.get("peak")));
    Map<List<Object>, Double> codes = new HashMap<>();
    for (Map<String, Object> row : table("features", "features", "examples")) {
      if (row.get("dictionary").equals(SERIES + 0)) {
        codes.put(
            List.of(row.get("feature"), row.get("checkpoint"), row.get("shard"), row.get("row")),
            (Double) row.get("value"));
      }
    }
    List<Map<String, Object>> readings = ofFirst("evolution", "readings").toList();
    assertThat(readings).isNotEmpty();
    for (Map<String, Object> row : readings) {
      Object track = row.get("track");
      double code = codes.get(List.of(track, peaks.get(track), row.get("shard"), row.get("row")));
      assertThat((Double) row.get("value"))
          .isCloseTo(code * norms.get(List.of(track, row.get("checkpoint"))), within(1e-5));
    }
  }

  @Test
  void everySourceIsMeasured() throws IOException {
    assertThat(table("features", "features", "features")).hasSize(2 * WIDTH * CHECKPOINTS.size());
    assertThat(table("features", "features", "dictionaries")).hasSize(2 * CHECKPOINTS.size() * 2);
    double unseen =
        table("features", "features", "dictionaries").stream()
            .filter(row -> row.get("dictionary").equals(SERIES + 0))
            .filter(row -> row.get("split").equals("held_out"))
            .mapToDouble(row -> (Double) row.get("fvu"))
            .average()
            .orElseThrow();
    DictionaryMetadata metadata = DictionaryFolder.open(at("dictionaries")).dictionaries().get(0);
    // All sources have much the same variance in scaled units.
    assertThat(unseen).isCloseTo(metadata.quality().fvu(), within(0.02));
    assertThat(table("features", "features", "overlaps")).hasSize(2 * WIDTH * 6);
    Dictionary dictionary = DictionaryFolder.read(at("dictionaries"), SERIES + 0);
    for (Map<String, Object> row : table("features", "features", "features")) {
      if (row.get("dictionary").equals(SERIES + 0)) {
        FloatMatrix decoder = dictionary.decoderOf(index(row.get("checkpoint")));
        double squares = 0;
        for (int i = 0; i < decoder.columns(); i++) {
          squares += Math.pow(decoder.at((Integer) row.get("feature"), i), 2);
        }
        assertThat((Double) row.get("decoder_norm")).isCloseTo(Math.sqrt(squares), within(1e-6));
      }
    }
  }

  /** Sources are read side by side: each must be told of its own columns. */
  @Test
  void theGeometryIsThatOfEverySource() throws IOException {
    List<Map<String, Object>> rows =
        table("features", "features", "geometry").stream()
            .filter(row -> row.get("statistic").equals("anisotropy"))
            .toList();
    assertThat(rows)
        .extracting(row -> row.get("checkpoint"))
        .containsExactlyInAnyOrderElementsOf(CHECKPOINTS);
    for (Map<String, Object> row : rows) {
      double[] sum = new double[dataset.site(DatasetFixture.SITE).width()];
      double n = 0;
      for (int shard = 0; shard < dataset.summary().shards(); shard++) {
        FloatMatrix x = FloatMatrix.zeros((int) dataset.rows(shard), sum.length);
        try (VectorReader reader =
            dataset.vectors(DatasetFixture.SITE, (Long) row.get("checkpoint"), shard)) {
          assertThat(reader.read(x)).isEqualTo(x.rows());
        }
        for (int r = 0; r < x.rows(); r++) {
          double square = 0;
          for (int i = 0; i < sum.length; i++) {
            square += (double) x.at(r, i) * x.at(r, i);
          }
          for (int i = 0; i < sum.length; i++) {
            sum[i] += x.at(r, i) / Math.sqrt(square);
          }
          n++;
        }
      }
      double square = Arrays.stream(sum).map(each -> each * each).sum();
      assertThat((Double) row.get("value")).isCloseTo((square - n) / n / (n - 1), within(1e-6));
    }
  }

  /**
   * A decoder that is taken away although the feature is there is told from a feature that is not
   * there.
   */
  @Test
  void absentIsToldFromShrunk() throws IOException {
    Dictionary dictionary = DictionaryFolder.read(at("dictionaries"), SERIES + 0);
    List<Map<String, Object>> confident =
        ofFirst("evolution", "events")
            .filter(row -> (Double) row.get("confidence") >= 0.9)
            .toList();
    List<Integer> fromTheBeginning =
        confident.stream()
            .filter(row -> row.get("birth").equals(0L) && row.get("death") == null)
            .map(row -> (Integer) row.get("track"))
            .limit(2)
            .toList();
    List<Integer> born =
        confident.stream()
            .filter(row -> (Long) row.get("birth") >= 200)
            .map(row -> (Integer) row.get("track"))
            .toList();
    assertThat(fromTheBeginning).hasSize(2);
    assertThat(born).hasSizeGreaterThan(3);
    int shrunk = fromTheBeginning.get(0);
    int split = fromTheBeginning.get(1);
    int idle =
        ofFirst("evolution", "events")
            .filter(row -> row.get("class").equals("inactive"))
            .mapToInt(row -> (Integer) row.get("track"))
            .findFirst()
            .orElseThrow();
    Map<Integer, Double> before = new HashMap<>();
    for (int feature : fromTheBeginning) {
      before.put(
          feature,
          IntStream.range(0, 3)
              .mapToDouble(t -> along(dictionary, feature, t, 3))
              .max()
              .orElseThrow());
    }
    // At the first three checkpoints one loses its decoder, the other gives it to an idle latent
    // that fires where it does.
    int inputs = dictionary.inputs();
    int lost = 3 * PLANTED.plan().width();
    float[] decoder = dictionary.decoder().values();
    Arrays.fill(decoder, idle * inputs, (idle + 1) * inputs, 0);
    System.arraycopy(decoder, split * inputs, decoder, idle * inputs, lost);
    Arrays.fill(decoder, split * inputs, split * inputs + lost, 0);
    Arrays.fill(decoder, shrunk * inputs, shrunk * inputs + lost, 0);
    for (int i = 0; i < inputs; i++) {
      dictionary.encoder().values()[i * WIDTH + idle] = dictionary.encoder().at(i, split);
    }
    dictionary.encoderBias()[idle] = dictionary.encoderBias()[split];
    dictionary.threshold()[idle] = dictionary.threshold()[split];
    publish("shrunk", dictionary);
    measure("shrunk", "shrunk-features");
    Job.Result result = evolve("shrunk", "shrunk-features", "shrunk-evolution");
    assertThat(result.lines()).anySatisfy(line -> assertThat(line).contains("were confirmed"));
    Map<Object, Map<String, Object>> checks = new HashMap<>();
    ofFirst("shrunk-evolution", "birth_checks").forEach(row -> checks.put(row.get("track"), row));
    for (int feature : fromTheBeginning) {
      Map<String, Object> check = checks.get(feature);
      assertThat(check.get("birth")).isEqualTo(CHECKPOINTS.get(3));
      assertThat((Double) check.get("beta_error_birth")).isBetween(0.9, 1.1);
      assertThat(check.get("confirmed")).isEqualTo(false);
    }
    assertThat((Double) checks.get(shrunk).get("beta_error_before"))
        .isCloseTo(before.get(shrunk), within(0.1));
    assertThat((Double) checks.get(split).get("beta_error_before")).isBetween(-0.1, 0.1);
    assertThat(
            (Double) checks.get(split).get("beta_others_before")
                - (Double) checks.get(split).get("beta_others_birth"))
        .isCloseTo(before.get(split), within(0.2));
    int confirmed = 0;
    for (int feature : born) {
      Map<String, Object> check = checks.get(feature);
      assertThat((Double) check.get("beta_error_before")).isBetween(-0.2, 0.35);
      assertThat((Double) check.get("beta_error_birth")).isBetween(0.8, 1.2);
      confirmed += check.get("confirmed").equals(true) ? 1 : 0;
    }
    assertThat(confirmed).isGreaterThanOrEqualTo(born.size() - 1);
    for (Map<String, Object> row : table("shrunk-features", "features", "latent_scaling")) {
      int t = index(row.get("checkpoint"));
      if (row.get("feature").equals(shrunk)) {
        assertThat(index(row.get("direction_checkpoint"))).isEqualTo(Math.max(3, t));
        assertThat((Double) row.get("beta_own")).isCloseTo(t < 3 ? 0 : 1, within(1e-6));
      }
    }
    assertThat(
            checks.values().stream()
                .filter(row -> row.get("birth").equals(0L))
                .map(row -> row.get("confirmed")))
        .containsOnlyNulls();
  }

  /** ⟨d_t, d_other⟩ / ‖d_other‖². */
  private static double along(Dictionary dictionary, int feature, int t, int other) {
    FloatMatrix here = dictionary.decoderOf(t);
    FloatMatrix there = dictionary.decoderOf(other);
    double product = 0;
    double square = 0;
    for (int i = 0; i < here.columns(); i++) {
      product += (double) here.at(feature, i) * there.at(feature, i);
      square += (double) there.at(feature, i) * there.at(feature, i);
    }
    return product / square;
  }

  /**
   * Each source has a gate of its own, and sees its own part of the code; each site is a series of
   * three checkpoints.
   */
  @Test
  void sourcesWithGatesAndSeveralSitesAreFollowed() throws IOException {
    String twoSites = "two-sites";
    DatasetFixture.publish(
        at(twoSites),
        new PlantedActivations(PlantedActivations.Plan.of(5, 8, 10, 6)),
        new DatasetFixture.Settings(1, 3, 1, 20),
        VectorType.FLOAT32,
        "here",
        "there");
    String dataset = "dataset=" + at(twoSites);
    new Train()
        .run(
            spark,
            settings(
                TrainSettings.class,
                "train",
                dataset,
                "output=" + at("gated"),
                "mode=crosscoder",
                "crosscoder.across-sites=true",
                "checkpoints=[0,200,500]",
                "dictionaries=[{type=jump-relu,width=16,coefficient=0.1}]",
                "training.batch=64",
                "training.tokens=20000",
                "training.learning-rate=3e-4"));
    DictionaryMetadata metadata = DictionaryFolder.open(at("gated")).dictionaries().get(0);
    assertThat(metadata.sources()).hasSize(6);
    assertThat(metadata.type().activation().bySource()).isTrue();
    measure("gated", "gated-features", dataset);
    Set<Object> counts = new HashSet<>();
    for (Map<String, Object> row : table("gated-features", "features", "features")) {
      if (row.get("dictionary").equals(metadata.id()) && row.get("feature").equals(0)) {
        counts.add(row.get("count"));
      }
    }
    assertThat(counts).hasSizeGreaterThan(1);
    assertThat(table("gated-features", "features", "overlaps"))
        .hasSize(2 * 2 * 2 * 16)
        .allSatisfy(
            row -> assertThat((Long) row.get("both")).isLessThanOrEqualTo((Long) row.get("count")))
        .anySatisfy(row -> assertThat((Long) row.get("both")).isLessThan((Long) row.get("count")));
    new Evolve()
        .run(
            spark,
            settings(
                EvolveSettings.class,
                "evolve",
                dataset,
                "dictionaries=" + at("gated"),
                "features=" + at("gated-features"),
                "output=" + at("gated-evolution"),
                "phases.bootstraps=5"));
    List<Map<String, Object>> norms = table("gated-evolution", "evolution", "relative_norms");
    assertThat(norms.stream().map(row -> row.get("series")).distinct().sorted())
        .containsExactly(
            metadata.id().replace("-r0", "-r0-here"),
            metadata.id().replace("-r0", "-r0-there"),
            metadata.id().replace("-r0", "-r1-here"),
            metadata.id().replace("-r0", "-r1-there"));
    Map<List<Object>, Double> shares = new HashMap<>();
    for (Map<String, Object> row : norms) {
      if (row.get("other_checkpoint") == null) {
        shares.merge(
            List.of(row.get("series"), row.get("track")), (Double) row.get("share"), Double::sum);
      }
    }
    assertThat(shares.values())
        .isNotEmpty()
        .allSatisfy(sum -> assertThat(sum).isCloseTo(1, within(1e-9)));
    assertThat(table("gated-evolution", "evolution", "readings")).isNotEmpty();
  }

  @Test
  void theReportOpens() throws Exception {
    Job.Result result =
        new Report()
            .run(
                spark,
                settings(
                    ReportSettings.class,
                    "report",
                    "dictionaries=" + at("dictionaries"),
                    "features=" + at("features"),
                    "evolution=" + at("evolution"),
                    "output=" + at("report")));
    assertThat(result.manifest().files().stream().map(PublishedFile::path)).contains("index.html");
    Optional<Path> program = Browser.program();
    if (program.isPresent()) {
      Path home = Files.createDirectories(folder.resolve("browser"));
      try (Browser browser = Browser.start(program.get(), home)) {
        for (String view :
            List.of("overview", "formation", "features", "lineage", "compare", "reference")) {
          browser.open(folder.resolve("report"), "#/" + view);
          assertThat(browser.evaluate("document.querySelectorAll('.error').length").asInt())
              .as(view)
              .isZero();
          if (view.equals("formation")) {
            assertThat(browser.text("document.querySelector('main').textContent"))
                .contains("Alive: decoder norm ≥ 0.5 of its greatest.");
          }
        }
        browser.open(folder.resolve("report"), "#/feature/" + SERIES + "0/1");
        assertThat(browser.evaluate("document.querySelectorAll('.error').length").asInt()).isZero();
        assertThat(browser.complaints()).isEmpty();
      }
    }
  }

  /** Decides the identity of the folder. */
  private record Shrunk(int checkpoints) {}

  private static void publish(String name, Dictionary dictionary) throws IOException {
    DictionaryMetadata metadata = DictionaryFolder.open(at("dictionaries")).dictionaries().get(0);
    FloatMatrix inputs = FloatMatrix.zeros(1, dictionary.inputs());
    DictionaryFormat.Probe probe =
        new DictionaryFormat.Probe(inputs, FloatMatrix.zeros(1, WIDTH), inputs);
    List<PublishedFile> files = new ArrayList<>();
    files.add(
        at(name)
            .write(
                metadata.id() + "/dictionary.safetensors",
                null,
                out -> DictionaryFormat.write(dictionary, probe, out)));
    files.add(
        at(name)
            .write(
                metadata.id() + "/dictionary.json",
                null,
                out -> out.write(Json.pretty(metadata).getBytes(StandardCharsets.UTF_8))));
    PublicationFixture.publish(
        at(name), "dictionaries", new Shrunk(3), List.of(dataset.asInput()), files, Map.of());
  }

  @Test
  void bytesDoNotDependOnHowTheWorkIsDivided() {
    Manifest other = measure("dictionaries", "divided", "tasks=1", "batch-rows=77");
    assertThat(contents(other)).isEqualTo(contents(features));
  }

  private static List<String> contents(Manifest of) {
    return of.files().stream()
        .map(file -> file.table() + Objects.toString(file.dictionary()) + file.sha256())
        .sorted()
        .toList();
  }
}
