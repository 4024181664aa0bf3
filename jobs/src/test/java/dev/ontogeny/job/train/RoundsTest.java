package dev.ontogeny.job.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One dictionary out of several workers. */
final class RoundsTest {
  private static final String EVERY_TYPE =
      "dictionaries=[{type=top-k,width=24,k=3},{type=batch-top-k,width=24,k=3},"
          + "{type=matryoshka-batch-top-k,width=24,k=3,levels=2},{type=jump-relu,width=24},"
          + "{type=jump-relu,width=24,penalty=target-l0,target=3,coefficient=1},"
          + "{type=relu,width=24,coefficient=0.5}]";

  /** Of four shards to train on, of 512 rows each. */
  @TempDir static Path folder;

  private static ShardedDataset dataset;
  private SparkSession spark;

  @BeforeAll
  static void publish() throws IOException {
    PlantedActivations planted = new PlantedActivations(PlantedActivations.Plan.of(5, 12, 16, 6));
    dataset =
        DatasetFixture.publish(Folder.of(folder.resolve("dataset").toString()), planted, 40, 5);
  }

  private void start(int cores) {
    spark = TestSpark.local(cores).getOrCreate();
  }

  @AfterEach
  void stop() {
    if (spark != null) {
      spark.stop();
    }
  }

