package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The jar under plain spark-submit: what needs no Spark answers without starting one. */
class LauncherlessIT {
  @Test
  void aWrongCommandExitsWithTwoAndOneLine() {
    ShippedJar.Outcome outcome =
        ShippedJar.command("shrad").run(ShippedJar.folder("LauncherlessIT"));
    assertThat(outcome.exitCode()).isEqualTo(2);
    // The JVM itself warns of the incubating module that Spark adds.
    assertThat(outcome.error().lines().filter(line -> !line.startsWith("WARNING: Using incubator")))
        .hasSize(1);
    assertThat(outcome.failure()).startsWith("ontogeny: usage: ").contains("shrad");
  }
}
