package dev.ontogeny.stats;

import java.nio.charset.StandardCharsets;

/** Reads what {@link StatisticOutput} wrote. */
public final class StatisticInput {
  private final byte[] bytes;
  private int at;

  public StatisticInput(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Checks what every statistic begins with. */
  public void header(int tag, int version) {
    int foundTag = bytes[at++];
    int foundVersion = bytes[at++];
    if (foundTag != tag || foundVersion != version) {
      throw new IllegalStateException(
          "bytes of statistic '"
              + (char) tag
              + "' version "
              + version
              + " were expected, found '"
              + (char) foundTag
              + "' version "
              + foundVersion);
    }
  }

  public long readCompact() {
    byte first = bytes[at++];
    if (first >= 0) {
      return first;
    }
    long value = first & 0x7FL;
    int shift = 7;
    byte next;
    do {
      next = bytes[at++];
      value |= (next & 0x7FL) << shift;
      shift += 7;
    } while (next < 0);
    return value;
  }

  public int readCompactInt() {
    return Math.toIntExact(readCompact());
  }

  public long readLong() {
    long value = (long) StatisticOutput.LONGS.get(bytes, at);
    at += 8;
    return value;
  }

  public double readDouble() {
    return Double.longBitsToDouble(readLong());
  }

  public float readFloat() {
    int bits = (int) StatisticOutput.INTS.get(bytes, at);
    at += 4;
    return Float.intBitsToFloat(bits);
  }

  public String readText() {
    int length = readCompactInt();
    at += length;
    return new String(bytes, at - length, length, StandardCharsets.UTF_8);
  }

  /** Passes over bytes. */
  public void skip(int count) {
    at += count;
  }

  /** Whether anything is left. */
  public boolean exhausted() {
    return at == bytes.length;
  }
}
