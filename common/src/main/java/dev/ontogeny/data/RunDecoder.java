package dev.ontogeny.data;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Parquet's hybrid of run lengths and bit-packed groups, for levels and dictionary ids. Decodes
 * into arrays and counts runs without unfolding them. The data must be followed by at least eight
 * bytes that may be read.
 */
final class RunDecoder {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private byte[] data;
  private int at;
  private int end;
  private int width;
  private int left;
  private boolean packed;
  private int value;
  private long bit;

  /**
   * Begins anew.
   *
   * @param bitWidth of a value, 0 to 32
   */
  void reset(byte[] bytes, int from, int to, int bitWidth) {
    if (bitWidth < 0 || bitWidth > Integer.SIZE) {
      throw new IllegalStateException("values of " + bitWidth + " bits");
    }
    data = bytes;
    at = from;
    end = to;
    width = bitWidth;
    left = 0;
  }

  private void nextRun() {
    while (left == 0) {
      if (at >= end && width > 0) {
        throw new IllegalStateException("a page ends before its values");
      }
      if (width == 0) {
        // One possible value: writers may leave the data out.
        packed = false;
        value = 0;
        left = Integer.MAX_VALUE;
        return;
      }
      int header = 0;
      int shift = 0;
      int next;
      do {
        next = data[at++];
        header |= (next & 0x7f) << shift;
        shift += 7;
      } while ((next & 0x80) != 0 && shift < 35);
      packed = (header & 1) == 1;
      if (packed) {
        int groups = header >>> 1;
        if (groups > end - at) {
          // Each takes a byte at least.
          throw new IllegalStateException("a page ends before its values");
        }
        left = Math.multiplyExact(groups, 8);
        bit = (long) at * 8;
        at += Math.multiplyExact(groups, width);
      } else {
        left = header >>> 1;
        value = 0;
        for (int i = 0; i < (width + 7) / 8; i++) {
          value |= (data[at++] & 0xff) << (8 * i);
        }
      }
    }
  }

  void read(int[] into, int from, int count) {
    int done = 0;
    while (done < count) {
      nextRun();
      int take = Math.min(left, count - done);
      if (packed) {
        unpack(into, from + done, take);
      } else {
        java.util.Arrays.fill(into, from + done, from + done + take, value);
      }
      left -= take;
      done += take;
    }
  }

  private void unpack(int[] into, int from, int count) {
    byte[] bytes = data;
    long position = bit;
    int step = width;
    long mask = (1L << step) - 1;
    for (int i = 0; i < count; i++) {
      into[from + i] =
          (int) (((long) LONG.get(bytes, (int) (position >>> 3)) >>> (position & 7)) & mask);
      position += step;
    }
    bit = position;
  }

  int read() {
    nextRun();
    left--;
    if (!packed) {
      return value;
    }
    int result =
        (int) (((long) LONG.get(data, (int) (bit >>> 3)) >>> (bit & 7)) & ((1L << width) - 1));
    bit += width;
    return result;
  }

  /** Passes over values while they equal {@code wanted}, at most {@code limit}; tells how many. */
  int pass(int wanted, int limit) {
    int passed = 0;
    while (passed < limit) {
      nextRun();
      if (!packed) {
        if (value != wanted) {
          return passed;
        }
        int take = Math.min(left, limit - passed);
        left -= take;
        passed += take;
      } else if (width == 1) {
        int same = ones(wanted, Math.min(left, limit - passed));
        if (same == 0) {
          return passed;
        }
        left -= same;
        bit += same;
        passed += same;
      } else {
        int next =
            (int) (((long) LONG.get(data, (int) (bit >>> 3)) >>> (bit & 7)) & ((1L << width) - 1));
        if (next != wanted) {
          return passed;
        }
        bit += width;
        left--;
        passed++;
      }
    }
    return passed;
  }

  /** Equal bits from here on, at most 56 and at most {@code limit}. */
  private int ones(int wanted, int limit) {
    long bits = (long) LONG.get(data, (int) (bit >>> 3)) >>> (bit & 7);
    int same = Long.numberOfTrailingZeros(wanted == 1 ? ~bits : bits);
    return Math.min(Math.min(same, 56), limit);
  }
}
