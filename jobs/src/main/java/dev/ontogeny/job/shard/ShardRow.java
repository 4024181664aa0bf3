package dev.ontogeny.job.shard;

import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TokenOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * A row of a capture on its way through the shuffle. Bytes: kind; document (number, or length and
 * UTF-8); position, source, file, row, token id; for a vector its loss, for the first source token
 * and labels, then the vector and the gradient, which end the row. Whole numbers take seven bits a
 * byte, signed ones in zigzag.
 */
final class ShardRow {
  /** The kind of a row with a vector; any other kind is the code of a rule. */
  private static final int VECTOR = 0;

  private static final int NULL = 0;

  private final ShardPlan plan;
  private final byte[] bytes;
  private final int kind;
  private final long number;
  private final int documentFrom;
  private final int documentTo;
  private final int position;
  private final int source;
  private final int file;
  private final long row;
  private final Integer tokenId;
  private final long detail;
  private final int rest;

  /** Opens a row. */
  ShardRow(ShardPlan plan, byte[] bytes) {
    this.plan = plan;
    this.bytes = bytes;
    Input in = new Input(bytes);
    kind = in.bytes[in.at++];
    if (plan.textDocuments()) {
      int length = (int) in.unsigned();
      number = 0;
      documentFrom = in.at;
      in.at += length;
    } else {
      number = in.signed();
      documentFrom = in.at;
    }
    documentTo = in.at;
    position = (int) in.unsigned();
    source = (int) in.unsigned();
    file = (int) in.unsigned();
    row = in.unsigned();
    long token = in.unsigned();
    tokenId = token == NULL ? null : (Integer) (int) zigzagBack(token - 1);
    detail = kind == VECTOR ? 0 : in.unsigned();
    rest = in.at;
  }

  /** The place of a row in the order, without opening all of it. */
  static long hash(ShardPlan plan, byte[] bytes) {
    Input in = new Input(bytes);
    in.at = 1;
    TokenOrder order = plan.order();
    if (plan.textDocuments()) {
      String document = in.text((int) in.unsigned());
      return order.hash(document, (int) in.unsigned());
    }
    long document = in.signed();
    return order.hash(document, (int) in.unsigned());
  }

  boolean isVector() {
    return kind == VECTOR;
  }

  /** Whether this is no row of the capture but says that its token is a document's first. */
  boolean isMarker() {
    return kind == ShardRule.FIRST_TOKEN.code();
  }

  /** What is wrong with a row that is no vector. */
  ShardRule rule() {
    return ShardRule.of(kind);
  }

  /** A number that says more: how long the vector was. */
  long detail() {
    return detail;
  }

  /** Long or String. */
  Object document() {
    return plan.textDocuments()
        ? new String(bytes, documentFrom, documentTo - documentFrom, StandardCharsets.UTF_8)
        : (Object) number;
  }

  int position() {
    return position;
  }

  ShardPlan.Source source() {
    return plan.sources().get(source);
  }

  Integer tokenId() {
    return tokenId;
  }

  String where() {
    return plan.files().get(file).file().location() + ", row " + row;
  }

  boolean sameToken(ShardRow other) {
    return position == other.position
        && number == other.number
        && Arrays.equals(
            bytes, documentFrom, documentTo, other.bytes, other.documentFrom, other.documentTo);
  }

  /** Order of tokens with equal hashes, then of the rows of one token. */
  static int compare(ShardRow a, ShardRow b) {
    int order = Long.compare(a.number, b.number);
    order =
        order != 0
            ? order
            : Arrays.compareUnsigned(
                a.bytes, a.documentFrom, a.documentTo, b.bytes, b.documentFrom, b.documentTo);
    order = order != 0 ? order : Integer.compare(a.position, b.position);
    order = order != 0 ? order : Integer.compare(a.source, b.source);
    order = order != 0 ? order : Integer.compare(a.file, b.file);
    return order != 0 ? order : Long.compare(a.row, b.row);
  }

  byte[] bytes() {
    return bytes;
  }

  int gradientAt() {
    return bytes.length - (plan.gradient() ? source().bytes() : 0);
  }

  int vectorAt() {
    return gradientAt() - source().bytes();
  }

  float loss() {
    return plan.loss() ? Float.intBitsToFloat(new Input(bytes, rest).fixed()) : Float.NaN;
  }

  /** The row of the tokens table; only the first source carries it. */
  Object[] token() {
    Input in = new Input(bytes, rest + (plan.loss() ? Float.BYTES : 0));
    List<TableSchema.Column> labels = plan.labels();
    Object[] token = new Object[4 + labels.size()];
    token[0] = document();
    token[1] = position;
    token[2] = tokenId;
    token[3] = in.optionalText();
    for (int i = 0; i < labels.size(); i++) {
      token[4 + i] = in.value(labels.get(i).type());
    }
    return token;
  }

  private static long zigzag(long value) {
    return (value << 1) ^ (value >> 63);
  }

