package dev.ontogeny.job.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.CaptureFixture.Row;
import dev.ontogeny.data.Claim;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.ReportFixture;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What becomes of captures that change, that have holes, and that hold what is often an accident.
 */
class ShardCaptureTest {
  private static final int DOCUMENTS = 12;
  private static final int POSITIONS = 25;
  private static final int WIDTH = 16;
  private static final String NULL_FIRST = "rules.null-element=drop";

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

  @AfterEach
  void settle() throws InterruptedException {
    TestSpark.settle(spark);
  }

  // --- identity

  /** Same shape, same footer, other numbers: uncompressed bytes without statistics. */
  private static final Encoding PLAIN =
      new Encoding(
          org.apache.parquet.column.ParquetProperties.WriterVersion.PARQUET_1_0,
          false,
          org.apache.parquet.hadoop.metadata.CompressionCodecName.UNCOMPRESSED,
          1 << 20);

  @Test
  void aCaptureThatWasMadeAnewIsNotTakenForTheOldOne() throws IOException {
    Path file = write(1, PLAIN, rows(1));
    byte[] one = Files.readAllBytes(file);
    FileTime time = Files.getLastModifiedTime(file);
    Job.Result first = run();
    assertThat(run().alreadyDone()).isTrue();
    byte[] two = one.clone();
    // Somewhere among the numbers, in all likelihood the lowest bits of one.
    two[one.length / 2] ^= 1;
    replace(file, two, time);
    assertThatThrownBy(() -> run())
        .isInstanceOf(Failure.class)
        .hasMessageContaining("already holds dataset of other inputs (")
        .hasMessageEndingWith("choose another output or delete it");
    Job.Result second = run("output=" + folder.resolve("second"));
    assertThat(second.manifest().identity()).isNotEqualTo(first.manifest().identity());
    replace(file, one, time);
    Job.Result again = run();
    assertThat(again.alreadyDone()).isTrue();
    assertThat(again.lines())
        .contains(
            "files of the capture are newer than the dataset; they were read and are the same");
    Files.createDirectories(folder.resolve("moved"));
    Files.move(folder.resolve("capture"), folder.resolve("moved/capture"));
    assertThat(run("input=" + folder.resolve("moved/capture")).alreadyDone())
        .as("where it lies does not count")
        .isTrue();
    assertThatThrownBy(() -> run("input=" + folder.resolve("moved/capture"), "seed=7"))
        .hasMessageContaining(
            "already holds dataset of other settings (seed is 0 there and 7 here;");
  }

  @Test
  void aRunThatWasCutOffDoesNotGoOnWithAnotherCapture() throws IOException {
    Path file = write(1, PLAIN, rows(1));
    Path output = folder.resolve("dataset");
    Files.createDirectories(output.resolve("_progress"));
    // A file where the moments' folder should be: the run fails after its shards.
    Files.writeString(output.resolve("_progress/x"), "");
    Files.writeString(output.resolve("moments"), "");
    assertThatThrownBy(() -> run()).hasMessageContaining("moments");
    Files.delete(output.resolve("moments"));
    byte[] other = Files.readAllBytes(file);
    other[other.length / 2] ^= 1;
    replace(file, other, Files.getLastModifiedTime(file));
    Job.Result resumed = run();
    Job.Result undisturbed = run("output=" + folder.resolve("undisturbed"));
    assertThat(checksums(resumed)).isEqualTo(checksums(undisturbed));
    assertThat(resumed.manifest().identity()).isEqualTo(undisturbed.manifest().identity());
  }

  @Test
  void everyColumnThatIsReadDecidesTheIdentity() throws IOException {
    List<String> identities = new ArrayList<>();
    List<UnaryOperator<Row>> changes =
        List.of(
            row -> row,
            row -> with(row, row.tokenId() + 1, row.token(), row.label(), row.loss(), row.vector()),
            row -> with(row, row.tokenId(), "another", row.label(), row.loss(), row.vector()),
            row -> with(row, row.tokenId(), row.token(), "another", row.loss(), row.vector()),
            row -> with(row, row.tokenId(), row.token(), row.label(), 99, row.vector()));
    for (int i = 0; i < changes.size(); i++) {
      List<Row> rows = rows(1);
      rows.set(40, changes.get(i).apply(rows.get(40)));
      write(1, Encoding.usual(), rows);
      identities.add(run("output=" + folder.resolve("d" + i)).manifest().identity());
    }
    assertThat(identities).doesNotHaveDuplicates();
  }

