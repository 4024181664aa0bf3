package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import dev.ontogeny.data.CaptureFixture.Fill;
import dev.ontogeny.data.CaptureFooter.BinaryNumbers;
import dev.ontogeny.data.CaptureFooter.SourceRows;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.VectorForm.NumberType;
import dev.ontogeny.run.Failure;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.NanoTime;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.api.Binary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Captures as other writers make them: types, absences, partitions and what changes. */
class CaptureTypesTest {
  private static final CaptureColumns COLUMNS = CaptureColumns.standard();
  private static final BinaryNumbers UNSAID = new BinaryNumbers(null, null);
  private static final String KEYS =
      "optional int64 document; optional int32 position; optional binary site (STRING); optional int64 checkpoint; ";
  private static final String VECTOR =
      "optional group activation (LIST) { repeated group list { optional float element; } } ";
  private static final String TWO_BYTES =
      "optional group activation (LIST) { repeated group list { optional fixed_len_byte_array(2) element; } } ";
  private static final String UINT16 =
      "optional group activation (LIST) { repeated group list { optional int32 element (INTEGER(16,false)); } } ";

  @TempDir private Path folder;

  // --- bfloat16

  /** The upper halves of floats, as bfloat16 has them. */
  private static short bfloat16(float value) {
    return (short) (Float.floatToRawIntBits(value) >>> 16);
  }

