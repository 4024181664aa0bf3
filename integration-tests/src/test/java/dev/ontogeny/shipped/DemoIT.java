package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The demonstration, started as the README says, recovers what was planted. */
class DemoIT {
  private static final Path WORK = ShippedJar.folder("DemoIT");

  @Test
  void recoversWhatWasPlanted() throws Exception {
    Path output = WORK.resolve("demo");
    // As the README has it; what it would publish in a folder of its own stays here.
    String command =
        Documents.readme("Two commands", "sh")
            .get(0)
            .text()
            .lines()
            .filter(line -> line.startsWith("deploy/ontogeny demo "))
            .findFirst()
            .orElseThrow();
    Checkout.Outcome outcome =
        Checkout.in(WORK.resolve("checkout"))
            .bash(
                Map.of(),
                "deploy/ontogeny() { command deploy/ontogeny \"$@\" --output '"
                    + output
                    + "'; }\n"
                    + command);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    String file = output.resolve("verification.json").toString();
    JsonNode figures = Json.read(Files.readString(Path.of(file)), JsonNode.class, file);

    JsonNode planted = figures.get("planted");
    assertThat(planted.get("mean_max_cosine").asDouble()).isGreaterThanOrEqualTo(0.95);
    assertThat(planted.get("births").get("f1").asDouble()).isGreaterThanOrEqualTo(0.95);
    assertThat(planted.get("peaks").get("f1").asDouble()).isGreaterThanOrEqualTo(0.95);
    assertThat(planted.get("deaths").get("f1").asDouble()).isGreaterThanOrEqualTo(0.9);

    JsonNode addition = figures.get("modular_addition");
    int expected = addition.get("frequencies_expected").asInt();
    assertThat(expected).isGreaterThanOrEqualTo(20);
    assertThat(addition.get("frequencies_found").asInt()).isGreaterThanOrEqualTo(expected * 9 / 10);
    assertThat(addition.get("rank_correlation_with_test_accuracy").asDouble())
        .isGreaterThanOrEqualTo(0.85);
    assertThat(outcome.out()).contains("PLANTED FEATURES:", "MODULAR ADDITION:");
    for (String line : List.of("planted", "modular-addition")) {
      Path page = output.resolve(line).resolve("report/index.html");
      assertThat(outcome.out()).contains("open " + page);
      assertThat(page).exists();
      assertThat(page.resolveSibling("_manifest.json")).exists();
    }
  }
}
