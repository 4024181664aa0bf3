package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.Verification;
import dev.ontogeny.demo.PlantedActivations;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PruneTest {
  record Settings(int rows) {}

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  @TempDir private Path work;

  private Path dataset;

  @BeforeEach
  void aPublishedDatasetWithALeftOver() throws Exception {
    dataset = work.resolve("dataset");
    DatasetFixture.publish(
        Folder.of(dataset.toString()),
        new PlantedActivations(PlantedActivations.Plan.of(1, 8, 12, 10)),
        4,
        2);
    Files.createDirectories(dataset.resolve("tokens"));
    Files.writeString(dataset.resolve("tokens/half-0123abcd-3.parquet"), "x".repeat(2048));
  }

  @Test
  void itIsListedAndOnlyRemovedWhenAskedFor() {
    assertThat(prune(dataset.toString())).isZero();
    assertThat(said())
        .isEqualTo(
            dataset
                + "\n  tokens/half-0123abcd-3.parquet  2.0 KiB\n1 left over, 2.0 KiB: --delete removes them\n");
    assertThat(dataset.resolve("tokens/half-0123abcd-3.parquet")).exists();
    // The work folder and the folder itself: once.
    assertThat(prune("--delete", work.toString(), dataset + "/")).isZero();
    assertThat(said()).endsWith("1 left over, 2.0 KiB: removed\n");
    assertThat(dataset.resolve("tokens/half-0123abcd-3.parquet")).doesNotExist();
    Folder folder = Folder.of(dataset.toString());
    assertThat(Verification.problems(folder, Manifest.read(folder))).isEmpty();
    assertThat(prune("--delete", work.toString())).isZero();
    assertThat(said()).isEqualTo(dataset + "\nnothing is left over\n");
  }

  @Test
  void whereARunIsAtWorkTheOthersAreDone() throws Exception {
    Folder busy = Folder.of(work.resolve("features").toString());
    try (var claim = Publication.open(busy, "features", new Settings(1), List.of()).claim()) {
      assertThat(claim).isNotNull();
      busy.writeText("half.parquet", "being written");
      assertThat(prune("--delete", work.toString())).isEqualTo(4);
      assertThat(said())
          .isEqualTo(
              dataset
                  + "\n  tokens/half-0123abcd-3.parquet  2.0 KiB\n1 left over, 2.0 KiB: removed\n");
      assertThat(error.toString(StandardCharsets.UTF_8))
          .startsWith("ontogeny: busy: output " + busy + " is being written by another run, ")
          .endsWith(": wait for that run\n");
      assertThat(busy.readText("half.parquet")).isEqualTo("being written");
    }
  }

  @Test
  void nothingIsRemovedWhereOneFolderIsNone() throws Exception {
    Path thesis = Files.createDirectories(work.resolve("thesis"));
    assertThat(prune("--delete", dataset.toString(), thesis.toString())).isEqualTo(2);
    assertThat(error.toString(StandardCharsets.UTF_8))
        .startsWith("ontogeny: usage: " + thesis + " is no publication and holds none (");
    assertThat(dataset.resolve("tokens/half-0123abcd-3.parquet")).exists();
    error.reset();
    assertThat(prune()).isEqualTo(2);
    assertThat(error.toString(StandardCharsets.UTF_8))
        .startsWith("ontogeny: usage: Missing required parameter: 'FOLDER'");
  }

  @Test
  void helpTellsWhatGoesAndWhatStays() {
    assertThat(prune("--help")).isZero();
    assertThat(said().replaceAll("\\s+", " "))
        .contains(
            "Usage: ontogeny prune [-hV] [--delete] FOLDER...",
            "every file that its manifest does not name",
            "the job still goes on where it was");
  }

  private int prune(String... arguments) {
    Terminal terminal =
        new Terminal(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(error, true, StandardCharsets.UTF_8),
            false,
            100);
    String[] all = new String[arguments.length + 1];
    all[0] = "prune";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return Main.run(List.of(), terminal, all);
  }

  private String said() {
    String text = out.toString(StandardCharsets.UTF_8);
    out.reset();
    return text;
  }
}