  private static float[] activation(int row) {
    Random random = new Random(row);
    float[] vector = new float[8];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = Half.fromBfloat16(bfloat16((float) random.nextGaussian()));
    }
    return vector;
  }

  private Path twoByteLists(String schema) throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        KEYS + schema,
        Map.of(),
        60,
        (group, row) -> {
          keys(group, row);
          Group list = group.addGroup("activation");
          for (float value : activation(row)) {
            if (schema.equals(UINT16)) {
              list.addGroup(0).append("element", bfloat16(value) & 0xffff);
            } else {
              list.addGroup(0).append("element", Binary.fromConstantByteArray(bytes(value)));
            }
          }
        });
    return file;
  }

  private static byte[] bytes(float value) {
    return ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort(bfloat16(value)).array();
  }

  @ParameterizedTest
  @ValueSource(strings = {TWO_BYTES, UINT16})
  void listsOfTwoByteValuesAreReadAsWhatIsSaidAndNeverGuessed(String schema) throws IOException {
    Path file = twoByteLists(schema);
    assertThatThrownBy(() -> footer(file, UNSAID))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith(
            "a.parquet: column 'activation' is a list of two-byte values whose type nothing says (by their exponents they look like bfloat16): set binary-type = float16 or bfloat16");
    assertThatThrownBy(() -> footer(file, new BinaryNumbers(NumberType.FLOAT32, null)))
        .hasMessageEndingWith(
            "column 'activation' is a list of two-byte values, binary-type says float32: it must be float16 or bfloat16");
    CaptureFooter footer = footer(file, new BinaryNumbers(NumberType.BFLOAT16, null));
    assertThat(footer.widths()).containsExactly(entry("s", 8));
    for (VectorType type : VectorType.values()) {
      List<float[]> read = vectors(footer, type);
      for (int row = 0; row < 60; row++) {
        float[] rounded = CaptureFixture.floats(CaptureFixture.bytes(activation(row), type), type);
        assertThat(read.get(row)).as("row %d as %s", row, type).containsExactly(rounded);
      }
    }
    assertThat(
            vectors(footer(file, new BinaryNumbers(NumberType.FLOAT16, null)), VectorType.FLOAT32)
                .get(3))
        .as("the same bits as float16")
        .isNotEqualTo(activation(3));
  }

  @Test
  void bytesOfTwoANumberAreNotDecidedByTheWidth() throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        KEYS + "optional binary activation;",
        Map.of(),
        60,
        (group, row) -> {
          keys(group, row);
          ByteBuffer all = ByteBuffer.allocate(16);
          for (float value : activation(row)) {
            all.put(bytes(value));
          }
          group.append("activation", Binary.fromConstantByteArray(all.array()));
        });
    assertThatThrownBy(() -> footer(file, new BinaryNumbers(null, 8)))
        .hasMessageEndingWith(
            "column 'activation' holds 16 bytes a row, two for each of 8 numbers (setting width), which may be float16 or bfloat16 (by their exponents they look like bfloat16): set binary-type");
    CaptureFooter footer = footer(file, new BinaryNumbers(NumberType.BFLOAT16, null));
    assertThat(vectors(footer, VectorType.FLOAT32).get(7)).containsExactly(activation(7));
  }

  @Test
  void filesMaySayTheTypeThemselves() throws IOException {
    Path file = folder.resolve("a.parquet");
    Fill fill =
        (group, row) -> {
          keys(group, row);
          Group list = group.addGroup("activation");
          for (float value : activation(row)) {
            list.addGroup(0).append("element", bfloat16(value) & 0xffff);
          }
        };
    CaptureFixture.write(
        file, KEYS + UINT16, Map.of("ontogeny.dtype.activation", "bfloat16"), 60, fill);
    assertThat(vectors(footer(file, UNSAID), VectorType.FLOAT32).get(9))
        .containsExactly(activation(9));
    assertThatThrownBy(() -> footer(file, new BinaryNumbers(NumberType.FLOAT16, null)))
        .hasMessageEndingWith(
            "its metadata say that column 'activation' is bfloat16, binary-type says float16");
    CaptureFixture.write(file, KEYS + UINT16, Map.of("ontogeny.dtype.activation", "fp8"), 60, fill);
    assertThatThrownBy(() -> footer(file, UNSAID))
        .hasMessageEndingWith(
            "its metadata say ontogeny.dtype.activation = fp8; it must be float16, bfloat16, float32 or float64");
  }

  @Test
  void whatATypeCannotHoldIsToldApartFromInfinity() throws IOException {
    float[][] rows = {
      {1, 2, 70000, 4}, {1, 2, 65504, 4}, {1, Float.POSITIVE_INFINITY, 3, 4}, {1, 2, 3, 4}
    };
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file, KEYS + VECTOR, Map.of(), 4, (group, row) -> row(group, row, rows[row]));
    CaptureFooter footer = footer(file, UNSAID);
    try (CaptureReader reader = open(footer, VectorType.FLOAT16)) {
      List<Boolean> overflowed = new ArrayList<>();
      while (reader.next()) {
        assertThat(reader.activation(new byte[8], 0, 4)).isEqualTo(4);
        overflowed.add(reader.activationOverflowed());
      }
      assertThat(overflowed).containsExactly(true, false, false, false);
    }
  }

  // --- nulls

  @Test
  void aNullAmongTheNumbersKeepsItsPlace() throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        KEYS + VECTOR,
        Map.of(),
        3,
        (group, row) -> {
          keys(group, row);
          Group list = group.addGroup("activation");
          for (int i = 0; i < 4; i++) {
            Group element = list.addGroup(0);
            if (row != 1 || i != 1) {
              element.append("element", (float) (10 * row + i));
            }
          }
        });
    CaptureFooter footer = footer(file, UNSAID);
    assertThat(footer.widths()).containsExactly(entry("s", 4));
    try (CaptureReader reader = open(footer, VectorType.FLOAT32)) {
      byte[] bytes = new byte[16];
      int[] nulls = new int[3];
      for (int row = 0; row < 3; row++) {
        assertThat(reader.next()).isTrue();
        assertThat(reader.activation(bytes, 0, 4))
            .as("a null is a number of the list")
            .isEqualTo(4);
        nulls[row] = reader.activationNulls();
        float[] read = CaptureFixture.floats(bytes, VectorType.FLOAT32);
        assertThat(read[0]).isEqualTo(10f * row);
        assertThat(read[3]).as("nothing shifts").isEqualTo(10f * row + 3);
      }
      assertThat(nulls).containsExactly(0, 1, 0);
    }
  }

  @Test
  void aColumnOfNullsIsAsIfItWereNotThere() throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        KEYS
            + VECTOR
            + "optional int32 token; optional binary token_id (STRING); optional boolean loss; optional int32 label_x; ",
        Map.of(),
        3,
        (group, row) -> row(group, row, 1, 2));
    CaptureFooter footer = footer(file, UNSAID);
    assertThat(footer.hasToken()).isFalse();
    assertThat(footer.hasTokenId()).isFalse();
    assertThat(footer.hasLoss()).isFalse();
    assertThat(footer.labels()).isEmpty();
    CaptureFixture.write(
        file,
        KEYS + VECTOR,
        Map.of(),
        3,
        (group, row) -> {
          group.append("document", 1L);
          group.append("site", "s");
          group.append("checkpoint", 0L);
          list(group, 1, 2);
        });
    assertThatThrownBy(() -> footer(file, UNSAID))
        .hasMessageEndingWith(
            "a.parquet: column 'position' (setting columns.position) is null in every row");
  }

  // --- logical types

  @Test
  void labelsAreReadByTheirLogicalTypes() throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        KEYS
            + VECTOR
            + "optional int32 label_a (DECIMAL(3,2)); optional binary label_b (DECIMAL(30,2)); "
            + "optional int32 label_c (INTEGER(32,false)); optional int64 label_d (INTEGER(64,false)); "
            + "optional int32 label_e (DATE); optional int64 label_f (TIMESTAMP(MICROS,true)); "
            + "optional int64 label_g (TIMESTAMP(MILLIS,false)); optional int32 label_h (TIME(MILLIS,false)); "
            + "optional fixed_len_byte_array(16) label_i (UUID); optional int96 label_j; "
            + "optional fixed_len_byte_array(2) label_k (FLOAT16); optional int32 label_l (INTEGER(8,false)); "
            + "optional binary label_m (ENUM); ",
        Map.of(),
        1,
        (group, row) -> {
          row(group, row, 1, 2);
          group.append("label_a", 25);
          group.append(
              "label_b", Binary.fromConstantByteArray(new byte[] {1, 0, 0, 0, 0, 0, 0, 0, 0}));
          group.append("label_c", -1);
          group.append("label_d", 7L);
          group.append("label_e", 20_000);
          group.append("label_f", 1_700_000_000_123_456L);
          group.append("label_g", 1_700_000_000_123L);
          group.append("label_h", 3_600_000);
          byte[] uuid = new byte[16];
          uuid[15] = 9;
          group.append("label_i", Binary.fromConstantByteArray(uuid));
          group.append("label_j", new NanoTime(2_440_589, 1_000_000_000L));
          group.append("label_k", Binary.fromConstantByteArray(new byte[] {0, 0x3c}));
          group.append("label_l", 200);
          group.append("label_m", "yes");
        });
    CaptureFooter footer = footer(file, UNSAID);
    assertThat(footer.labels())
        .extracting(TableSchema.Column::type)
        .containsExactly(
            ColumnType.DOUBLE,
            ColumnType.STRING,
            ColumnType.LONG,
            ColumnType.LONG,
            ColumnType.STRING,
            ColumnType.STRING,
            ColumnType.STRING,
            ColumnType.STRING,
            ColumnType.STRING,
            ColumnType.STRING,
            ColumnType.FLOAT,
            ColumnType.INT,
            ColumnType.STRING);
    try (CaptureReader reader = open(footer, VectorType.FLOAT32)) {
      assertThat(reader.next()).isTrue();
      List<Object> values = new ArrayList<>();
      for (int i = 0; i < footer.labels().size(); i++) {
        values.add(reader.label(i));
      }
      assertThat(values)
          .containsExactly(
              0.25,
              "184467440737095516.16",
              4_294_967_295L,
              7L,
              "2024-10-04",
              "2023-11-14T22:13:20.123456Z",
              "2023-11-14T22:13:20.123",
              "01:00",
              "00000000-0000-0000-0000-000000000009",
              "1970-01-02T00:00:01Z",
              1f,
              200,
              "yes");
    }
  }

  @Test
  void anUnsignedNumberBeyond63BitsIsRefusedWithItsRow() throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        "optional int64 document (INTEGER(64,false)); optional int32 position (INTEGER(16,false)); "
            + "optional binary site (STRING); optional int64 checkpoint; "
            + VECTOR,
        Map.of(),
        2,
        (group, row) -> {
          group.append("document", row == 0 ? 5L : -1L);
          group.append("position", 40_000 + row);
          group.append("site", "s");
          group.append("checkpoint", 0L);
          list(group, 1, 2);
        });
    try (CaptureReader reader = open(footer(file, UNSAID), VectorType.FLOAT32)) {
      assertThat(reader.next()).isTrue();
      assertThat(reader.documentNumber()).isEqualTo(5);
      assertThat(reader.position()).isEqualTo(40_000);
      reader.activation(new byte[8], 0, 2);
      assertThat(reader.next()).isTrue();
      assertThatThrownBy(reader::documentNumber)
          .isInstanceOf(Failure.class)
          .hasMessageEndingWith(
              "a.parquet, row 1: column 'document' is 18446744073709551615, beyond 63 bits: write it as a text");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "document | optional int64 document (TIMESTAMP(MICROS,true)); | a text or a whole number; write anything else as a text",
        "position | optional int32 position (DATE); | a whole number (int32",
        "checkpoint | optional int64 checkpoint (TIMESTAMP(MICROS,true)); | a training step: a whole number, or a text that holds one",
        "token_id | optional int32 token_id (DECIMAL(9,2)); | a whole number (int32",
      })
  void momentsAndFractionsAreNoWholeNumbers(String column, String declared, String right)
      throws IOException {
    Path file = folder.resolve("a.parquet");
    String keys = KEYS.replaceFirst("optional int(32|64) " + column + "; ", "") + declared + VECTOR;
    CaptureFixture.write(
        file,
        keys,
        Map.of(),
        1,
        (group, row) -> {
          row(group, row, 1, 2);
          if (column.equals("token_id")) {
            group.append(column, 100);
          }
        });
    assertThatThrownBy(() -> footer(file, UNSAID))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("a.parquet: column '" + column + "' is " + declared.replace(";", ""))
        .hasMessageContaining("; it must be " + right);
  }

  @Test
  void tokensThatArePartsOfCharactersStayApart() throws IOException {
    byte[][] tokens = {
      {(byte) 0xe4, (byte) 0xbd},
      {(byte) 0xa0},
      {'a'},
      {'x', (byte) 0xff, 'y'},
      {(byte) 0xc3, (byte) 0xa9}
    };
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        KEYS + VECTOR + "optional binary token; ",
        Map.of(),
        tokens.length,
        (group, row) -> {
          row(group, row, 1, 2);
          group.append("token", Binary.fromConstantByteArray(tokens[row]));
        });
    try (CaptureReader reader = open(footer(file, UNSAID), VectorType.FLOAT32)) {
      List<String> read = new ArrayList<>();
      while (reader.next()) {
        read.add(reader.token());
        reader.activation(new byte[8], 0, 2);
      }
      assertThat(read).containsExactly("<0xE4><0xBD>", "<0xA0>", "a", "x<0xFF>y", "é");
    }
  }

  // --- what cannot be read

  @Test
  void aCodecThatCannotBeReadIsNamed() throws IOException {
    Path file = ordinary("a.parquet", 0);
    rewriteFooter(
        file,
        metadata ->
            metadata
                .getRow_groups()
                .get(0)
                .getColumns()
                .forEach(column -> column.getMeta_data().setCodec(CompressionCodec.BROTLI)));
    assertThatThrownBy(() -> footer(file, UNSAID))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith(
            "a.parquet: column 'document' is compressed with BROTLI, which cannot be read here; write it with zstd, snappy, gzip, lz4 or without compression");
  }

  @Test
  void aRowThatHoldsASequenceIsToldWithTheRemedy() throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(
        file,
        KEYS
            + "optional group activation (LIST) { repeated group list { optional group element (LIST) { repeated group list { optional float element; } } } }",
        Map.of(),
        1,
        (group, row) -> keys(group, row));
    assertThatThrownBy(() -> footer(file, UNSAID))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("column 'activation' holds a list of vectors a row")
        .hasMessageContaining("explode the lists")
        .hasMessageContaining("ontogeny-capture convert");
  }

  @Test
  void tensorsWhoseDimensionsArePermutedAreRefused() throws IOException {
    for (String permutation : List.of("", ",\"permutation\":[0,1]", ",\"permutation\":[1,0]")) {
      Field field =
          new Field(
              "activation",
              new FieldType(
                  true,
                  new ArrowType.FixedSizeList(4),
                  null,
                  Map.of(
                      "ARROW:extension:name",
                      "arrow.fixed_shape_tensor",
                      "ARROW:extension:metadata",
                      "{\"shape\":[2,2]" + permutation + "}")),
              List.of(
                  Field.nullable(
                      "item", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE))));
      String schema =
          Base64.getEncoder().encodeToString(new Schema(List.of(field)).serializeAsMessage());
      Path file = folder.resolve("a.parquet");
      CaptureFixture.write(
          file,
          KEYS + VECTOR,
          Map.of("ARROW:schema", schema),
          1,
          (group, row) -> row(group, row, 1, 2, 3, 4));
      if (permutation.contains("[1,0]")) {
        assertThatThrownBy(() -> footer(file, UNSAID))
            .isInstanceOf(Failure.class)
            .hasMessageContaining(
                "column 'activation' holds tensors whose dimensions are permuted (1,0)");
      } else {
        assertThat(footer(file, UNSAID).widths()).containsExactly(entry("s", 4));
      }
    }
  }

  // --- files without rows

  @Test
  void aFileWithoutRowsSaysNothingWhateverItsColumns() throws IOException {
    Path file = folder.resolve("a.parquet");
    CaptureFixture.write(file, "optional int32 nothing;", Map.of(), 0, (group, row) -> {});
    CaptureFooter footer = footer(file, UNSAID);
    assertThat(footer.rows()).isZero();
    assertThat(footer.sources()).isEmpty();
  }

  @Test
  void aRowGroupWithoutRowsIsPassedOver() throws IOException {
    Path file = ordinary("a.parquet", 0);
    rewriteFooter(
        file,
        metadata -> {
          var empty = metadata.getRow_groups().get(0).deepCopy();
          empty.setNum_rows(0);
          empty.getColumns().forEach(column -> column.getMeta_data().setNum_values(0));
          metadata.getRow_groups().add(0, empty);
          metadata.getRow_groups().add(empty.deepCopy());
        });
    CaptureFooter footer = footer(file, UNSAID);
    assertThat(footer.rows()).isEqualTo(3);
    assertThat(footer.rowGroups()).hasSize(3);
    assertThat(vectors(footer, VectorType.FLOAT32)).hasSize(3);
  }

  // --- partitions

  @Test
  void aFolderAndAColumnMustAgree() throws IOException {
    ordinary("checkpoint=7/a.parquet", 0);
    assertThatThrownBy(() -> footer(folder, UNSAID))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith(
            "a.parquet, row 0: column 'checkpoint' is 0, but the folder says checkpoint=7: leave out the one that is wrong");
    Files.move(folder.resolve("checkpoint=7"), folder.resolve("checkpoint=step0"));
    assertThat(footer(folder, UNSAID).sources()).containsExactly(new SourceRows("s", 0, 3));
    Files.createDirectories(folder.resolve("site=t"));
    Files.move(folder.resolve("checkpoint=step0"), folder.resolve("site=t/checkpoint=0"));
    assertThatThrownBy(() -> footer(folder, UNSAID))
        .hasMessageContaining("column 'site' is s, but the folder says site=t");
  }

  @Test
  void partitionsLieBelowTheInputOnly() throws IOException {
    ordinary("checkpoint=7/runs/capture/site=s/a.parquet", 0);
    Path input = folder.resolve("checkpoint=7/runs/capture");
    assertThat(footer(input, UNSAID).sources()).containsExactly(new SourceRows("s", 0, 3));
    Path file = folder.resolve("site=q/checkpoint=3/b.parquet");
    CaptureFixture.write(
        file,
        "optional int64 document; optional int32 position; optional binary site (STRING); "
            + VECTOR,
        Map.of(),
        1,
        (group, row) -> {
          group.append("document", 1L);
          group.append("position", 0);
          group.append("site", "q");
          list(group, 1, 2);
        });
    assertThatThrownBy(() -> footer(file, UNSAID))
        .hasMessageContaining("has no column 'checkpoint' (setting columns.checkpoint")
        .hasMessageEndingWith(
            "the folder checkpoint=3 stands above the input and does not count, name the one that holds it as input");
    List<CaptureFile> glob = CaptureFile.list(folder + "/site=q/checkpoint=*/*.parquet", COLUMNS);
    assertThat(glob)
        .extracting(CaptureFile::site, CaptureFile::checkpoint)
        .as("a glob's part without wildcards is above")
        .containsExactly(org.assertj.core.groups.Tuple.tuple(null, 3L));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"checkpoint=null", "checkpoint=__HIVE_DEFAULT_PARTITION__", "checkpoint="})
  void aPartitionThatIsNullIsToldAsNull(String name) throws IOException {
    ordinary(name + "/a.parquet", 0);
    assertThatThrownBy(() -> footer(folder, UNSAID))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("a.parquet: the partition checkpoint is null (folder " + name);
  }

  @ParameterizedTest
  @CsvSource({
    "1000, 1000",
    "-1, -1",
    "step1000, 1000",
    "checkpoint-1000, 1000",
    "global_step1000, 1000",
    "stage1-step1000-tokens4B, 1000",
    "iter_0001000, 1000",
    "Step=12, 12",
    "ckpt12, 12",
    "main, ",
    "step1.5, ",
    "2024-05-01, ",
    "step99999999999999999999, ",
  })
  void theStepIsTakenOutOfATextThatNamesIt(String text, Long step) {
    assertThat(COLUMNS.checkpointIn(text)).isEqualTo(step);
  }

  @Test
  void checkpointsMayBeTextsAndTwoOfOneNumberAreAnError() throws IOException {
    Path file = folder.resolve("a.parquet");
    String[] texts = {"step10", "step10", "step20"};
    Fill fill =
        (group, row) -> {
          group.append("document", 1L);
          group.append("position", row);
          group.append("site", "s");
          group.append("checkpoint", texts[row]);
          list(group, 1, 2);
        };
    String schema =
        KEYS.replace("optional int64 checkpoint", "optional binary checkpoint (STRING)") + VECTOR;
    CaptureFixture.write(file, schema, Map.of(), 3, fill);
    CaptureFooter footer = footer(file, UNSAID);
    assertThat(footer.sources())
        .containsExactly(new SourceRows("s", 10, 2), new SourceRows("s", 20, 1));
    assertThat(footer.checkpointTexts()).containsEntry(10L, "step10").containsEntry(20L, "step20");
    try (CaptureReader reader = open(footer, VectorType.FLOAT32)) {
      List<Long> read = new ArrayList<>();
      while (reader.next()) {
        read.add(reader.checkpoint());
        reader.activation(new byte[8], 0, 2);
      }
      assertThat(read).containsExactly(10L, 10L, 20L);
    }
    texts[1] = "checkpoint-10";
    CaptureFixture.write(file, schema, Map.of(), 3, fill);
    assertThatThrownBy(() -> footer(file, UNSAID))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("checkpoint 10 is called both 'step10' and 'checkpoint-10' (");
    texts[1] = "final";
    CaptureFixture.write(file, schema, Map.of(), 3, fill);
    assertThatThrownBy(() -> footer(file, UNSAID))
        .hasMessageEndingWith(
            "a.parquet, row 1: no training step can be read out of column 'checkpoint', which is 'final'; columns.checkpoint-pattern says how such texts hold one");
  }

  @Test
  void namesMayHoldColonsAndSpacesAndPercentSigns() throws IOException {
    Path plain = ordinary("run: 1/100%/a.parquet", 0);
    Files.move(plain, plain.resolveSibling("a: b.parquet"));
    CaptureFooter footer = footer(folder, UNSAID);
    assertThat(footer.sources()).containsExactly(new SourceRows("s", 0, 3));
    assertThat(vectors(footer, VectorType.FLOAT32)).hasSize(3);
  }

  // --- what changes

  @Test
  void theDigestFollowsFromThePagesThatAreReadHoweverTheyAreRead() throws IOException {
    Path file = ordinary("a.parquet", 0);
    CaptureFooter footer = footer(file, UNSAID);
    String digest = digest(footer, true);
    assertThat(CaptureReader.digest(footer, split(footer), COLUMNS, true))
        .as("by a look alone")
        .isEqualTo(digest);
    byte[] bytes = Files.readAllBytes(file);
    Path crc = file.resolveSibling("." + file.getFileName() + ".crc");
    Files.deleteIfExists(crc);
    var last = metadata(bytes).getRow_groups().get(0).getColumns().get(4).getMeta_data();
    long start =
        last.isSetDictionary_page_offset()
            ? last.getDictionary_page_offset()
            : last.getData_page_offset();
    bytes[(int) (start + last.getTotal_compressed_size() - 1)] ^= 1;
    Files.write(file, bytes);
    CaptureFooter changed = footer(file, UNSAID);
    assertThat(changed.outline()).as("nothing in the footer tells").isEqualTo(footer.outline());
    assertThat(changed.file().stamp()).isNotEqualTo(footer.file().stamp());
    assertThat(digest(changed, true)).isNotEqualTo(digest);
  }

  @Test
  void aFileThatIsCopiedWithItsOldTimeHasAnotherStamp() throws IOException {
    Path file = ordinary("a.parquet", 0);
    CaptureFile before = CaptureFile.list(folder.toString(), COLUMNS).get(0);
    FileTime time = Files.getLastModifiedTime(file);
    Files.copy(file, folder.resolve("copy"));
    Files.move(folder.resolve("copy"), file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Files.setLastModifiedTime(file, time);
    CaptureFile after = CaptureFile.list(folder.toString(), COLUMNS).get(0);
    assertThat(Files.getLastModifiedTime(file)).isEqualTo(time);
    assertThat(after.stamp()).isNotEqualTo(before.stamp());
    assertThat(CaptureFile.list(folder.toString(), COLUMNS).get(0).stamp())
        .isEqualTo(after.stamp());
  }

  @Test
  void aFileThatGrewSinceItsFooterWasReadIsNamed() throws IOException {
    Path file = ordinary("a.parquet", 0);
    CaptureFooter footer = footer(file, UNSAID);
    Files.write(file, new byte[5], java.nio.file.StandardOpenOption.APPEND);
    assertThatThrownBy(() -> open(footer, VectorType.FLOAT32))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith("when this run began: something writes into the capture");
  }

  // --- fixtures

  /** Three rows of site s. */
  private Path ordinary(String name, long checkpoint) throws IOException {
    Path file = folder.resolve(name);
    CaptureFixture.write(
        file,
        KEYS.replace("optional int64 checkpoint", "optional int64 checkpoint") + VECTOR,
        Map.of(),
        3,
        (group, row) -> row(group, row, row, 2, 3));
    assertThat(checkpoint).isZero();
    return file;
  }

  private static void keys(Group group, int row) {
    group.append("document", 1L);
    group.append("position", row);
    group.append("site", "s");
    group.append("checkpoint", 0L);
  }

  private static void row(Group group, int row, float... vector) {
    keys(group, row);
    list(group, vector);
  }

  private static void list(Group group, float... vector) {
    Group list = group.addGroup("activation");
    for (float value : vector) {
      list.addGroup(0).append("element", value);
    }
  }

  /** Changes what a file says of itself. */
  private static void rewriteFooter(Path file, java.util.function.Consumer<FileMetaData> change)
      throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    FileMetaData metadata = metadata(bytes);
    int from =
        bytes.length
            - 8
            - ByteBuffer.wrap(bytes, bytes.length - 8, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
    change.accept(metadata);
    java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
    Util.writeFileMetaData(metadata, out);
    Files.deleteIfExists(file.resolveSibling("." + file.getFileName() + ".crc"));
    try (RandomAccessFile to = new RandomAccessFile(file.toFile(), "rw")) {
      to.setLength(from);
      to.seek(from);
      to.write(out.toByteArray());
      to.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(out.size()).array());
      to.write("PAR1".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    }
  }

  private static FileMetaData metadata(byte[] file) throws IOException {
    int length = ByteBuffer.wrap(file, file.length - 8, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
    return Util.readFileMetaData(
        new ByteArrayInputStream(
            Arrays.copyOfRange(file, file.length - 8 - length, file.length - 8)));
  }

  private static CaptureFooter footer(Path input, BinaryNumbers numbers) throws IOException {
    return CaptureFooter.read(CaptureFile.list(input.toString(), COLUMNS).get(0), COLUMNS, numbers);
  }

  private static CaptureReader.Split split(CaptureFooter footer) {
    return new CaptureReader.Split(0, 0, footer.rowGroups().size(), 0, footer.rows(), 0);
  }

  private static CaptureReader open(CaptureFooter footer, VectorType type) throws IOException {
    return CaptureReader.open(footer, split(footer), COLUMNS, type, true);
  }

  private static String digest(CaptureFooter footer, boolean texts) throws IOException {
    CaptureReader reader =
        CaptureReader.open(footer, split(footer), COLUMNS, VectorType.FLOAT32, texts);
    try (reader) {
      while (reader.next()) {
        reader.activation(new byte[0], 0, -2);
      }
    }
    return reader.digest();
  }

  private static List<float[]> vectors(CaptureFooter footer, VectorType type) throws IOException {
    int width = footer.widths().get("s");
    List<float[]> vectors = new ArrayList<>();
    try (CaptureReader reader = open(footer, type)) {
      byte[] bytes = new byte[width * type.bytes()];
      while (reader.next()) {
        assertThat(reader.activation(bytes, 0, width)).isEqualTo(width);
        vectors.add(CaptureFixture.floats(bytes, type));
      }
    }
    return vectors;
  }
}
