package dev.ontogeny.data;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.column.impl.ColumnReadStoreImpl;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/**
 * The flat columns of a capture, one value at a time, row group by row group. Memory: these columns
 * of one row group as they are stored, a few bytes a row.
 */
final class ScalarColumns implements Closeable {
  private final ParquetFileReader reader;
  private final CheckedInput input;
  private final PageDigests digests;
  private final MessageType schema;
  private final String createdBy;
  private final List<Cursor> cursors = new ArrayList<>();

  /**
   * Reads {@code names}, which must be flat columns of the file, from an open file.
   *
   * @param input that {@code reader} was opened with
   * @param digests takes the digests of the columns' pages; null for none
   */
  ScalarColumns(
      ParquetFileReader reader, CheckedInput input, List<String> names, PageDigests digests) {
    this.reader = reader;
    this.input = input;
    this.digests = digests;
    MessageType file = reader.getFileMetaData().getSchema();
    List<Type> types = new ArrayList<>();
    for (String name : names) {
      types.add(file.getType(name));
      cursors.add(new Cursor(file.getType(name), file.getColumnDescription(new String[] {name})));
    }
    schema = new MessageType(file.getName(), types);
    createdBy = reader.getFileMetaData().getCreatedBy();
    reader.setRequestedSchema(schema);
  }

  /** Moves every column to the first row of a row group, which must have rows. */
  void open(int rowGroup) throws IOException {
    if (cursors.isEmpty()) {
      return;
    }
    if (digests != null) {
      BlockMetaData block = reader.getRowGroups().get(rowGroup);
      List<ColumnChunkMetaData> chunks = new ArrayList<>();
      for (Cursor cursor : cursors) {
        chunks.add(CaptureFooter.chunk(block, cursor.descriptor.getPath()));
      }
      input.load(chunks, digests);
    }
    PageReadStore pages = reader.readRowGroup(rowGroup);
    input.unload();
    ColumnReadStoreImpl columns = new ColumnReadStoreImpl(pages, new Nothing(), schema, createdBy);
    for (Cursor cursor : cursors) {
      cursor.reader = columns.getColumnReader(cursor.descriptor);
    }
  }

  /** A column, by its place among the names. */
  Cursor column(int index) {
    return cursors.get(index);
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }

  /** The value of the current row; {@link #advance} moves on. */
  static final class Cursor {
    private final ScalarType type;
    private final ColumnDescriptor descriptor;
    private ColumnReader reader;

    Cursor(Type type, ColumnDescriptor descriptor) {
      this.type = ScalarType.of(type);
      this.descriptor = descriptor;
    }

    boolean isNull() {
      return reader.getCurrentDefinitionLevel() < descriptor.getMaxDefinitionLevel();
    }

    /**
     * A whole number.
     *
     * @throws ArithmeticException that tells one beyond 63 bits
     */
    long whole() {
      return type.whole(reader);
    }

    float number() {
      return type.number(reader);
    }

    Binary bytes() {
      return reader.getBinary();
    }

    String text() {
      return Texts.of(reader.getBinary());
    }

    /** The value as the tables of a dataset hold it. */
    Object label() {
      return isNull() ? null : type.labelValue(reader);
    }

    /**
     * To the next row. Parquet leaves a value that nobody asked for where it is, for the next one.
     */
    void advance() {
      if (!isNull()) {
        reader.skip();
      }
      reader.consume();
    }
  }

  /** Parquet wants converters even where values are pulled. */
  private static final class Nothing extends GroupConverter {
    private final PrimitiveConverter primitive = new PrimitiveConverter() {};

    @Override
    public Converter getConverter(int field) {
      return primitive;
    }

    @Override
    public void start() {}

    @Override
    public void end() {}
  }
}
