package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.conf.HadoopParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/**
 * Reads one Parquet file of a published table, row by row, chosen columns only. Values have the
 * types that {@link TableSchema.ColumnType} names. For vectors in bulk see {@link VectorReader}.
 */
public final class TableReader implements Closeable {
  private static final String ABSENT = "is named by the manifest but does not exist";

  private final String origin;
  private final List<String> wanted;
  private final MessageType schema;

  /** Of every wanted column the place in {@link #schema}; -1 where the file has no such column. */
  private final int[] places;

  private final ParquetReader<Group> reader;

  /**
   * Opens a file of a table that is declared nowhere: every column that is asked for must be there.
   *
   * @param columns those to read, in the order in which rows hold them; none means all
   */
  public static TableReader open(Folder folder, String relative, String... columns)
      throws IOException {
    return new TableReader(folder, null, relative, columns);
  }

  /**
   * Opens a file of a published table. A column that the file lacks is null in all rows if its
   * declaration says when it is absent, and a failure if not.
   *
   * @param columns those to read, in the order in which rows hold them; none means all that the
   *     file has
   */
  public static TableReader open(
      Folder folder, TableSchema declared, String relative, String... columns) throws IOException {
    return new TableReader(folder, declared, relative, columns);
  }

  private TableReader(Folder folder, TableSchema declared, String relative, String... columns)
      throws IOException {
    origin = folder.resolve(relative);
    Configuration configuration = new Configuration(Folder.configuration());
    MessageType file;
    try (ParquetFileReader footer = openFile(origin)) {
      file = footer.getFooter().getFileMetaData().getSchema();
    }
    List<String> there = file.getFields().stream().map(Type::getName).toList();
    wanted = columns.length == 0 ? there : List.of(columns);
    if (declared != null) {
      declared.require(wanted, there, folder);
    } else if (!there.containsAll(wanted)) {
      throw Failure.data(
          "%s has no column %s; it has %s",
          origin, wanted.stream().filter(each -> !there.contains(each)).findFirst().get(), there);
    }
    schema =
        new MessageType(
            file.getName(), wanted.stream().filter(there::contains).map(file::getType).toList());
    places =
        wanted.stream()
            .mapToInt(each -> there.contains(each) ? schema.getFieldIndex(each) : -1)
            .toArray();
    configuration.set(ReadSupport.PARQUET_READ_SCHEMA, schema.toString());
    reader =
        new Rows(
                CheckedInput.open(origin, ABSENT, configuration),
                new HadoopParquetConfiguration(configuration))
            .withCodecFactory(new BoundedCodecs(configuration))
            .build();
  }

  /** Rows as Parquet's own example objects. */
  private static final class Rows extends ParquetReader.Builder<Group> {
    /** Without a configuration Parquet reads Hadoop's files of settings anew for every table. */
    Rows(InputFile file, HadoopParquetConfiguration configuration) {
      super(file, configuration);
    }

    @Override
    protected ReadSupport<Group> getReadSupport() {
      return new GroupReadSupport();
    }
  }

  /** A published file that opens, or a failure that names it. */
  static ParquetFileReader openFile(String location) throws IOException {
    try {
      return CheckedInput.open(location, ABSENT, Folder.configuration())
          .footer(Folder.configuration());
    } catch (IOException | RuntimeException e) {
      CheckedInput.rethrowOfStore(e);
      throw Failure.data("%s is not a readable Parquet file: %s", location, e.getMessage())
          .causedBy(e);
    }
  }

  /** A failure that names a published file whose pages cannot be read. */
  static Failure damaged(String location, Exception cause) throws IOException {
    CheckedInput.rethrowOfStore(cause);
    return Failure.data(
            "%s cannot be read, it is not as it was published: %s", location, cause.getMessage())
        .causedBy(cause);
  }

  /** The names of the columns, in the order of a row. */
  public List<String> columns() {
    return wanted;
  }

  /** The next row, or null after the last. */
  public Object[] next() throws IOException {
    try {
      Group group = reader.read();
      return group == null ? null : row(group);
    } catch (IOException | RuntimeException e) {
      throw damaged(origin, e);
    }
  }

  private Object[] row(Group group) {
    Object[] row = new Object[places.length];
    for (int i = 0; i < row.length; i++) {
      int place = places[i];
      if (place >= 0 && group.getFieldRepetitionCount(place) > 0) {
        Type type = schema.getType(place);
        row[i] =
            type.isPrimitive()
                ? primitive(group, place, 0, type)
                : list(group.getGroup(place, 0), type.asGroupType());
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
