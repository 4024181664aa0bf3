package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.Serializable;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/**
 * How a capture stores its vectors.
 *
 * @param number of what type each number is; null for binary columns until a setting decides
 * @param length bytes of a vector where the type fixes them, 0 otherwise
 */
public record VectorForm(Layout layout, NumberType number, int length) implements Serializable {
  /** One list of numbers a row, or the bytes of all numbers in one value. */
  public enum Layout {
    LIST,
    FIXED,
    BINARY
  }

  /** Little-endian numbers. */
  public enum NumberType {
    FLOAT16(2),
    FLOAT32(4),
    FLOAT64(8);

    private final int bytes;

    NumberType(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }
  }

  /** The form of a column, from the schema alone; fails naming what was found. */
  static VectorForm of(MessageType schema, String column, String origin) {
    Type type = schema.getType(column);
    if (type.isPrimitive() && !type.isRepetition(Type.Repetition.REPEATED)) {
      PrimitiveType primitive = type.asPrimitiveType();
      if (primitive.getPrimitiveTypeName() == PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY) {
        return new VectorForm(Layout.FIXED, null, primitive.getTypeLength());
      }
      if (primitive.getPrimitiveTypeName() == PrimitiveTypeName.BINARY
          && !(primitive.getLogicalTypeAnnotation()
              instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation)) {
        return new VectorForm(Layout.BINARY, null, 0);
      }
    } else {
      ColumnDescriptor leaf = leaf(schema, column);
      NumberType number = leaf == null ? null : number(leaf.getPrimitiveType());
      if (number != null && leaf.getMaxRepetitionLevel() == 1) {
        return new VectorForm(Layout.LIST, number, 0);
      }
    }
    throw Failure.data(
        "%s: column '%s' is %s; a vector is a list of float16, float or double, or binary or fixed-length bytes with little-endian float16 or float32",
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

  private static NumberType number(PrimitiveType element) {
    switch (element.getPrimitiveTypeName()) {
      case FLOAT:
        return NumberType.FLOAT32;
      case DOUBLE:
        return NumberType.FLOAT64;
      case FIXED_LEN_BYTE_ARRAY:
        return element.getTypeLength() == 2 ? NumberType.FLOAT16 : null;
      default:
        return null;
    }
  }

  static String described(Type type) {
    return type.toString().replaceAll("\\s+", " ");
  }
}
