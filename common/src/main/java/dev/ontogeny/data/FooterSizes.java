package dev.ontogeny.data;

import java.io.IOException;

/**
 * Walks over the footer of a Parquet file, a struct in Thrift's compact protocol, and looks at
 * nothing but sizes. Thrift makes room for a list before it reads it, for as many structs as a
 * damaged byte asks for; here a list has no more elements than the footer has bytes left.
 *
 * @see <a href="https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md">
 *     the protocol</a>
 */
final class FooterSizes {
  /** Parquet's own structs are not so deep. */
  private static final int DEEPEST = 32;

  private static final int STOP = 0;
  private static final int TRUE = 1;
  private static final int FALSE = 2;
  private static final int BYTE = 3;
  private static final int I16 = 4;
  private static final int I32 = 5;
  private static final int I64 = 6;
  private static final int DOUBLE = 7;
  private static final int BINARY = 8;
  private static final int LIST = 9;
  private static final int SET = 10;
  private static final int MAP = 11;
  private static final int STRUCT = 12;

  private final byte[] footer;
  private final int end;
  private int at;

  private FooterSizes(byte[] footer, int end) {
    this.footer = footer;
    this.end = end;
  }

  /**
   * Fails where a size cannot be right.
   *
   * @param footer begins with the struct
   * @param length of the struct in bytes
   */
  static void require(byte[] footer, int length) throws IOException {
    new FooterSizes(footer, length).struct(0);
  }

  private void struct(int depth) throws IOException {
    if (depth > DEEPEST) {
      throw damaged("structs within structs");
    }
    for (int field = next(); (field & 0x0f) != STOP; field = next()) {
      if (field >>> 4 == 0) {
        // The field's number, which here is not needed.
        varint();
      }
      int type = field & 0x0f;
      if (type != TRUE && type != FALSE) {
        value(type, depth);
      }
    }
  }

  private void value(int type, int depth) throws IOException {
    switch (type) {
      case TRUE, FALSE, BYTE -> skip(1);
      case I16, I32, I64 -> varint();
      case DOUBLE -> skip(Double.BYTES);
      case BINARY -> skip(varint());
      case LIST, SET -> {
        int header = next();
        long size = header >>> 4 == 15 ? varint() : header >>> 4;
        values(size, depth, header & 0x0f);
      }
      case MAP -> {
        long size = varint();
        if (size != 0) {
          int types = next();
          values(size, depth, types >>> 4, types & 0x0f);
        }
      }
      case STRUCT -> struct(depth + 1);
      default -> throw damaged("a value of type " + type);
    }
  }

  private void values(long size, int depth, int... types) throws IOException {
    if (size < 0 || size > end - at) {
      throw damaged("a list of " + size + " values");
    }
    for (long i = 0; i < size; i++) {
      for (int type : types) {
        value(type, depth + 1);
      }
    }
  }

  private int next() throws IOException {
    skip(1);
    return footer[at - 1] & 0xff;
  }

  private void skip(long bytes) throws IOException {
    if (bytes < 0 || bytes > end - at) {
      throw damaged(bytes + " bytes");
    }
    at += (int) bytes;
  }

  private long varint() throws IOException {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      int next = next();
      value |= (long) (next & 0x7f) << shift;
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    throw damaged("a number without an end");
  }

  private IOException damaged(String what) {
    return new IOException(
        "the footer has " + what + " at its byte " + at + ", " + (end - at) + " bytes are left");
  }
}
