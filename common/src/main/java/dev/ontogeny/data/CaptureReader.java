package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;

/**
 * Reads rows of a capture's file: a range of its row groups, in order. Call {@link #next}, then
 * what is wanted of the row, then {@link #activation} and, if captured, {@link #gradient}: both for
 * every row. Memory: one page of each vector column, and the flat columns of one row group as they
 * are stored.
 */
public final class CaptureReader implements Closeable {
  /**
   * What one task reads at a go.
   *
   * @param file index of the file among a capture's
   * @param firstRow the row of the file that the first of the row groups begins with
   * @param bytes in the file
   */
  public record Split(
      int file, int firstRowGroup, int rowGroups, long firstRow, long rows, long bytes)
      implements Serializable {}

  private static final int NO_COLUMN = -1;

  private final CaptureFooter footer;
  private final CaptureColumns columns;
  private final VectorType type;
  private final Configuration configuration = Folder.configuration();
  private final InputFile input;
  private final ParquetFileReader reader;
  private final MessageType schema;
  private final List<String> names = new ArrayList<>();
  private final ScalarColumns scalars;
  private final int document;
  private final int position;
  private final int site;
  private final int checkpoint;
  private final int tokenId;
  private final int loss;
  private final int token;
  private final int[] labels;
  private final int endRowGroup;
  private int rowGroup;
  private long rowsLeft;
  private long row;
  private boolean begun;
  private VectorColumn activation;
  private VectorColumn gradient;

  /**
   * Opens a split.
   *
   * @param type of the bytes that {@link #activation} gives
   * @param texts whether tokens and labels will be asked for
   */
  public static CaptureReader open(
      CaptureFooter footer, Split split, CaptureColumns columns, VectorType type, boolean texts)
      throws IOException {
    return new CaptureReader(footer, split, columns, type, texts);
  }

