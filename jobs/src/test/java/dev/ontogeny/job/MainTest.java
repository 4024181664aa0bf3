package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.Provenance;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  @Test
  void helpOfACommandShowsItsDefaultsWithTheirComments() {
    assertThat(run("count", "--help")).isZero();
    assertThat(text(out))
        .contains("Counts.", "--config=FILE", "--set=KEY=VALUE", "--dry-run")
        .contains("# How far to count.\nrows = 3\n");
  }

  @Test
  void helpListsTheCommands() {
    assertThat(run("--help")).isZero();
    assertThat(text(out)).contains("count", "Counts.");
  }

  @Test
  void versionIsTold() {
    assertThat(run("--version")).isZero();
    assertThat(text(out)).startsWith("ontogeny ");
    String version = text(out);
    out.reset();
    assertThat(run("count", "--version")).isZero();
    assertThat(text(out)).isEqualTo(version);
  }

  @Test
  void aRunEndsWithItsResult() {
    assertThat(run("count", "--set", "mode=plain")).isZero();
    assertThat(text(out).lines().toList())
        .containsExactly(
            "3 rows",
            "RESULT {\"job\":\"count\",\"kind\":\"dataset\",\"identity\":\"i\",\"output\":\"nowhere\",\"already_done\":false,\"summary\":{\"rows\":3}}");
    assertThat(text(error)).isEmpty();
  }

  @Test
  void settingsComeFromDefaultsThenTheFileThenTheCommandLine(@TempDir Path folder)
      throws Exception {
    Path file = Files.writeString(folder.resolve("count.conf"), "rows = 5, mode = plain");
    run("count", "--config", file.toString());
    assertThat(text(out)).startsWith("5 rows");
    out.reset();
    run("count", "--config", file.toString(), "--set", "rows=7", "--dry-run");
    assertThat(text(out)).isEqualTo("rows           7\nmemory a task  little\n");
  }

  @Test
  void everyWrongSettingIsNamedBeforeSparkStarts() {
    assertThat(run("count", "--set", "rows=-1", "--set", "mode=fast")).isEqualTo(2);
    assertThat(text(error))
        .isEqualTo(
            "ontogeny: settings: count settings: rows must be at least 0, got -1; mode must be one of plain, data, wrapped, memory, bug, got 'fast'\n");
    error.reset();
    assertThat(run("count", "--set", "row=1", "--set", "mode=plain")).isEqualTo(2);
    assertThat(text(error))
        .isEqualTo(
            "ontogeny: settings: count settings: unknown key 'row' (did you mean 'rows'?)\n");
    assertThat(SparkSession.getDefaultSession().isEmpty()).isTrue();
  }

  @Test
  void usageErrorsExitWithTwo() {
    assertThat(run("cuont")).isEqualTo(2);
    assertThat(text(error))
        .isEqualTo(
            "ontogeny: usage: there is no command 'cuont'; the commands are count, run, describe, prune, benchmark (see ontogeny --help)\n");
    error.reset();
    assertThat(run()).isEqualTo(2);
    assertThat(text(error))
        .isEqualTo(
            "ontogeny: usage: name a command: count, run, describe, prune, benchmark (see ontogeny --help)\n");
    error.reset();
    assertThat(run("count", "--no-such")).isEqualTo(2);
    assertThat(text(error))
        .isEqualTo("ontogeny: usage: Unknown option: '--no-such' (see ontogeny count --help)\n");
    error.reset();
    assertThat(run("count", "--set", "rows")).isEqualTo(2);
    assertThat(text(error)).isEqualTo("ontogeny: usage: --set takes key=value, got 'rows'\n");
  }

  @Test
  void aFailureOfATaskIsFoundBelowWhatSparkMakesOfIt() {
    assertThat(run("count", "--set", "mode=wrapped")).isEqualTo(3);
    assertThat(lastError()).isEqualTo("ontogeny: data: row 0 is empty");
    assertThat(text(error)).doesNotContain("\tat ");
  }

  @Test
  void failuresExitByKind() {
    assertThat(run("count", "--set", "mode=data")).isEqualTo(3);
    assertThat(lastError()).isEqualTo("ontogeny: data: no rows in here");
    assertThat(run("count", "--set", "mode=memory")).isEqualTo(4);
    assertThat(lastError()).startsWith("ontogeny: resources: out of memory (Java heap space)");
  }

  @Test
  void aBugShowsItsTraceAndSaysWhatToDo() {
    assertThat(run("count", "--set", "mode=bug")).isEqualTo(1);
    assertThat(text(error)).contains("\tat dev.ontogeny.job.MainTest", "Please report it");
    assertThat(lastError())
        .isEqualTo("ontogeny: internal: java.lang.IllegalStateException: cannot be");
  }

  @Test
  void anOutcomeIsLeftForThoseWhoSeeNeitherCodeNorOutput(@TempDir Path folder) throws Exception {
    Path place = folder.resolve("deep/down.json");
    String outcome = "--outcome=" + place;
    assertThat(run("count", "--set", "mode=plain", outcome)).isZero();
    JsonNode done = Json.read(Files.readString(place), JsonNode.class, "outcome");
    assertThat(done.path("exit_code").asInt(-1)).isZero();
    assertThat(done.has("failure")).isFalse();
    assertThat(done.at("/results/0/summary/rows").asInt()).isEqualTo(3);

    assertThat(run("count", "--set", "mode=data", "--outcome", place.toString())).isEqualTo(3);
    JsonNode failed = Json.read(Files.readString(place), JsonNode.class, "outcome");
    assertThat(failed.path("exit_code").asInt()).isEqualTo(3);
    assertThat(failed.at("/failure/kind").asText()).isEqualTo("data");
    assertThat(failed.at("/failure/message").asText()).isEqualTo("no rows in here");
    assertThat(failed.path("results")).isEmpty();

    // A command line that cannot even be read has an outcome too.
    assertThat(run("count", "--no-such", outcome)).isEqualTo(2);
    assertThat(Files.readString(place)).contains("Unknown option: '--no-such'");

    // What an earlier attempt left does not speak for one that is killed.
    Outcome.clear(place.toString());
    assertThat(place).doesNotExist();
  }

  @Test
  void anOutcomeThatCannotBeLeftIsAFailure(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThat(run("count", "--set", "mode=plain", "--outcome", file + "/below.json")).isEqualTo(4);
    assertThat(lastError()).startsWith("ontogeny: resources: --outcome " + file + "/below.json");
  }

  @Test
  void aSettingsFileMayLieInAStore(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("count.conf"), "rows = 5, mode = plain");
    assertThat(run("count", "--config", "file://" + file)).isZero();
    assertThat(text(out)).startsWith("5 rows");
    assertThat(run("count", "--config", "file://" + file + "x")).isEqualTo(2);
    assertThat(lastError())
        .isEqualTo("ontogeny: settings: settings file file://" + file + "x does not exist");
    Files.writeString(file, "rows = {");
    assertThat(run("count", "--config", "file://" + file)).isEqualTo(2);
    assertThat(lastError()).contains("settings file file://" + file + " cannot be read: ");
  }

  private int run(String... arguments) {
    Terminal terminal =
        new Terminal(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(error, true, StandardCharsets.UTF_8),
            false,
            100);
    return Main.run(List.of(new Count()), terminal, arguments);
  }

  private static String text(ByteArrayOutputStream stream) {
    return stream.toString(StandardCharsets.UTF_8);
  }

  private String lastError() {
    return text(error).lines().reduce((first, second) -> second).orElse("");
  }

  /** A job small enough to see through. */
  static final class Count implements Job<Count.Settings> {
    record Settings(int rows, String mode) {
      Settings {
        new Problems()
            .atLeast("rows", rows, 0)
            .oneOf("mode", mode, "plain", "data", "wrapped", "memory", "bug")
            .raise();
      }
    }

    @Override
    public String name() {
      return "count";
    }

    @Override
    public String description() {
      return "Counts.";
    }

    @Override
    public Class<Settings> settingsType() {
      return Settings.class;
    }

    @Override
    public Plan plan(SparkSession spark, Settings settings) {
      Map<String, String> lines = new LinkedHashMap<>();
      lines.put("rows", Integer.toString(settings.rows()));
      lines.put("memory a task", "little");
      return new Plan(lines, null);
    }

    @Override
    public Result run(SparkSession spark, Settings settings) {
      switch (settings.mode()) {
        case "data":
          throw Failure.data("no rows in here");
        case "memory":
          throw new OutOfMemoryError("Java heap space");
        case "bug":
          throw new IllegalStateException("cannot be");
        case "wrapped":
          JavaSparkContext.fromSparkContext(spark.sparkContext())
              .parallelize(List.of(0), 1)
              .map(new Failing())
              .count();
          break;
        default:
          break;
      }
      return new Result(
          new Manifest(
              "dataset",
              1,
              "i",
              "now",
              null,
              List.of(),
              List.of(),
              null,
              Provenance.here(null, null),
              Json.tree(Map.of("rows", settings.rows()))),
          "nowhere",
          false,
          List.of(settings.rows() + " rows"));
    }
  }

  private static final class Failing implements Function<Integer, Integer>, Serializable {
    private static final long serialVersionUID = 1;

    @Override
    public Integer call(Integer row) {
      throw Failure.data("row %d is empty", row);
    }
  }
}
