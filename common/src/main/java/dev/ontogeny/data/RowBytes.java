package dev.ontogeny.data;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Rows of published tables as bytes, on their way between tasks: every value is preceded by its
 * type, so that a row needs no schema. Values are those of {@link TableSchema.ColumnType}, and
 * null.
 */
public final class RowBytes {
  private static final byte NULL = 0;
  private static final byte STRING = 1;
  private static final byte LONG = 2;
  private static final byte INT = 3;
  private static final byte DOUBLE = 4;
  private static final byte FLOAT = 5;
  private static final byte BOOLEAN = 6;
  private static final byte BYTES = 7;
  private static final byte DOUBLES = 8;
  private static final byte FLOATS = 9;
  private static final byte LONGS = 10;
  private static final byte STRINGS = 11;

  private RowBytes() {}

  /**
   * The bytes of a row, behind two numbers.
   *
   * @param to whom it goes
   * @param kind of row
   */
  public static byte[] of(int to, int kind, Object... row) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(to);
      out.writeInt(kind);
      out.writeInt(row.length);
      for (Object value : row) {
        write(out, value);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** To whom a row goes. */
  public static int to(byte[] bytes) {
    return ByteBuffer.wrap(bytes).getInt();
  }

  /** What kind of row it is. */
  public static int kind(byte[] bytes) {
    return ByteBuffer.wrap(bytes).getInt(Integer.BYTES);
  }

  /** The row of {@link #of}. */
  public static Object[] row(byte[] bytes) {
    int head = 2 * Integer.BYTES;
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(bytes, head, bytes.length - head))) {
      Object[] row = new Object[in.readInt()];
      for (int i = 0; i < row.length; i++) {
        row[i] = read(in);
      }
      return row;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(DataOutputStream out, Object value) throws IOException {
    if (value == null) {
      out.writeByte(NULL);
    } else if (value instanceof CharSequence text) {
      writeBytes(out, STRING, text.toString().getBytes(StandardCharsets.UTF_8));
    } else if (value instanceof Long number) {
      out.writeByte(LONG);
      out.writeLong(number);
    } else if (value instanceof Integer number) {
      out.writeByte(INT);
      out.writeInt(number);
    } else if (value instanceof Double number) {
      out.writeByte(DOUBLE);
      out.writeDouble(number);
    } else if (value instanceof Float number) {
      out.writeByte(FLOAT);
      out.writeFloat(number);
    } else if (value instanceof Boolean truth) {
      out.writeByte(BOOLEAN);
      out.writeBoolean(truth);
    } else if (value instanceof byte[] some) {
      writeBytes(out, BYTES, some);
    } else {
      writeList(out, value);
    }
  }

  private static void writeBytes(DataOutputStream out, byte type, byte[] bytes) throws IOException {
    out.writeByte(type);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static void writeList(DataOutputStream out, Object value) throws IOException {
    if (value instanceof double[] numbers) {
      out.writeByte(DOUBLES);
      out.writeInt(numbers.length);
      for (double each : numbers) {
        out.writeDouble(each);
      }
    } else if (value instanceof float[] numbers) {
      out.writeByte(FLOATS);
      out.writeInt(numbers.length);
      for (float each : numbers) {
        out.writeFloat(each);
      }
    } else if (value instanceof long[] numbers) {
      out.writeByte(LONGS);
      out.writeInt(numbers.length);
      for (long each : numbers) {
        out.writeLong(each);
      }
    } else if (value instanceof String[] texts) {
      out.writeByte(STRINGS);
      out.writeInt(texts.length);
      for (String each : texts) {
        write(out, each);
      }
    } else {
      throw new IllegalArgumentException("no column holds a " + value.getClass().getName());
    }
  }

  private static Object read(DataInputStream in) throws IOException {
    byte type = in.readByte();
    switch (type) {
      case NULL:
        return null;
      case STRING:
        return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
      case LONG:
        return in.readLong();
      case INT:
        return in.readInt();
      case DOUBLE:
        return in.readDouble();
      case FLOAT:
        return in.readFloat();
      case BOOLEAN:
        return in.readBoolean();
      case BYTES:
        return in.readNBytes(in.readInt());
      default:
        return list(in, type, in.readInt());
    }
  }

  private static Object list(DataInputStream in, byte type, int size) throws IOException {
    switch (type) {
      case DOUBLES:
        double[] doubles = new double[size];
        for (int i = 0; i < size; i++) {
          doubles[i] = in.readDouble();
        }
        return doubles;
      case FLOATS:
        float[] floats = new float[size];
        for (int i = 0; i < size; i++) {
          floats[i] = in.readFloat();
        }
        return floats;
      case LONGS:
        long[] longs = new long[size];
        for (int i = 0; i < size; i++) {
          longs[i] = in.readLong();
        }
        return longs;
      case STRINGS:
        String[] texts = new String[size];
        for (int i = 0; i < size; i++) {
          texts[i] = (String) read(in);
        }
        return texts;
      default:
        throw new IOException("no value begins with the byte " + type);
    }
  }
}
