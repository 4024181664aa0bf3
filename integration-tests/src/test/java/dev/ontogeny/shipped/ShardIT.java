package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.CaptureFixture.Row;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The shard job of the shipped jar on executors of their own. */
class ShardIT {
  private static final Path WORK = ShippedJar.folder("ShardIT");

  /** Bytes of the heap of an executor. */
  private static final long HEAP = 512L << 20;

  private static final int HEAPS = Integer.getInteger("ontogeny.heaps", 3);

  /** Somewhat more than so many heaps. */
  private static final long LARGE = HEAPS * HEAP + (64L << 20);

  @Test
  void everyFormOfCapture() throws IOException {
    // Lists and floats as bytes, known by the width, in one capture; halves as bytes have to be
    // told.
    assertRead("forms", forms(false), "width=12");
    assertRead("half forms", forms(true), "binary-type=float16");
  }

  private static List<Form> forms(boolean halvesAsBytes) {
    List<Form> halves = List.of(Form.BINARY_HALVES, Form.FIXED_HALVES);
    return Stream.of(Form.values()).filter(f -> halves.contains(f) == halvesAsBytes).toList();
  }

  /** One checkpoint in each physical form. */
  private static void assertRead(String name, List<Form> forms, String setting) throws IOException {
    int width = 12;
    for (Form form : forms) {
      CaptureFixture.write(
          WORK.resolve(name),
          "a",
          checkpoint(form),
          form,
          Encoding.usual(),
          width,
          rows(form, width));
    }
    ShippedJar.Outcome outcome =
        shard(name, "--set", setting, "--set", "shards=2", "--set", "stored-type=float32")
            .executors(2, 1, 512)
            .run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    ShardedDataset dataset = ShardedDataset.open(Folder.of(output(name).toString()));
    assertThat(dataset.summary().rows()).isEqualTo(300);
    assertThat(dataset.site("a").checkpoints()).hasSize(forms.size());
    for (Form form : forms) {
      compare(dataset, form, width);
    }
  }

  private static long checkpoint(Form form) {
    return List.of(Form.values()).indexOf(form);
  }

  private static List<Row> rows(Form form, int width) {
    return CaptureFixture.rows(10, 30, width, checkpoint(form));
  }

  private static void compare(ShardedDataset dataset, Form form, int width) throws IOException {
    assertThat(dataset.site("a").dtype()).isEqualTo(VectorType.FLOAT32);
    Map<List<Object>, float[]> expected = new HashMap<>();
    rows(form, width)
        .forEach(row -> expected.put(List.of(row.document(), row.position()), row.vector()));
    for (int shard = 0; shard < 2; shard++) {
      FloatMatrix vectors = FloatMatrix.zeros((int) dataset.rows(shard), width);
      try (VectorReader reader = dataset.vectors("a", checkpoint(form), shard);
          TableReader tokens =
              TableReader.open(
                  dataset.folder(), dataset.tokensFile(shard).path(), "document", "position")) {
        assertThat(reader.read(vectors)).isEqualTo(vectors.rows());
        for (int i = 0; i < vectors.rows(); i++) {
          assertThat(Arrays.copyOfRange(vectors.values(), i * width, (i + 1) * width))
              .as("%s, row %d of shard %d", form, i, shard)
              .containsExactly(expected.remove(List.of(tokens.next())));
        }
      }
    }
    assertThat(expected).as("%s", form).isEmpty();
  }

