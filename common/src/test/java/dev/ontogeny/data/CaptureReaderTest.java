package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.CaptureFixture.Row;
import dev.ontogeny.data.CaptureFooter.BinaryNumbers;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.parquet.column.ParquetProperties.WriterVersion;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class CaptureReaderTest {
  private static final CaptureColumns COLUMNS = CaptureColumns.standard();

  @TempDir private Path folder;

  static Stream<Arguments> formsAndEncodings() {
    List<Arguments> all = new ArrayList<>();
    for (Form form : Form.values()) {
      for (WriterVersion version : WriterVersion.values()) {
        for (boolean dictionary : new boolean[] {true, false}) {
          all.add(
              Arguments.of(
                  form, new Encoding(version, dictionary, CompressionCodecName.ZSTD, 3000)));
        }
      }
      for (CompressionCodecName codec :
          List.of(
              CompressionCodecName.UNCOMPRESSED,
              CompressionCodecName.SNAPPY,
              CompressionCodecName.GZIP,
              CompressionCodecName.LZ4_RAW)) {
        all.add(Arguments.of(form, new Encoding(WriterVersion.PARQUET_1_0, true, codec, 1 << 20)));
      }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("formsAndEncodings")
  void everyFormReadsAsParquetItselfReadsIt(Form form, Encoding encoding) throws IOException {
    int width = 37;
    List<Row> rows = new ArrayList<>(CaptureFixture.rows(24, 40, width, 5));
    boolean list = form.isList();
    rows.set(3, withVector(rows.get(3), list ? new float[5] : rows.get(2).vector()));
    rows.set(800, withVector(rows.get(800), list ? new float[0] : rows.get(2).vector()));
    rows.set(801, withVector(rows.get(801), list ? new float[2 * width] : rows.get(2).vector()));
    if (form != Form.LEGACY_LIST && list && form != Form.REQUIRED_FLOAT_LIST) {
      float[] holed = rows.get(900).vector().clone();
      holed[7] = Float.intBitsToFloat(CaptureFixture.NULL_BITS);
      rows.set(900, withVector(rows.get(900), holed));
      rows.set(901, withVector(rows.get(901), null));
    }
    Path file = CaptureFixture.write(folder, "a", 5, form, encoding, width, rows);

    CaptureFooter footer = footer(file, form.binaryNumbers());
    assertThat(footer.widths()).containsExactly(java.util.Map.entry("a", width));
    List<float[]> expected = CaptureFixture.readSlowly(file, form);
    for (VectorType type : VectorType.values()) {
      assertThat(vectors(footer, type, width)).hasSameSizeAs(expected);
      compare(vectors(footer, type, width), expected, width, type);
    }
  }

  private static void compare(
      List<float[]> got, List<float[]> expected, int width, VectorType type) {
    for (int i = 0; i < expected.size(); i++) {
      float[] want = expected.get(i);
      if (want == null) {
        assertThat(got.get(i)).as("row %d", i).isEmpty();
      } else if (want.length != width) {
        assertThat(got.get(i)).as("row %d", i).hasSize(want.length);
      } else {
        float[] rounded = CaptureFixture.floats(CaptureFixture.bytes(want, type), type);
        for (int j = 0; j < width; j++) {
          if (!Float.isNaN(want[j])) {
            assertThat(got.get(i)[j]).as("row %d, number %d", i, j).isEqualTo(rounded[j]);
          }
        }
      }
    }
  }

  @Test
  void everyColumnOfARowIsThere() throws IOException {
    List<Row> rows = CaptureFixture.rows(3, 10, 4, 9);
    Path file =
        CaptureFixture.write(
            folder, "blocks.0%2Fmlp", 9, Form.HALF_LIST, Encoding.usual(), 4, rows);
    CaptureFooter footer = footer(file, new BinaryNumbers(null, null));
    assertThat(footer.sources())
        .containsExactly(new CaptureFooter.SourceRows("blocks.0/mlp", 9, 30));
    assertThat(footer.labels())
        .containsExactly(new TableSchema.Column("label_parity", TableSchema.ColumnType.STRING, 0));
    try (CaptureReader reader = open(footer, VectorType.FLOAT16)) {
      byte[] vector = new byte[8];
      for (Row row : rows) {
        assertThat(reader.next()).isTrue();
        assertThat(reader.documentNumber()).isEqualTo(row.document());
        assertThat(reader.position()).isEqualTo(row.position());
        assertThat(reader.tokenId()).isEqualTo(row.tokenId());
        assertThat(reader.token()).isEqualTo(row.token());
        assertThat(reader.label(0)).isEqualTo(row.label());
        assertThat(reader.loss()).isEqualTo(row.loss());
        assertThat(reader.site()).isEqualTo("blocks.0/mlp");
        assertThat(reader.checkpoint()).isEqualTo(9);
        assertThat(reader.activation(vector, 0, 4)).isEqualTo(4);
        assertThat(vector).isEqualTo(CaptureFixture.bytes(row.vector(), VectorType.FLOAT16));
      }
      assertThat(reader.next()).isFalse();
    }
  }

  /** As in a run that goes on: of rows that belong elsewhere only the key is looked at. */
  @ParameterizedTest
  @MethodSource("formsAndEncodings")
  void whatIsNotAskedForIsPassedOver(Form form, Encoding encoding) throws IOException {
    List<Row> rows = CaptureFixture.rows(20, 30, 4, 9);
    Path file =
        CaptureFixture.write(
            folder.resolve(encoding.toString().replaceAll("\\W", "-")),
            "a",
            9,
            form,
            encoding,
            4,
            rows);
    CaptureFooter footer = footer(file, form.binaryNumbers());
    byte[] vector = new byte[16];
    try (CaptureReader reader = open(footer, VectorType.FLOAT32)) {
      for (int i = 0; i < rows.size(); i++) {
        Row row = rows.get(i);
        assertThat(reader.next()).isTrue();
        if (i % 7 < 5) {
          assertThat(reader.documentNumber()).isEqualTo(row.document());
          assertThat(reader.position()).isEqualTo(row.position());
        }
        if (i % 3 == 1) {
          assertThat(reader.tokenId()).as("token id of row %d", i).isEqualTo(row.tokenId());
        }
        if (i % 5 == 2) {
          assertThat(reader.token()).as("token of row %d", i).isEqualTo(row.token());
          assertThat(reader.label(0)).as("label of row %d", i).isEqualTo(row.label());
        }
        if (i % 11 == 3) {
          assertThat(reader.loss()).as("loss of row %d", i).isEqualTo(row.loss());
        }
        assertThat(reader.activation(vector, 0, 4)).isEqualTo(4);
      }
      assertThat(reader.next()).isFalse();
    }
  }

  @Test
  void sitesAndCheckpointsMayBeColumnsAndWidthsDifferBySite() throws IOException {
    Path file = folder.resolve("all.parquet");
    List<Row> rows = new ArrayList<>(CaptureFixture.rows(10, 20, 6, 1));
    rows.addAll(CaptureFixture.rows(10, 20, 9, 2));
    CaptureFixture.write(
        file,
        CaptureFixture.schema(
            Form.FLOAT_LIST, 0, "required binary site (STRING); required int32 checkpoint;"),
        Form.FLOAT_LIST,
        Encoding.usual(),
        rows,
        (group, row) -> {
          group.append("site", row.vector().length == 6 ? "narrow" : "wide");
          group.append("checkpoint", row.position() % 2);
        });
    CaptureFooter footer = footer(file, new BinaryNumbers(null, null));
    assertThat(footer.widths()).containsEntry("narrow", 6).containsEntry("wide", 9);
    assertThat(footer.sources())
        .containsExactly(
            new CaptureFooter.SourceRows("narrow", 0, 100),
            new CaptureFooter.SourceRows("narrow", 1, 100),
            new CaptureFooter.SourceRows("wide", 0, 100),
            new CaptureFooter.SourceRows("wide", 1, 100));
  }

  @ParameterizedTest
  @EnumSource(
      value = Form.class,
      names = {"BINARY_HALVES", "BINARY_FLOATS", "FIXED_HALVES", "FIXED_FLOATS"})
  void typeOfBinaryFollowsFromTheWidth(Form form) throws IOException {
    Path file =
        CaptureFixture.write(
            folder, "a", 1, form, Encoding.usual(), 12, CaptureFixture.rows(2, 5, 12, 1));
    int bytes = 12 * form.vectorType().bytes();
    if (form.vectorType() == VectorType.FLOAT32) {
      CaptureFooter footer = footer(file, new BinaryNumbers(null, 12));
      assertThat(footer.activation().number()).isEqualTo(VectorForm.NumberType.FLOAT32);
      assertThat(footer.widths()).containsEntry("a", 12);
    } else {
      assertThatThrownBy(() -> footer(file, new BinaryNumbers(null, 12)))
          .isInstanceOf(Failure.class)
          .hasMessageContaining(
              "column 'activation' holds 24 bytes a row, two for each of 12 numbers (setting width), which may be float16 or bfloat16 (by their exponents they look like float16): set binary-type");
    }
    assertThatThrownBy(() -> footer(file, new BinaryNumbers(null, null)))
        .isInstanceOf(Failure.class)
        .hasMessageContaining(
            "column 'activation' holds %d bytes a row, %d numbers of two bytes or %d of four: set binary-type = float16, bfloat16 or float32",
            bytes, bytes / 2, bytes / 4);
    assertThatThrownBy(() -> footer(file, new BinaryNumbers(null, 13)))
        .hasMessageContaining(
            "13 numbers (setting width) take 26 as float16 or bfloat16, 52 as float32");
  }

  @Test
  void aWrongColumnNameNamesTheNearest() throws IOException {
    Path file =
        CaptureFixture.write(
            folder, "a", 1, Form.FLOAT_LIST, Encoding.usual(), 3, CaptureFixture.rows(1, 3, 3, 1));
    CaptureColumns columns =
        new CaptureColumns(
            "document",
            "position",
            "site",
            "checkpoint",
            CaptureColumns.CHECKPOINT_PATTERN,
            "activations",
            null,
            null,
            null,
            null,
            "label_");
    assertThatThrownBy(
            () -> CaptureFooter.read(listed(file, columns), columns, new BinaryNumbers(null, null)))
        .isInstanceOf(Failure.class)
        .hasMessageContaining(
            "part-0.parquet has no column 'activations' (setting columns.activation): did you mean 'activation'?");
  }

  @Test
  void aColumnOfAnotherTypeIsToldWithWhatIsRight() throws IOException {
    Path file = folder.resolve("site=a/checkpoint=1/x.parquet");
    CaptureFixture.write(
        file,
        "optional int64 document; optional double position; optional double activation;",
        Map.of(),
        1,
        (group, row) -> {
          group.append("document", 1L);
          group.append("position", 0.0);
          group.append("activation", 0.0);
        });
    assertThatThrownBy(() -> footer(file, new BinaryNumbers(null, null)))
        .hasMessageContaining(
            "x.parquet: column 'position' is optional double position; it must be a whole number (int32, int64 or unsigned; pandas makes floats");
  }

  @Test
  void aTruncatedFileIsNamed() throws IOException {
    Path file =
        CaptureFixture.write(
            folder, "a", 1, Form.HALF_LIST, Encoding.usual(), 8, CaptureFixture.rows(10, 30, 8, 1));
    byte[] whole = Files.readAllBytes(file);
    Files.deleteIfExists(file.resolveSibling(".part-0.parquet.crc"));
    Files.write(file, java.util.Arrays.copyOf(whole, whole.length / 2));
    assertThatThrownBy(() -> footer(file, new BinaryNumbers(null, null)))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("site=a/checkpoint=1/part-0.parquet is not a readable Parquet file")
        .hasMessageContaining("cut off");
  }

  @Test
  void damageInsideAFileIsToldWithItsColumn() throws IOException {
    Path file =
        CaptureFixture.write(
            folder,
            "a",
            1,
            Form.FLOAT_LIST,
            new Encoding(WriterVersion.PARQUET_1_0, false, CompressionCodecName.ZSTD, 1 << 20),
            8,
            CaptureFixture.rows(10, 30, 8, 1));
    CaptureFooter footer = footer(file, new BinaryNumbers(null, null));
    byte[] bytes = Files.readAllBytes(file);
    Files.deleteIfExists(file.resolveSibling(".part-0.parquet.crc"));
    java.util.Arrays.fill(bytes, bytes.length - 5000, bytes.length - 2500, (byte) 0);
    Files.write(file, bytes);
    assertThatThrownBy(() -> vectors(footer, VectorType.FLOAT32, 8))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("part-0.parquet: column 'activation' cannot be read");
  }

  @Test
  void filesAreFoundBelowFoldersAndByGlobs() throws IOException {
    for (String name :
        List.of(
            "site=a/checkpoint=1/x.parquet",
            "site=a/checkpoint=2/y.parquet",
            "site=b/checkpoint=1/z.parquet",
            "site=b/_temporary/checkpoint=1/z.parquet",
            "site=b/checkpoint=1/.z.parquet",
            "README.md")) {
      Files.createDirectories(folder.resolve(name).getParent());
      Files.write(folder.resolve(name), new byte[1]);
    }
    assertThat(CaptureFile.list(folder.toString(), COLUMNS))
        .extracting(CaptureFile::site, CaptureFile::checkpoint)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("a", 1L),
            org.assertj.core.groups.Tuple.tuple("a", 2L),
            org.assertj.core.groups.Tuple.tuple("b", 1L));
    assertThat(CaptureFile.list(folder + "/site=*/checkpoint=1", COLUMNS)).hasSize(2);
    assertThat(CaptureFile.list(folder + "/site=a/*/*.parquet", COLUMNS)).hasSize(2);
    assertThatThrownBy(() -> CaptureFile.list(folder + "/site=c/*", COLUMNS))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("site=c/* does not exist and matches no file as a glob");
    Files.createDirectories(folder.resolve("site=d/checkpoint=final"));
    Files.write(folder.resolve("site=d/checkpoint=final/x.parquet"), new byte[1]);
    assertThatThrownBy(() -> CaptureFile.list(folder + "/site=d", COLUMNS))
        .hasMessageContaining(
            "no training step can be read out of the partition checkpoint=final; columns.checkpoint-pattern says how");
  }

  private static Row withVector(Row row, float[] vector) {
    return new Row(
        row.document(),
        row.position(),
        row.tokenId(),
        row.token(),
        row.label(),
        row.loss(),
        vector);
  }

  private CaptureFooter footer(Path file, BinaryNumbers numbers) throws IOException {
    return CaptureFooter.read(listed(file, COLUMNS), COLUMNS, numbers);
  }

  /** The file with the partitions below this test's folder. */
  private CaptureFile listed(Path file, CaptureColumns columns) {
    return CaptureFile.list(folder.toString(), columns).stream()
        .filter(each -> each.location().endsWith(folder.relativize(file).toString()))
        .findFirst()
        .orElseThrow();
  }

  private static CaptureReader open(CaptureFooter footer, VectorType type) throws IOException {
    return CaptureReader.open(
        footer,
        new CaptureReader.Split(0, 0, footer.rowGroups().size(), 0, footer.rows(), 0),
        COLUMNS,
        type,
        true);
  }

  private static List<float[]> vectors(CaptureFooter footer, VectorType type, int width)
      throws IOException {
    List<float[]> vectors = new ArrayList<>();
    byte[] bytes = new byte[width * type.bytes()];
    try (CaptureReader reader = open(footer, type)) {
      while (reader.next()) {
        int count = reader.activation(bytes, 0, width);
        vectors.add(
            count == width
                ? CaptureFixture.floats(bytes, type)
                : count < 0 ? null : new float[count]);
      }
    }
    return vectors;
  }
}
