package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TableTest {
  private static final TableSchema ALL =
      TableSchema.named("all")
          .with(ColumnType.STRING, "text")
          .with(ColumnType.LONG, "long")
          .with(ColumnType.INT, "int")
          .with(ColumnType.DOUBLE, "double")
          .with(ColumnType.FLOAT, "float")
          .with(ColumnType.BOOLEAN, "boolean")
          .with(ColumnType.DOUBLES, "doubles")
          .with(ColumnType.FLOATS, "floats")
          .with(ColumnType.LONGS, "longs")
          .with(ColumnType.STRINGS, "strings")
          .build();

  private static final Object[] FULL = {
    "töken",
    1L << 40,
    -7,
    0.1,
    0.5f,
    true,
    new double[] {1, Double.NaN},
    new float[] {-0f},
    new long[] {3, 4},
    new String[] {"a", null, ""}
  };
  private static final Object[] EMPTY = {
    null, null, null, null, null, null, new double[0], new float[0], new long[0], new String[0]
  };
  private static final Object[] NOTHING = new Object[10];

  @TempDir private Path temporary;

  @Test
  void everyTypeComesBackAsItWasWritten() throws Exception {
    PublishedFile file = write("a.parquet");
    try (TableReader reader = TableReader.open(folder(), "a.parquet")) {
      assertThat(reader.columns())
          .containsExactlyElementsOf(ALL.columns().stream().map(TableSchema.Column::name).toList());
      assertThat(reader.next()).isEqualTo(FULL);
      assertThat(reader.next()).isEqualTo(EMPTY);
      assertThat(reader.next()).isEqualTo(NOTHING);
      assertThat(reader.next()).isNull();
    }
    byte[] bytes = Files.readAllBytes(temporary.resolve("a.parquet"));
    assertThat(file.bytes()).isEqualTo(bytes.length);
    assertThat(file.sha256()).isEqualTo(Identity.sha256(bytes));
    assertThat(file.rows()).isEqualTo(3);
    assertThat(file.table()).isEqualTo("all");
  }

  @Test
  void theSameRowsGiveTheSameBytes() throws Exception {
    assertThat(write("a.parquet").sha256()).isEqualTo(write("b.parquet").sha256());
    assertThat(temporary).isDirectoryNotContaining("glob:**.crc");
  }

  /** Row groups that begin after another file was opened are encoded as those before. */
  @Test
  void theSameRowsGiveTheSameBytesBesideOtherFiles() throws Exception {
    String alone = writeMany("a.parquet");
    TableSchema vectors = TableSchema.named("vectors").withBytes(4, "activation").build();
    String beside;
    try (TableWriter writer = TableWriter.open(folder(), "b.parquet", ALL, 1 << 12);
        TableWriter other = TableWriter.open(folder(), "other.parquet", vectors)) {
      other.write((Object) new byte[4]);
      beside = writeMany(writer);
    }
    assertThat(beside).isEqualTo(alone);
  }

  private String writeMany(String name) throws Exception {
    try (TableWriter writer = TableWriter.open(folder(), name, ALL, 1 << 12)) {
      return writeMany(writer);
    }
  }

  private static String writeMany(TableWriter writer) throws Exception {
    for (int row = 0; row < 1000; row++) {
      writer.write(FULL);
    }
    return writer.finish().sha256();
  }

  @Test
  void footersDoNotDependOnTheJvm() throws Exception {
    write("a.parquet");
    byte[] bytes = Files.readAllBytes(temporary.resolve("a.parquet"));
    int length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(bytes.length - 8);
    FileMetaData footer =
        Util.readFileMetaData(new ByteArrayInputStream(bytes, bytes.length - 8 - length, length));
    for (RowGroup group : footer.getRow_groups()) {
      for (ColumnChunk chunk : group.getColumns()) {
        assertThat(chunk.getMeta_data().getEncodings()).isSorted();
      }
    }
  }

  @Test
  void chosenColumnsInTheOrderAsked() throws Exception {
    write("a.parquet");
    try (TableReader reader = TableReader.open(folder(), "a.parquet", "int", "text")) {
      assertThat(reader.next()).containsExactly(-7, "töken");
    }
    assertThatThrownBy(() -> TableReader.open(folder(), "a.parquet", "integer"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("a.parquet has no column integer; it has [text, long, int,");
  }

  @Test
  void aColumnThatIsLackingIsMetByItsDeclaration() throws Exception {
    try (TableWriter writer =
        TableWriter.open(
            folder(), "a.parquet", EvolutionTables.IDENTITY.without("confirmed_share"))) {
      writer.write("s", 0L, 1L, 5L, 3L, 1L, 1L, 0L);
      writer.finish();
    }
    TableSchema declared = EvolutionTables.IDENTITY;
    try (TableReader reader =
        TableReader.open(folder(), declared, "a.parquet", "confirmed_share", "confirmed")) {
      assertThat(reader.columns()).containsExactly("confirmed_share", "confirmed");
      assertThat(reader.next()).containsExactly(null, 3L);
      assertThat(reader.next()).isNull();
    }
    try (TableReader reader = TableReader.open(folder(), declared, "a.parquet")) {
      assertThat(reader.columns()).hasSize(8).doesNotContain("confirmed_share");
    }
    TableSchema more =
        TableSchema.named("identity").column("other", ColumnType.LONG, "", "always there").build();
    assertThatThrownBy(() -> TableReader.open(folder(), more, "a.parquet", "series", "other"))
        .isInstanceOf(Failure.class)
        .hasMessage(
            "table identity of %s has no column other; it has series, checkpoint_from, checkpoint_to, continuations, confirmed, elsewhere, unmatched, handed_over",
            folder());
  }

  @Test
  void whatACaptureDecidesIsNotWrittenBeforeItHas() {
    assertThatThrownBy(() -> TableWriter.open(folder(), "a.parquet", DatasetTables.TOKENS))
        .hasMessage("no capture has said of what type column document is");
  }

  @Test
  void whatIsNoTableIsSaidToBeNone() throws Exception {
    assertThatThrownBy(() -> TableReader.open(folder(), "none.parquet"))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith("none.parquet is named by the manifest but does not exist");
    write("a.parquet");
    Path file = temporary.resolve("a.parquet");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> TableReader.open(folder(), "a.parquet"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("a.parquet is not a readable Parquet file: ");
  }

  @Test
  void aRowOfAnotherLengthIsAFaultOfTheCaller() throws Exception {
    try (TableWriter writer = TableWriter.open(folder(), "a.parquet", ALL)) {
      assertThatThrownBy(() -> writer.write(1L))
          .hasMessage("table all has 10 columns, got 1 values");
    }
  }

  @Test
  void vectorsAreReadInBulkAcrossPagesAndRowGroups() throws Exception {
    int width = 13;
    int rows = 20_011;
    TableSchema schema = TableSchema.named("vectors").withBytes(2 * width, "activation").build();
    ByteBuffer buffer = ByteBuffer.allocate(2 * width).order(ByteOrder.LITTLE_ENDIAN);
    try (TableWriter writer = TableWriter.open(folder(), "v.parquet", schema, 1 << 17)) {
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < width; i++) {
          buffer.putShort(2 * i, Half.fromFloat(row % 1009 + i / 16f));
        }
        writer.write((Object) buffer.array());
      }
      assertThat(writer.finish().rows()).isEqualTo(rows);
    }
    try (VectorReader reader =
        VectorReader.open(folder(), "v.parquet", "activation", VectorType.FLOAT16, width)) {
      assertThat(reader.rows()).isEqualTo(rows);
      assertThat(reader.skip(7000)).isEqualTo(7000);
      FloatMatrix batch = FloatMatrix.zeros(702, width);
      int at = 7000;
      for (int read = reader.read(batch); read > 0; read = reader.read(batch)) {
        for (int row = 0; row < read; row++) {
          for (int i = 0; i < width; i++) {
            float written = Half.toFloat(Half.fromFloat((at + row) % 1009 + i / 16f));
            assertThat(batch.values()[row * width + i]).isEqualTo(written);
          }
        }
        at += read;
      }
      assertThat(at).isEqualTo(rows);
      assertThat(reader.skip(1)).isZero();
    }
    assertThatThrownBy(
            () -> VectorReader.open(folder(), "v.parquet", "activation", VectorType.FLOAT32, width))
        .hasMessageContaining("column activation has 26 bytes a row, 13×float32 needs 52");
    assertThatThrownBy(
            () -> VectorReader.open(folder(), "v.parquet", "gradient", VectorType.FLOAT16, width))
        .hasMessageEndingWith("v.parquet has no column gradient");
  }

  @Test
  void halvesRoundToNearestEven() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = Half.toFloat((short) bits);
      if (!Float.isNaN(value)) {
        assertThat(Half.fromFloat(value)).isEqualTo((short) bits);
      }
    }
    assertThat(Half.fromFloat(1 + 0x1p-11f)).isEqualTo((short) 0x3c00);
    assertThat(Half.fromFloat(1 + 3 * 0x1p-11f)).isEqualTo((short) 0x3c02);
    assertThat(Half.fromFloat(0x1p-25f)).isEqualTo((short) 0);
    assertThat(Half.fromFloat(0x1.8p-25f)).isEqualTo((short) 1);
    assertThat(Half.fromFloat(65519.99f)).isEqualTo((short) 0x7bff);
    assertThat(Half.fromFloat(65520f)).isEqualTo((short) 0x7c00);
    assertThat(Half.toFloat(Half.fromFloat(Float.NaN))).isNaN();
    assertThat(Half.fromFloat(Float.NEGATIVE_INFINITY)).isEqualTo((short) 0xfc00);
  }

  private Folder folder() {
    return Folder.of(temporary.toString());
  }

  private PublishedFile write(String name) throws Exception {
    try (TableWriter writer = TableWriter.open(folder(), name, ALL)) {
      writer.write(FULL);
      writer.write(EMPTY);
      writer.write(NOTHING);
      assertThat(writer.rows()).isEqualTo(3);
      return writer.finish();
    }
  }
}
