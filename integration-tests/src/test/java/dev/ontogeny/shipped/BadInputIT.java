package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What goes wrong for a new user: each gives one line that names the culprit, the exit code of its
 * kind, no trace and no published folder.
 */
class BadInputIT {
  private static final Path WORK = ShippedJar.folder("BadInputIT");
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(5, 8, 12, 6));
  private static final int DOCUMENTS = 4;

  @BeforeAll
  static void goodCapture() throws Exception {
    CaptureWriter.write(
        Folder.of(WORK.resolve("good").toString()), DatasetFixture.SITE, PLANTED, DOCUMENTS);
  }

  @Test
  void aWrongColumnName() {
    assertFailure(
        shard("good", "column", "--set", "columns.activation=activations"),
        3,
        "data",
        "has no column 'activations' (setting columns.activation): did you mean 'activation'?");
  }

  @Test
  void aTruncatedParquetFile() throws Exception {
    Path capture = copy("truncated");
    Path file = file(capture, 300);
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length * 2 / 3));
    assertFailure(
        shard("truncated", "t"), 3, "data", file + " is not a readable Parquet file", "cut off");
  }

  @Test
  void aRowOfNaN() throws Exception {
    Path capture = copy("nan");
    Path file = rewrite(capture, 200, 3, true);
    assertFailure(shard("nan", "n"), 3, "data", file.toString(), "NaN", "rules.nan=drop");
    ShippedJar.Outcome dropped = shard("nan", "dropped", "--set", "rules.nan=drop");
    assertThat(dropped.exitCode()).as(dropped.error()).isZero();
    assertThat(dropped.result().get("summary").get("dropped").get("nan").asLong()).isEqualTo(1);
  }

  @Test
  void aTokenThatIsMissingAtACheckpoint() throws Exception {
    Path capture = copy("missing");
    rewrite(capture, 400, 3, false);
    assertFailure(shard("missing", "m"), 3, "data", "document 3", "400", "rules.missing=drop");
  }

  @Test
  void aCheckpointThatIsNotThere() {
    assertFailure(shard("good", "checkpoint", "--set", "checkpoints=[100, 150]"), 3, "data", "150");
  }

  @Test
  void anInputThatIsNotThere() {
    assertFailure(shard("nowhere", "nowhere-out"), 3, "data", "/nowhere does not exist");
  }

  @Test
  void anUnknownSetting() {
    assertFailure(
        shard("good", "unknown", "--set", "colums.activation=x"),
        2,
        "settings",
        "unknown key 'colums' (did you mean 'columns'?)");
    assertThat(WORK.resolve("out-unknown")).doesNotExist();
  }

  @Test
  void anUnwritableOutput() {
    ShippedJar.Outcome outcome =
        ShippedJar.command(
                "shard", "--set", "input=" + WORK.resolve("good"), "--set", "output=/proc/mine")
            .local(2)
            .run(WORK);
    assertFailure(outcome, 4, "resources", "output /proc/mine cannot be written to");
  }

  @Test
  void anOutputThatHoldsSomethingElse() throws Exception {
    Files.createDirectories(WORK.resolve("out-thesis"));
    Files.writeString(WORK.resolve("out-thesis/thesis.tex"), "all of it");
    assertFailure(shard("good", "thesis"), 2, "settings", "is not empty", "it has thesis.tex");
    assertThat(WORK.resolve("out-thesis")).isDirectoryContaining("glob:**thesis.tex");
  }

  private static void assertFailure(
      ShippedJar.Outcome outcome, int exitCode, String kind, String... parts) {
    assertThat(outcome.exitCode()).as(outcome.error()).isEqualTo(exitCode);
    assertThat(outcome.failure()).startsWith("ontogeny: " + kind + ": ").contains(parts);
    assertThat(outcome.error()).doesNotContain("\tat ");
    assertThat(outcome.out()).doesNotContain("RESULT");
  }

  /** Shards a capture into {@code out-<name>}, which must not be published if that fails. */
  private static ShippedJar.Outcome shard(String capture, String name, String... more) {
    Path output = WORK.resolve("out-" + name);
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("shard", "--set", "input=" + WORK.resolve(capture)));
    arguments.addAll(List.of("--set", "output=" + output));
    arguments.addAll(List.of(more));
    ShippedJar.Outcome outcome =
        ShippedJar.command(arguments.toArray(String[]::new)).local(2).run(WORK);
    if (outcome.exitCode() != 0) {
      assertThat(output.resolve("_manifest.json")).doesNotExist();
    }
    return outcome;
  }

  private static Path copy(String name) throws Exception {
    Path capture = WORK.resolve(name);
    CaptureWriter.write(Folder.of(capture.toString()), DatasetFixture.SITE, PLANTED, DOCUMENTS);
    return capture;
  }

  private static Path file(Path capture, long checkpoint) {
    return capture.resolve(
        String.format(
            Locale.ROOT,
            "site=%s/checkpoint=%d/part-00000.parquet",
            DatasetFixture.SITE,
            checkpoint));
  }

  /** Writes one checkpoint again with one token that holds a NaN, or that is left out. */
  private static Path rewrite(Path capture, long checkpoint, long document, boolean nan)
      throws Exception {
    int index = PLANTED.plan().checkpoints().indexOf(checkpoint);
    float[] activation = new float[PLANTED.plan().width()];
    try (CaptureWriter writer =
        CaptureWriter.open(
            Folder.of(capture.toString()),
            DatasetFixture.SITE,
            checkpoint,
            0,
            PlantedActivations.LABELS)) {
      for (long each = 0; each < DOCUMENTS; each++) {
        for (int position = 0; position < PLANTED.plan().documentLength(); position++) {
          PlantedActivations.Token token = PLANTED.token(each, position);
          PLANTED.activation(token, index, activation);
          if (each == document && position == 5) {
            if (!nan) {
              continue;
            }
            activation[2] = Float.NaN;
          }
          writer.write(each, position, token.tokenId(), token.token(), token.labels(), activation);
        }
      }
    }
    return file(capture, checkpoint);
  }
}
