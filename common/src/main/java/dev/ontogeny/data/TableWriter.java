package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.Column;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.run.Identity;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.RecordConsumer;

/**
 * Writes one Parquet file of a published table, row by row, and tells its size and checksum.
 * Columns of fixed-length bytes are stored plain and uncompressed, so that they can be read back in
 * bulk; everything else is compressed with zstd. The same rows give the same bytes.
 */
public final class TableWriter implements Closeable {
  /** Row groups of tables that have no reason for another size. */
  public static final long DEFAULT_ROW_GROUP = 16L << 20;

  private final String path;
  private final TableSchema schema;
  private final Target target;
  private final ParquetWriter<Object[]> writer;
  private long rows;

  /** Opens {@code relative} in {@code folder}. */
  public static TableWriter open(Folder folder, String relative, TableSchema schema)
      throws IOException {
    return open(folder, relative, schema, DEFAULT_ROW_GROUP);
  }

  /**
   * Opens a file with row groups of about {@code rowGroupBytes}: what this writer keeps in memory.
   *
   * @throws IOException if the file cannot be created
   */
  public static TableWriter open(
      Folder folder, String relative, TableSchema schema, long rowGroupBytes) throws IOException {
    return new TableWriter(folder, relative, schema, rowGroupBytes);
  }

  private TableWriter(Folder folder, String relative, TableSchema schema, long rowGroupBytes)
      throws IOException {
    this.path = relative;
    this.schema = schema;
    this.target = new Target(folder, relative);
    boolean bytes = schema.columns().stream().anyMatch(column -> column.type() == ColumnType.BYTES);
    Builder builder = new Builder(target, schema);
    // Nobody asks for the rows whose lists lie between two bounds.
    for (Column column : schema.columns()) {
      if (column.type() == ColumnType.FLOATS || column.type() == ColumnType.DOUBLES) {
        builder.withStatisticsEnabled(column.name() + ".list.element", false);
      }
    }
    // All writers have the same encodings: what chooses them is shared by all writers of a JVM and
    // follows the settings of whichever was opened last
    // (https://github.com/apache/parquet-java/issues/3224). Fixed-length bytes never get a
    // dictionary in this version of the format.
    this.writer =
        builder
            .withConf(Folder.configuration())
            .withRowGroupSize(rowGroupBytes)
            .withPageSize((int) Math.min(1 << 20, Math.max(1 << 16, rowGroupBytes)))
            .withPageRowCountLimit(Integer.MAX_VALUE)
            .withWriterVersion(ParquetProperties.WriterVersion.PARQUET_1_0)
            .withDictionaryEncoding(true)
            .withCompressionCodec(
                bytes ? CompressionCodecName.UNCOMPRESSED : CompressionCodecName.ZSTD)
            .build();
  }

  /** As tables have it that hold null where a number is not finite. */
  public static Double finite(double value) {
    return Double.isFinite(value) ? (Double) value : null;
  }

  /**
   * One value per column, of the types that {@link TableSchema.ColumnType} names; null where there
   * is none.
   */
  public void write(Object... row) throws IOException {
    writer.write(row);
    rows++;
  }

  public long rows() {
    return rows;
  }

  /** Closes the file and describes it. */
  public PublishedFile finish() throws IOException {
    target.held = new ByteArrayOutputStream();
    writer.close();
    return PublishedFile.of(
        path,
        target.position,
        rows,
        HexFormat.of().formatHex(target.digest.digest()),
        schema.name());
  }

  /** Closes without a result, for failures; harmless after {@link #finish}. */
  @Override
  public void close() throws IOException {
    writer.close();
  }

  private static final class Builder extends ParquetWriter.Builder<Object[], Builder> {
    private final TableSchema schema;

    Builder(OutputFile file, TableSchema schema) {
      super(file);
      this.schema = schema;
    }

    @Override
    protected Builder self() {
      return this;
    }

    @Override
    @SuppressWarnings(
        "deprecation") // abstract upstream: there is no other way to name the write support
    protected WriteSupport<Object[]> getWriteSupport(Configuration configuration) {
      return new RowSupport(schema);
    }
  }

  private static final class RowSupport extends WriteSupport<Object[]> {
    /** Texts of the last rows: names and tokens come again and again. */
    private static final int REMEMBERED = 1 << 12;

    private final TableSchema schema;
    private final Column[] columns;
    private final String[] texts = new String[REMEMBERED];
    private final Binary[] encoded = new Binary[REMEMBERED];
    private RecordConsumer consumer;

    RowSupport(TableSchema schema) {
      this.schema = schema;
      this.columns = schema.columns().toArray(Column[]::new);
    }

    @Override
    @SuppressWarnings("deprecation") // abstract upstream, likewise
    public WriteContext init(Configuration configuration) {
      return new WriteContext(schema.toParquet(), Map.of());
    }

    @Override
    public void prepareForWrite(RecordConsumer recordConsumer) {
      consumer = recordConsumer;
    }

