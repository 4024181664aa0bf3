package dev.ontogeny.data;

import dev.ontogeny.data.CaptureFooter.BinaryNumbers;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.VectorForm.NumberType;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/**
 * The columns of a capture's file against what the settings call them: which are there, of what
 * type, and what is wrong with them. A column that is null in every row is as if it were not there.
 */
final class CaptureSchema {
  /** Codecs that come with Parquet. */
  private static final Set<CompressionCodecName> CODECS =
      Set.of(
          CompressionCodecName.UNCOMPRESSED,
          CompressionCodecName.SNAPPY,
          CompressionCodecName.GZIP,
          CompressionCodecName.ZSTD,
          CompressionCodecName.LZ4,
          CompressionCodecName.LZ4_RAW);

  /** Key of a file's metadata that tells the type of a column's numbers, before its name. */
  private static final String DTYPE = "ontogeny.dtype.";

  private static final String ARROW_SCHEMA = "ARROW:schema";
  private static final String ARROW_EXTENSION = "ARROW:extension:metadata";

  private final CaptureFile file;
  private final CaptureColumns columns;
  private final ParquetFileReader reader;
  private final MessageType schema;

  CaptureSchema(CaptureFile file, CaptureColumns columns, ParquetFileReader reader) {
    this.file = file;
    this.columns = columns;
    this.reader = reader;
    this.schema = reader.getFileMetaData().getSchema();
  }

  /** Whether documents are texts; otherwise they are whole numbers. */
  boolean textDocuments() {
    Type type = require(columns.document(), "columns.document");
    ScalarType scalar = ScalarType.of(type);
    if (!scalar.isText() && !scalar.isWhole()) {
      throw wrongType(
          columns.document(), type, "a text or a whole number; write anything else as a text");
    }
    return scalar.isText();
  }

  void requireWhole(String column, String setting) {
    Type type = require(column, setting);
    if (!ScalarType.of(type).isWhole()) {
      throw wrongType(
          column,
          type,
          "a whole number (int32, int64 or unsigned; pandas makes floats of whole numbers with gaps, astype(\"Int64\") does not)");
    }
  }

  void requireText(String column, String setting) {
    Type type = require(column, setting);
    if (!ScalarType.of(type).isText()) {
      throw wrongType(column, type, "a text (string)");
    }
  }

  /** Whether texts stand for checkpoints; otherwise whole numbers do. */
  boolean textCheckpoints() {
    Type type = require(columns.checkpoint(), "columns.checkpoint, or a Hive partition");
    ScalarType scalar = ScalarType.of(type);
    if (!scalar.isText() && !scalar.isWhole()) {
      throw wrongType(
          columns.checkpoint(), type, "a training step: a whole number, or a text that holds one");
    }
    return scalar.isText();
  }

  boolean hasTokenId() {
    boolean has = has(columns.tokenId());
    if (has) {
      requireWhole(columns.tokenId(), "columns.token-id");
    }
    return has;
  }

  boolean hasToken() {
    boolean has = has(columns.token());
    if (has) {
      requireText(columns.token(), "columns.token");
    }
    return has;
  }

  boolean hasLoss() {
    boolean has = has(columns.loss());
    if (has && !ScalarType.of(schema.getType(columns.loss())).isNumber()) {
      throw wrongType(
          columns.loss(), schema.getType(columns.loss()), "a number (float16, float or double)");
    }
    return has;
  }

  boolean hasGradient() {
    return has(columns.gradient());
  }

  List<TableSchema.Column> labels() {
    List<TableSchema.Column> labels = new ArrayList<>();
    for (Type type : schema.getFields()) {
      if (type.getName().startsWith(columns.labelPrefix()) && has(type.getName())) {
        ColumnType label = ScalarType.of(type).label();
        if (label == null) {
          throw wrongType(
              type.getName(),
              type,
              "a text, a number, a boolean, a date or a time, as every column that is a label (setting columns.label-prefix): write it as a text, or under another name");
        }
        requireReadable(type.getName());
        labels.add(new TableSchema.Column(type.getName(), label, 0));
      }
    }
    return labels;
  }

  /** Whether the file has a column, and a value in it. */
  boolean has(String column) {
    if (column == null || !schema.containsField(column) || allNull(column)) {
      return false;
    }
    requireReadable(column);
    return true;
  }

  private boolean allNull(String column) {
    if (!schema.getType(column).isPrimitive()) {
      return false;
    }
    for (BlockMetaData block : reader.getFooter().getBlocks()) {
      if (block.getRowCount() > 0) {
        ColumnChunkMetaData chunk =
            CaptureFooter.chunk(
                block, schema.getColumnDescription(new String[] {column}).getPath());
        Statistics<?> statistics = chunk.getStatistics();
        if (statistics == null
            || !statistics.isNumNullsSet()
            || statistics.getNumNulls() < chunk.getValueCount()) {
          return false;
        }
      }
    }
    return true;
  }

