package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
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
import java.util.HashSet;
import java.util.List;
import java.util.Set;
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
    ShippedJar.Outcome outcome = line("planned", "--dry-run").local(2).run(WORK);
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
    ShippedJar.Outcome outcome = line("whole").executors(2, 1, 1024).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    List<JsonNode> results = outcome.results();
    assertThat(results)
        .extracting(result -> result.get("kind").asText())
        .containsExactlyElementsOf(FOLDERS);
    assertThat(results).noneMatch(result -> result.get("already_done").asBoolean());
    for (String name : FOLDERS) {
      Manifest manifest = manifest("whole", name);
      assertThat(Verification.problems(folder("whole", name), manifest)).isEmpty();
      assertThat(onDisk("whole", name))
          .as("nothing lies in " + name + " that the manifest does not name")
          .isEqualTo(named(manifest));
      assertThat(manifest.provenance().spark()).startsWith("4.");
    }
    assertThat(manifest("whole", "dataset").summary().get("rows").asLong()).isEqualTo(rows());
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
    line("cut").local(2).start(WORK).until(() -> Files.exists(dataset)).kill();
    assertThat(WORK.resolve("cut/evolution/_manifest.json")).doesNotExist();

    ShippedJar.Outcome outcome = line("cut").local(2).run(WORK);

    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.results().get(0).get("already_done").asBoolean()).isTrue();
    for (String name : FOLDERS) {
      assertThat(manifest("cut", name).identity())
          .as(name)
          .isEqualTo(manifest("whole", name).identity());
      assertThat(checksums("cut", name)).as(name).isEqualTo(checksums("whole", name));
    }
  }

  @Test
  @Order(4)
  void theSameRunAgainDoesNothing() {
    ShippedJar.Outcome outcome = line("whole").local(2).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.results()).allMatch(result -> result.get("already_done").asBoolean());
  }

  @Test
  @Order(5)
  void otherSettingsAreRefusedWhereSomethingIsPublished() {
    ShippedJar.Outcome outcome = line("whole", "--set", "shard.seed=9").local(2).run(WORK);
    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.failure())
        .startsWith("ontogeny: settings: output " + WORK + "/whole/dataset already holds dataset")
        .endsWith("choose another output or delete it");
  }

  @Test
  @Order(6)
  void everyWrongSettingOfEverySectionIsToldBeforeSparkStarts() {
    ShippedJar.Outcome outcome =
        line("whole", "--set", "trian.seed=1", "--set", "shard.sed=1", "--set", "evolve.seed=x")
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
        job("evolve", "killed", List.of("dataset", "dictionaries", "features"))
            .executors(2, 1, 1024)
            .start(WORK)
            .until(() -> files(progress, "unit-lineage") >= 1)
            .killExecutor()
            .await();
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.error()).containsPattern("executor \\d+ is gone");
    assertThat(manifest("killed", "evolution").identity())
        .isEqualTo(manifest("whole", "evolution").identity());
    assertThat(checksums("killed", "evolution")).isEqualTo(checksums("whole", "evolution"));
  }

  @Test
  @Order(8)
  void trainingGoesOnFromItsStatesAfterAnExecutorWasKilled() {
    String[] longer = {"train.training.tokens=60000", "train.training.link-tokens=4096"};
    ShippedJar.Outcome undisturbed =
        job("train", "longer", List.of("dataset"), longer).local(2).run(WORK);
    assertThat(undisturbed.exitCode()).as(undisturbed.error()).isZero();

    // A state after every step, so that there is one to go on from.
    Path states = WORK.resolve("killed/dictionaries/_progress");
    ShippedJar.Running running =
        job("train", "killed", List.of("dataset"), longer[0], longer[1], "train.state-seconds=0")
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
    assertThat(manifest("killed", "dictionaries").identity())
        .isEqualTo(manifest("longer", "dictionaries").identity());
    assertThat(checksums("killed", "dictionaries")).isEqualTo(checksums("longer", "dictionaries"));
  }

  /** One job of the pipeline on what the whole line published, with its settings and more. */
  private static ShippedJar job(String name, String work, List<String> inputs, String... settings) {
    Config sections = ConfigFactory.parseFile(PIPELINE.toFile());
    for (String setting : settings) {
      sections = ConfigFactory.parseString(setting).withFallback(sections);
    }
    List<String> arguments = new ArrayList<>(List.of(name));
    sections
        .getConfig(name)
        .entrySet()
        .forEach(
            each -> {
              arguments.add("--set");
              arguments.add(
                  each.getKey() + "=" + each.getValue().render(ConfigRenderOptions.concise()));
            });
    for (String input : inputs) {
      arguments.addAll(List.of("--set", input + "=" + WORK.resolve("whole").resolve(input)));
    }
    String output = name.equals("train") ? "dictionaries" : "evolution";
    arguments.addAll(List.of("--set", "output=" + WORK.resolve(work).resolve(output)));
    return ShippedJar.command(arguments.toArray(String[]::new));
  }

  /** Files somewhere in a folder whose names hold a text. */
  private static long files(Path folder, String part) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.getFileName().toString().contains(part)).count();
    } catch (IOException | UncheckedIOException vanished) {
      return 0;
    }
  }

  private static ShippedJar line(String work, String... more) {
    String[] arguments = new String[5 + more.length];
    arguments[0] = "run";
    arguments[1] = "--config";
    arguments[2] = PIPELINE.toString();
    arguments[3] = "--set";
    arguments[4] = "work=" + WORK.resolve(work);
    System.arraycopy(more, 0, arguments, 5, more.length);
    return ShippedJar.command(arguments);
  }

  private static long rows() {
    return DOCUMENTS * PLANTED.plan().documentLength();
  }

  private static Folder folder(String work, String name) {
    return Folder.of(WORK.resolve(work).resolve(name).toString());
  }

  private static Manifest manifest(String work, String name) {
    return Manifest.read(folder(work, name), name);
  }

  private static Set<String> onDisk(String work, String name) throws Exception {
    Set<String> files = new HashSet<>(folder(work, name).list(""));
    files.remove(Manifest.FILE);
    return files;
  }

  private static Set<String> named(Manifest manifest) {
    Set<String> files = new HashSet<>();
    manifest.files().forEach(file -> files.add(file.path()));
    return files;
  }

  /** Checksums of all files; names carry task attempts, so they may differ. */
  private static List<String> checksums(String work, String name) {
    return manifest(work, name).files().stream().map(PublishedFile::sha256).sorted().toList();
  }

  private static List<Object> rowsOf(String work, String name, String table, String column)
      throws Exception {
    Folder folder = folder(work, name);
    List<Object> values = new ArrayList<>();
    for (PublishedFile file : manifest(work, name).table(table).toList()) {
      try (TableReader reader = TableReader.open(folder, file.path(), column)) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          values.add(row[0]);
        }
      }
    }
    return values;
  }
}
