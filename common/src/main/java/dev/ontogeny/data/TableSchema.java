package dev.ontogeny.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/**
 * The columns of a published table. Every column may be null.
 *
 * @param name of the table
 */
public record TableSchema(String name, List<Column> columns) implements Serializable {
  public TableSchema {
    columns = List.copyOf(columns);
  }

  /** A column; {@code width} is the number of bytes of {@link ColumnType#BYTES}, 0 otherwise. */
  public record Column(String name, ColumnType type, int width) implements Serializable {}

  /** Types of the data contract, and what a row holds for each. */
  public enum ColumnType {
    /** {@link String}. */
    STRING,
    /** {@link Long}. */
    LONG,
    /** {@link Integer}. */
    INT,
    /** {@link Double}. */
    DOUBLE,
    /** {@link Float}. */
    FLOAT,
    /** {@link Boolean}. */
    BOOLEAN,
    /** {@code byte[]} of a fixed length. */
    BYTES,
    /** {@code double[]}. */
    DOUBLES,
    /** {@code float[]}. */
    FLOATS,
    /** {@code long[]}. */
    LONGS,
    /** {@code String[]}, elements may be null. */
    STRINGS
  }

  /** Starts a schema. */
  public static Builder named(String name) {
    return new Builder(name);
  }

  /** Collects columns in order. */
  public static final class Builder {
    private final String name;
    private final List<Column> columns = new ArrayList<>();

    private Builder(String name) {
      this.name = name;
    }

    public Builder with(ColumnType type, String... names) {
      for (String each : names) {
        columns.add(new Column(each, type, 0));
      }
      return this;
    }

    public Builder withBytes(int width, String column) {
      columns.add(new Column(column, ColumnType.BYTES, width));
      return this;
    }

    public TableSchema build() {
      return new TableSchema(name, columns);
    }
  }

  /** The position of a column, for rows as arrays. */
  public int indexOf(String column) {
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).name().equals(column)) {
        return i;
      }
    }
    throw new IllegalArgumentException("table " + name + " has no column " + column);
  }

  MessageType toParquet() {
    List<Type> fields = new ArrayList<>();
    for (Column column : columns) {
      fields.add(parquetType(column));
    }
    return new MessageType(name, fields);
  }

  private static Type parquetType(Column column) {
    String name = column.name();
    switch (column.type()) {
      case STRING:
        return Types.optional(PrimitiveTypeName.BINARY)
            .as(LogicalTypeAnnotation.stringType())
            .named(name);
      case LONG:
        return Types.optional(PrimitiveTypeName.INT64).named(name);
      case INT:
        return Types.optional(PrimitiveTypeName.INT32).named(name);
      case DOUBLE:
        return Types.optional(PrimitiveTypeName.DOUBLE).named(name);
      case FLOAT:
        return Types.optional(PrimitiveTypeName.FLOAT).named(name);
      case BOOLEAN:
        return Types.optional(PrimitiveTypeName.BOOLEAN).named(name);
      case BYTES:
        return Types.required(PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY)
            .length(column.width())
            .named(name);
      case DOUBLES:
        return Types.optionalList().requiredElement(PrimitiveTypeName.DOUBLE).named(name);
      case FLOATS:
        return Types.optionalList().requiredElement(PrimitiveTypeName.FLOAT).named(name);
      case LONGS:
        return Types.optionalList().requiredElement(PrimitiveTypeName.INT64).named(name);
      case STRINGS:
        return Types.optionalList()
            .optionalElement(PrimitiveTypeName.BINARY)
            .as(LogicalTypeAnnotation.stringType())
            .named(name);
    }
    throw new AssertionError(column.type());
  }
}
