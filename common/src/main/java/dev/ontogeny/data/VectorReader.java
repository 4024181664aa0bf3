package dev.ontogeny.data;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DataPageV1;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.schema.MessageType;

/**
 * Reads the vectors of one shard in bulk: the column is plain fixed-length bytes, so a page is a
 * block of little-endian numbers and nothing is decoded value by value. Memory: one row group.
 */
public final class VectorReader implements Closeable {
  private final String origin;
  private final ParquetFileReader reader;
  private final ColumnDescriptor column;
  private final VectorType type;
  private final int width;
  private PageReader pages;
  private int nextGroup;
  private long groupLeft;
  private ByteBuffer page = ByteBuffer.allocate(0);

  /**
   * Opens a column of a vectors file.
   *
   * @param name {@code activation} or {@code gradient}
   * @param width dimensions of a vector
   */
  public static VectorReader open(
      Folder folder, String relative, String name, VectorType type, int width) throws IOException {
    return new VectorReader(folder, relative, name, type, width);
  }

  private VectorReader(Folder folder, String relative, String name, VectorType type, int width)
      throws IOException {
    this.origin = folder.resolve(relative);
    this.type = type;
    this.width = width;
    reader = TableReader.openFile(origin);
    try {
      column = column(reader, origin, name, width, type);
    } catch (Failure other) {
      reader.close();
      throw other;
    }
    MessageType schema = reader.getFileMetaData().getSchema();
    reader.setRequestedSchema(new MessageType(schema.getName(), schema.getType(name)));
  }

  /** The column of vectors of that type and width, which a file must have. */
  static ColumnDescriptor column(
      ParquetFileReader reader, String origin, String name, int width, VectorType type) {
    MessageType schema = reader.getFileMetaData().getSchema();
    if (!schema.containsField(name)) {
      throw Failure.data("%s has no column %s", origin, name);
    }
    ColumnDescriptor column = schema.getColumnDescription(new String[] {name});
    int bytes = column.getPrimitiveType().getTypeLength();
    if (bytes != width * type.bytes()) {
      throw Failure.data(
          "%s: column %s has %d bytes a row, %d×%s needs %d",
          origin, name, bytes, width, type.key(), width * type.bytes());
    }
    return column;
  }

  public int width() {
    return width;
  }

  /** Rows of the whole file. */
  public long rows() {
    return reader.getRecordCount();
  }

  /**
   * Fills up to {@code into.rows()} rows from row 0 on; fewer only at the end of the file.
   *
   * @return rows read, 0 at the end
   */
  public int read(FloatMatrix into) throws IOException {
    return read(into, 0, into.rows());
  }

  /** Fills up to {@code count} rows of {@code into} from row {@code first} on. */
  public int read(FloatMatrix into, int first, int count) throws IOException {
    return read(into, first, count, 0);
  }

  /**
   * Fills the columns from {@code column} on of up to {@code count} rows of {@code into}, from row
   * {@code first} on, so that several sources can stand side by side.
   */
  public int read(FloatMatrix into, int first, int count, int column) throws IOException {
    int done = 0;
    int rowBytes = width * type.bytes();
    // Rows that lie back to back are one run of numbers.
    boolean whole = into.columns() == width;
    while (done < count && nextPage()) {
      int take = Math.min(count - done, page.remaining() / rowBytes);
      for (int row = 0; row < take; row += whole ? take : 1) {
        int at = (first + done + row) * into.columns() + column;
        type.toFloats(page, into.values(), at, whole ? take * width : width);
      }
      done += take;
    }
    return done;
  }

  /**
   * Passes over rows; fewer only at the end of the file. Row groups that are passed over whole are
   * not read.
   */
  public long skip(long count) throws IOException {
    long done = 0;
    int rowBytes = width * type.bytes();
    while (done < count) {
      if (!page.hasRemaining() && groupLeft == 0 && nextGroup < reader.getRowGroups().size()) {
        long rows = reader.getRowGroups().get(nextGroup).getRowCount();
        if (rows <= count - done) {
          reader.skipNextRowGroup();
          nextGroup++;
          done += rows;
          continue;
        }
      }
      if (!nextPage()) {
        break;
      }
      int take = (int) Math.min(count - done, page.remaining() / rowBytes);
      page.position(page.position() + take * rowBytes);
      done += take;
    }
    return done;
  }

  private boolean nextPage() throws IOException {
    try {
      return readPage();
    } catch (IOException | RuntimeException e) {
      throw TableReader.damaged(origin, e);
    }
  }

  private boolean readPage() throws IOException {
    while (!page.hasRemaining()) {
      DataPage next = pages == null ? null : pages.readPage();
      if (next == null) {
        PageReadStore group = reader.readNextRowGroup();
        if (group == null) {
          return false;
        }
        pages = group.getPageReader(column);
        groupLeft = group.getRowCount();
        nextGroup++;
      } else {
        BytesInput bytes = ((DataPageV1) next).getBytes();
        page = bytes.toInputStream().slice((int) bytes.size()).order(ByteOrder.LITTLE_ENDIAN);
        if (page.remaining() % (width * type.bytes()) != 0) {
          throw new IOException(
              "a page of "
                  + page.remaining()
                  + " bytes is no number of rows of "
                  + width * type.bytes());
        }
        groupLeft -= page.remaining() / (width * type.bytes());
      }
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
