package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.job.FlakyFileSystem.Operation;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.job.shard.ShardSettings;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.net.ssl.SSLHandshakeException;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever a store does wrong is told as that, and never as damage of what lies in it. */
class StoreFailureTest {
  private static SparkSession spark;

  @TempDir private Path folder;

  @BeforeAll
  static void open() {
    spark = TestSpark.flaky(2).getOrCreate();
  }

  @AfterAll
  static void close() throws IOException {
    spark.close();
  }

  @BeforeEach
  void write() throws IOException {
    for (long checkpoint : List.of(1L, 2L)) {
      CaptureFixture.write(
          folder.resolve("capture"),
          "a",
          checkpoint,
          Form.HALF_LIST,
          Encoding.usual(),
          8,
          CaptureFixture.rows(4, 10, 8, checkpoint));
    }
  }

  @AfterEach
  void heal() throws InterruptedException {
    FlakyFileSystem.heal();
    TestSpark.settle(spark);
  }

  static Stream<Arguments> failures() {
    List<IOException> failures =
        List.of(
            new SocketTimeoutException("Read timed out"),
            new SSLHandshakeException("certificate expired"),
            new IOException("503 Slow Down, please reduce your request rate"));
    List<Arguments> all = new ArrayList<>();
    for (IOException failure : failures) {
      all.add(Arguments.of(Operation.LIST, "capture", failure));
      all.add(Arguments.of(Operation.STATUS, "capture/", failure));
      all.add(Arguments.of(Operation.OPEN, ".parquet", failure));
      all.add(Arguments.of(Operation.READ, "capture/", failure));
      all.add(Arguments.of(Operation.READ, "dataset/", failure));
      all.add(Arguments.of(Operation.CREATE, "dataset/", failure));
      all.add(Arguments.of(Operation.CREATE, "dataset/vectors", failure));
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("failures")
  void shard(Operation operation, String below, IOException failure) {
    FlakyFileSystem.fail(operation, below, () -> failure);
    Throwable thrown = catchThrowable(() -> run("dataset"));
    assertThat(thrown).isNotNull();
    Diagnosis diagnosis = Diagnosis.of(thrown);
    assertThat(diagnosis.kind()).as(diagnosis.line()).isEqualTo(FailureKind.RESOURCES);
    assertThat(diagnosis.message()).contains(failure.getMessage()).doesNotContain("damaged");
    FlakyFileSystem.heal();
    assertThat(run("dataset").manifest().files()).isNotEmpty();
  }

  /** The same where published folders are read. */
  @ParameterizedTest
  @MethodSource("readings")
  void train(Operation operation, String below) {
    run("dataset");
    FlakyFileSystem.fail(operation, below, () -> new SocketTimeoutException("Read timed out"));
    Throwable thrown =
        catchThrowable(
            () ->
                new Train()
                    .run(
                        spark,
                        SettingsReader.read(
                            TrainSettings.class,
                            "train",
                            null,
                            List.of(
                                "dataset=flaky:" + folder.resolve("dataset"),
                                "output=flaky:" + folder.resolve("dictionaries"),
                                "dictionaries=[{type=top-k,width=16,k=2}]",
                                "training.tokens=512",
                                "training.link-tokens=512",
                                "kernel=reference"))));
    assertThat(thrown).isNotNull();
    Diagnosis diagnosis = Diagnosis.of(thrown);
    assertThat(diagnosis.kind()).as(diagnosis.line()).isEqualTo(FailureKind.RESOURCES);
    assertThat(diagnosis.message()).contains("Read timed out");
  }

  static Stream<Arguments> readings() {
    return Stream.of(
        Arguments.of(Operation.READ, "dataset/_manifest.json"),
        Arguments.of(Operation.READ, "dataset/moments"),
        Arguments.of(Operation.OPEN, "dataset/vectors"),
        Arguments.of(Operation.READ, "dataset/vectors"),
        Arguments.of(Operation.CREATE, "dictionaries/chain"));
  }

  private Job.Result run(String output) {
    return new Shard()
        .run(
            spark,
            SettingsReader.read(
                ShardSettings.class,
                "shard",
                null,
                List.of(
                    "input=flaky:" + folder.resolve("capture"),
                    "output=flaky:" + folder.resolve(output),
                    "shards=3")));
  }
}
