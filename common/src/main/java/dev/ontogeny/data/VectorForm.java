package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.schema.LogicalTypeAnnotation.Float16LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/**
 * How a capture stores its vectors.
 *
 * @param number of what type each number is; null until a setting decides
 * @param length bytes of a vector where the type fixes them, 0 otherwise
 * @param integers whether a list holds the bits of two-byte numbers as whole numbers, four bytes
 *     each on a page
 */
public record VectorForm(Layout layout, NumberType number, int length, boolean integers)
    implements Serializable {
  /** One list of numbers a row, or the bytes of all numbers in one value. */
  public enum Layout {
    LIST,
    FIXED,
    BINARY
  }

  /** Little-endian numbers. */
  public enum NumberType {
    FLOAT16(2),
    BFLOAT16(2),
    FLOAT32(4),
    FLOAT64(8);

    private final int bytes;

    NumberType(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }

    /** As settings and metadata write it. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Null if there is none of that name. */
    static NumberType of(String key) {
      for (NumberType each : values()) {
        if (each.key().equals(key)) {
          return each;
        }
      }
      return null;
    }
  }

  /** Two-byte numbers whose type nobody has said. */
  private static final int TWO_BYTES = 2;

  /** The form of a column, from the schema alone; fails naming what was found. */
  static VectorForm of(MessageType schema, String column, String origin) {
    Type type = schema.getType(column);
    if (type.isPrimitive() && !type.isRepetition(Type.Repetition.REPEATED)) {
      PrimitiveType primitive = type.asPrimitiveType();
      if (primitive.getPrimitiveTypeName() == PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY) {
        return new VectorForm(Layout.FIXED, null, primitive.getTypeLength(), false);
      }
      if (primitive.getPrimitiveTypeName() == PrimitiveTypeName.BINARY
          && !(primitive.getLogicalTypeAnnotation() instanceof StringLogicalTypeAnnotation)) {
        return new VectorForm(Layout.BINARY, null, 0, false);
      }
    } else {
      ColumnDescriptor leaf = leaf(schema, column);
      if (leaf != null && leaf.getMaxRepetitionLevel() > 1) {
        throw Failure.data(
            "%s: column '%s' holds a list of vectors a row (%s), one row for each sequence; a capture has one row per token: explode the lists of '%s' and of every other column, numbering the positions (in DuckDB: SELECT …, unnest(%s) …), or convert the store with ontogeny-capture convert",
            origin, column, described(type), column, column);
      }
      VectorForm list = leaf == null ? null : list(leaf.getPrimitiveType());
      if (list != null && leaf.getMaxRepetitionLevel() == 1) {
        return list;
      }
    }
    throw Failure.data(
        "%s: column '%s' is %s; a vector is a list of float16, float or double, or of two-byte values or uint16 (see binary-type), or binary or fixed-length bytes of little-endian numbers",
        origin, column, described(type));
  }

  /** The only leaf below a column, null if there are several. */
  static ColumnDescriptor leaf(MessageType schema, String column) {
    ColumnDescriptor found = null;
    for (ColumnDescriptor each : schema.getColumns()) {
      if (each.getPath()[0].equals(column)) {
        if (found != null) {
          return null;
        }
        found = each;
      }
    }
    return found;
  }

  private static VectorForm list(PrimitiveType element) {
    return switch (element.getPrimitiveTypeName()) {
      case FLOAT -> new VectorForm(Layout.LIST, NumberType.FLOAT32, 0, false);
      case DOUBLE -> new VectorForm(Layout.LIST, NumberType.FLOAT64, 0, false);
      case FIXED_LEN_BYTE_ARRAY ->
          element.getTypeLength() != TWO_BYTES
              ? null
              : new VectorForm(
                  Layout.LIST,
                  element.getLogicalTypeAnnotation() instanceof Float16LogicalTypeAnnotation
                      ? NumberType.FLOAT16
                      : null,
                  0,
                  false);
      case INT32 ->
          element.getLogicalTypeAnnotation() instanceof IntLogicalTypeAnnotation whole
                  && whole.getBitWidth() == Short.SIZE
              ? new VectorForm(Layout.LIST, null, 0, true)
              : null;
      default -> null;
    };
  }

  /** This form with its numbers' type. */
  VectorForm with(NumberType type) {
    return new VectorForm(layout, type, length, integers);
  }

  /** Whether numbers of this type can lie here. */
  boolean fits(NumberType type) {
    if (layout != Layout.LIST) {
      return true;
    }
    return number == null ? type.bytes() == TWO_BYTES : number.bytes() == type.bytes();
  }

  /** Bytes of a number on a plain page. */
  int stored() {
    return integers ? Integer.BYTES : number.bytes();
  }

  /**
   * Whether two-byte numbers look like bfloat16: nearly all lie between 2^-23 and 2^13 if they are.
   * Numbers of float16 would all have to lie between 1/4 and 6 to look so.
   */
  public static boolean looksLikeBfloat16(long numbers, long likely) {
    return numbers >= 32 && likely >= 0.99 * numbers;
  }

  /** Counts numbers that are not zero, and those among them that are usual as bfloat16. */
  public static long[] countExponents(byte[] bytes, int from, int count) {
    long numbers = 0;
    long likely = 0;
    for (int i = from; i < from + 2 * count; i += 2) {
      int bits = (bytes[i] & 0xff) | (bytes[i + 1] & 0x7f) << 8;
      if (bits != 0) {
        int exponent = bits >>> 7;
        numbers++;
        likely += exponent >= 104 && exponent <= 139 ? 1 : 0;
      }
    }
    return new long[] {numbers, likely};
  }

  static String described(Type type) {
    return type.toString().replaceAll("\\s+", " ");
  }

  /** What can be said of two-byte numbers whose type is open. */
  static String guess(List<long[]> counts) {
    long numbers = counts.stream().mapToLong(each -> each[0]).sum();
    long likely = counts.stream().mapToLong(each -> each[1]).sum();
    return numbers < 32
        ? "too few numbers are not zero to tell which"
        : "by their exponents they look like "
            + (looksLikeBfloat16(numbers, likely) ? "bfloat16" : "float16");
  }
}
