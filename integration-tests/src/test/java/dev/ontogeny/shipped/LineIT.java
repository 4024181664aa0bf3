package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.Verification;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * The whole line from one pipeline file, on executors of their own, cut off half-way, and with
 * executors killed.
 */
@TestMethodOrder(OrderAnnotation.class)
class LineIT {
  private static final List<String> FOLDERS =
      List.of("dataset", "dictionaries", "features", "evolution");
  private static final Path WORK = ShippedJar.folder("LineIT");
  private static final Path PIPELINE = WORK.resolve("line.conf");
  private static final ShippedLine LINE = new ShippedLine(WORK, PIPELINE);
  private static final long DOCUMENTS = 48;
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(3, 16, 24, 6));

  @BeforeAll
  static void capture() throws Exception {
    Path capture = WORK.resolve("capture");
    CaptureWriter.write(Folder.of(capture.toString()), DatasetFixture.SITE, PLANTED, DOCUMENTS);
    Files.writeString(
        PIPELINE,
        """
        shard { input = "%s", shards = 4, held-out-share = 0.25, skip-first-positions = 0 }
        train {
          dictionaries = [ { type = top-k, width = 32, k = 4 } ]
          training { batch = 256, tokens = 4096, link-tokens = 2048, dead-window = 1024 }
        }
        measure { replicates = 10 }
        evolve { formation.tracks = 4, phases { shifts = 20, bootstraps = 20 } }
        report = null
        """
            .formatted(capture));
  }

  @Test
  @Order(1)
  void thePlanTellsWhatCanBeKnown() {
    ShippedJar.Outcome outcome = LINE.whole("planned", "--dry-run").local(2).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.out())
        .startsWith("shard\n")
        .contains(Long.toString(rows()))
        .contains("train\nknown once " + WORK + "/planned/dataset is published\n")
        .contains("evolve\nknown once ");
    assertThat(WORK.resolve("planned/dataset/_manifest.json")).doesNotExist();
  }

  @Test
  @Order(2)
  void theLineRunsOnExecutorsOfTheirOwn() throws Exception {
    ShippedJar.Outcome outcome = LINE.whole("whole").executors(2, 1, 1024).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    List<JsonNode> results = outcome.results();
    assertThat(results)
        .extracting(result -> result.get("kind").asText())
        .containsExactlyElementsOf(FOLDERS);
    assertThat(results).noneMatch(result -> result.get("already_done").asBoolean());
    for (String name : FOLDERS) {
      Manifest manifest = LINE.manifest("whole", name);
      assertThat(Verification.problems(LINE.folder("whole", name), manifest)).isEmpty();
      assertThat(LINE.onDisk("whole", name))
          .as("nothing lies in " + name + " that the manifest does not name")
          .isEqualTo(ShippedLine.named(manifest));
      assertThat(manifest.provenance().spark()).startsWith("4.");
    }
    assertThat(LINE.manifest("whole", "dataset").summary().get("rows").asLong()).isEqualTo(rows());
    // Six checkpoints, two replicas.
    assertThat(rowsOf("whole", "features", "dictionaries", "dictionary").stream().distinct())
        .hasSize(12);
    assertThat(rowsOf("whole", "evolution", "events", "series").stream().distinct()).hasSize(2);
    assertThat(rowsOf("whole", "evolution", "events", "confidence"))
        .as("two replicas give every confidence that there is a value between 0 and 1")
        .filteredOn(value -> value != null)
        .isNotEmpty()
        .allSatisfy(value -> assertThat((Double) value).isBetween(0.0, 1.0));
  }

  @Test
  @Order(3)
  void aRunThatWasCutOffGoesOnAndPublishesTheSameBytes() throws Exception {
    Path dataset = WORK.resolve("cut/dataset/_manifest.json");
    LINE.whole("cut").local(2).start(WORK).until(() -> Files.exists(dataset)).kill();
    assertThat(WORK.resolve("cut/evolution/_manifest.json")).doesNotExist();

    ShippedJar.Outcome outcome = LINE.whole("cut").local(2).run(WORK);

    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.results().get(0).get("already_done").asBoolean()).isTrue();
    for (String name : FOLDERS) {
      assertThat(LINE.manifest("cut", name).identity())
          .as(name)
          .isEqualTo(LINE.manifest("whole", name).identity());
      assertThat(LINE.checksums("cut", name)).as(name).isEqualTo(LINE.checksums("whole", name));
    }
  }

  @Test
  @Order(4)
  void theSameRunAgainDoesNothing() {
    ShippedJar.Outcome outcome = LINE.whole("whole").local(2).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.results()).allMatch(result -> result.get("already_done").asBoolean());
  }

  @Test
  @Order(5)
  void otherSettingsAreRefusedWhereSomethingIsPublished() {
    ShippedJar.Outcome outcome = LINE.whole("whole", "--set", "shard.seed=9").local(2).run(WORK);
    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.failure())
        .startsWith("ontogeny: settings: output " + WORK + "/whole/dataset already holds dataset")
        .endsWith("choose another output or delete it");
  }

  @Test
  @Order(6)
  void everyWrongSettingOfEverySectionIsToldBeforeSparkStarts() {
    ShippedJar.Outcome outcome =
        LINE.whole(
                "whole", "--set", "trian.seed=1", "--set", "shard.sed=1", "--set", "evolve.seed=x")
            .local(1)
            .run(WORK);
    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.failure())
        .startsWith("ontogeny: settings: " + PIPELINE + ": ")
        .contains("unknown key 'trian'", "shard: unknown key 'sed' (did you mean 'seed'?)")
        .contains("evolve: 'seed' must be a whole number");
    assertThat(outcome.error().lines().filter(line -> !line.startsWith("WARNING: "))).hasSize(1);
  }

  @Test
  @Order(7)
  void evolvePublishesTheSameAfterAnExecutorWasKilled() {
    Path progress = WORK.resolve("killed/evolution/_progress");
    ShippedJar.Outcome outcome =
        LINE.job("evolve", "whole", "killed")
            .executors(2, 1, 1024)
            .start(WORK)
            .until(() -> files(progress, "unit-lineage") >= 1)
            .killExecutor()
            .await();
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.error()).containsPattern("executor \\d+ is gone");
    assertThat(LINE.manifest("killed", "evolution").identity())
        .isEqualTo(LINE.manifest("whole", "evolution").identity());
    assertThat(LINE.checksums("killed", "evolution"))
        .isEqualTo(LINE.checksums("whole", "evolution"));
  }

  @Test
  @Order(8)
  void trainingGoesOnFromItsStatesAfterAnExecutorWasKilled() {
    String[] longer = {"train.training.tokens=60000", "train.training.link-tokens=4096"};
    ShippedJar.Outcome undisturbed =
        LINE.job("train", "whole", "longer", longer).local(2).run(WORK);
    assertThat(undisturbed.exitCode()).as(undisturbed.error()).isZero();

    // A state after every step, so that there is one to go on from.
    Path states = WORK.resolve("killed/dictionaries/_progress");
    ShippedJar.Running running =
        LINE.job("train", "whole", "killed", longer[0], longer[1], "train.state-seconds=0")
            .executors(2, 1, 1024)
            .start(WORK)
            .until(() -> files(states, "-100-") > 0);
    ShippedJar.Outcome outcome =
        running
            .killExecutor()
            .until(() -> running.executorLogs().contains(" goes on after step "))
            .await();

    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.error()).containsPattern("executor \\d+ is gone");
    assertThat(LINE.manifest("killed", "dictionaries").identity())
        .isEqualTo(LINE.manifest("longer", "dictionaries").identity());
    assertThat(LINE.checksums("killed", "dictionaries"))
        .isEqualTo(LINE.checksums("longer", "dictionaries"));
  }

  /** Files somewhere in a folder whose names hold a text. */
  private static long files(Path folder, String part) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.getFileName().toString().contains(part)).count();
    } catch (IOException | UncheckedIOException vanished) {
      return 0;
    }
  }

  private static long rows() {
    return DOCUMENTS * PLANTED.plan().documentLength();
  }

  private static List<Object> rowsOf(String work, String name, String table, String column)
      throws Exception {
    Folder folder = LINE.folder(work, name);
    List<Object> values = new ArrayList<>();
    for (PublishedFile file : LINE.manifest(work, name).table(table).toList()) {
      try (TableReader reader = TableReader.open(folder, file.path(), column)) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          values.add(row[0]);
        }
      }
    }
    return values;
  }
}
