package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  @TempDir static Path root;
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "4")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void publishes() throws Exception {
    Path where = Path.of(System.getProperty("report.keep", root.toString()));
    ReportFixture fixture = new ReportFixture(where.resolve("in"), 200).write();
    Job.Result result = new Report().run(spark, settings(fixture, where.resolve("report")));
    assertThat(result.alreadyDone()).isFalse();
    System.out.println(result.lines());
  }

  private static ReportSettings settings(ReportFixture fixture, Path output) {
    return new ReportSettings(
        fixture.dataset().toString(),
        fixture.dictionaries().toString(),
        fixture.features().toString(),
        fixture.evolution().toString(),
        output.toString(),
        "How features form, move and die",
        0.5,
        new ReportSettings.Examples(10, 12, 4),
        400,
        16,
        64);
  }
}