  private Type require(String column, String setting) {
    if (!schema.containsField(column)) {
      List<String> names = schema.getFields().stream().map(Type::getName).toList();
      String above = file.above(column);
      throw Failure.data(
          "%s has no column '%s' (setting %s): %s%s",
          file.location(),
          column,
          setting,
          SettingsReader.nearest(column, names),
          above == null
              ? ""
              : "; the folder "
                  + above
                  + " stands above the input and does not count, name the one that holds it as input");
    }
    if (allNull(column)) {
      throw Failure.data(
          "%s: column '%s' (setting %s) is null in every row", file.location(), column, setting);
    }
    requireReadable(column);
    return schema.getType(column);
  }

  private Failure wrongType(String column, Type found, String right) {
    return Failure.data(
        "%s: column '%s' is %s; it must be %s",
        file.location(), column, VectorForm.described(found), right);
  }

  private void requireReadable(String column) {
    for (BlockMetaData block : reader.getFooter().getBlocks()) {
      for (ColumnChunkMetaData chunk : block.getColumns()) {
        if (!chunk.getPath().toArray()[0].equals(column)) {
          continue;
        }
        if (chunk.isEncrypted()) {
          throw Failure.data("%s: column '%s' is encrypted", file.location(), column);
        }
        if (!CODECS.contains(chunk.getCodec())) {
          throw Failure.data(
              "%s: column '%s' is compressed with %s, which cannot be read here; write it with zstd, snappy, gzip, lz4 or without compression",
              file.location(), column, chunk.getCodec());
        }
      }
    }
  }

  /**
   * The form of the activations or of the gradients; the type of its numbers is null where nothing
   * says it.
   */
  VectorForm vector(String column, BinaryNumbers settings) {
    if (!schema.containsField(column)) {
      require(column, "columns.activation");
    }
    requireReadable(column);
    requireRowMajor(column);
    VectorForm form = VectorForm.of(schema, column, file.location());
    String declared = reader.getFileMetaData().getKeyValueMetaData().get(DTYPE + column);
    NumberType type = declared == null ? null : NumberType.of(declared);
    if (declared != null && type == null) {
      throw Failure.data(
          "%s: its metadata say %s%s = %s; it must be float16, bfloat16, float32 or float64",
          file.location(), DTYPE, column, declared);
    }
    if (type != null && settings.number() != null && type != settings.number()) {
      throw Failure.settings(
          "%s: its metadata say that column '%s' is %s, binary-type says %s",
          file.location(), column, type.key(), settings.number().key());
    }
    // What two bytes mean may be said against an annotation: bfloat16 is often stored as float16.
    type = type == null ? settings.number() : type;
    boolean open = form.number() == null;
    if (type == null || !(open || (type.bytes() == 2 && form.number() == NumberType.FLOAT16))) {
      return form;
    }
    if (!form.fits(type)) {
      throw Failure.settings(
          "%s: column '%s' is a list of two-byte values, binary-type says %s: it must be float16 or bfloat16",
          file.location(), column, type.key());
    }
    return form.with(type);
  }

  /**
   * Arrow may store a tensor with its dimensions in another order; its numbers would then lie in
   * another order than those of other files.
   */
  private void requireRowMajor(String column) {
    Field field = arrowField(column);
    String extension = field == null ? null : field.getMetadata().get(ARROW_EXTENSION);
    if (extension != null && extension.matches("(?s).*\"permutation\"\\s*:\\s*\\[.*")) {
      String order =
          extension.replaceFirst("(?s).*\"permutation\"\\s*:\\s*\\[([^\\]]*)\\].*", "$1").strip();
      List<String> axes = order.isEmpty() ? List.of() : List.of(order.split("\\s*,\\s*"));
      for (int i = 0; i < axes.size(); i++) {
        if (!axes.get(i).equals(Integer.toString(i))) {
          throw Failure.data(
              "%s: column '%s' holds tensors whose dimensions are permuted (%s); write them in the order of their dimensions, without a permutation",
              file.location(), column, order);
        }
      }
    }
  }

  /** The column as Arrow describes it; null if the file was not written by Arrow. */
  private Field arrowField(String column) {
    Map<String, String> metadata = reader.getFileMetaData().getKeyValueMetaData();
    String schemaText = metadata.get(ARROW_SCHEMA);
    if (schemaText == null) {
      return null;
    }
    try {
      return Schema.deserializeMessage(ByteBuffer.wrap(Base64.getDecoder().decode(schemaText)))
          .findField(column);
    } catch (RuntimeException notArrows) {
      return null;
    }
  }
}
