package dev.ontogeny.stats;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A growing array of bytes, little-endian; whole numbers that are mostly small are written in
 * groups of seven bits, lowest first, the eighth bit saying that more follow.
 */
public final class StatisticOutput {
  static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private byte[] bytes = new byte[256];
  private int size;

  /** What every statistic begins with. */
  public void header(int tag, int version) {
    room(2);
    bytes[size++] = (byte) tag;
    bytes[size++] = (byte) version;
  }

  /** A number of any sign; small non-negative ones take one byte. */
  public void writeCompact(long value) {
    room(10);
    byte[] into = bytes;
    int at = size;
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      into[at++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    into[at++] = (byte) rest;
    size = at;
  }

  public void writeLong(long value) {
    room(8);
    LONGS.set(bytes, size, value);
    size += 8;
  }

  public void writeDouble(double value) {
    writeLong(Double.doubleToLongBits(value));
  }

  public void writeFloat(float value) {
    room(4);
    INTS.set(bytes, size, Float.floatToRawIntBits(value));
    size += 4;
  }

  /** A text as UTF-8. */
  public void writeText(String text) {
    byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
    writeCompact(encoded.length);
    room(encoded.length);
    System.arraycopy(encoded, 0, bytes, size, encoded.length);
    size += encoded.length;
  }

  /** What was written. */
  public byte[] toBytes() {
    return Arrays.copyOf(bytes, size);
  }

  public int size() {
    return size;
  }

  private void room(int count) {
    if (size + count > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(size + count, bytes.length * 2));
    }
  }
}
