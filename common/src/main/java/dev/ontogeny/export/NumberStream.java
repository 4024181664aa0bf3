package dev.ontogeny.export;

import dev.ontogeny.run.Failure;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Numbers of some type as floats. */
final class NumberStream {
  private static final int CHUNK = 1 << 16;

  /** A longer tensor is believed to be one once so much of it was there. */
  private static final int FIRST = 1 << 20;

  private NumberStream() {}

  /**
   * The next numbers of a stream. Memory: as much as the stream has, whatever a header says.
   *
   * @param what names file and tensor in errors
   * @throws EOFException if there are fewer
   * @throws Failure of data where a whole number has no float
   */
  static float[] read(InputStream in, NumberType type, int count, String what) throws IOException {
    float[] values = new float[Math.min(count, FIRST)];
    ByteBuffer buffer = ByteBuffer.allocate(type.bytes() * CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    int at = 0;
    while (at < count) {
      if (at == values.length) {
        values = Arrays.copyOf(values, (int) Math.min(count, 16L * at));
      }
      int size = Math.min(CHUNK, values.length - at);
      if (in.readNBytes(buffer.array(), 0, type.bytes() * size) < type.bytes() * size) {
        throw new EOFException(what);
      }
      buffer.clear();
      for (int i = 0; i < size; i++) {
        double value = type.next(buffer);
        values[at + i] = (float) value;
        if (values[at + i] != value && !Double.isNaN(value)) {
          throw Failure.data("%s has %s, which no float32 can hold", what, value);
        }
      }
      at += size;
    }
    return values;
  }
}
