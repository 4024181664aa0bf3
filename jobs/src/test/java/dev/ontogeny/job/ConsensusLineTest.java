package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedComparison.Result;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.evolution.Directions;
import dev.ontogeny.job.evolve.Evolve;
import dev.ontogeny.job.evolve.EvolveSettings;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.measure.MeasureSettings;
import dev.ontogeny.job.report.Report;
import dev.ontogeny.job.report.ReportSettings;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The line with a dictionary that is merged out of two chains of planted features. */
class ConsensusLineTest {
  private static final PlantedActivations PLANTED =
      new PlantedActivations(
          new PlantedActivations.Plan(
              11, 24, 32, List.of(0L, 100L, 200L, 300L, 400L, 500L), 2, 0.5, 0, 0, 40, 0.02, 64));
  private static final String FAMILY = "chain-" + DatasetFixture.SITE + "-top-k-w64-k2";
  private static final String MERGED = FAMILY + "-consensus-r0";
  private static final String CONSENSUS = "consensus={share=0.5,cosine=0.7}";

  @TempDir private static Path folder;
  private static SparkSession spark;

  @BeforeAll
  static void run() throws IOException {
    spark = TestSpark.flaky(2).config("spark.sql.shuffle.partitions", "2").getOrCreate();
    DatasetFixture.publish(at("dataset"), PLANTED, 120, 5);
    train("dictionaries", CONSENSUS);
    new Measure()
        .run(
            spark,
            settings(
                MeasureSettings.class,
                "measure",
                "dictionaries=" + at("dictionaries"),
                "output=" + at("features"),
                "top-examples=6",
                "replicates=10",
                "features-per-file=128"));
    new Evolve()
        .run(
            spark,
            settings(
                EvolveSettings.class,
                "evolve",
                "dictionaries=" + at("dictionaries"),
                "features=" + at("features"),
                "output=" + at("evolution"),
                "phases.bootstraps=20"));
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
    return SettingsReader.read(type, job, null, assignments);
  }

