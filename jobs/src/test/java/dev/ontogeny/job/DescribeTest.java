package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.demo.PlantedActivations;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DescribeTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  @TempDir private Path temporary;

  @Test
  void aDatasetIsToldWithItsTables() throws Exception {
    Folder folder = Folder.of(temporary.resolve("dataset").toString());
    DatasetFixture.publish(
        folder, new PlantedActivations(PlantedActivations.Plan.of(1, 8, 12, 10)), 4, 2);
    assertThat(describe(folder.toString())).isZero();
    Manifest manifest = Manifest.read(folder);
    String text = out.toString(StandardCharsets.UTF_8);
    assertThat(text.lines().map(line -> line.replaceAll(" {2,}", "  ")))
        .contains(
            "dataset  " + folder,
            "identity  " + manifest.identity(),
            "table  files  rows  bytes  columns")
        .anySatisfy(line -> assertThat(line).startsWith("  rows  "))
        .anySatisfy(line -> assertThat(line).matches("vectors  20  .*  activation"))
        .anySatisfy(line -> assertThat(line).matches("tokens  2  .*  document, position, .*"));
  }

  @Test
  void columnsAreToldWithUnitAndMeaning() throws Exception {
    Folder folder = Folder.of(temporary.resolve("dataset").toString());
    DatasetFixture.publish(
        folder, new PlantedActivations(PlantedActivations.Plan.of(1, 8, 12, 10)), 4, 2);
    assertThat(describe(folder.toString(), "--columns")).isZero();
    List<String> told =
        List.of(
            "moments: Moments of the vectors over all shards. A row is a site at a checkpoint.",
            "  mean_norm  double  captured units  mean length of a vector",
            "  token  string  its text (null where the capture has none)");
    assertThat(lines()).containsAll(told);
    // A manifest of before tables were told in it: what is declared is told all the same.
    Path manifest = temporary.resolve("dataset").resolve(Manifest.FILE);
    ObjectNode json = (ObjectNode) new ObjectMapper().readTree(Files.readString(manifest));
    assertThat(json.remove("schema")).isNotNull();
    Files.writeString(manifest, json.toString());
    out.reset();
    assertThat(describe(folder.toString(), "--columns")).isZero();
    assertThat(lines()).containsAll(told);
  }

  private List<String> lines() {
    return out.toString(StandardCharsets.UTF_8)
        .lines()
        .map(line -> line.replaceAll("(?<=[^ ]) {2,}", "  "))
        .toList();
  }

  @Test
  void verifyReadsEveryFile() throws Exception {
    Folder folder = Folder.of(temporary.resolve("dataset").toString());
    DatasetFixture.publish(
        folder, new PlantedActivations(PlantedActivations.Plan.of(1, 8, 12, 10)), 4, 2);
    assertThat(describe(folder.toString(), "--verify")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .endsWith(" files are as they were published\n");
    String victim = Manifest.read(folder).files().get(0).path();
    Files.writeString(temporary.resolve("dataset").resolve(victim), "other");
    assertThat(describe(folder.toString(), "--verify")).isEqualTo(3);
    assertThat(error.toString(StandardCharsets.UTF_8))
        .startsWith("ontogeny: data: " + folder + " is not as it was published, 1 of ")
        .contains(victim + " has 5 bytes, the manifest says ");
  }

  @Test
  void aFolderThatIsNotPublishedIsNone() {
    assertThat(describe(temporary.toString())).isEqualTo(3);
    assertThat(error.toString(StandardCharsets.UTF_8))
        .isEqualTo(
            "ontogeny: data: "
                + temporary
                + " is not a published folder: it has no _manifest.json\n");
  }

  private int describe(String... arguments) {
    Terminal terminal =
        new Terminal(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(error, true, StandardCharsets.UTF_8),
            false,
            100);
    String[] all = new String[arguments.length + 1];
    all[0] = "describe";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return Main.run(List.of(), terminal, all);
  }
}
