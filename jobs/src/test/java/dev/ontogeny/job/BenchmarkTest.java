package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.DictionaryTypes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BenchmarkTest {
  @TempDir static Path folder;

  /** Rows of twelve columns that four directions span. */
  @BeforeAll
  static void write() throws IOException {
    TableSchema schema = TableSchema.named("rows").with(ColumnType.FLOATS, "activation").build();
    RandomGenerator random = Seeds.generator(1, "benchmark rows");
    try (TableWriter writer =
        TableWriter.open(Folder.of(folder.toString()), "rows.parquet", schema)) {
      for (int row = 0; row < 600; row++) {
        float[] vector = new float[12];
        for (int feature = 0; feature < 4; feature++) {
          float strength = random.nextInt(3) == 0 ? 1 + random.nextFloat() : 0;
          for (int i = 0; i < 12; i++) {
            vector[i] += strength * (float) Math.sin((feature + 1) * (i + 2));
          }
        }
        writer.write((Object) vector);
      }
      writer.finish();
    }
  }

  private static String run(int code, String... more) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream printed = new PrintStream(out, true, StandardCharsets.UTF_8);
    List<String> arguments =
        new ArrayList<>(
            List.of("benchmark", "--json", "--rows", folder.resolve("rows.parquet").toString()));
    arguments.addAll(
        List.of("--width", "24", "--batch", "50", "--held", "100", "--tokens", "1000"));
    arguments.addAll(List.of("--learning-rate", "1e-2", "--threads", "1"));
    arguments.addAll(List.of(more));
    Terminal terminal = new Terminal(printed, printed, false, 100);
    int exit = Main.run(List.of(), terminal, arguments.toArray(new String[0]));
    String text = out.toString(StandardCharsets.UTF_8);
    assertThat(exit).as(text).isEqualTo(code);
    return text;
  }

  @ParameterizedTest
  @CsvSource({
    "top-k, 1, top-k, 2",
    "batch-top-k, 1, batch-top-k, 2",
    "jump-relu, 1, jump-relu, 0",
    "relu, 1, relu, 0",
    "batch-top-k, 3, batch-top-k, 2",
    "jump-relu, 3, jump-relu-per-source, 0",
    "relu, 3, relu, 0"
  })
  void tellsSpeedQualitySharesAndCeilings(String type, int sources, String published, int k)
      throws IOException {
    JsonNode line =
        Json.read(
            run(0, "--type", type, "--sources", String.valueOf(sources), "--k", "2"),
            JsonNode.class,
            "the line");
    assertThat(line.path("type").asText()).isEqualTo(published);
    assertThat(line.path("d").asInt()).isEqualTo(12 / sources);
    assertThat(line.path("sources").asInt()).isEqualTo(sources);
    assertThat(line.path("k").asInt()).isEqualTo(k);
    assertThat(line.path("tokens").asInt()).isEqualTo(1000);
    assertThat(line.path("tokens_per_s").asLong()).isPositive();
    assertThat(line.path("fvu").asDouble()).isBetween(0.0, 1.2);
    assertThat(line.path("l0").asDouble()).isBetween(0.0, 24.0);
    double shares = 0;
    for (String part : List.of("product", "selection", "decode", "gradients", "adam", "other")) {
      assertThat(line.path("shares").path(part).asDouble(-1)).as(part).isBetween(0.0, 1.0);
      shares += line.path("shares").path(part).asDouble();
    }
    assertThat(shares).isCloseTo(1, within(0.01));
    assertThat(line.path("ceilings").path("product_fp32_gflops").asDouble()).isPositive();
    assertThat(line.path("ceilings").path("memory_gb_per_s").asDouble()).isPositive();
  }

  @Test
  void keysOfTheTypeAreTaken() throws IOException {
    assertThat(activeWith("coefficient=1000")).isLessThan(0.8 * activeWith("coefficient=0"));
  }

  private static double activeWith(String assignment) throws IOException {
    String line = run(0, "--type", "relu", "--set", "form=unit-norm", "--set", assignment);
    return Json.read(line, JsonNode.class, "the line").path("l0").asDouble();
  }

  @Test
  void whatCannotBeIsSaid() {
    assertThat(run(2, "--type", "top-k", "--sources", "2"))
        .contains("--type top-k cannot be a crosscoder's, since its decoder norms are not free");
    assertThat(run(2, "--type", "gated"))
        .contains("must be one of " + String.join(", ", DictionaryTypes.trainableKeys()));
    assertThat(run(2, "--set", "bandwidth=1")).contains("bandwidth does not belong to type top-k");
    assertThat(run(3, "--sources", "5"))
        .contains("rows of 12 columns cannot be shared by 5 sources");
    assertThat(run(2, "--k", "0", "--sources", "0"))
        .contains("--k must be at least 1, got 0; --sources must be at least 1, got 0");
    assertThat(run(2)).contains("width must be at least as many latents as fire on a row, 32");
    assertThat(run(2, "--set", "coefficient")).contains("--set takes key=value");
  }
}
