package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
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
  private final PageDigests digests;
  private final CheckedInput input;
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
  private final boolean textCheckpoints;
  private final Map<Binary, Long> checkpointOf = new HashMap<>();
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

  /** Opens a split for its flat columns alone, without tokens and labels; nothing is digested. */
  public static CaptureReader openFlat(CaptureFooter footer, Split split, CaptureColumns columns)
      throws IOException {
    return new CaptureReader(footer, split, columns, null, false);
  }

  /** Without a {@code type}, vectors are not read. */
  private CaptureReader(
      CaptureFooter footer, Split split, CaptureColumns columns, VectorType type, boolean texts)
      throws IOException {
    this.footer = footer;
    this.digests = type == null ? null : new PageDigests(footer.outline());
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
    input = CheckedInput.open(file.location(), "does not exist any more", configuration);
    if (input.getLength() != file.bytes()) {
      throw Failure.data(
          "%s has %d bytes, it had %d when this run began: something writes into the capture",
          file.location(), input.getLength(), file.bytes());
    }
    reader = CaptureFooter.open(file, input);
    schema = reader.getFileMetaData().getSchema();
    textCheckpoints =
        checkpoint != NO_COLUMN && ScalarType.of(schema.getType(columns.checkpoint())).isText();
    scalars = new ScalarColumns(reader, input, names, digests);
  }

  /**
   * Digests the pages of a split that {@link #open} with the same arguments would read, and nothing
   * else.
   */
  public static String digest(
      CaptureFooter footer, Split split, CaptureColumns columns, boolean texts) throws IOException {
    try (CaptureReader reader =
        new CaptureReader(footer, split, columns, VectorType.FLOAT32, texts)) {
      for (int group = reader.rowGroup; group < reader.endRowGroup; group++) {
        BlockMetaData block = reader.reader.getRowGroups().get(group);
        if (block.getRowCount() > 0) {
          reader.input.digest(reader.chunks(block), reader.digests);
        }
      }
      return reader.digests.hex();
    } catch (IOException | RuntimeException e) {
      throw damaged(footer.file(), "pages", e);
    }
  }

  private List<ColumnChunkMetaData> chunks(BlockMetaData block) {
    List<ColumnChunkMetaData> chunks = new ArrayList<>();
    for (String name : names) {
      chunks.add(CaptureFooter.chunk(block, new String[] {name}));
    }
    chunks.add(CaptureFooter.chunk(block, VectorForm.leaf(schema, columns.activation()).getPath()));
    if (footer.gradient() != null) {
      chunks.add(CaptureFooter.chunk(block, VectorForm.leaf(schema, columns.gradient()).getPath()));
    }
    return chunks;
  }

  /**
   * The digest of all pages that this reader had to read, see {@link PageDigests}. Complete once
   * {@link #next} was false and the reader is closed.
   */
  public String digest() {
    return digests.hex();
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
    if (rowsLeft > 0) {
      scalars.open(rowGroup);
      openVectors(block);
    }
    rowGroup++;
  }

  private void openVectors(BlockMetaData block) throws IOException {
    closeVectors();
    if (type != null) {
      activation = vectors(columns.activation(), footer.activation(), block);
      gradient =
          footer.gradient() == null ? null : vectors(columns.gradient(), footer.gradient(), block);
    }
  }

  private VectorColumn vectors(String name, VectorForm form, BlockMetaData block)
      throws IOException {
    ColumnDescriptor leaf = VectorForm.leaf(schema, name);
    return new VectorColumn(
        input,
        CaptureFooter.chunk(block, leaf.getPath()),
        leaf,
        form,
        type,
        digests,
        configuration);
  }

  /** The row's number in its file. */
  public long row() {
    return row;
  }

  /** The document, where documents are whole numbers. */
  public long documentNumber() {
    return whole(document);
  }

  /** The document, where documents are texts. */
  public String documentText() {
    return text(document);
  }

  public int position() {
    long value = whole(position);
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw Failure.data(
          "%s, row %d: column '%s' is %d; a position lies between 0 and %d",
          footer.file().location(), row, columns.position(), value, Integer.MAX_VALUE);
    }
    return (int) value;
  }

  public String site() {
    return site == NO_COLUMN ? footer.file().site() : text(site);
  }

  public long checkpoint() {
    if (checkpoint == NO_COLUMN) {
      return footer.file().checkpoint();
    }
    if (!textCheckpoints) {
      return whole(checkpoint);
    }
    ScalarColumns.Cursor cursor = required(checkpoint);
    Binary text;
    try {
      text = cursor.bytes().copy();
    } catch (RuntimeException e) {
      throw unreadable(footer.file(), columns.checkpoint(), row, e);
    }
    Long step = checkpointOf.computeIfAbsent(text, bytes -> columns.checkpointIn(Texts.of(bytes)));
    if (step == null) {
      throw Failure.data(
          "%s, row %d: column '%s' held a training step when the file was looked at first, and holds none now",
          footer.file().location(), row, columns.checkpoint());
    }
    return step;
  }

  /** The token's number, null where there is none. */
  public Integer tokenId() {
    if (tokenId == NO_COLUMN || scalars.column(tokenId).isNull()) {
      return null;
    }
    long value = whole(tokenId);
    if (value != (int) value) {
      throw Failure.data(
          "%s, row %d: column '%s' is %d, beyond 32 bits",
          footer.file().location(), row, columns.tokenId(), value);
    }
    return (int) value;
  }

  /** The loss, NaN where there is none. */
  public float loss() {
    if (loss == NO_COLUMN || scalars.column(loss).isNull()) {
      return Float.NaN;
    }
    try {
      return scalars.column(loss).number();
    } catch (RuntimeException e) {
      throw unreadable(footer.file(), columns.loss(), row, e);
    }
  }

  /** The token, null where there is none. */
  public String token() {
    if (token == NO_COLUMN || scalars.column(token).isNull()) {
      return null;
    }
    return text(token);
  }

  /** A label, in the order of the footer, as the tokens table holds it. */
  public Object label(int index) {
    try {
      return scalars.column(labels[index]).label();
    } catch (ArithmeticException beyond) {
      throw beyondLong(footer.file(), names.get(labels[index]), row, beyond);
    } catch (RuntimeException e) {
      throw unreadable(footer.file(), names.get(labels[index]), row, e);
    }
  }

  /**
   * The vector of the row, as little-endian bytes.
   *
   * @param width numbers it should have
   * @return numbers it has, nulls included; in place if that is the width; negative where the row
   *     has none
   */
  public int activation(byte[] into, int offset, int width) throws IOException {
    return vector(activation, columns.activation(), into, offset, width);
  }

  /** The gradient of the row, likewise. */
  public int gradient(byte[] into, int offset, int width) throws IOException {
    return vector(gradient, columns.gradient(), into, offset, width);
  }

  /** How many numbers of the row's activation are null. */
  public int activationNulls() {
    return activation.nulls();
  }

  /** Likewise of its gradient. */
  public int gradientNulls() {
    return gradient.nulls();
  }

  /** Whether a finite number of the row's activation is beyond what its bytes can hold. */
  public boolean activationOverflowed() {
    return activation.overflowed();
  }

  /** Likewise of its gradient. */
  public boolean gradientOverflowed() {
    return gradient.overflowed();
  }

  private int vector(VectorColumn column, String name, byte[] into, int offset, int width)
      throws IOException {
    try {
      return column.next(into, offset, width);
    } catch (IOException | RuntimeException e) {
      throw damaged(footer.file(), name, e);
    }
  }

  private String text(int column) {
    ScalarColumns.Cursor cursor = required(column);
    try {
      return cursor.text();
    } catch (RuntimeException e) {
      throw unreadable(footer.file(), names.get(column), row, e);
    }
  }

  private long whole(int column) {
    return whole(footer.file(), required(column), names.get(column), row);
  }

  /** A whole number, or a failure that names the one that is beyond 63 bits. */
  static long whole(CaptureFile file, ScalarColumns.Cursor cursor, String column, long row) {
    try {
      return cursor.whole();
    } catch (ArithmeticException beyond) {
      throw beyondLong(file, column, row, beyond);
    } catch (RuntimeException e) {
      throw unreadable(file, column, row, e);
    }
  }

  /** A value that Parquet cannot decode, or that is none of its type. */
  private static Failure unreadable(
      CaptureFile file, String column, long row, RuntimeException cause) {
    return Failure.data(
            "%s, row %d: column '%s' cannot be read, the file is damaged: %s",
            file.location(), row, column, cause.getMessage())
        .causedBy(cause);
  }

  private static Failure beyondLong(
      CaptureFile file, String column, long row, ArithmeticException beyond) {
    return Failure.data(
        "%s, row %d: column '%s' is %s, beyond 63 bits: write it as a text",
        file.location(), row, column, beyond.getMessage());
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
    CheckedInput.rethrowOfStore(cause);
    return Failure.data(
            "%s: column '%s' cannot be read, the file is damaged or cut off: %s",
            file.location(), column, cause.getMessage())
        .causedBy(cause);
  }

  private void closeVectors() throws IOException {
    if (activation != null) {
      activation.close();
      activation = null;
    }
    if (gradient != null) {
      gradient.close();
      gradient = null;
    }
  }

  @Override
  public void close() throws IOException {
    closeVectors();
    scalars.close();
  }
}
