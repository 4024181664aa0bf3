package dev.ontogeny.data;

import dev.ontogeny.data.CaptureFooter.BinaryNumbers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.ParquetProperties.WriterVersion;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;

/** Captures in every physical form, written and read back with Parquet's own example objects. */
public final class CaptureFixture {
  private CaptureFixture() {}

  /** How vectors lie in a file. */
  public enum Form {
    HALF_LIST(
        "optional group %s (LIST) { repeated group list { optional fixed_len_byte_array(2) element (FLOAT16); } }"),
    FLOAT_LIST("optional group %s (LIST) { repeated group list { optional float element; } }"),
    REQUIRED_FLOAT_LIST(
        "required group %s (LIST) { repeated group list { required float element; } }"),
    DOUBLE_LIST("optional group %s (LIST) { repeated group list { optional double element; } }"),
    LEGACY_LIST("optional group %s (LIST) { repeated float array; }"),
    BINARY_HALVES("optional binary %s"),
    BINARY_FLOATS("required binary %s"),
    FIXED_HALVES("required fixed_len_byte_array(%2$d) %s"),
    FIXED_FLOATS("optional fixed_len_byte_array(%3$d) %s");

    private final String type;

    Form(String type) {
      this.type = type;
    }

    /** The setting that a form needs, if any. */
    public BinaryNumbers binaryNumbers() {
      switch (this) {
        case BINARY_HALVES:
        case FIXED_HALVES:
          return new BinaryNumbers(VectorForm.NumberType.FLOAT16, null);
        case BINARY_FLOATS:
        case FIXED_FLOATS:
          return new BinaryNumbers(VectorForm.NumberType.FLOAT32, null);
        default:
          return new BinaryNumbers(null, null);
      }
    }

    public VectorType vectorType() {
      return this == HALF_LIST || this == BINARY_HALVES || this == FIXED_HALVES
          ? VectorType.FLOAT16
          : VectorType.FLOAT32;
    }

    boolean isList() {
      return type.contains("group");
    }

    String column(String name, int width) {
      String declared = String.format(type, name, 2 * width, 4 * width);
      return declared + (isList() ? "" : ";");
    }
  }

  /** How Parquet writes it. */
  public record Encoding(
      WriterVersion version, boolean dictionary, CompressionCodecName codec, int pageBytes) {
    /** About what pyarrow does. */
    public static Encoding usual() {
      return new Encoding(WriterVersion.PARQUET_1_0, true, CompressionCodecName.SNAPPY, 1 << 20);
    }
  }

  /** A row of a capture; null vectors and vectors of other lengths may be written. */
  public record Row(
      long document,
      int position,
      int tokenId,
      String token,
      String label,
      float loss,
      float[] vector) {}

  /** Rows of {@code documents} × {@code positions} tokens, vectors seeded by checkpoint. */
  public static List<Row> rows(int documents, int positions, int width, long checkpoint) {
    List<Row> rows = new ArrayList<>();
    for (int document = 0; document < documents; document++) {
      for (int position = 0; position < positions; position++) {
        Random random = new Random(31L * (31L * document + position) + checkpoint);
        float[] vector = new float[width];
        for (int i = 0; i < width; i++) {
          vector[i] =
              random.nextInt(4) == 0
                  ? 0
                  : Half.toFloat(Half.fromFloat((float) random.nextGaussian()));
        }
        int tokenId = Math.floorMod(31 * document + 17 * position, 50);
        rows.add(
            new Row(
                document,
                position,
                tokenId,
                "t" + tokenId,
                document % 2 == 0 ? "even" : "odd",
                position / 8f,
                vector));
      }
    }
    return rows;
  }

  /** The schema of a capture file with partitions for site and checkpoint. */
  public static MessageType schema(Form form, int width, String extra) {
    return MessageTypeParser.parseMessageType(
        "message capture { optional int64 document; optional int32 position; optional int32 token_id; "
            + "optional binary token (STRING); optional binary label_parity (STRING); optional float loss; "
            + form.column("activation", width)
            + extra
            + " }");
  }

  /** Writes {@code site=…/checkpoint=…/part-0.parquet} below {@code capture}. */
  public static Path write(
      Path capture,
      String site,
      long checkpoint,
      Form form,
      Encoding encoding,
      int width,
      List<Row> rows)
      throws IOException {
    Path file = capture.resolve("site=" + site + "/checkpoint=" + checkpoint + "/part-0.parquet");
    write(file, schema(form, width, ""), form, encoding, rows, (group, row) -> {});
    return file;
  }

  /** What a test adds to a row. */
  @FunctionalInterface
  public interface Extra {
    void add(Group group, Row row);
  }

