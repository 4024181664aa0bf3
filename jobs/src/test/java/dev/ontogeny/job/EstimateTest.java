package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.run.Effort;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Provenance;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EstimateTest {
  record Settings(int rows) {}

  private static final double MEBIBYTE = 1 << 20;
  private static SparkSession spark;

  @TempDir private Path work;

  @BeforeAll
  static void start() {
    spark = ReportFixture.spark();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @BeforeEach
  void withoutEarlierRuns() {
    for (String kind : List.of("dataset", "dictionaries")) {
      spark.conf().unset("ontogeny.like." + kind + ".factor");
      spark.conf().unset("ontogeny.like." + kind + ".folders");
    }
  }

  @Test
  void withoutAnEarlierRunDefaultRatesCountAndAreTold() {
    int cores = spark.sparkContext().defaultParallelism();
    Estimate estimate = Estimate.of(spark, shard(640 * MEBIBYTE, cores));
    assertThat(estimate.seconds()).isCloseTo(10.0 / cores, within(1e-9));
    assertThat(estimate.lines())
        .containsOnlyKeys("time", "core-hours")
        .containsEntry(
            "time",
            "about "
                + Estimate.duration(10.0 / cores)
                + " on "
                + cores
                + " cores, at default rates (64.0 MiB/s a core): --like FOLDER takes those of an earlier run")
        .containsEntry("core-hours", "0.00278");
  }

  @Test
  void anEarlierRunsRatesPredictItselfAndTwiceTheWorkTwiceTheTime() throws Exception {
    // 64 MiB on one core are a second by default: these took four times as long, on two cores.
    publish("one/dataset", "dataset", new Effort(640 * MEBIBYTE, 0, 0, 64, 1, 2, "default", 5, 20));
    Estimate.use(spark, List.of(work + "/one"));
    assertThat(new Estimate(shard(640 * MEBIBYTE, 64), 2, 4, "x").seconds())
        .isCloseTo(20, within(1e-9));
    Estimate same = Estimate.of(spark, shard(640 * MEBIBYTE, 64));
    assertThat(same.factor()).isCloseTo(4, within(1e-9));
    assertThat(same.rates()).isEqualTo(work + "/one/dataset");
    Estimate twice = Estimate.of(spark, shard(1280 * MEBIBYTE, 64));
    assertThat(twice.seconds()).isCloseTo(2 * same.seconds(), within(1e-9));
    assertThat(same.lines().get("time"))
        .contains(
            "as "
                + work
                + "/one/dataset took: 4.00 times as long as at default rates (64.0 MiB/s a core)");
    assertThat(Estimate.of(spark, new Workload("dictionaries", 0, 1e12, 0, 1, 1)).rates())
        .as("of another kind nothing is known")
        .isEqualTo("default");
  }

  @Test
  void ofSeveralRunsTheLongerOneCountsForMore() throws Exception {
    publish("a", "dataset", new Effort(64 * MEBIBYTE, 0, 0, 1, 1, 1, "default", 1, 3));
    publish("b", "dataset", new Effort(576 * MEBIBYTE, 0, 0, 1, 1, 1, "default", 9, 17));
    Estimate.use(spark, List.of(work + "/a", work + "/b"));
    assertThat(Estimate.of(spark, shard(1, 1)).factor()).isCloseTo(2, within(1e-9));
  }

  @Test
  void foldersThatTellNoTimeAreRefused() throws Exception {
    publish("old", "dataset", null);
    assertThatThrownBy(() -> Estimate.use(spark, List.of(work + "/old")))
        .isInstanceOf(Failure.class)
        .hasMessageStartingWith("--like " + work + "/old: nothing there tells how long it took;")
        .extracting(thrown -> ((Failure) thrown).kind())
        .isEqualTo(FailureKind.USAGE);
    Files.createDirectories(work.resolve("empty"));
    assertThatThrownBy(() -> Estimate.use(spark, List.of(work + "/empty")))
        .hasMessageContaining("is no publication and holds none");
  }

  @Test
  void describeTellsWhatWasPredictedAndWhatItTook() throws Exception {
    publish("d", "dataset", new Effort(1, 0, 0, 1, 1, 8, "default", 42, 51.2));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8);
    assertThat(
            Main.run(
                List.of(),
                new Terminal(to, to, false, 100),
                "describe",
                work.resolve("d").toString()))
        .isZero();
    assertThat(out.toString(StandardCharsets.UTF_8).lines().map(line -> line.replaceAll(" +", " ")))
        .contains("time predicted 42 s, took 51 s on 8 cores (rates: default)")
        .anySatisfy(line -> assertThat(line).startsWith("made by {").doesNotContain("effort"));
  }

  @Test
  void whatARunTookChangesNoIdentity() throws Exception {
    publish("x", "dataset", new Effort(1, 0, 0, 1, 1, 8, "default", 42, 51.2));
    publish("y", "dataset", null);
    Manifest one = Manifest.read(Folder.of(work + "/x"));
    Manifest other = Manifest.read(Folder.of(work + "/y"));
    assertThat(one.provenance()).isNotEqualTo(other.provenance());
    assertThat(one.identity()).isEqualTo(other.identity());
    assertThat(one.asInput("here")).isEqualTo(other.asInput("here"));
  }

  @Test
  void aRunThatWentOnTellsNoTime() {
    Publication publication = open(work + "/resumed", "dataset");
    Estimate estimate = Estimate.of(spark, shard(64 * MEBIBYTE, 1));
    try (var claim = publication.claim()) {
      Effort took = estimate.took(claim);
      assertThat(took.predictedSeconds()).isEqualTo(estimate.seconds());
      assertThat(took.bytes()).isEqualTo(64 * MEBIBYTE);
      assertThat(took.seconds()).isPositive();
    }
    try (var claim = open(work + "/resumed", "dataset").claim()) {
      assertThat(estimate.took(claim)).isNull();
    }
  }

  @Test
  void durationsAreForPeople() {
    assertThat(List.of(0.04, 9.96, 11.4, 119.0, 130.0, 7300.0, 4e5, 1e8))
        .extracting(Estimate::duration)
        .containsExactly(
            "0.0 s", "10.0 s", "11 s", "119 s", "2 min", "2.0 h", "4.6 days", "1,157.4 days");
  }

  private static Workload shard(double bytes, int tasks) {
    return new Workload("dataset", bytes, 0, 0, tasks, 1);
  }

  private static Publication open(String folder, String kind) {
    return Publication.open(Folder.of(folder), kind, new Settings(3), List.of());
  }

  private void publish(String path, String kind, Effort effort) {
    Publication publication = open(work + "/" + path, kind);
    try (var claim = publication.claim()) {
      publication.publish(
          claim,
          new Settings(3),
          List.of(),
          List.of(),
          List.of(),
          Provenance.here(null, null).with(effort),
          Map.of());
    }
  }
}
