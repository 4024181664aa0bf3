package dev.ontogeny.data;

import dev.ontogeny.dictionary.TensorHeader;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.hadoop.fs.FSDataInputStream;

/**
 * Parts of the matrices of a safetensors file, read where they lie: memory is what is asked for,
 * whatever the size of the file.
 */
public final class TensorFile implements Closeable {
  /** Rows that are read and thrown away rather than sought past. */
  private static final int GAP_BYTES = 1 << 16;

  private static final int BLOCK_BYTES = 1 << 22;

  private final String origin;
  private final FSDataInputStream in;
  private final TensorHeader header;

  /** Opens a file of a published folder. */
  public static TensorFile open(Folder folder, String relative) throws IOException {
    String origin = folder.resolve(relative);
    FSDataInputStream in;
    try {
      in = folder.open(relative);
    } catch (FileNotFoundException e) {
      throw Failure.data("%s is named by the manifest but does not exist", origin).causedBy(e);
    }
    try {
      return new TensorFile(origin, in);
    } catch (EOFException e) {
      in.close();
      throw Failure.data("%s ends before its header does: it is cut off", origin).causedBy(e);
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  private TensorFile(String origin, FSDataInputStream in) throws IOException {
    this.origin = origin;
    this.in = in;
    header = TensorHeader.read(in, origin);
  }

  /**
   * Rows of a matrix in any order.
   *
   * @param which rows; -1 for a row of zeros
   * @return [which.length, columns]
   */
  public FloatMatrix rows(String name, int[] which) throws IOException {
    return rows(name, which, 0, shape(name)[1]);
  }

  /**
   * Neighbouring columns of rows of a matrix in any order.
   *
   * @param which rows; -1 for a row of zeros
   * @return [which.length, columns]
   */
  public FloatMatrix rows(String name, int[] which, int firstColumn, int columns)
      throws IOException {
    int[] shape = shape(name);
    requireWithin(
        name, shape, 1L + Arrays.stream(which).max().orElse(-1), firstColumn + (long) columns);
    FloatMatrix result = FloatMatrix.zeros(which.length, columns);
    long[] order = new long[which.length];
    int count = 0;
    for (int i = 0; i < which.length; i++) {
      if (which[i] >= 0) {
        order[count++] = ((long) which[i] << 32) | i;
      }
    }
    Arrays.sort(order, 0, count);
    long rowBytes = (long) Float.BYTES * shape[1];
    int wanted = Float.BYTES * columns;
    int from = 0;
    while (from < count) {
      long firstRow = order[from] >> 32;
      int to = from + 1;
      // Neighbours, and those nearly so, come in one read.
      while (to < count
          && ((order[to] >> 32) - (order[to - 1] >> 32)) * rowBytes - wanted <= GAP_BYTES
          && ((order[to] >> 32) - firstRow) * rowBytes < BLOCK_BYTES) {
        to++;
      }
      int size = (int) (((order[to - 1] >> 32) - firstRow) * rowBytes) + wanted;
      ByteBuffer bytes = read(name, firstRow * rowBytes + (long) Float.BYTES * firstColumn, size);
      for (int i = from; i < to; i++) {
        bytes
            .position((int) (((order[i] >> 32) - firstRow) * rowBytes))
            .asFloatBuffer()
            .get(result.values(), (int) order[i] * columns, columns);
      }
      from = to;
    }
    return result;
  }

  /**
   * Neighbouring columns of neighbouring rows of a matrix, turned.
   *
   * @return [count, rows]
   */
  public FloatMatrix columns(String name, int first, int count, int firstRow, int rows)
      throws IOException {
    int[] shape = shape(name);
    requireWithin(name, shape, firstRow + (long) rows, first + (long) count);
    FloatMatrix result = FloatMatrix.zeros(count, rows);
    float[] part = new float[count];
    for (int row = 0; row < rows; row++) {
      read(name, ((firstRow + (long) row) * shape[1] + first) * Float.BYTES, count * Float.BYTES)
          .asFloatBuffer()
          .get(part);
      for (int c = 0; c < count; c++) {
        result.values()[c * rows + row] = part[c];
      }
    }
    return result;
  }

  private void requireWithin(String name, int[] shape, long rows, long columns) {
    if (rows > shape[0] || columns > shape[1]) {
      throw Failure.data(
          "%s: %s is %d×%d, its dictionary.json makes it %d×%d at least",
          origin, name, shape[0], shape[1], rows, columns);
    }
  }

  private int[] shape(String name) {
    TensorHeader.Place place = header.tensors().get(name);
    if (place == null || place.shape().length != 2) {
      throw Failure.data(
          "%s needs a matrix %s of type F32, it has %s", origin, name, header.tensors().keySet());
    }
    return place.shape();
  }

  private ByteBuffer read(String name, long offset, int count) throws IOException {
    byte[] bytes = new byte[count];
    try {
      in.readFully(header.dataStart() + header.tensors().get(name).start() + offset, bytes);
    } catch (EOFException e) {
      throw Failure.data("%s ends before its tensor %s does: it is cut off", origin, name)
          .causedBy(e);
    }
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
