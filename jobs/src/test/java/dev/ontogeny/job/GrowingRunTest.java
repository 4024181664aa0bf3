package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.job.evolve.Evolve;
import dev.ontogeny.job.evolve.EvolveSettings;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.measure.MeasureSettings;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.job.shard.ShardSettings;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run of checkpoints that grows, against the same checkpoints all at once. */
class GrowingRunTest {
  private static final int WIDTH = 9;
  private static final String ONE = "{type=top-k,width=130,k=3}";
  private static final String TWO = ONE + ",{type=batch-top-k,width=20,k=2}";

  private static SparkSession spark;

  @TempDir private Path folder;

  @BeforeAll
  static void open() {
    spark = TestSpark.flaky(2).getOrCreate();
  }

  @AfterAll
  static void close() throws IOException {
    spark.close();
  }

  @BeforeEach
  void begin() throws IOException {
    capture(0);
    capture(16);
    shard("dataset");
    train("dataset", "first/dictionaries", ONE);
    measure("dataset", "first/dictionaries", "first/features");
  }

  private void capture(long checkpoint) throws IOException {
    CaptureFixture.write(
        folder.resolve("capture"),
        "a",
        checkpoint,
        Form.HALF_LIST,
        Encoding.usual(),
        WIDTH,
        CaptureFixture.rows(20, 60, WIDTH, checkpoint));
  }

  private static <S extends Record> S settings(Class<S> type, String job, List<String> all) {
    return SettingsReader.read(type, job, null, all);
  }

  private String at(String name) {
    return folder.resolve(name).toString();
  }

  private Job.Result shard(String output) {
    return new Shard()
        .run(
            spark,
            settings(
                ShardSettings.class,
                "shard",
                List.of("input=" + at("capture"), "output=" + at(output), "extend=true")));
  }