  private static long zigzagBack(long value) {
    return (value >>> 1) ^ -(value & 1);
  }

  /** Builds rows; one instance is used again and again. */
  static final class Builder {
    private byte[] buffer = new byte[1 << 12];
    private int at;

    /** Begins a row with a vector. */
    Builder vector() {
      at = 0;
      return oneByte(VECTOR);
    }

    /** Begins a row that breaks a rule. */
    Builder fault(ShardRule rule) {
      at = 0;
      return oneByte(rule.code());
    }

    Builder number(long document) {
      return unsigned(zigzag(document));
    }

    Builder text(String document) {
      byte[] bytes = document.getBytes(StandardCharsets.UTF_8);
      unsigned(bytes.length);
      return raw(bytes);
    }

    Builder address(int position, int source, int file, long row, Integer tokenId) {
      unsigned(position);
      unsigned(source);
      unsigned(file);
      unsigned(row);
      return unsigned(tokenId == null ? NULL : zigzag(tokenId) + 1);
    }

    Builder detail(long detail) {
      return unsigned(Math.max(0, detail));
    }

    Builder loss(float loss) {
      return fixed(Float.floatToIntBits(loss));
    }

    Builder optionalText(String text) {
      if (text == null) {
        return unsigned(NULL);
      }
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      unsigned(bytes.length + 1L);
      return raw(bytes);
    }

    Builder value(TableSchema.ColumnType type, Object value) {
      if (type == TableSchema.ColumnType.STRING) {
        return optionalText((String) value);
      }
      if (value == null) {
        return oneByte(NULL);
      }
      oneByte(1);
      return switch (type) {
        case LONG -> unsigned(zigzag((Long) value));
        case INT -> unsigned(zigzag((Integer) value));
        case FLOAT -> fixed(Float.floatToRawIntBits((Float) value));
        case DOUBLE -> unsigned(Double.doubleToRawLongBits((Double) value));
        case BOOLEAN -> oneByte((Boolean) value ? 1 : 0);
        default -> throw new IllegalArgumentException("no label is of type " + type);
      };
    }

    /** Makes room for a vector and tells where it goes in {@link #buffer}. */
    int reserve(int length) {
      ensure(length);
      at += length;
      return at - length;
    }

    byte[] buffer() {
      return buffer;
    }

    byte[] build() {
      return Arrays.copyOf(buffer, at);
    }

    private Builder oneByte(int value) {
      ensure(1);
      buffer[at++] = (byte) value;
      return this;
    }

    private Builder raw(byte[] bytes) {
      ensure(bytes.length);
      System.arraycopy(bytes, 0, buffer, at, bytes.length);
      at += bytes.length;
      return this;
    }

    private Builder fixed(int value) {
      ensure(4);
      for (int i = 0; i < 4; i++) {
        buffer[at++] = (byte) (value >>> (8 * i));
      }
      return this;
    }

    private Builder unsigned(long value) {
      ensure(10);
      long left = value;
      while ((left & ~0x7fL) != 0) {
        buffer[at++] = (byte) ((left & 0x7f) | 0x80);
        left >>>= 7;
      }
      buffer[at++] = (byte) left;
      return this;
    }

    private void ensure(int more) {
      if (buffer.length - at < more) {
        buffer = Arrays.copyOf(buffer, Math.max(2 * buffer.length, at + more));
      }
    }
  }

  private static final class Input {
    private final byte[] bytes;
    private int at;

    Input(byte[] bytes) {
      this(bytes, 0);
    }

    Input(byte[] bytes, int at) {
      this.bytes = bytes;
      this.at = at;
    }

    long unsigned() {
      long value = 0;
      int shift = 0;
      int next;
      do {
        next = bytes[at++];
        value |= (long) (next & 0x7f) << shift;
        shift += 7;
      } while (next < 0);
      return value;
    }

    long signed() {
      return zigzagBack(unsigned());
    }

    int fixed() {
      int value = 0;
      for (int i = 0; i < 4; i++) {
        value |= (bytes[at++] & 0xff) << (8 * i);
      }
      return value;
    }

    String text(int length) {
      String text = new String(bytes, at, length, StandardCharsets.UTF_8);
      at += length;
      return text;
    }

    String optionalText() {
      long length = unsigned();
      return length == NULL ? null : text((int) length - 1);
    }

    Object value(TableSchema.ColumnType type) {
      if (type == TableSchema.ColumnType.STRING) {
        return optionalText();
      }
      if (bytes[at++] == NULL) {
        return null;
      }
      return switch (type) {
        case LONG -> (Object) signed();
        case INT -> (Object) (int) signed();
        case FLOAT -> (Object) Float.intBitsToFloat(fixed());
        case DOUBLE -> (Object) Double.longBitsToDouble(unsigned());
        case BOOLEAN -> (Object) (bytes[at++] != 0);
        default -> throw new IllegalArgumentException("no label is of type " + type);
      };
    }
  }
}
