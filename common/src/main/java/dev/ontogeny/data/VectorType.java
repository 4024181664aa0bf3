package dev.ontogeny.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.nio.ByteBuffer;

/** How numbers of a stored vector are kept. */
public enum VectorType {
  FLOAT16("float16", 2),
  FLOAT32("float32", 4);

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

  /** Reads {@code count} numbers at the buffer's position and moves it on. */
  public void toFloats(ByteBuffer from, float[] into, int at, int count) {
    if (this == FLOAT32) {
      from.asFloatBuffer().get(into, at, count);
      from.position(from.position() + 4 * count);
      return;
    }
    int start = from.position();
    for (int i = 0; i < count; i++) {
      into[at + i] = Half.toFloat(from.getShort(start + 2 * i));
    }
    from.position(start + 2 * count);
  }
}