    @Override
    public void write(Object[] row) {
      if (row.length != columns.length) {
        throw new IllegalArgumentException(
            "table "
                + schema.name()
                + " has "
                + columns.length
                + " columns, got "
                + row.length
                + " values");
      }
      consumer.startMessage();
      for (int i = 0; i < row.length; i++) {
        if (row[i] != null) {
          Column column = columns[i];
          consumer.startField(column.name(), i);
          writeValue(column, row[i]);
          consumer.endField(column.name(), i);
        }
      }
      consumer.endMessage();
    }

    private void writeValue(Column column, Object value) {
      switch (column.type()) {
        case STRING:
          consumer.addBinary(text((String) value));
          break;
        case LONG:
          consumer.addLong((Long) value);
          break;
        case INT:
          consumer.addInteger((Integer) value);
          break;
        case DOUBLE:
          consumer.addDouble((Double) value);
          break;
        case FLOAT:
          consumer.addFloat((Float) value);
          break;
        case BOOLEAN:
          consumer.addBoolean((Boolean) value);
          break;
        case BYTES:
          consumer.addBinary(Binary.fromReusedByteArray((byte[]) value));
          break;
        case DOUBLES:
          double[] doubles = (double[]) value;
          writeList(doubles.length, i -> consumer.addDouble(doubles[i]), i -> true);
          break;
        case FLOATS:
          float[] floats = (float[]) value;
          writeList(floats.length, i -> consumer.addFloat(floats[i]), i -> true);
          break;
        case LONGS:
          long[] longs = (long[]) value;
          writeList(longs.length, i -> consumer.addLong(longs[i]), i -> true);
          break;
        case STRINGS:
          String[] strings = (String[]) value;
          writeList(
              strings.length, i -> consumer.addBinary(text(strings[i])), i -> strings[i] != null);
          break;
        case CAPTURED:
          throw new AssertionError(column);
      }
    }

    private Binary text(String text) {
      int place = text.hashCode() & (REMEMBERED - 1);
      if (!text.equals(texts[place])) {
        texts[place] = text;
        encoded[place] = Binary.fromConstantByteArray(text.getBytes(StandardCharsets.UTF_8));
      }
      return encoded[place];
    }

    private void writeList(
        int size, java.util.function.IntConsumer element, java.util.function.IntPredicate present) {
      consumer.startGroup();
      if (size > 0) {
        consumer.startField("list", 0);
        for (int i = 0; i < size; i++) {
          consumer.startGroup();
          if (present.test(i)) {
            consumer.startField("element", 0);
            element.accept(i);
            consumer.endField("element", 0);
          }
          consumer.endGroup();
        }
        consumer.endField("list", 0);
      }
      consumer.endGroup();
    }
  }

  /** A Hadoop file that digests what is written. */
  private static final class Target implements OutputFile {
    private final Folder folder;
    private final String relative;
    private final MessageDigest digest = Identity.newDigest();
    private long position;

    /** Once the table is finished: its last row group and the footer, until the file is closed. */
    private ByteArrayOutputStream held;

    Target(Folder folder, String relative) {
      this.folder = folder;
      this.relative = relative;
    }

    @Override
    public PositionOutputStream create(long blockSizeHint) throws IOException {
      CheckedStream out = new CheckedStream(folder.create(relative), digest);
      return new PositionOutputStream() {
        @Override
        public long getPos() {
          return out.written() + (held == null ? 0 : held.size());
        }

        @Override
        public void write(int value) throws IOException {
          (held == null ? out : held).write(value);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
          (held == null ? out : held).write(bytes, offset, length);
        }

        @Override
        public void flush() throws IOException {
          out.flush();
        }

        @Override
        public void close() throws IOException {
          if (held != null) {
            writeSettled(held.toByteArray(), out);
          }
          position = out.written();
          out.close();
        }
      };
    }

    /**
     * Writes the end of a file with the encodings of each column sorted: Parquet keeps them as a
     * set, whose order is another one in every JVM.
     */
    private static void writeSettled(byte[] end, OutputStream out) throws IOException {
      int length = ByteBuffer.wrap(end).order(ByteOrder.LITTLE_ENDIAN).getInt(end.length - 8);
      int start = end.length - 8 - length;
      FileMetaData footer = Util.readFileMetaData(new ByteArrayInputStream(end, start, length));
      for (RowGroup group : footer.getRow_groups()) {
        for (ColumnChunk chunk : group.getColumns()) {
          ColumnMetaData column = chunk.getMeta_data();
          column.setEncodings(column.getEncodings().stream().sorted().toList());
          if (column.isSetEncoding_stats()) {
            column.setEncoding_stats(column.getEncoding_stats().stream().sorted().toList());
          }
        }
      }
      ByteArrayOutputStream settled = new ByteArrayOutputStream();
      Util.writeFileMetaData(footer, settled);
      out.write(end, 0, start);
      settled.writeTo(out);
      out.write(
          ByteBuffer.allocate(8)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putInt(settled.size())
              .put(end, end.length - 4, 4)
              .array());
    }

    @Override
    public PositionOutputStream createOrOverwrite(long blockSizeHint) throws IOException {
      return create(blockSizeHint);
    }

    @Override
    public boolean supportsBlockSize() {
      return false;
    }

    @Override
    public long defaultBlockSize() {
      return 0;
    }

    @Override
    public String getPath() {
      return folder.resolve(relative);
    }
  }
}