  @Test
  void aFileWithoutRowsChangesNothing() throws IOException {
    write(1, Encoding.usual(), rows(1));
    Job.Result without = run();
    CaptureFixture.write(
        folder.resolve("capture/empty.parquet"),
        "optional int32 nothing;",
        Map.of(),
        0,
        (group, row) -> {});
    CaptureFixture.write(
        folder.resolve("capture/site=a/checkpoint=9/empty.parquet"),
        "optional int32 nothing;",
        Map.of(),
        0,
        (group, row) -> {});
    assertThat(run().alreadyDone()).isTrue();
    Job.Result with = run("output=" + folder.resolve("with"));
    assertThat(with.manifest().identity()).isEqualTo(without.manifest().identity());
    assertThat(checksums(with)).isEqualTo(checksums(without));
    Files.delete(folder.resolve("capture/site=a/checkpoint=1/part-0.parquet"));
    assertThatThrownBy(() -> run("output=" + folder.resolve("none")))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith("capture holds 2 Parquet files and not one row");
  }

  @Test
  void aFolderThatAnotherRunWritesIsNotTouched() throws IOException {
    write(1, Encoding.usual(), rows(1));
    Publication other =
        Publication.of(
            Folder.of(folder.resolve("dataset").toString()),
            "dataset",
            settings("seed=5"),
            List.of());
    try (Claim claim = other.claim()) {
      assertThat(claim).isNotNull();
      assertThatThrownBy(() -> run())
          .isInstanceOf(Failure.class)
          .hasMessageContaining("dataset is being written by another run, " + other.run())
          .extracting(thrown -> ((Failure) thrown).kind())
          .isEqualTo(FailureKind.BUSY);
    }
    assertThat(run().alreadyDone()).isFalse();
  }

  /** Spark's own writer: gzip'd arrays of floats and of doubles, its own files beside them. */
  @Test
  void whatSparkWritesIsRead() throws IOException {
    write(1, Encoding.usual(), rows(1));
    Job.Result ours = run();
    StructType schema =
        new StructType()
            .add("document", "bigint")
            .add("position", "int")
            .add("site", "string")
            .add("checkpoint", "string")
            .add("token_id", "int")
            .add("token", "string")
            .add("label_parity", "string")
            .add("loss", "float")
            .add("activation", "array<float>");
    List<org.apache.spark.sql.Row> rows = new ArrayList<>();
    for (Row row : rows(1)) {
      List<Float> vector = new ArrayList<>();
      for (float value : row.vector()) {
        vector.add(value);
      }
      rows.add(
          RowFactory.create(
              row.document(),
              row.position(),
              "a",
              "step1",
              row.tokenId(),
              row.token(),
              row.label(),
              row.loss(),
              vector));
    }
    spark
        .createDataFrame(rows, schema)
        .repartition(3)
        .write()
        .partitionBy("site", "checkpoint")
        .option("compression", "gzip")
        .parquet(folder.resolve("sparks").toString());
    assertThat(folder.resolve("sparks/_SUCCESS")).exists();
    Job.Result theirs =
        run("input=" + folder.resolve("sparks"), "output=" + folder.resolve("theirs"));
    assertThat(checksums(theirs)).isEqualTo(checksums(ours));
  }

  // --- rules

