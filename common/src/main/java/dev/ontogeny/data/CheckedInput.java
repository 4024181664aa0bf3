package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.HadoopReadOptions;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.SeekableInputStream;

/**
 * A Parquet file on any store. Tells what the store did wrong ({@link StoreException}) from what is
 * wrong with the file, and digests whole column chunks as they are stored: {@link #load} reads
 * chunks into memory once, and whoever reads them afterwards is served from there.
 */
final class CheckedInput implements InputFile {
  /** Chunks with less than this between them are read in one go. */
  private static final int GAP = 1 << 16;

  private static final byte[] MAGIC = {'P', 'A', 'R', '1'};

  private final String location;
  private final String absent;
  private final InputFile file;
  private final List<Range> loaded = new ArrayList<>();

  /** With what follows it up to the end of the file; null before it is read. */
  private Range footer;

  /** Bytes of the file from {@code from} on. */
  private record Range(long from, byte[] bytes) {
    boolean holds(long position, int length) {
      return position >= from && position + length <= from + bytes.length;
    }
  }

  /**
   * Throws the store's error in an exception, however deeply it is wrapped, or the exception itself
   * if it is a failure.
   */
  static void rethrowOfStore(Exception thrown) throws StoreException {
    StoreException store = StoreException.in(thrown);
    if (store != null) {
      throw store;
    }
    if (thrown instanceof Failure failure) {
      throw failure;
    }
  }

  /**
   * Opens a file; fails naming it if it is not there.
   *
   * @param absent what is said then
   */
  static CheckedInput open(String location, String absent, Configuration configuration)
      throws IOException {
    try {
      return new CheckedInput(location, absent, input(new Path(location), configuration));
    } catch (FileNotFoundException e) {
      throw Failure.data("%s %s", location, absent).causedBy(e);
    } catch (IOException e) {
      throw new StoreException(location, e);
    }
  }

  private static InputFile input(Path path, Configuration configuration) throws IOException {
    if (path.getName().indexOf(':') >= 0
        && path.getFileSystem(configuration) instanceof LocalFileSystem local) {
      // Hadoop would look for a file of checksums beside it, whose name it takes for a URI.
      return new LocalInputFile(local.pathToFile(path).toPath());
    }
    return HadoopInputFile.fromPath(path, configuration);
  }

  private CheckedInput(String location, String absent, InputFile file) {
    this.location = location;
    this.absent = absent;
    this.file = file;
  }

