package dev.ontogeny.run;

import com.fasterxml.jackson.annotation.JsonValue;
import java.io.Serializable;
import java.util.Locale;

/** A number of bytes; settings write it as {@code 256MiB}. */
public record ByteSize(@JsonValue long bytes) implements Serializable {
  public ByteSize {
    if (bytes < 0) {
      throw new IllegalArgumentException("a size cannot be negative, got " + bytes);
    }
  }

  public static ByteSize mebibytes(long count) {
    return new ByteSize(count << 20);
  }

  /** For people: {@code 1.5 GiB}. */
  @Override
  public String toString() {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }
}