  @Test
  void nullsAndOverflowsHaveRulesOfTheirOwn() throws IOException {
    float[] holed = new float[WIDTH];
    holed[3] = Float.intBitsToFloat(CaptureFixture.NULL_BITS);
    float[] large = new float[WIDTH];
    large[2] = 1e6f;
    float[] longer = new float[WIDTH + 1];
    longer[1] = Float.intBitsToFloat(CaptureFixture.NULL_BITS);
    List<Row> rows = rows(1);
    rows.set(30, vector(rows.get(30), holed));
    rows.set(31, vector(rows.get(31), large));
    rows.set(32, vector(rows.get(32), longer));
    write(1, Encoding.usual(), rows);
    assertThatThrownBy(() -> run())
        .hasMessageContaining(
            "row 30: document 1, position 5 (site a, checkpoint 1) has a null among the numbers of its vector (pandas writes NaN so); rules.null-element=drop would leave such tokens out");
    assertThatThrownBy(() -> run(NULL_FIRST, "stored-type=float16"))
        .hasMessageContaining(
            "row 31: document 1, position 6 (site a, checkpoint 1) has a number that float16 cannot hold (beyond 65504), stored-type=float32 would; rules.overflow=drop");
    Job.Result result = run(NULL_FIRST, "stored-type=float16", "rules.overflow=drop");
    assertThat(result.manifest().summary(ShardedDataset.Summary.class).dropped())
        .containsOnly(entry("null-element", 2L), entry("overflow", 1L));
    assertThat(
            run(NULL_FIRST, "output=" + folder.resolve("f32"))
                .manifest()
                .summary(ShardedDataset.Summary.class)
                .dropped())
        .containsOnly(entry("null-element", 2L));
  }

  @Test
  void tokensAreLeftOutByPlaceAndByIdAndByNorm() throws IOException {
    // Documents begin at position 3, as with padding on the left.
    List<Row> rows = new ArrayList<>();
    for (Row row : rows(1)) {
      rows.add(
          new Row(
              row.document(),
              row.position() + 3,
              row.tokenId(),
              row.token(),
              row.label(),
              row.loss(),
              row.vector()));
    }
    float[] nan = new float[WIDTH];
    nan[0] = Float.NaN;
    rows.set(0, vector(rows.get(0), nan));
    rows.set(40, vector(rows.get(40), new float[WIDTH]));
    write(1, Encoding.usual(), rows);
    write(2, Encoding.usual(), rows);
    assertThatThrownBy(() -> run()).hasMessageContaining("has a NaN in its vector");
    Job.Result result = run("skip-first-tokens=2");
    assertThat(dropped(result)).containsOnly(entry("first-token", 2L * DOCUMENTS));
    assertThat(positions(result)).doesNotContain(3, 4).contains(5);
    Job.Result later = run("skip-first-tokens=1", "output=" + folder.resolve("one"));
    assertThat(dropped(later)).containsOnly(entry("first-token", (long) DOCUMENTS));
    int token = rows.get(50).tokenId();
    long such = rows.stream().filter(row -> row.tokenId() == token && row.position() > 3).count();
    Job.Result byToken =
        run(
            "skip-first-tokens=1",
            "drop-token-ids=[" + token + "]",
            "minimum-norm-ratio=0.001",
            "output=" + folder.resolve("tokens"));
    assertThat(dropped(byToken))
        .containsOnly(
            entry("first-token", (long) DOCUMENTS),
            entry("drop-token-ids", such),
            entry("norm", 1L));
    assertThat(checksums(byToken))
        .as("whatever the cluster")
        .isEqualTo(
            checksums(
                run(
                    "skip-first-tokens=1",
                    "drop-token-ids=[" + token + "]",
                    "minimum-norm-ratio=0.001",
                    "slice-bytes=64KiB",
                    "split-bytes=64KiB",
                    "output=" + folder.resolve("tokens-again"))));
  }

  // --- findings

  @Test
  void anOrdinaryCaptureGivesNoWarning() throws IOException {
    for (long checkpoint : List.of(1L, 2L, 3L)) {
      write(checkpoint, Encoding.usual(), rows(checkpoint));
    }
    Job.Result result = run();
    assertThat(findings(result).notes()).isEmpty();
    assertThat(findings(result).documents())
        .isEqualTo(new CaptureFindings.Documents(DOCUMENTS, DOCUMENTS, 0, 0));
  }