  private CaptureReader(
      CaptureFooter footer, Split split, CaptureColumns columns, VectorType type, boolean texts)
      throws IOException {
    this.footer = footer;
    this.columns = columns;
    this.type = type;
    this.rowGroup = split.firstRowGroup();
    this.endRowGroup = split.firstRowGroup() + split.rowGroups();
    this.row = split.firstRow() - 1;
    CaptureFile file = footer.file();
    document = column(columns.document(), true);
    position = column(columns.position(), true);
    site = column(columns.site(), file.site() == null);
    checkpoint = column(columns.checkpoint(), file.checkpoint() == null);
    tokenId = column(columns.tokenId(), footer.hasTokenId());
    loss = column(columns.loss(), footer.hasLoss());
    token = column(columns.token(), texts && footer.hasToken());
    labels = new int[texts ? footer.labels().size() : 0];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = column(footer.labels().get(i).name(), true);
    }
    input = CaptureFooter.input(file, configuration);
    reader = CaptureFooter.open(file, input);
    schema = reader.getFileMetaData().getSchema();
    scalars = new ScalarColumns(reader, names);
  }

  private int column(String name, boolean wanted) {
    if (!wanted) {
      return NO_COLUMN;
    }
    names.add(name);
    return names.size() - 1;
  }

  /** Moves to the next row; false after the last of the split. */
  public boolean next() throws IOException {
    try {
      if (begun) {
        for (int i = 0; i < names.size(); i++) {
          scalars.column(i).advance();
        }
      }
      begun = true;
      while (rowsLeft == 0) {
        if (rowGroup == endRowGroup) {
          return false;
        }
        openRowGroup();
      }
      rowsLeft--;
      row++;
      return true;
    } catch (IOException | RuntimeException e) {
      throw damaged(footer.file(), String.join(", ", names), e);
    }
  }

  private void openRowGroup() throws IOException {
    BlockMetaData block = reader.getRowGroups().get(rowGroup);
    rowsLeft = block.getRowCount();
    scalars.open(rowGroup);
    closeVectors();
    activation = vectors(columns.activation(), footer.activation(), block);
    gradient =
        footer.gradient() == null ? null : vectors(columns.gradient(), footer.gradient(), block);
    rowGroup++;
  }

  private VectorColumn vectors(String name, VectorForm form, BlockMetaData block)
      throws IOException {
    ColumnDescriptor leaf = VectorForm.leaf(schema, name);
    return new VectorColumn(
        input, CaptureFooter.chunk(block, leaf.getPath()), leaf, form, type, configuration);
  }

  /** The row's number in its file. */
  public long row() {
    return row;
  }

  /** The document, where documents are whole numbers. */
  public long documentNumber() {
    return required(document).whole();
  }

  /** The document, where documents are texts. */
  public String documentText() {
    return required(document).text().toStringUsingUTF8();
  }

  public int position() {
    long value = required(position).whole();
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw Failure.data(
          "%s, row %d: column '%s' is %d; a position lies between 0 and %d",
          footer.file().location(), row, columns.position(), value, Integer.MAX_VALUE);
    }
    return (int) value;
  }

  public String site() {
    return site == NO_COLUMN ? footer.file().site() : required(site).text().toStringUsingUTF8();
  }

  public long checkpoint() {
    return checkpoint == NO_COLUMN ? footer.file().checkpoint() : required(checkpoint).whole();
  }

  /** The token's number, null where there is none. */
  public Integer tokenId() {
    if (tokenId == NO_COLUMN || scalars.column(tokenId).isNull()) {
      return null;
    }
    long value = scalars.column(tokenId).whole();
    if (value != (int) value) {
      throw Failure.data(
          "%s, row %d: column '%s' is %d, beyond 32 bits",
          footer.file().location(), row, columns.tokenId(), value);
    }
    return (int) value;
  }

  /** The loss, NaN where there is none. */
  public float loss() {
    return loss == NO_COLUMN || scalars.column(loss).isNull()
        ? Float.NaN
        : scalars.column(loss).number();
  }

  /** The token, null where there is none. */
  public String token() {
    if (token == NO_COLUMN || scalars.column(token).isNull()) {
      return null;
    }
    Binary text = scalars.column(token).text();
    return text.toStringUsingUTF8();
  }

  /** A label, in the order of the footer, as the tokens table holds it. */
  public Object label(int index) {
    return scalars.column(labels[index]).value();
  }

  /**
   * The vector of the row, as little-endian bytes.
   *
   * @param width numbers it should have
   * @return numbers it has; in place if that is the width; negative where the row has none
   */
  public int activation(byte[] into, int offset, int width) throws IOException {
    return vector(activation, columns.activation(), into, offset, width);
  }

  /** The gradient of the row, likewise. */
  public int gradient(byte[] into, int offset, int width) throws IOException {
    return vector(gradient, columns.gradient(), into, offset, width);
  }

  private int vector(VectorColumn column, String name, byte[] into, int offset, int width)
      throws IOException {
    try {
      return column.next(into, offset, width);
    } catch (IOException | RuntimeException e) {
      throw damaged(footer.file(), name, e);
    }
  }

  private ScalarColumns.Cursor required(int column) {
    ScalarColumns.Cursor cursor = scalars.column(column);
    if (cursor.isNull()) {
      throw Failure.data(
          "%s, row %d: column '%s' is null, every row needs one",
          footer.file().location(), row, names.get(column));
    }
    return cursor;
  }

  /**
   * A failure that names a file whose pages cannot be read; stores that fail stay what they are.
   */
  static RuntimeException damaged(CaptureFile file, String column, Exception cause)
      throws IOException {
    if (cause instanceof Failure failure) {
      return failure;
    }
    String name = cause.getClass().getName();
    if (cause instanceof IOException io
        && (name.contains("amazonaws") || name.startsWith("java.net") || name.contains(".s3a."))) {
      throw io;
    }
    return Failure.data(
            "%s: column '%s' cannot be read, the file is damaged or cut off: %s",
            file.location(), column, cause.getMessage())
        .causedBy(cause);
  }

  private void closeVectors() throws IOException {
    if (activation != null) {
      activation.close();
    }
    if (gradient != null) {
      gradient.close();
    }
  }

  @Override
  public void close() throws IOException {
    closeVectors();
    scalars.close();
  }
}
