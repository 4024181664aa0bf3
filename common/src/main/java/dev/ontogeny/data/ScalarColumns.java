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
  private final MessageType schema;
  private final String createdBy;
  private final List<Cursor> cursors = new ArrayList<>();

  /** Reads {@code names}, which must be flat columns of the file, from an open file. */
  ScalarColumns(ParquetFileReader reader, List<String> names) {
    this.reader = reader;
    MessageType file = reader.getFileMetaData().getSchema();
    List<Type> types = new ArrayList<>();
    for (String name : names) {
      types.add(file.getType(name));
      cursors.add(new Cursor(file.getColumnDescription(new String[] {name})));
    }
    schema = new MessageType(file.getName(), types);
    createdBy = reader.getFileMetaData().getCreatedBy();
    reader.setRequestedSchema(schema);
  }

  /** Moves every column to the first row of a row group. */
  void open(int rowGroup) throws IOException {
    if (cursors.isEmpty()) {
      return;
    }
    PageReadStore pages = reader.readRowGroup(rowGroup);
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
    private final ColumnDescriptor descriptor;
    private ColumnReader reader;

    Cursor(ColumnDescriptor descriptor) {
      this.descriptor = descriptor;
    }

    boolean isNull() {
      return reader.getCurrentDefinitionLevel() < descriptor.getMaxDefinitionLevel();
    }

    long whole() {
      switch (descriptor.getPrimitiveType().getPrimitiveTypeName()) {
        case INT32:
          return reader.getInteger();
        default:
          return reader.getLong();
      }
    }

    float number() {
      switch (descriptor.getPrimitiveType().getPrimitiveTypeName()) {
        case FLOAT:
          return reader.getFloat();
        case DOUBLE:
          return (float) reader.getDouble();
        default:
          byte[] half = reader.getBinary().getBytesUnsafe();
          return Half.toFloat((short) ((half[0] & 0xff) | half[1] << 8));
      }
    }

    Binary text() {
      return reader.getBinary();
    }

    /** The value as the tables of a dataset hold it. */
    Object value() {
      if (isNull()) {
        return null;
      }
      switch (descriptor.getPrimitiveType().getPrimitiveTypeName()) {
        case INT32:
          return reader.getInteger();
        case INT64:
          return reader.getLong();
        case FLOAT:
          return reader.getFloat();
        case DOUBLE:
          return reader.getDouble();
        case BOOLEAN:
          return reader.getBoolean();
        default:
          return reader.getBinary().toStringUsingUTF8();
      }
    }

    void advance() {
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