  private static TrainSettings settings(String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dataset=" + folder.resolve("dataset"),
                "output=" + folder.resolve(output),
                "dictionaries=[{type=top-k,width=24,k=3}]",
                "checkpoints=[0,100]",
                "replicas=1",
                "training.batch=128",
                "training.tokens=2000",
                "training.link-tokens=1000",
                "training.learning-rate=1e-4"));
    assignments.addAll(List.of(more));
    return SettingsReader.read(TrainSettings.class, "train", null, assignments);
  }

  private static Map<String, String> checksums(Manifest manifest, String ending) {
    return manifest.files().stream()
        .filter(file -> file.path().endsWith(ending))
        .collect(
            Collectors.toMap(
                PublishedFile::path, PublishedFile::sha256, (a, b) -> a, TreeMap::new));
  }

  @Test
  void oneWorkerIsASingleStreamWhateverTheType() {
    start(2);
    Train train = new Train();
    Manifest single =
        train.run(spark, settings("single", EVERY_TYPE, "checkpoints=100")).manifest();
    Manifest rounds =
        train
            .run(
                spark,
                settings(
                    "one-worker",
                    EVERY_TYPE,
                    "checkpoints=100",
                    "training.rounds={workers=1,steps=9,outer-rate=1,outer-momentum=0}"))
            .manifest();
    assertThat(checksums(single, ".safetensors")).hasSize(6);
    assertThat(checksums(rounds, ".safetensors")).isEqualTo(checksums(single, ".safetensors"));
    assertThat(rounds.identity()).isNotEqualTo(single.identity());
  }

  private static final String TWO = "training.rounds={workers=2,steps=6}";
  private static final String GRID =
      "dictionaries=[{type=top-k,width=24,k=3},{type=batch-top-k,width=24,k=3}]";

  @Test
  void theSameBytesOnOneCoreOnTwoAndAfterAnInterruption() throws IOException {
    start(2);
    Train train = new Train();
    Manifest two = train.run(spark, settings("two-cores", GRID, TWO)).manifest();
    spark.stop();
    start(1);
    Manifest one = train.run(spark, settings("one-core", GRID, TWO)).manifest();
    assertThat(checksums(one, "")).hasSize(12).isEqualTo(checksums(two, ""));
    assertThat(one.identity()).isEqualTo(two.identity());

    // The second worker's second shard is not there when it is needed.
    TrainSettings settings = settings("interrupted", GRID, TWO);
    TrainPlan.Lane lane = TrainPlan.of(dataset, settings).lanes().get(0);
    BatchStream.Order order = lane.order(0, settings.seed());
    long hash = Seeds.of(order.seed(), "order of shards in epoch", 0L);
    int late =
        Stream.of(order.shards().get(1), order.shards().get(3))
            .max(Comparator.comparingLong(shard -> Seeds.mix(hash, shard)))
            .orElseThrow();
    Path vectors =
        folder.resolve("dataset").resolve(dataset.vectorsFile(DatasetFixture.SITE, 0, late).path());
    Path away = folder.resolve("away");
    Files.move(vectors, away);
    assertThatThrownBy(() -> train.run(spark, settings)).hasMessageContaining("shard");
    Files.move(away, vectors);
    List<String> left;
    try (Stream<Path> files = Files.walk(folder.resolve("interrupted"))) {
      left = files.map(Path::toString).filter(file -> file.endsWith(".json")).toList();
    }
    assertThat(left)
        .as("workers that were done with the second round")
        .filteredOn(file -> file.contains("/2/"))
        .isNotEmpty()
        .allMatch(file -> file.endsWith("/2/worker-0.json"));
    List<String> stages = new ArrayList<>();
    spark
        .sparkContext()
        .addSparkListener(
            new SparkListener() {
              @Override
              public synchronized void onStageSubmitted(SparkListenerStageSubmitted stage) {
                stages.add(
                    stage.properties().getProperty("spark.job.description")
                        + ": "
                        + stage.stageInfo().numTasks());
              }
            });
    Manifest resumed = train.run(spark, settings).manifest();
    assertThat(checksums(resumed, "")).isEqualTo(checksums(two, ""));
    spark.stop();
    assertThat(stages.get(0))
        .as("without the workers that were done")
        .matches("train: round 2 of 3: [23]");
    assertThat(Files.exists(folder.resolve("interrupted").resolve("_progress"))).isFalse();
  }

  @Test
  void aDictionaryTellsItsRounds() throws IOException {
    start(2);
    TrainSettings settings = settings("told", "training.rounds={workers=4,steps=5}");
    Map<String, String> lines = new Train().plan(spark, settings).lines();
    assertThat(lines.get("rounds"))
        .startsWith("4 of 4 workers for 2,048 tokens, each round 5 steps of each on 32 rows and ")
        .contains(" written for each dictionary; 2 of 4 workers for 1,024 tokens, ");
    assertThat(lines).containsEntry("tasks", "4, 1 threads each");
    new Train().run(spark, settings);
    DictionaryMetadata metadata =
        DictionaryFolder.metadata(
            Folder.of(folder.resolve("told").toString()),
            "chain-blocks.0.hook_resid_post-top-k-w24-k3-r0-c100/dictionary.json");
    assertThat(metadata.training().tokens()).isEqualTo(1024);
    assertThat(metadata.training().settings().path("steps").asLong()).isEqualTo(8);
    assertThat(metadata.training().settings().path("rounds").path("workers").asInt()).isEqualTo(4);
    assertThat(metadata.training().settings().path("schedule").path("learning_rate").asDouble())
        .as("the root of the workers times that of a single stream")
        .isCloseTo(2 * Schedule.law(1e-4, 24), within(1e-12));
    assertThat(metadata.quality().fvu()).isBetween(0.0, 0.9);
  }

  @Test
  void crosscodersAndDictionariesThatFail() {
    start(2);
    Train train = new Train();
    String batchTopK = "dictionaries=[{type=batch-top-k,width=24,k=3}]";
    TrainSettings crosscoder = settings("crosscoder", batchTopK, TWO, "mode=crosscoder");
    assertThat(train.run(spark, crosscoder).lines().get(0)).startsWith("1 dictionaries, 0 of");
    assertThatThrownBy(
            () -> train.run(spark, settings("fails", TWO, "training.learning-rate=1e30")))
        .hasMessageContaining("no dictionary could be trained")
        .hasMessageContaining("worker 0: the loss or its gradient is not finite at step 2");
  }

  @Test
  void aWidthThatDoesNotFitSaysWhyAndWhatWouldHoldIt() {
    DictionaryPlan plan = TrainPlan.of(dataset, settings("x")).dictionaries().get(0);
    assertThat(new TaskMemory(6L << 30, 1, plan, 20L << 30, 2, false).told()).isEqualTo("6.0 GiB");
    assertThat(new TaskMemory(6L << 30, 1, plan, 1L << 30, 2, true).told())
        .isEqualTo("6.0 GiB of a GPU; a task whose GPU has less fails when it begins");
    assertThat(new TaskMemory(6L << 30, 1, plan, 19L << 30, 2, false).told())
        .startsWith(
            "6.0 GiB, more than the 5.7 GiB that a task has here (0.6 of a heap of 19.0 GiB, shared by 2 at a time): a dictionary of width 24 over 12 columns")
        .contains("a heap of 10.0 GiB holds one such task at a time")
        .contains("a smaller width or fewer sources hold less; rounds hold as much");
    assertThat(new TaskMemory(6L << 30, 3, plan, 4L << 30, 1, false).told())
        .contains("3 dictionaries, one of width 24")
        .contains("bundle = 1 or a smaller width");
  }

  @Test
  void withoutRoundsNothingIsSaidOfThem() {
    TrainSettings without = settings("x");
    assertThat(Identity.resultSettings(without).path("training").has("rounds")).isFalse();
    assertThat(Json.line(TrainPlan.of(dataset, without).dictionaries().get(0)))
        .doesNotContain("rounds");
    assertThat(Identity.resultSettings(settings("x", TWO)).path("training").path("rounds").size())
        .isEqualTo(4);
  }

  @Test
  void whatCannotBeSaysWhy() {
    assertThatThrownBy(
            () ->
                settings("x", "training.rounds={workers=-1,steps=0,outer-rate=0,outer-momentum=1}"))
        .hasMessageContaining("training.rounds.workers must be at least 0, got -1")
        .hasMessageContaining("training.rounds.steps must be at least 1, got 0")
        .hasMessageContaining("training.rounds.outer-rate must be positive, got 0.0")
        .hasMessageContaining("training.rounds.outer-momentum must be in [0, 1), got 1.0");
    assertThatThrownBy(() -> settings("x", TWO, "bundle=2"))
        .hasMessageContaining("bundle must be null with training.rounds")
        .hasMessageContaining("got 2");
    assertThatThrownBy(
            () -> settings("x", TWO, "dictionaries=[{type=relu,width=24,form=unit-norm}]"))
        .hasMessageContaining("dictionaries.0.resample-tokens must be 0 with training.rounds")
        .hasMessageContaining("got 500000");
    assertThatThrownBy(() -> settings("x", TWO, "training.batch=3"))
        .hasMessageContaining(
            "training.batch must be at least two rows for each of the rounds.workers, 2, got 3");
    assertThatThrownBy(
            () -> TrainPlan.of(dataset, settings("x", "training.rounds={workers=5,steps=1}")))
        .hasMessageContaining("training.rounds.workers 5 need a shard each to train on, ")
        .hasMessageContaining("-c0 has 4 of dataset");
    assertThatThrownBy(
            () -> TrainPlan.of(dataset, settings("x", "training.rounds={workers=2,steps=9}")))
        .hasMessageContaining(
            "training.link-tokens are 8 steps of 64 rows for each of 2 workers, fewer than the training.rounds.steps 9 of one round");
    assertThatThrownBy(
            () -> TrainPlan.of(dataset, settings("x", "training.rounds={workers=2,steps=17}")))
        .hasMessageContaining("training.tokens are 16 steps of 64 rows for each of 2 workers");
  }
}
