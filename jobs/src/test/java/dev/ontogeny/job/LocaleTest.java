package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.Publication;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The language of the machine decides nothing: not the bytes, nor what settings mean. */
class LocaleTest {
  private static SparkSession spark;

  @TempDir private Path folder;

  @BeforeAll
  static void open() {
    spark = ReportFixture.spark();
  }

  @AfterAll
  static void close() throws IOException {
    spark.close();
  }

  @Test
  void theLineGivesTheSameBytesInAnyLanguage() throws IOException {
    for (long checkpoint : List.of(1L, 20L, 3000L)) {
      CaptureFixture.write(
          folder.resolve("capture"),
          "blocks.I.hook",
          checkpoint,
          Form.HALF_LIST,
          Encoding.usual(),
          12,
          CaptureFixture.rows(20, 12, 12, checkpoint));
    }
    Locale before = Locale.getDefault();
    Map<String, String> expected = line(Locale.ROOT);
    assertThat(expected).hasSizeGreaterThan(30);
    // An i of its own, a comma and other digits, all in one.
    Locale hostile = Locale.forLanguageTag("tr-TR-u-nu-arab");
    assertThat("I".toLowerCase(hostile)).isNotEqualTo("i");
    assertThat(String.format(hostile, "%.1f", 1.5)).doesNotContain(".").doesNotContain("1");
    try {
      assertThat(line(hostile)).containsExactlyInAnyOrderEntriesOf(expected);
    } finally {
      Locale.setDefault(before);
    }
  }

  /** What every job publishes, by job and by what each file is. */
  private Map<String, String> line(Locale locale) throws IOException {
    Locale.setDefault(locale);
    Pipeline pipeline =
        Pipeline.of(
            Main.jobs(),
            ConfigFactory.parseString(
                "work = \""
                    + folder.resolve("line")
                    + "\", shard { input = \""
                    + folder.resolve("capture")
                    + "\", shards = 4 }, train { replicas = 2, dictionaries = [ { type = top-k, width = 16, k = 2 }, { type = jump-relu, width = 16 } ],"
                    + " training { batch = 64, tokens = 2048, link-tokens = 512, dead-window = 1000 } },"
                    + " measure { top-examples = 4, quantiles = 2, examples-per-quantile = 1, replicates = 8, features-per-file = 128 },"
                    + " evolve { phases { shifts = 20, bootstraps = 20 } }, report {}"),
            "a test");
    Map<String, String> checksums = new TreeMap<>();
    for (Pipeline.Step<?> step : pipeline.steps()) {
      Job.Result result = step.run(spark);
      String job = step.job().name();
      checksums.put(job, result.manifest().identity());
      int[] number = {0};
      result.manifest().files().stream()
          // Whose pages tell when, by which run.
          .filter(file -> !file.path().equals("data/provenance.js"))
          .map(file -> Publication.ofAnyAttempt(file.path()) + " " + file.sha256())
          .sorted()
          .forEach(file -> checksums.put(job + " " + number[0]++, file));
    }
    // The pages tell where things lie, so every line lies in one place.
    Files.move(folder.resolve("line"), folder.resolve(locale.toLanguageTag()));
    return checksums;
  }
}
