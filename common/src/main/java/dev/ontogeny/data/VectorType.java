package dev.ontogeny.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** How numbers of a stored vector are kept. */
public enum VectorType {
  FLOAT16("float16", 2),
  FLOAT32("float32", 4);

  private static final VarHandle SHORTS = view(short[].class);
  private static final VarHandle INTS = view(int[].class);
  private static final VarHandle LONGS = view(long[].class);
  private static final VarHandle FLOATS = view(float[].class);

  private static VarHandle view(Class<?> array) {
    return MethodHandles.byteArrayViewVarHandle(array, ByteOrder.LITTLE_ENDIAN);
  }

  private final String key;
  private final int bytes;

  VectorType(String key, int bytes) {
    this.key = key;
    this.bytes = bytes;
  }

  /** As manifests write it. */
  @JsonValue
  public String key() {
    return key;
  }

  @JsonCreator
  static VectorType of(String key) {
    for (VectorType type : values()) {
      if (type.key.equals(key)) {
        return type;
      }
    }
    throw new IllegalArgumentException("dtype must be float16 or float32, got '" + key + "'");
  }

  public int bytes() {
    return bytes;
  }

  /** Reads {@code count} numbers of an array from byte {@code from} on. */
  public void toFloats(byte[] bytes, int from, float[] into, int at, int count) {
    if (this == FLOAT32) {
      for (int i = 0; i < count; i++) {
        into[at + i] = (float) FLOATS.get(bytes, from + 4 * i);
      }
      return;
    }
    float[] table = Half.Table.FLOATS;
    for (int i = 0; i < count; i++) {
      into[at + i] = table[(short) SHORTS.get(bytes, from + 2 * i) & 0xffff];
    }
  }

  /** Whether any of {@code count} numbers is infinite or no number. */
  public boolean hasNonFinite(byte[] bytes, int from, int count) {
    // A number is not finite if all bits of its exponent are set: then adding one to the exponent
    // carries into the sign's place. Several numbers are tested at a time.
    long exponents = this == FLOAT32 ? 0x7f8000007f800000L : 0x7c007c007c007c00L;
    long one = this == FLOAT32 ? 0x0080000000800000L : 0x0400040004000400L;
    long carries = 0;
    int end = from + count * bytes();
    int at = from;
    for (; at + Long.BYTES <= end; at += Long.BYTES) {
      carries |= ((long) LONGS.get(bytes, at) & exponents) + one;
    }
    for (; at < end; at += bytes()) {
      long number =
          this == FLOAT32
              ? Integer.toUnsignedLong((int) INTS.get(bytes, at))
              : Short.toUnsignedLong((short) SHORTS.get(bytes, at));
      carries |= (number & exponents) + (this == FLOAT32 ? 0x00800000L : 0x0400L);
    }
    return (carries & (this == FLOAT32 ? 0x8000000080000000L : 0x8000800080008000L)) != 0;
  }

  /** Reads {@code count} numbers at the buffer's position and moves it on. */
  public void toFloats(ByteBuffer from, float[] into, int at, int count) {
    if (this == FLOAT32) {
      from.asFloatBuffer().get(into, at, count);
      from.position(from.position() + 4 * count);
      return;
    }
    float[] table = Half.Table.FLOATS;
    int start = from.position();
    for (int i = 0; i < count; i++) {
      into[at + i] = table[from.getShort(start + 2 * i) & 0xffff];
    }
    from.position(start + 2 * count);
  }
}