  public static void write(
      Path file, MessageType schema, Form form, Encoding encoding, List<Row> rows, Extra extra)
      throws IOException {
    Files.createDirectories(file.getParent());
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(new org.apache.hadoop.fs.Path(file.toUri()))
            .withConf(new Configuration())
            .withType(schema)
            .withWriterVersion(encoding.version())
            .withDictionaryEncoding(encoding.dictionary())
            .withCompressionCodec(encoding.codec())
            .withPageSize(encoding.pageBytes())
            .withRowGroupSize(1L << 20)
            .build()) {
      for (Row row : rows) {
        Group group = new SimpleGroup(schema);
        group.append("document", row.document());
        group.append("position", row.position());
        group.append("token_id", row.tokenId());
        group.append("token", row.token());
        group.append("label_parity", row.label());
        group.append("loss", row.loss());
        if (row.vector() != null) {
          append(group, "activation", form, row.vector());
        }
        extra.add(group, row);
        writer.write(group);
      }
    }
  }

  /** What a test writes into row {@code row}. */
  @FunctionalInterface
  public interface Fill {
    void fill(Group group, int row);
  }

  /** Any file: uncompressed, as parquet-java writes it. */
  public static void write(
      Path file, String schema, Map<String, String> metadata, int rows, Fill fill)
      throws IOException {
    MessageType parsed = MessageTypeParser.parseMessageType("message capture { " + schema + " }");
    Files.createDirectories(file.getParent());
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(new org.apache.hadoop.fs.Path(file.toUri()))
            .withConf(new Configuration())
            .withType(parsed)
            .withExtraMetaData(metadata)
            .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
            .withCompressionCodec(CompressionCodecName.UNCOMPRESSED)
            .build()) {
      for (int row = 0; row < rows; row++) {
        Group group = new SimpleGroup(parsed);
        fill.fill(group, row);
        writer.write(group);
      }
    }
  }

  /** A vector into a column of that form. */
  public static void append(Group group, String column, Form form, float[] vector) {
    if (!form.isList()) {
      group.append(column, Binary.fromConstantByteArray(bytes(vector, form.vectorType())));
      return;
    }
    Group list = group.addGroup(column);
    for (float value : vector) {
      if (form == Form.LEGACY_LIST) {
        list.add(0, value);
        continue;
      }
      Group element = list.addGroup(0);
      if (Float.isNaN(value) && Float.floatToRawIntBits(value) == NULL_BITS) {
        continue;
      }
      if (form == Form.HALF_LIST) {
        element.add(
            0, Binary.fromConstantByteArray(bytes(new float[] {value}, VectorType.FLOAT16)));
      } else if (form == Form.DOUBLE_LIST) {
        element.add(0, (double) value);
      } else {
        element.add(0, value);
      }
    }
  }

  /** A NaN that is written as a null element. */
  public static final int NULL_BITS = 0x7fc00001;

  /** Little-endian numbers. */
  public static byte[] bytes(float[] vector, VectorType type) {
    ByteBuffer buffer =
        ByteBuffer.allocate(vector.length * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : vector) {
      if (type == VectorType.FLOAT16) {
        buffer.putShort(Half.fromFloat(value));
      } else {
        buffer.putFloat(value);
      }
    }
    return buffer.array();
  }

  /**
   * The slow twin: vectors through Parquet's example objects; nulls where rows have none, NaN where
   * a number is null.
   */
  public static List<float[]> readSlowly(Path file, Form form) throws IOException {
    List<float[]> vectors = new ArrayList<>();
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), new org.apache.hadoop.fs.Path(file.toUri()))
            .build()) {
      for (Group group = reader.read(); group != null; group = reader.read()) {
        vectors.add(vector(group, form));
      }
    }
    return vectors;
  }

  private static float[] vector(Group group, Form form) {
    if (group.getFieldRepetitionCount("activation") == 0) {
      return null;
    }
    if (!form.isList()) {
      return floats(group.getBinary("activation", 0).getBytes(), form.vectorType());
    }
    Group list = group.getGroup("activation", 0);
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < list.getFieldRepetitionCount(0); i++) {
      if (form == Form.LEGACY_LIST) {
        values.add(list.getFloat(0, i));
      } else if (list.getGroup(0, i).getFieldRepetitionCount(0) == 0) {
        values.add(Float.NaN);
      } else {
        Group element = list.getGroup(0, i);
        values.add(
            switch (form) {
              case HALF_LIST -> floats(element.getBinary(0, 0).getBytes(), VectorType.FLOAT16)[0];
              case DOUBLE_LIST -> (float) element.getDouble(0, 0);
              default -> element.getFloat(0, 0);
            });
      }
    }
    float[] vector = new float[values.size()];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = values.get(i);
    }
    return vector;
  }

  public static float[] floats(byte[] bytes, VectorType type) {
    float[] values = new float[bytes.length / type.bytes()];
    type.toFloats(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN), values, 0, values.length);
    return values;
  }
}
