package dev.ontogeny.data;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.ColumnPath;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/**
 * Reads rows here and there of one shard's vectors, and little else: {@link VectorWriter} writes
 * pages of one size without compression, so that a row's place in the file follows from its number.
 * What lies between two rows is read where another request would cost more, as the store says.
 * Memory: the wanted rows and one request, at most what the store likes to be asked at once or one
 * row.
 */
public final class VectorRows implements Closeable {
  /** A header of a page of vectors has fewer bytes. */
  private static final int HEADER_BYTES = 128;

  private final String origin;
  private final VectorType type;
  private final int width;
  private final int rowBytes;
  private final List<Chunk> chunks = new ArrayList<>();
  private final long rows;
  private final FSDataInputStream in;
  private final int gap;
  private final int most;

  /** Of the first page, as of all others but the last ones of row groups; 0 before it is known. */
  private int pageRows;

  private int headerBytes;

  /** The column in one row group, from its first row on. */
  private record Chunk(long firstRow, long rows, long at, long bytes) {}

  static VectorRows open(Folder folder, String relative, String name, VectorType type, int width)
      throws IOException {
    return new VectorRows(folder, relative, name, type, width);
  }

  private VectorRows(Folder folder, String relative, String name, VectorType type, int width)
      throws IOException {
    this.origin = folder.resolve(relative);
    this.type = type;
    this.width = width;
    rowBytes = width * type.bytes();
    try (ParquetFileReader footer = TableReader.openFile(origin)) {
      VectorReader.column(footer, origin, name, width, type);
      long row = 0;
      for (BlockMetaData group : footer.getRowGroups()) {
        ColumnChunkMetaData chunk =
            group.getColumns().stream()
                .filter(each -> each.getPath().equals(ColumnPath.get(name)))
                .findFirst()
                .orElseThrow();
        if (chunk.getCodec() != CompressionCodecName.UNCOMPRESSED) {
          throw notAsPublished("its column " + name + " is compressed");
        }
        chunks.add(
            new Chunk(row, group.getRowCount(), chunk.getStartingPos(), chunk.getTotalSize()));
        row += group.getRowCount();
      }
      rows = row;
    }
    in = folder.open(relative);
    gap = in.minSeekForVectorReads();
    most = Math.max(rowBytes, in.maxReadSizeForVectorReads());
  }

  public int width() {
    return width;
  }

  /** Rows of the whole file. */
  public long rows() {
    return rows;
  }

  /**
   * Fills rows of {@code into}, from {@code first} and {@code column} on.
   *
   * @param wanted numbers of rows, ascending, each below {@link #rows}
   */
  public void read(long[] wanted, FloatMatrix into, int first, int column) throws IOException {
    long[] places = new long[wanted.length];
    int chunk = 0;
    for (int i = 0; i < wanted.length; i++) {
      chunk = chunkOf(wanted[i], chunk);
      places[i] = position(chunks.get(chunk), wanted[i]);
    }
    byte[] bytes = new byte[0];
    int next = 0;
    while (next < wanted.length) {
      // A run of rows that one request reads.
      int from = next;
      long start = places[from];
      long end = start + rowBytes;
      for (next++; next < wanted.length; next++) {
        if (places[next] - end > gap || places[next] + rowBytes - start > most) {
          break;
        }
        end = places[next] + rowBytes;
      }
      int length = Math.toIntExact(end - start);
      bytes = bytes.length < length ? new byte[length] : bytes;
      // Read at a place, Hadoop's local file system opens the file anew every time.
      in.seek(start);
      in.readFully(bytes, 0, length);
      ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = from; i < next; i++) {
        buffer.position((int) (places[i] - start));
        type.toFloats(buffer, into.values(), (first + i) * into.columns() + column, width);
      }
    }
  }

  private int chunkOf(long row, int from) {
    if (row < 0 || row >= rows) {
      throw new IndexOutOfBoundsException("row " + row + " of " + rows + " of " + origin);
    }
    int chunk = from;
    while (row >= chunks.get(chunk).firstRow + chunks.get(chunk).rows) {
      chunk++;
    }
    return chunk;
  }

  /** Where the bytes of a row begin. */
  private long position(Chunk chunk, long row) throws IOException {
    if (pageRows == 0) {
      readLayout();
    }
    long within = row - chunk.firstRow;
    long page = within / pageRows;
    long pageAt = chunk.at + page * (headerBytes + (long) pageRows * rowBytes);
    long rowsOfPage = Math.min(pageRows, chunk.rows - page * pageRows);
    long header = rowsOfPage == pageRows ? headerBytes : lastHeader(chunk);
    return pageAt + header + (within - page * pageRows) * rowBytes;
  }

  /**
   * Bytes of the header of the last page, which is shorter than the others; 0 without such a page.
   */
  private long lastHeader(Chunk chunk) {
    return chunk.bytes
        - chunk.rows / pageRows * (headerBytes + (long) pageRows * rowBytes)
        - chunk.rows % pageRows * rowBytes;
  }

  /** All row groups are cut as the first one is; the last may have fewer rows than a page. */
  private void readLayout() throws IOException {
    Chunk first = chunks.get(0);
    byte[] bytes = new byte[(int) Math.min(HEADER_BYTES, first.bytes)];
    in.seek(first.at);
    in.readFully(bytes);
    ByteArrayInputStream stream = new ByteArrayInputStream(bytes);
    PageHeader header;
    try {
      header = Util.readPageHeader(stream);
    } catch (IOException | RuntimeException e) {
      throw TableReader.damaged(origin, e);
    }
    headerBytes = bytes.length - stream.available();
    int found = header.isSetData_page_header() ? header.getData_page_header().getNum_values() : 0;
    if (found < 1 || header.getUncompressed_page_size() != (long) found * rowBytes) {
      throw notAsPublished("its first page has %d rows".formatted(found));
    }
    pageRows = found;
    for (Chunk chunk : chunks) {
      long last = lastHeader(chunk);
      if (chunk.rows % pageRows == 0 ? last != 0 : last < 1 || last > headerBytes) {
        pageRows = 0;
        throw notAsPublished(
            "pages of %d rows do not make up the %d bytes of %d rows"
                .formatted(found, chunk.bytes, chunk.rows));
      }
    }
  }

  private Failure notAsPublished(String why) {
    return Failure.data("%s cannot be read, it is not as it was published: %s", origin, why);
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
