package dev.ontogeny.data;

import dev.ontogeny.run.Identity;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Type;
import org.apache.parquet.format.Util;

/**
 * Writes the vectors of one (site, checkpoint, shard) as Parquet: {@code activation} and, if
 * captured, {@code gradient} as plain fixed-length bytes, and {@code loss}. Parquet's own writer
 * keeps a row group in memory; here activations go to the file page by page, so that hundreds of
 * files can be open at once. Memory: one page; the losses of a row group; with gradients also the
 * gradients of a row group.
 */
public final class VectorWriter implements Closeable {
  /**
   * The columns of a file and how it is cut.
   *
   * @param rowBytes bytes of a vector
   */
  public record Layout(
      int rowBytes, boolean gradient, boolean loss, int rowsPerGroup, int rowsPerPage) {

    /**
     * Row groups and pages by bytes of activations; each has at least one row.
     *
     * @param groupBytes what a reader of one file keeps in memory
     */
    public static Layout of(
        int rowBytes, boolean gradient, boolean loss, long groupBytes, int pageBytes) {
      int rowsPerGroup = (int) Math.max(1, Math.min(Integer.MAX_VALUE / 8, groupBytes / rowBytes));
      return new Layout(
          rowBytes,
          gradient,
          loss,
          rowsPerGroup,
          Math.min(rowsPerGroup, Math.max(1, pageBytes / rowBytes)));
    }

    /** Bytes that an open writer keeps, at most. */
    public long memory() {
      return (long) rowsPerPage * rowBytes
          + (loss ? 4L * rowsPerGroup : 0)
          + (gradient ? (long) rowsPerGroup * rowBytes : 0);
    }
  }

  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);

  private final String path;
  private final Layout layout;
  private final MessageDigest digest = Identity.newDigest();
  private final CheckedStream out;
  private final byte[] page;
  private final byte[] gradients;
  private final float[] losses;
  private final List<RowGroup> groups = new ArrayList<>();
  private long groupStart;
  private int pageRows;
  private int groupRows;
  private long rows;

  /** Opens {@code relative} in {@code folder}. */
  public static VectorWriter open(Folder folder, String relative, Layout layout)
      throws IOException {
    return new VectorWriter(folder, relative, layout);
  }

  private VectorWriter(Folder folder, String relative, Layout layout) throws IOException {
    this.path = relative;
    this.layout = layout;
    page = new byte[layout.rowsPerPage() * layout.rowBytes()];
    gradients =
        new byte
            [layout.gradient() ? Math.multiplyExact(layout.rowsPerGroup(), layout.rowBytes()) : 0];
    losses = new float[layout.loss() ? layout.rowsPerGroup() : 0];
    out = new CheckedStream(folder.create(relative), digest);
    out.write(MAGIC, 0, MAGIC.length);
    groupStart = out.written();
  }

  /**
   * Writes a row.
   *
   * @param activation bytes of the vector from {@code at} on
   * @param gradient bytes of the gradient from {@code gradientAt} on, ignored without that column
   * @param loss ignored without that column, NaN for none
   */
  public void write(byte[] activation, int at, byte[] gradient, int gradientAt, float loss)
      throws IOException {
    int bytes = layout.rowBytes();
    System.arraycopy(activation, at, page, pageRows * bytes, bytes);
    if (layout.gradient()) {
      System.arraycopy(gradient, gradientAt, gradients, groupRows * bytes, bytes);
    }
    if (layout.loss()) {
      losses[groupRows] = loss;
    }
    pageRows++;
    groupRows++;
    rows++;
    if (pageRows == layout.rowsPerPage()) {
      flushPage();
    }
    if (groupRows == layout.rowsPerGroup()) {
      flushGroup();
    }
  }

  public long rows() {
    return rows;
  }

  private void flushPage() throws IOException {
    if (pageRows > 0) {
      writePage(page, 0, pageRows * layout.rowBytes(), pageRows);
      pageRows = 0;
    }
  }

  private void writePage(byte[] bytes, int from, int length, int values) throws IOException {
    PageHeader header = new PageHeader(PageType.DATA_PAGE, length, length);
    header.setData_page_header(
        new DataPageHeader(values, Encoding.PLAIN, Encoding.RLE, Encoding.RLE));
    Util.writePageHeader(header, out);
    out.write(bytes, from, length);
  }

  private void flushGroup() throws IOException {
    if (groupRows == 0) {
      return;
    }
    flushPage();
    List<ColumnChunk> chunks = new ArrayList<>();
    long end = out.written();
    chunks.add(chunk("activation", Type.FIXED_LEN_BYTE_ARRAY, groupStart, end));
    if (layout.gradient()) {
      for (int row = 0; row < groupRows; row += layout.rowsPerPage()) {
        int count = Math.min(layout.rowsPerPage(), groupRows - row);
        writePage(gradients, row * layout.rowBytes(), count * layout.rowBytes(), count);
      }
      chunks.add(chunk("gradient", Type.FIXED_LEN_BYTE_ARRAY, end, out.written()));
      end = out.written();
    }
    if (layout.loss()) {
      byte[] bytes = lossPage();
      writePage(bytes, 0, bytes.length, groupRows);
      chunks.add(chunk("loss", Type.FLOAT, end, out.written()));
    }
    RowGroup group = new RowGroup(chunks, out.written() - groupStart, groupRows);
    group.setFile_offset(groupStart);
    group.setTotal_compressed_size(out.written() - groupStart);
    groups.add(group);
    groupStart = out.written();
    groupRows = 0;
  }

  private ColumnChunk chunk(String name, Type type, long from, long to) {
    ColumnMetaData data =
        new ColumnMetaData(
            type,
            List.of(Encoding.PLAIN, Encoding.RLE),
            List.of(name),
            CompressionCodec.UNCOMPRESSED,
            groupRows,
            to - from,
            to - from,
            from);
    ColumnChunk chunk = new ColumnChunk(from);
    chunk.setMeta_data(data);
    return chunk;
  }

  /** Levels that tell which rows have a loss, then the losses. */
  private byte[] lossPage() {
    int present = 0;
    for (int i = 0; i < groupRows; i++) {
      present += Float.isNaN(losses[i]) ? 0 : 1;
    }
    ByteArrayOutputStream levels = new ByteArrayOutputStream();
    if (present == groupRows) {
      writeVariable(levels, groupRows << 1);
      levels.write(1);
    } else {
      int eights = (groupRows + 7) / 8;
      writeVariable(levels, eights << 1 | 1);
      for (int i = 0; i < eights; i++) {
        int bits = 0;
        for (int j = 0; j < 8 && 8 * i + j < groupRows; j++) {
          bits |= Float.isNaN(losses[8 * i + j]) ? 0 : 1 << j;
        }
        levels.write(bits);
      }
    }
    ByteBuffer buffer =
        ByteBuffer.allocate(4 + levels.size() + 4 * present).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putInt(levels.size()).put(levels.toByteArray());
    for (int i = 0; i < groupRows; i++) {
      if (!Float.isNaN(losses[i])) {
        buffer.putFloat(losses[i]);
      }
    }
    return buffer.array();
  }

  private static void writeVariable(ByteArrayOutputStream to, int value) {
    int rest = value;
    while ((rest & ~0x7f) != 0) {
      to.write((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    to.write(rest);
  }

  /** Closes the file and describes it. */
  public PublishedFile finish() throws IOException {
    flushGroup();
    ByteArrayOutputStream footer = new ByteArrayOutputStream();
    Util.writeFileMetaData(metadata(), footer);
    out.write(footer.toByteArray(), 0, footer.size());
    byte[] length =
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(footer.size()).array();
    out.write(length, 0, length.length);
    out.write(MAGIC, 0, MAGIC.length);
    out.close();
    return PublishedFile.of(
        path, out.written(), rows, HexFormat.of().formatHex(digest.digest()), "vectors");
  }

  private FileMetaData metadata() {
    List<SchemaElement> schema = new ArrayList<>();
    SchemaElement root = new SchemaElement("vectors");
    root.setNum_children(1 + (layout.gradient() ? 1 : 0) + (layout.loss() ? 1 : 0));
    schema.add(root);
    schema.add(vector("activation"));
    if (layout.gradient()) {
      schema.add(vector("gradient"));
    }
    if (layout.loss()) {
      SchemaElement loss = new SchemaElement("loss");
      loss.setType(Type.FLOAT);
      loss.setRepetition_type(FieldRepetitionType.OPTIONAL);
      schema.add(loss);
    }
    FileMetaData metadata = new FileMetaData(1, schema, rows, groups);
    metadata.setCreated_by("ontogeny");
    return metadata;
  }

  private SchemaElement vector(String name) {
    SchemaElement element = new SchemaElement(name);
    element.setType(Type.FIXED_LEN_BYTE_ARRAY);
    element.setType_length(layout.rowBytes());
    element.setRepetition_type(FieldRepetitionType.REQUIRED);
    return element;
  }

  /** Closes without a result, for failures; harmless after {@link #finish}. */
  @Override
  public void close() throws IOException {
    out.close();
  }
}