  private Job.Result train(
      String dataset, String output, String dictionaries, String... assignments) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "dataset=" + at(dataset),
                "output=" + at(output),
                "dictionaries=[" + dictionaries + "]",
                "training.batch=64",
                "training.tokens=2000",
                "training.link-tokens=500",
                "training.dead-window=500"));
    all.addAll(List.of(assignments));
    return new Train().run(spark, settings(TrainSettings.class, "train", all));
  }

  private Job.Result measure(
      String dataset, String dictionaries, String output, String... assignments) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "dataset=" + at(dataset),
                "dictionaries=" + at(dictionaries),
                "output=" + at(output),
                "top-examples=3",
                "quantiles=2",
                "examples-per-quantile=1",
                "replicates=8",
                "features-per-file=128"));
    all.addAll(List.of(assignments));
    return new Measure().run(spark, settings(MeasureSettings.class, "measure", all));
  }

  private static Map<String, String> checksums(Job.Result result) {
    Map<String, String> checksums = new TreeMap<>();
    for (PublishedFile file : result.manifest().files()) {
      checksums.put(Publication.ofAnyAttempt(file.path()), file.sha256());
    }
    return checksums;
  }

  private static List<PublishedFile> of(Manifest manifest, String dictionary) {
    return manifest.files().stream().filter(file -> dictionary.equals(file.dictionary())).toList();
  }

  @Test
  void aCheckpointMoreCostsOneLinkAndIsAsIfAllHadBeenThere() throws IOException {
    capture(400);
    shard("dataset");
    Job.Result trained =
        train("dataset", "second/dictionaries", TWO, "continue-from=" + at("first/dictionaries"));
    Manifest before = Manifest.read(Folder.of(at("first/features")));
    Job.Result measured =
        measure(
            "dataset",
            "second/dictionaries",
            "second/features",
            "continue-from=" + at("first/features"),
            // A chain that is known and one that is new share a scan.
            "checkpoints-per-unit=2");
    shard("at-once/dataset");
    Job.Result trainedAtOnce = train("at-once/dataset", "at-once/dictionaries", TWO);
    Job.Result measuredAtOnce =
        measure("at-once/dataset", "at-once/dictionaries", "at-once/features");
    assertThat(checksums(trained)).isEqualTo(checksums(trainedAtOnce));
    assertThat(checksums(measured)).isEqualTo(checksums(measuredAtOnce));
    assertThat(measured.manifest().identity()).isEqualTo(measuredAtOnce.manifest().identity());
    assertThat(measured.manifest().summary()).isEqualTo(measuredAtOnce.manifest().summary());
    // What was there was taken, under its own names: nothing of it was measured again.
    List<String> taken =
        before.files().stream()
            .map(PublishedFile::dictionary)
            .filter(id -> id != null)
            .distinct()
            .toList();
    assertThat(taken).hasSize(4);
    for (String id : taken) {
      assertThat(of(measured.manifest(), id)).isEqualTo(of(before, id));
    }
    assertThat(measure("dataset", "second/dictionaries", "second/features").alreadyDone()).isTrue();
  }

  private EvolveSettings evolving(String work, String output, String... assignments) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "dataset=" + at("dataset"),
                "dictionaries=" + at(work + "/dictionaries"),
                "features=" + at(work + "/features"),
                "output=" + at(output),
                "phases.bootstraps=10",
                "range-memory=64KiB"));
    all.addAll(List.of(assignments));
    return settings(EvolveSettings.class, "evolve", all);
  }

  private Job.Result evolve(String work, String output, String... assignments) {
    return new Evolve().run(spark, evolving(work, output, assignments));
  }

  @ParameterizedTest
  @ValueSource(strings = {"chain", "independent"})
  void lineageOfCheckpointsThatWereThereIsTaken(String mode) throws IOException {
    capture(400);
    shard("dataset");
    train("dataset", "before/dictionaries", ONE, "mode=" + mode);
    measure("dataset", "before/dictionaries", "before/features");
    Manifest before = evolve("before", "before/evolution").manifest();
    capture(8000);
    shard("dataset");
    train(
        "dataset",
        "after/dictionaries",
        TWO,
        "mode=" + mode,
        "continue-from=" + at("before/dictionaries"));
    measure(
        "dataset",
        "after/dictionaries",
        "after/features",
        "continue-from=" + at("before/features"));
    String from = "continue-from=" + at("before/evolution");
    EvolveSettings settings = evolving("after", "after/evolution", from);
    // Two replicas of the dictionary that was there, of two pairs each.
    assertThat(new Evolve().plan(spark, settings).lines().get("tasks"))
        .endsWith("; 4 pairs of checkpoints are taken over");
    Job.Result evolved = new Evolve().run(spark, settings);
    Job.Result atOnce = evolve("after", "at-once/evolution");
    assertThat(checksums(evolved)).isEqualTo(checksums(atOnce));
    assertThat(evolved.manifest().identity()).isEqualTo(atOnce.manifest().identity());
    assertThat(evolved.manifest().summary()).isEqualTo(atOnce.manifest().summary());
    // Taken under its own names: nothing of it was made again.
    for (String table : List.of("lineage", "track_overlaps")) {
      List<PublishedFile> had = before.table(table).toList();
      assertThat(had).hasSize(table.equals("lineage") || mode.equals("independent") ? 4 : 0);
      assertThat(evolved.manifest().files()).containsAll(had);
    }
    assertThat(evolve("after", "after/evolution").alreadyDone()).isTrue();
    // Cut off when all but the curves is there, and gone on with without what was evolved before.
    String cut = "output=flaky:" + at("cut/evolution");
    FlakyFileSystem.fail(
        FlakyFileSystem.Operation.CREATE, "curves", () -> new IOException("no space left"));
    try {
      assertThatThrownBy(() -> evolve("after", "cut/evolution", from, cut))
          .hasMessageContaining("no space left");
    } finally {
      FlakyFileSystem.heal();
    }
    assertThat(checksums(evolve("after", "cut/evolution", cut))).isEqualTo(checksums(atOnce));
    assertThatThrownBy(() -> evolve("after", "x", from, "matching.margin=0.1"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("was evolved with other settings (matching.margin is 0.05 there");
    shard("another/dataset");
    train("another/dataset", "another/dictionaries", ONE);
    measure("another/dataset", "another/dictionaries", "another/features");
    assertThatThrownBy(() -> evolve("another", "y", from, "dataset=" + at("another/dataset")))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("from another dataset than");
  }

  /** What was told before is taken as it is: here it is nonsense, and stands in the new table. */
  @Test
  void readingsOfTopExamplesThatWereThereAreTaken() throws IOException {
    Manifest before = evolve("first", "first/evolution").manifest();
    Folder earlier = Folder.of(at("first/evolution"));
    Map<List<Object>, Double> told = new HashMap<>();
    for (PublishedFile file : before.table("readings").toList()) {
      List<Object[]> rows = readings(earlier, file);
      earlier.delete(file.path());
      try (TableWriter writer = TableWriter.open(earlier, file.path(), EvolutionTables.READINGS)) {
        for (Object[] row : rows) {
          row[5] = 1e6 + told.size();
          told.put(List.of(row).subList(0, 5), (Double) row[5]);
          writer.write(row);
        }
        writer.finish();
      }
    }
    capture(400);
    shard("dataset");
    train("dataset", "second/dictionaries", ONE, "continue-from=" + at("first/dictionaries"));
    measure(
        "dataset",
        "second/dictionaries",
        "second/features",
        "continue-from=" + at("first/features"));
    Manifest after =
        evolve("second", "second/evolution", "continue-from=" + at("first/evolution")).manifest();
    int taken = 0;
    int anew = 0;
    for (PublishedFile file : after.table("readings").toList()) {
      for (Object[] row : readings(Folder.of(at("second/evolution")), file)) {
        Double known = told.get(List.of(row).subList(0, 5));
        if (known == null) {
          assertThat((Double) row[5]).isLessThan(1e6);
          anew++;
        } else {
          assertThat((Double) row[5]).isEqualTo(known);
          taken++;
        }
      }
    }
    // Of tracks that are strongest at the new checkpoint nothing is known at the earlier ones.
    assertThat(taken).isPositive();
    assertThat(anew).isGreaterThan(taken / 2);
  }

  private static List<Object[]> readings(Folder folder, PublishedFile file) throws IOException {
    List<Object[]> rows = new ArrayList<>();
    try (TableReader reader =
        TableReader.open(
            folder,
            EvolutionTables.READINGS,
            file.path(),
            EvolutionTables.READINGS.names().toArray(String[]::new))) {
      for (Object[] row = reader.next(); row != null; row = reader.next()) {
        rows.add(row);
      }
    }
    return rows;
  }

  @Test
  void otherDictionariesAreMeasuredAnew() {
    train("dataset", "other/dictionaries", ONE, "seed=1");
    Job.Result measured =
        measure(
            "dataset",
            "other/dictionaries",
            "other/features",
            "continue-from=" + at("first/features"));
    assertThat(checksums(measured))
        .isEqualTo(checksums(measure("dataset", "other/dictionaries", "anew/features")));
  }

  @Test
  void whatWasMeasuredOtherwiseIsRefused() throws IOException {
    String from = "continue-from=" + at("first/features");
    assertThatThrownBy(() -> measure("dataset", "first/dictionaries", "x", from, "top-examples=4"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("was measured with other settings (top-examples is 3 there");
    capture(400);
    shard("another/dataset");
    train("another/dataset", "another/dictionaries", ONE);
    assertThatThrownBy(
            () -> measure("another/dataset", "another/dictionaries", "another/features", from))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("on another dataset than")
        .hasMessageContaining("not on an earlier state of it");
    assertThatThrownBy(
            () -> measure("dataset", "first/dictionaries", "x", "continue-from=" + at("nowhere")))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("is not a published folder: it does not exist");
  }
}