  /**
   * Opens the file's footer. What it says of the file fits to the file: no row group lacks a
   * column, and no pages lie elsewhere than in it, so that whoever makes room for a chunk makes
   * room for bytes that are there.
   *
   * @throws IOException if the footer is damaged, or a store fails
   */
  ParquetFileReader footer(Configuration configuration) throws IOException {
    loadFooter();
    ParquetFileReader reader =
        ParquetFileReader.open(
            this,
            HadoopReadOptions.builder(configuration)
                .withCodecFactory(new BoundedCodecs(configuration))
                .build());
    try {
      requireFitting(reader);
      return reader;
    } catch (IOException | RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  /** Reads the footer into memory, from where Parquet and the outline of a capture take it. */
  private void loadFooter() throws IOException {
    long length = getLength();
    if (length < 2 * MAGIC.length + Integer.BYTES) {
      // Parquet says what is wrong.
      return;
    }
    try (SeekableInputStream in = newStream()) {
      byte[] last = new byte[Integer.BYTES + MAGIC.length];
      in.seek(length - last.length);
      in.readFully(last);
      int size = ByteBuffer.wrap(last).order(ByteOrder.LITTLE_ENDIAN).getInt();
      long from = length - last.length - size;
      if (size < 0
          || from < MAGIC.length
          || !Arrays.equals(last, Integer.BYTES, last.length, MAGIC, 0, MAGIC.length)) {
        return;
      }
      byte[] bytes = new byte[size + last.length];
      in.seek(from);
      in.readFully(bytes);
      FooterSizes.require(bytes, size);
      footer = new Range(from, bytes);
    }
  }

  private void requireFitting(ParquetFileReader reader) throws IOException {
    List<ColumnDescriptor> columns = reader.getFileMetaData().getSchema().getColumns();
    long length = getLength();
    for (BlockMetaData block : reader.getFooter().getBlocks()) {
      if (block.getRowCount() < 0 || block.getColumns().size() != columns.size()) {
        throw new IOException(
            "a row group has "
                + block.getRowCount()
                + " rows in "
                + block.getColumns().size()
                + " columns, the schema has "
                + columns.size());
      }
      for (int i = 0; i < columns.size(); i++) {
        ColumnDescriptor column = columns.get(i);
        ColumnChunkMetaData chunk = block.getColumns().get(i);
        boolean flat = column.getMaxRepetitionLevel() == 0;
        if (!Arrays.equals(chunk.getPath().toArray(), column.getPath())
            || chunk.getPrimitiveType().getPrimitiveTypeName()
                != column.getPrimitiveType().getPrimitiveTypeName()
            || chunk.getStartingPos() < 0
            || chunk.getTotalSize() < 0
            || chunk.getTotalSize() > length - chunk.getStartingPos()
            || chunk.getValueCount() < 0
            || (flat && chunk.getValueCount() != block.getRowCount())) {
          throw new IOException(
              "column "
                  + String.join(".", column.getPath())
                  + " would have "
                  + chunk.getValueCount()
                  + " values in "
                  + chunk.getTotalSize()
                  + " bytes from byte "
                  + chunk.getStartingPos()
                  + " on, for "
                  + block.getRowCount()
                  + " rows");
        }
      }
    }
  }

  /**
   * Reads chunks into memory, forgets those that were there, and adds the digest of each to {@code
   * digests}.
   */
  void load(List<ColumnChunkMetaData> chunks, PageDigests digests) throws IOException {
    loaded.clear();
    List<ColumnChunkMetaData> sorted = new ArrayList<>(chunks);
    sorted.sort(Comparator.comparingLong(ColumnChunkMetaData::getStartingPos));
    try (SeekableInputStream in = newStream()) {
      for (int first = 0; first < sorted.size(); ) {
        long from = sorted.get(first).getStartingPos();
        long to = end(sorted.get(first));
        int next = first + 1;
        while (next < sorted.size() && sorted.get(next).getStartingPos() <= to + GAP) {
          to = Math.max(to, end(sorted.get(next++)));
        }
        byte[] bytes = new byte[Math.toIntExact(to - from)];
        in.seek(from);
        in.readFully(bytes);
        loaded.add(new Range(from, bytes));
        for (; first < next; first++) {
          ColumnChunkMetaData chunk = sorted.get(first);
          MessageDigest digest = Identity.newDigest();
          digest.update(bytes, (int) (chunk.getStartingPos() - from), (int) chunk.getTotalSize());
          digests.add(chunk, digest.digest());
        }
      }
    }
  }

  /** Digests chunks without keeping them. */
  void digest(List<ColumnChunkMetaData> chunks, PageDigests digests) throws IOException {
    byte[] buffer = new byte[1 << 18];
    try (SeekableInputStream in = newStream()) {
      for (ColumnChunkMetaData chunk : chunks) {
        in.seek(chunk.getStartingPos());
        MessageDigest digest = Identity.newDigest();
        for (long left = chunk.getTotalSize(); left > 0; ) {
          int length = (int) Math.min(left, buffer.length);
          in.readFully(buffer, 0, length);
          digest.update(buffer, 0, length);
          left -= length;
        }
        digests.add(chunk, digest.digest());
      }
    }
  }

  private static long end(ColumnChunkMetaData chunk) {
    return chunk.getStartingPos() + chunk.getTotalSize();
  }

  /** Forgets what was loaded. */
  void unload() {
    loaded.clear();
  }

  @Override
  public long getLength() throws IOException {
    return file.getLength();
  }

  @Override
  public SeekableInputStream newStream() throws IOException {
    try {
      return new Stream(file.newStream());
    } catch (FileNotFoundException e) {
      throw Failure.data("%s %s", location, absent).causedBy(e);
    } catch (IOException | RuntimeException e) {
      throw new StoreException(location, e);
    }
  }

  @Override
  public String toString() {
    return location;
  }

  /** What a store may do while bytes are read. */
  @FunctionalInterface
  private interface Reading<T> {
    T read() throws IOException;
  }

  private final class Stream extends SeekableInputStream {
    private final SeekableInputStream in;
    private long position;
    private boolean sought = true;

    Stream(SeekableInputStream in) {
      this.in = in;
    }

    private <T> T asking(Reading<T> reading) throws IOException {
      try {
        return reading.read();
      } catch (EOFException | ChecksumException damaged) {
        throw damaged;
      } catch (IOException | RuntimeException e) {
        throw new StoreException(location, e);
      }
    }

    private Range range(int length) {
      if (footer != null && footer.holds(position, length)) {
        return footer;
      }
      for (Range each : loaded) {
        if (each.holds(position, length)) {
          return each;
        }
      }
      return null;
    }

    /** Moves the store's stream to where this one is. */
    private void follow() throws IOException {
      if (!sought) {
        asking(
            () -> {
              in.seek(position);
              return null;
            });
        sought = true;
      }
    }

    @Override
    public long getPos() {
      return position;
    }

    @Override
    public void seek(long to) {
      sought = sought && to == position;
      position = to;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
      Range range = range(length);
      if (range != null) {
        System.arraycopy(range.bytes(), (int) (position - range.from()), into, from, length);
        position += length;
        sought = false;
        return length;
      }
      follow();
      int got = asking(() -> in.read(into, from, length));
      position += Math.max(0, got);
      return got;
    }

    @Override
    public void readFully(byte[] into) throws IOException {
      readFully(into, 0, into.length);
    }

    @Override
    public void readFully(byte[] into, int from, int length) throws IOException {
      for (int done = 0; done < length; ) {
        int got = read(into, from + done, length - done);
        if (got < 0) {
          throw new EOFException(
              "the file ends at byte " + position + ", " + (length - done) + " bytes early");
        }
        done += got;
      }
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
      byte[] bytes = new byte[into.remaining()];
      int got = read(bytes, 0, bytes.length);
      if (got > 0) {
        into.put(bytes, 0, got);
      }
      return got;
    }

    @Override
    public void readFully(ByteBuffer into) throws IOException {
      byte[] bytes = new byte[into.remaining()];
      readFully(bytes, 0, bytes.length);
      into.put(bytes);
    }

    @Override
    public void close() throws IOException {
      asking(
          () -> {
            in.close();
            return null;
          });
    }
  }
}