  @Test
  void sameBytesOnOneExecutorOnFourAndAfterOneWasKilled() throws IOException {
    Path capture = WORK.resolve("many");
    for (long checkpoint = 0; checkpoint < 6; checkpoint++) {
      CaptureFixture.write(
          capture,
          "a",
          checkpoint,
          Form.HALF_LIST,
          Encoding.usual(),
          64,
          CaptureFixture.rows(100, 100, 64, checkpoint));
    }
    String[] small = {"--set", "split-bytes=64KiB", "--set", "slice-bytes=64KiB"};
    ShippedJar.Outcome one = shard("many", "one", small).executors(1, 1, 512).run(WORK);
    assertThat(one.exitCode()).as(one.error()).isZero();
    ShippedJar.Outcome four = shard("many", "four").executors(4, 1, 512).run(WORK);
    assertThat(four.exitCode()).as(four.error()).isZero();
    ShippedJar.Outcome killed =
        shard("many", "killed", small)
            .executors(2, 1, 512)
            .start(WORK)
            .until(() -> count(output("killed").resolve("_progress")) >= 3)
            .killExecutor()
            .await();
    assertThat(killed.exitCode()).as(killed.error()).isZero();
    assertThat(killed.error()).containsPattern("executor \\d+ is gone");
    Map<String, String> expected = checksums("one");
    // Ten shards of tokens and of six vectors, six moments, what was captured.
    assertThat(expected).hasSize(10 * 7 + 6 + 1);
    assertThat(checksums("four")).isEqualTo(expected);
    assertThat(checksums("killed")).isEqualTo(expected);
    assertThat(output("killed").resolve("_progress")).doesNotExist();
    ShippedJar.Outcome again = shard("many", "four").executors(1, 1, 512).run(WORK);
    assertThat(again.result().get("already_done").asBoolean()).isTrue();
  }

  /** Ten times as much, say, with {@code -Dontogeny.heaps=10}. */
  @Test
  void severalTimesTheHeapOfItsExecutor() throws IOException {
    Path work = ShippedJar.folder("ShardIT-large");
    try {
      ShardCaptures captures = new ShardCaptures(256, 8);
      long bytes = captures.write(work.resolve("capture"), LARGE);
      assertThat(bytes).isGreaterThan(HEAPS * HEAP);
      ShippedJar.Outcome outcome =
          ShippedJar.command(
                  "shard",
                  "--set",
                  "input=" + work.resolve("capture"),
                  "--set",
                  "binary-type=float16",
                  "--set",
                  "output=" + work.resolve("dataset"))
              .executors(2, 1, 512)
              .driverMemory(512)
              .configure("spark.local.dir", work.resolve("spark").toString())
              .compiled()
              .run(work);
      assertThat(outcome.exitCode()).as(outcome.error()).isZero();
      ShardedDataset dataset = ShardedDataset.open(Folder.of(work.resolve("dataset").toString()));
      assertThat(dataset.summary().rows()).isEqualTo(captures.tokens(LARGE));
      assertThat(dataset.moments("a", 7).rows()).isEqualTo(dataset.summary().rows());
      assertThat(outcome.out()).containsPattern("per byte of it 1\\.[01]\\d+ shuffled");
    } finally {
      ShippedJar.delete(work);
    }
  }

  private static ShippedJar shard(String name, String... more) {
    boolean named = more.length % 2 == 1;
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("shard", "--set", "input=" + WORK.resolve(name)));
    arguments.addAll(List.of("--set", "output=" + output(named ? more[0] : name)));
    arguments.addAll(List.of(more).subList(named ? 1 : 0, more.length));
    return ShippedJar.command(arguments.toArray(String[]::new));
  }

  private static ShippedJar shard(String name, String output, String[] more) {
    List<String> all = new ArrayList<>(List.of(output));
    all.addAll(List.of(more));
    return shard(name, all.toArray(String[]::new));
  }

  private static Path output(String name) {
    return WORK.resolve("out-" + name);
  }

  /** Files below a folder. */
  private static long count(Path folder) {
    if (!Files.exists(folder)) {
      return 0;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith("unit-shard")).count();
    } catch (IOException | java.io.UncheckedIOException vanished) {
      return 0;
    }
  }

  private static Map<String, String> checksums(String name) {
    Map<String, String> checksums = new TreeMap<>();
    for (PublishedFile file :
        Manifest.read(Folder.of(output(name).toString()), "dataset").files()) {
      checksums.put(
          file.table() + " " + file.shard() + " " + file.site() + " " + file.checkpoint(),
          file.sha256());
    }
    return checksums;
  }
}