  private static TrainSettings training(String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "output=" + at(output),
                "dictionaries=[{type=top-k,width=64,k=2}]",
                "training.batch=128",
                "training.tokens=100000",
                "training.link-tokens=30000",
                "training.dead-window=4000",
                "training.learning-rate=2e-4"));
    // Of several the last one counts.
    assignments.addAll(List.of(more));
    return settings(TrainSettings.class, "train", assignments.toArray(String[]::new));
  }

  private static Job.Result train(String output, String... more) {
    return new Train().run(spark, training(output, more));
  }

  /** Two checkpoints and few rows. */
  private static Job.Result trainLittle(String output, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of("checkpoints=[0,100]", "training.tokens=2000", "training.link-tokens=1000"));
    all.addAll(List.of(more));
    return train(output, all.toArray(String[]::new));
  }

  private static Map<String, String> checksums(Job.Result result) {
    return result.manifest().files().stream()
        .collect(
            Collectors.toMap(
                PublishedFile::path, PublishedFile::sha256, (a, b) -> a, TreeMap::new));
  }

  private static List<Object[]> agreement(String output, String id, String... columns)
      throws IOException {
    List<Object[]> rows = new ArrayList<>();
    for (PublishedFile file :
        Manifest.read(at(output), "dictionaries").table("consensus").toList()) {
      if (id.equals(file.dictionary())) {
        try (TableReader reader = TableReader.open(at(output), file.path(), columns)) {
          for (Object[] row = reader.next(); row != null; row = reader.next()) {
            rows.add(row.clone());
          }
        }
      }
    }
    return rows;
  }

  @Test
  void birthsAreToldAtLeastAsWellAsByConfidence() throws IOException {
    Result confident =
        PlantedBirths.compare(PLANTED, at("dictionaries"), at("evolution"), FAMILY + "-r0", 0.7);
    Result merged = PlantedBirths.compare(PLANTED, at("dictionaries"), at("evolution"), MERGED, 0);
    assertThat(merged.births().f1())
        .isGreaterThan(0.8)
        .isGreaterThanOrEqualTo(confident.births().f1());
    assertThat(merged.found()).isGreaterThanOrEqualTo(confident.found());
  }

  @Test
  void itIsReadAsAnyDictionary() throws IOException {
    DictionaryFolder published = DictionaryFolder.open(at("dictionaries"));
    List<DictionaryMetadata> merged =
        published.dictionaries().stream()
            .filter(each -> each.family().equals(FAMILY + "-consensus"))
            .toList();
    assertThat(merged).hasSize(6);
    Map<String, Double> measured = new TreeMap<>();
    for (PublishedFile file :
        Manifest.read(at("features"), "features").table("dictionaries").toList()) {
      try (TableReader reader =
          TableReader.open(at("features"), file.path(), "dictionary", "split", "fvu")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          if (row[1].equals("held_out")) {
            measured.put((String) row[0], (Double) row[2]);
          }
        }
      }
    }
    for (DictionaryMetadata each : merged) {
      assertThat(each.series()).isNull();
      assertThat(each.width()).isLessThan(64);
      assertThat(each.k()).isEqualTo(2);
      assertThat(each.quality().fvu()).isBetween(0.0, 0.3);
      assertThat(measured.get(each.id())).isCloseTo(each.quality().fvu(), within(1e-4));
      assertThat(each.training().tokens()).isZero();
      assertThat(each.training().settings().path("replicas").size()).isEqualTo(2);
    }
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
    assertThat(Files.readString(folder.resolve("report/index.html"))).isNotEmpty();
  }

  @Test
  void theTableSaysWhoHasWhat() throws IOException {
    String id = MERGED + "-c500";
    Dictionary merged = DictionaryFolder.read(at("dictionaries"), id);
    List<Dictionary> replicas =
        List.of(
            DictionaryFolder.read(at("dictionaries"), FAMILY + "-r0-c500"),
            DictionaryFolder.read(at("dictionaries"), FAMILY + "-r1-c500"));
    List<Object[]> rows =
        agreement(
            "dictionaries", id, "feature", "share", "replicas", "mean_cosine", "spread", "members");
    assertThat(rows).hasSize(merged.width());
    for (int f = 0; f < rows.size(); f++) {
      Object[] row = rows.get(f);
      assertThat(Arrays.asList(row).subList(0, 3)).containsExactly(f, 1.0, 2);
      long[] members = (long[]) row[5];
      FloatMatrix first = row(replicas.get(0), (int) members[0]);
      FloatMatrix second = row(replicas.get(1), (int) members[1]);
      assertThat((Double) row[3])
          .isCloseTo(Directions.cosines(first, second)[0], within(1e-5))
          .isGreaterThan(0.4);
      // Of two each is half the angle away.
      assertThat((Double) row[4])
          .isCloseTo(Math.toDegrees(Math.acos((Double) row[3])) / 2, within(0.1));
      assertThat(f == 0 || (Double) row[3] <= (Double) rows.get(f - 1)[3]).isTrue();
    }
  }

  private static FloatMatrix row(Dictionary of, int feature) {
    int columns = of.inputs();
    return new FloatMatrix(
        1,
        columns,
        Arrays.copyOfRange(of.decoder().values(), feature * columns, (feature + 1) * columns));
  }

  /** What came later is not said where it says nothing, so that folders are what they were. */
  @Test
  void withoutItNothingIsOther() {
    assertThat(Identity.resultSettings(training("x")).has("consensus")).isFalse();
    assertThat(Identity.resultSettings(training("x", CONSENSUS)).get("consensus").toString())
        .isEqualTo("{\"cosine\":0.7,\"share\":0.5}");
    Job.Result without = trainLittle("without");
    Job.Result with = trainLittle("with", "consensus={share=1,cosine=0.1}");
    assertThat(with.manifest().identity()).isNotEqualTo(without.manifest().identity());
    assertThat(checksums(with)).containsAllEntriesOf(checksums(without)).hasSize(12 + 2 * 3);
    assertThat(without.manifest().table("consensus")).isEmpty();
    assertThat(with.lines().get(0))
        .startsWith("6 dictionaries, 0 of them taken from elsewhere, 2 merged out of replicas, 0");
  }

  @Test
  void aRunThatIsCutOffGoesOnToTheSameBytes() {
    String[] all = {"consensus={share=1,cosine=0.1}", "seed=3"};
    Job.Result undisturbed = trainLittle("undisturbed", all);
    String[] flaky = {all[0], all[1], "output=flaky:" + folder.resolve("cut")};
    FlakyFileSystem.fail(
        FlakyFileSystem.Operation.CREATE,
        MERGED + "-c100/dictionary.json",
        () -> new IOException("no space left"));
    try {
      assertThatThrownBy(() -> trainLittle("cut", flaky)).hasMessageContaining("no space left");
    } finally {
      FlakyFileSystem.heal();
    }
    assertThat(Files.exists(folder.resolve("cut").resolve("_progress"))).isTrue();
    Job.Result again = trainLittle("cut", flaky);
    assertThat(again.manifest().identity()).isEqualTo(undisturbed.manifest().identity());
    assertThat(checksums(again)).isEqualTo(checksums(undisturbed));
  }

  /** Replicas that are taken from elsewhere are merged as those that are trained. */
  @Test
  void aCheckpointMoreLeavesWhatWasMerged() {
    String merging = "consensus={share=1,cosine=0.1}";
    Job.Result one = trainLittle("one", merging, "checkpoints=[0]");
    Job.Result two = trainLittle("two", merging, "continue-from=" + at("one"));
    assertThat(two.lines().get(0)).startsWith("6 dictionaries, 2 of them taken from elsewhere");
    assertThat(checksums(two)).containsAllEntriesOf(checksums(one));
  }

  /** Of three that read disjoint shards, in every mode that has another kind of sources. */
  @Test
  void replicasOfEveryKindAreMerged() throws IOException {
    String[] three = {
      "replicas=3",
      "replicas-by=shards",
      "consensus={share=0.6,cosine=0.1}",
      "mode=crosscoder",
      "dictionaries=[{type=batch-top-k,width=24,k=3},{type=jump-relu,width=24,coefficient=0.1}]"
    };
    assertThat(new Train().plan(spark, training("plan", three)).lines().get("consensus"))
        .startsWith("2 dictionaries more, merged out of replicas in ");
    Job.Result crosscoders = trainLittle("crosscoders", three);
    assertThat(crosscoders.lines().get(0)).startsWith("8 dictionaries").contains(" 0 failed");
    String site = "crosscoder-" + DatasetFixture.SITE + "-";
    for (String type : List.of("batch-top-k-w24-k3", "jump-relu-w24-coefficient0.1")) {
      String id = site + type + "-consensus-r0";
      DictionaryMetadata metadata =
          DictionaryFolder.metadata(at("crosscoders"), id + "/dictionary.json");
      assertThat(metadata.series()).isEqualTo(id);
      assertThat(metadata.sources()).hasSize(2);
      assertThat(metadata.quality().sourceFvu()).hasSize(2);
      assertThat(checksums(crosscoders)).containsKey(id + "/decoder_norms.parquet");
      assertThat(agreement("crosscoders", id, "share", "replicas", "members"))
          .hasSize(metadata.width())
          .allSatisfy(
              row -> {
                long[] members = (long[]) row[2];
                assertThat(members).hasSize(3);
                int has = (int) Arrays.stream(members).filter(each -> each >= 0).count();
                assertThat(row[1]).isEqualTo(has);
                assertThat(has).isGreaterThanOrEqualTo(2);
                assertThat((Double) row[0]).isCloseTo(has / 3.0, within(1e-12));
              });
    }
  }

  /** There is a publication all the same, which says so. */
  @Test
  void replicasThatAgreeOnNothingSaySo() {
    Job.Result result = trainLittle("nothing", "consensus={share=1,cosine=1}");
    String why = "of 2 replicas no 2 have a feature in common whose cosine is at least 1.0";
    assertThat(result.lines().get(0)).startsWith("4 dictionaries").contains(" 2 failed");
    assertThat(result.lines()).contains(MERGED + "-c0 FAILED: " + why);
    assertThat(result.manifest().summary().path("failed").get(0).path("reason").asText())
        .isEqualTo(why);
    assertThat(DictionaryFolder.open(at("nothing")).dictionaries())
        .hasSize(4)
        .allSatisfy(each -> assertThat(each.target()).isEqualTo(Target.AUTOENCODER));
  }

  @Test
  void whatCannotBeMergedIsRefused() {
    assertThatThrownBy(() -> training("x", CONSENSUS, "replicas=1"))
        .hasMessageContaining("consensus must be empty with one replica")
        .hasMessageContaining("set replicas to 2 or more, got 1");
    assertThatThrownBy(() -> training("x", "consensus={share=0.5,cosin=0.7}"))
        .hasMessageContaining("unknown key 'consensus.cosin' (did you mean 'cosine'?)");
    assertThatThrownBy(() -> training("x", "consensus={share=2}"))
        .hasMessageContaining("consensus.share must be above 0 and at most 1, got 2.0")
        .hasMessageContaining("consensus.cosine is required beside the other");
    assertThatThrownBy(() -> training("x", "consensus={share=half,cosine=0}"))
        .hasMessageContaining("'consensus.share' must be a number, got \"half\"");
  }
}