  @Test
  void checkpointsThatAreOneOrOutOfOrderAreNamed() throws IOException {
    // 10, 20, …: the vectors move on steadily; 30 is 20 again, 40 nearly is the last one.
    double[] at = {0, 1, 1, 3.97, 3, 4};
    for (int i = 0; i < at.length; i++) {
      double share = at[i] / 4;
      List<Row> from = rows(1);
      List<Row> to = rows(2);
      List<Row> rows = new ArrayList<>();
      for (int row = 0; row < from.size(); row++) {
        float[] vector = new float[WIDTH];
        for (int j = 0; j < WIDTH; j++) {
          vector[j] =
              (float) ((1 - share) * from.get(row).vector()[j] + share * to.get(row).vector()[j]);
        }
        rows.add(vector(from.get(row), vector));
      }
      write(10L * (i + 1), Encoding.usual(), rows);
    }
    CaptureFindings findings = findings(run());
    assertThat(findings.identical())
        .containsExactly(new CaptureFindings.Identical("a", List.of(20L, 30L)));
    assertThat(findings.nearlyIdentical()).isEmpty();
    assertThat(findings.outOfOrder())
        .extracting(CaptureFindings.OutOfOrder::checkpoint)
        .containsExactly(40L);
    assertThat(findings.notes())
        .extracting(CaptureFindings.Note::text)
        .anyMatch(each -> each.startsWith("Checkpoints 20, 30 of a are the same bit by bit: "))
        .anyMatch(
            each -> each.startsWith("Checkpoint 40 of a is nearer to the last one, 60, than"));
    for (long checkpoint = 10; checkpoint <= 60; checkpoint += 10) {
      Files.delete(folder.resolve("capture/site=a/checkpoint=" + checkpoint + "/part-0.parquet"));
    }
    write(1, Encoding.usual(), rows(1));
    List<Row> rounded =
        rows(1).stream()
            .map(
                row -> {
                  float[] vector = row.vector().clone();
                  vector[0] *= 1.001f;
                  return vector(row, vector);
                })
            .collect(Collectors.toCollection(ArrayList::new));
    write(2, Encoding.usual(), rounded);
    CaptureFindings near = findings(run("output=" + folder.resolve("near")));
    assertThat(near.identical()).isEmpty();
    assertThat(near.nearlyIdentical())
        .extracting(CaptureFindings.Pair::checkpoint, CaptureFindings.Pair::other)
        .containsExactly(org.assertj.core.groups.Tuple.tuple(1L, 2L));
    assertThat(near.notes())
        .extracting(CaptureFindings.Note::text)
        .anyMatch(each -> each.contains("1 and 2 of a ("));
  }

