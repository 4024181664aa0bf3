package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.spark.Progress;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

class PipelineTest {
  /** Tells under which name its first stage would be told, and leaves another. */
  private static final class Naming implements Job<Naming.Nothing> {
    private final String name;
    private String found;

    record Nothing() {}

    Naming(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public String description() {
      return "Leaves a description behind.";
    }

    @Override
    public Class<Nothing> settingsType() {
      return Nothing.class;
    }

    @Override
    public Plan plan(SparkSession spark, Nothing settings) {
      return new Plan(Map.of(), null);
    }

    @Override
    public Result run(SparkSession spark, Nothing settings) {
      found = spark.sparkContext().getLocalProperty("spark.job.description");
      assertThat(spark.sparkContext().getLocalProperty(Progress.EXPECTED_ROWS)).isNull();
      spark.sparkContext().setJobDescription("what " + name + " did last");
      spark.sparkContext().setLocalProperty(Progress.EXPECTED_ROWS, "400");
      return null;
    }
  }

  @Test
  void stagesOfAJobAreNotToldUnderTheNameOfTheOneBefore() throws IOException {
    Naming first = new Naming("first");
    Naming second = new Naming("second");
    try (SparkSession spark = ReportFixture.spark()) {
      for (Naming job : List.of(first, second)) {
        new Pipeline.Step<>(job, new Naming.Nothing(), List.of()).run(spark);
      }
    }
    assertThat(first.found).isEqualTo("first");
    assertThat(second.found).isEqualTo("second");
  }
}
