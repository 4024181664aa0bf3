package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/**
 * Reads one Parquet file of a published table, row by row, chosen columns only. Values have the
 * types that {@link TableSchema.ColumnType} names. For vectors in bulk see {@link VectorReader}.
 */
public final class TableReader implements Closeable {
  private final String origin;
  private final MessageType schema;
  private final ParquetReader<Group> reader;

  /**
   * Opens a file.
   *
   * @param columns those to read, in the order in which rows hold them; none means all
   */
  public static TableReader open(Folder folder, String relative, String... columns)
      throws IOException {
    return new TableReader(folder, relative, columns);
  }

  private TableReader(Folder folder, String relative, String... columns) throws IOException {
    origin = folder.resolve(relative);
    Configuration configuration = new Configuration(Folder.configuration());
    MessageType file;
    try (ParquetFileReader footer =
        ParquetFileReader.open(HadoopInputFile.fromPath(folder.path(relative), configuration))) {
      file = footer.getFooter().getFileMetaData().getSchema();
    } catch (FileNotFoundException e) {
      throw Failure.data("%s is named by the manifest but does not exist", origin).causedBy(e);
    } catch (RuntimeException e) {
      throw Failure.data("%s is not a readable Parquet file: %s", origin, e.getMessage())
          .causedBy(e);
    }
    List<String> wanted =
        columns.length == 0
            ? file.getFields().stream().map(Type::getName).toList()
            : List.of(columns);
    for (String column : wanted) {
      if (!file.containsField(column)) {
        throw Failure.data(
            "%s has no column %s; it has %s",
            origin, column, file.getFields().stream().map(Type::getName).toList());
      }
    }
    schema = new MessageType(file.getName(), wanted.stream().map(file::getType).toList());
    configuration.set(ReadSupport.PARQUET_READ_SCHEMA, schema.toString());
    reader =
        ParquetReader.builder(new GroupReadSupport(), folder.path(relative))
            .withConf(configuration)
            .build();
  }

  /** The names of the columns, in the order of a row. */
  public List<String> columns() {
    return schema.getFields().stream().map(Type::getName).toList();
  }

  /** The next row, or null after the last. */
  public Object[] next() throws IOException {
    Group group;
    try {
      group = reader.read();
    } catch (RuntimeException e) {
      throw Failure.data("%s cannot be read: %s", origin, e.getMessage()).causedBy(e);
    }
    if (group == null) {
      return null;
    }
    Object[] row = new Object[schema.getFieldCount()];
    for (int i = 0; i < row.length; i++) {
      if (group.getFieldRepetitionCount(i) > 0) {
        Type type = schema.getType(i);
        row[i] =
            type.isPrimitive()
                ? primitive(group, i, 0, type)
                : list(group.getGroup(i, 0), type.asGroupType());
      }
    }
    return row;
  }

  private static Object primitive(Group group, int field, int index, Type type) {
    switch (type.asPrimitiveType().getPrimitiveTypeName()) {
      case INT64:
        return group.getLong(field, index);
      case INT32:
        return group.getInteger(field, index);
      case DOUBLE:
        return group.getDouble(field, index);
      case FLOAT:
        return group.getFloat(field, index);
      case BOOLEAN:
        return group.getBoolean(field, index);
      default:
        return type.getLogicalTypeAnnotation()
                instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation
            ? group.getString(field, index)
            : group.getBinary(field, index).getBytes();
    }
  }

  private static Object list(Group group, GroupType type) {
    int size = group.getFieldRepetitionCount(0);
    Type element = type.getType(0).asGroupType().getType(0);
    switch (element.asPrimitiveType().getPrimitiveTypeName()) {
      case DOUBLE:
        double[] doubles = new double[size];
        for (int i = 0; i < size; i++) {
          doubles[i] = group.getGroup(0, i).getDouble(0, 0);
        }
        return doubles;
      case FLOAT:
        float[] floats = new float[size];
        for (int i = 0; i < size; i++) {
          floats[i] = group.getGroup(0, i).getFloat(0, 0);
        }
        return floats;
      case INT64:
        long[] longs = new long[size];
        for (int i = 0; i < size; i++) {
          longs[i] = group.getGroup(0, i).getLong(0, 0);
        }
        return longs;
      default:
        String[] strings = new String[size];
        for (int i = 0; i < size; i++) {
          Group each = group.getGroup(0, i);
          strings[i] = each.getFieldRepetitionCount(0) == 0 ? null : each.getString(0, 0);
        }
        return strings;
    }
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