  @Test
  void sinksZerosAndPositionsAreCountedAndTold() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (Row row : rows(1)) {
      float[] vector = row.vector().clone();
      if (row.position() == 7 && row.document() < 5) {
        for (int i = 0; i < WIDTH; i++) {
          vector[i] = 1000;
        }
      } else if (row.position() == 9 && row.document() < 3) {
        vector = new float[WIDTH];
      }
      int position = row.document() == 2 ? row.position() + 4 : row.position();
      if (row.document() == 3 && position == 11) {
        continue;
      }
      rows.add(
          new Row(
              row.document(),
              position,
              row.tokenId(),
              row.token(),
              row.label(),
              row.loss(),
              vector));
    }
    write(1, Encoding.usual(), rows);
    Job.Result result = run();
    CaptureFindings findings = findings(result);
    assertThat(findings.norms()).hasSize(1);
    assertThat(findings.norms().get(0).sinks()).isEqualTo(5);
    assertThat(findings.norms().get(0).zeros()).isEqualTo(3);
    assertThat(findings.documents())
        .isEqualTo(new CaptureFindings.Documents(DOCUMENTS, DOCUMENTS, 1, 1));
    assertThat(result.lines())
        .anyMatch(
            each ->
                each.startsWith("beware: 5 vectors are more than 100 times as long as the median")
                    && each.contains("maximum-norm-ratio")
                    && each.contains("drop-token-ids"))
        .anyMatch(
            each -> each.startsWith("beware: 3 vectors are zero, most often at a, checkpoint 1"))
        .anyMatch(each -> each.startsWith("beware: 1 of 12 documents do not begin at position 0"))
        .anyMatch(each -> each.startsWith("beware: 1 of 12 documents lack positions"));
    assertThat(run().lines())
        .as("told again when there is nothing to do")
        .containsAll(result.lines().stream().filter(each -> each.startsWith("beware")).toList());
  }

  @Test
  void float16ThatLooksLikeBfloat16AndWhatDoesNotVaryAreTold() throws IOException {
    for (long checkpoint : List.of(1L, 2L)) {
      List<Row> rows = new ArrayList<>();
      for (Row row : rows(checkpoint)) {
        float[] vector = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
          short bits = (short) (Float.floatToRawIntBits(row.vector()[i]) >>> 16);
          vector[i] = dev.ontogeny.data.Half.toFloat(bits);
        }
        rows.add(vector(row, vector));
      }
      write("bits", checkpoint, Form.HALF_LIST, rows);
      List<Row> zeros =
          new ArrayList<>(rows(1).stream().map(row -> vector(row, new float[WIDTH])).toList());
      write("silent", checkpoint, Form.HALF_LIST, checkpoint == 1 ? zeros : rows(2));
    }
    CaptureFindings findings = findings(run());
    assertThat(findings.likelyBfloat16()).containsExactly("bits");
    assertThat(findings.constant()).containsExactly(new CaptureFindings.Source("silent", 1));
    assertThat(findings.notes())
        .extracting(CaptureFindings.Note::text)
        .anyMatch(each -> each.startsWith("The float16 numbers of bits look like bfloat16"))
        .anyMatch(each -> each.startsWith("Nothing varies in silent at 1"))
        .noneMatch(each -> each.contains("vectors are zero"));
  }

  // --- fixtures

  private static CaptureFindings findings(Job.Result result) {
    return result.manifest().summary(ShardedDataset.Summary.class).findings();
  }

  private static Map<String, Long> dropped(Job.Result result) {
    return result.manifest().summary(ShardedDataset.Summary.class).dropped();
  }

  private static List<Integer> positions(Job.Result result) throws IOException {
    List<Integer> positions = new ArrayList<>();
    Folder folder = Folder.of(result.output());
    for (PublishedFile file : result.manifest().table("tokens").toList()) {
      try (TableReader reader = TableReader.open(folder, file.path(), "position")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          positions.add((Integer) row[0]);
        }
      }
    }
    return positions;
  }

  private static List<Row> rows(long checkpoint) {
    return new ArrayList<>(CaptureFixture.rows(DOCUMENTS, POSITIONS, WIDTH, checkpoint));
  }

  private static Row vector(Row row, float[] vector) {
    return with(row, row.tokenId(), row.token(), row.label(), row.loss(), vector);
  }

  private static Row with(
      Row row, int tokenId, String token, String label, float loss, float[] vector) {
    return new Row(row.document(), row.position(), tokenId, token, label, loss, vector);
  }

  private Path write(long checkpoint, Encoding encoding, List<Row> rows) throws IOException {
    return write("a", checkpoint, encoding, Form.FLOAT_LIST, rows);
  }

  private Path write(String site, long checkpoint, Form form, List<Row> rows) throws IOException {
    return write(site, checkpoint, Encoding.usual(), form, rows);
  }

  private Path write(String site, long checkpoint, Encoding encoding, Form form, List<Row> rows)
      throws IOException {
    Path file =
        folder.resolve("capture/site=" + site + "/checkpoint=" + checkpoint + "/part-0.parquet");
    Files.deleteIfExists(file);
    CaptureFixture.write(folder.resolve("capture"), site, checkpoint, form, encoding, WIDTH, rows);
    Files.deleteIfExists(file.resolveSibling(".part-0.parquet.crc"));
    return file;
  }

  /** Other bytes under the old name and the old time. */
  private static void replace(Path file, byte[] bytes, FileTime time) throws IOException {
    Files.write(file, bytes);
    Files.setLastModifiedTime(file, time);
  }

  private ShardSettings settings(String... assignments) {
    List<String> all = new ArrayList<>();
    all.add("input=" + folder.resolve("capture"));
    all.add("output=" + folder.resolve("dataset"));
    all.addAll(List.of(assignments));
    return SettingsReader.read(ShardSettings.class, "shard", null, all);
  }

  private Job.Result run(String... assignments) {
    return new Shard().run(spark, settings(assignments));
  }

  /** Of what became of the rows, in whatever files they came. */
  private static Map<String, String> checksums(Job.Result result) {
    Map<String, String> checksums = new TreeMap<>();
    Manifest manifest = result.manifest();
    for (PublishedFile file : manifest.files()) {
      if (!file.table().equals("capture")) {
        checksums.put(
            file.table() + " " + file.shard() + " " + file.site() + " " + file.checkpoint(),
            file.sha256());
      }
    }
    return checksums;
  }
}
