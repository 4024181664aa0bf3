package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.typesafe.config.ConfigFactory;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Small captures that other tools wrote and that are odd in one way each: what {@code shard} makes
 * of them, or what it says would be right. The files are not part of this repository, so this is no
 * part of its tests either; with a folder of them:
 *
 * <pre>{@code
 * mvn -q test -pl jobs -am -Dtest=OddCaptures -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.odd=FOLDER
 * }</pre>
 */
class OddCaptures {
  private static final Path ODD = Path.of(System.getProperty("ontogeny.odd", "odd"));

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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          bf16_list_fsb2.parquet |         | SETTINGS | look like bfloat16): set binary-type
          bf16_bytes.parquet     |         | SETTINGS | set binary-type = float16, bfloat16 or float32
          bf16_bytes.parquet     | width=8 | SETTINGS | look like bfloat16): set binary-type
          nan_pandas.parquet     |         | DATA     | row 0: document a, position 0 (site s, checkpoint 0) has a null among the numbers
          conf                   |         | DATA     | column 'checkpoint' is 0, but the folder says checkpoint=7
          polars                 |         | DATA     | the partition checkpoint is null
          empty.parquet          |         | DATA     | not one row
          codec_brotli.parquet   |         | DATA     | compressed with BROTLI
          hf_array2d.parquet     |         | DATA     | a capture has one row per token: explode
          """)
  void refusedWithTheRemedy(String file, String settings, FailureKind kind, String words) {
    Diagnosis told =
        Diagnosis.of(catchThrowable(() -> shard(ODD.resolve(file), "dataset", settings)));
    assertThat(told.message()).contains(words);
    assertThat(told.kind()).isEqualTo(kind);
    assertThat(folder.resolve("dataset/_manifest.json")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          bf16_bytes.parquet     | binary-type=bfloat16                     | 6 | 0
          bf16_list_fsb2.parquet | binary-type=bfloat16 stored-type=float16 | 6 | 0
          nan_pandas.parquet     | rules.null-element=drop                  | 5 | 0
          decimal_label.parquet  |                                          | 6 | 0
          str_ckpt.parquet       |                                          | 6 | 1000
          token_bytes.parquet    |                                          | 6 | 0
          """)
  void read(String file, String settings, int rows, long checkpoint) {
    var summary = shard(ODD.resolve(file), "dataset", settings).manifest().summary();
    assertThat(summary.path("rows").asInt()).isEqualTo(rows);
    assertThat(summary.at("/sites/0/checkpoints")).hasToString("[" + checkpoint + "]");
  }

  @Test
  void anEmptyFileBesideOthersChangesNothing() throws IOException {
    Path capture = Files.createDirectory(folder.resolve("capture"));
    Files.copy(ODD.resolve("empty.parquet"), capture.resolve("empty.parquet"));
    Files.copy(ODD.resolve("str_ckpt.parquet"), capture.resolve("full.parquet"));
    assertThat(shard(capture, "dataset", null).manifest().summary().path("rows").asInt())
        .isEqualTo(6);
  }

  @Test
  void oneInTheOthersPlaceIsAnotherDataset() throws IOException {
    Path file = folder.resolve("same.parquet");
    String settings = "binary-type=float16";
    Files.copy(ODD.resolve("same1.parquet"), file);
    Job.Result first = shard(file, "dataset", settings);
    assertThat(shard(file, "dataset", settings).alreadyDone()).isTrue();
    Files.copy(ODD.resolve("same2.parquet"), file, StandardCopyOption.REPLACE_EXISTING);
    assertThatThrownBy(() -> shard(file, "dataset", settings))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("of other inputs (their content is not what it was");
    assertThat(shard(file, "other", settings).manifest().identity())
        .isNotEqualTo(first.manifest().identity());
  }

  private Job.Result shard(Path input, String output, String settings) {
    String lines = settings == null ? "" : settings.replace(' ', '\n');
    return Pipeline.of(
            List.of(new Shard()),
            ConfigFactory.parseString(
                "work = \""
                    + folder
                    + "\", shard { input = \""
                    + input
                    + "\"\n output = \""
                    + folder.resolve(output)
                    + "\"\n"
                    + lines
                    + "\n}"),
            "a test")
        .steps()
        .get(0)
        .run(spark);
  }
}
