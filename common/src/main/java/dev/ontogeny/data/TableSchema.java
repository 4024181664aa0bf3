package dev.ontogeny.data;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.Failure;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/**
 * The one declaration of a table: what it is called, what a row of it is, and of every column the
 * type, the unit and the meaning. Writers, readers, manifests and the pages that explain tables
 * follow from it. In Parquet every column may be null; what a reader has to expect is what is
 * declared here.
 *
 * @param name of the table
 * @param description what it tells, in one sentence
 * @param row what one row is
 * @param absent when a publication has no such table; empty if it always has
 */
public record TableSchema(
    @JsonProperty("table") String name,
    String description,
    String row,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) String absent,
    List<Column> columns)
    implements Serializable {
  /** Stands for any number of columns, one for each label of a capture. */
  public static final String LABELS = "label_*";

  public TableSchema {
    description = description == null ? "" : description;
    row = row == null ? "" : row;
    absent = absent == null ? "" : absent;
    columns = List.copyOf(columns);
  }

  /**
   * A column.
   *
   * @param width number of bytes of {@link ColumnType#BYTES} if they are the same in all files, 0
   *     otherwise
   * @param unit of its numbers; empty for texts, indices and what has none
   * @param description what it means, in a few words
   * @param absent when it is null or not in a file at all; empty if it always has a value
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record Column(
      String name,
      ColumnType type,
      @JsonInclude(JsonInclude.Include.NON_DEFAULT) int width,
      String unit,
      String description,
      String absent)
      implements Serializable {
    public Column {
      unit = unit == null ? "" : unit;
      description = description == null ? "" : description;
      absent = absent == null ? "" : absent;
    }

    /** A column that explains itself. */
    public Column(String name, ColumnType type, int width) {
      this(name, type, width, "", "", "");
    }

    /** What it means, and when there is none. */
    public String meaning() {
      return absent.isEmpty() ? description : description + " (null " + absent + ")";
    }

    private Column as(String otherName, ColumnType otherType) {
      return new Column(otherName, otherType, width, unit, description, absent);
    }
  }

  /** Types of the data contract, and what a row holds for each. */
  public enum ColumnType {
    /** {@link String}. */
    STRING("string"),
    /** {@link Long}. */
    LONG("long"),
    /** {@link Integer}. */
    INT("int"),
    /** {@link Double}. */
    DOUBLE("double"),
    /** {@link Float}. */
    FLOAT("float"),
    /** {@link Boolean}. */
    BOOLEAN("boolean"),
    /** {@code byte[]} of a fixed length. */
    BYTES("fixed-length bytes"),
    /** {@code double[]}. */
    DOUBLES("list<double>"),
    /** {@code float[]}. */
    FLOATS("list<float>"),
    /** {@code long[]}. */
    LONGS("list<long>"),
    /** {@code String[]}, elements may be null. */
    STRINGS("list<string>"),
    /** A capture decides it: see {@link TableSchema#asCaptured}. */
    CAPTURED("as captured");

    private final String key;

    ColumnType(String key) {
      this.key = key;
    }

    /** As manifests and pages write it. */
    @JsonValue
    public String key() {
      return key;
    }
  }

  /** Starts a declaration. */
  public static Builder named(String name) {
    return new Builder(name);
  }

  /** Collects columns in order. */
  public static final class Builder {
    private final String name;
    private String description = "";
    private String row = "";
    private String absent = "";
    private final List<Column> columns = new ArrayList<>();

    private Builder(String name) {
      this.name = name;
    }

    /**
     * Says what the table is.
     *
     * @param sentence what it tells
     * @param ofRow what one row is
     */
    public Builder tells(String sentence, String ofRow) {
      description = sentence;
      row = ofRow;
      return this;
    }

    /** Says when there is no such table. */
    public Builder absent(String when) {
      absent = when;
      return this;
    }

    /** A column that always has a value. */
    public Builder column(String column, ColumnType type, String unit, String meaning) {
      return column(column, type, unit, meaning, "");
    }

    /** A column that is null, or not there at all, in some cases: {@code when}. */
    public Builder column(
        String column, ColumnType type, String unit, String meaning, String when) {
      columns.add(new Column(column, type, 0, unit, meaning, when));
      return this;
    }

    /** Columns that explain themselves, of tables that are not published. */
    public Builder with(ColumnType type, String... names) {
      for (String each : names) {
        columns.add(new Column(each, type, 0));
      }
      return this;
    }

    /** Fixed-length bytes, likewise. */
    public Builder withBytes(int width, String column) {
      columns.add(new Column(column, ColumnType.BYTES, width));
      return this;
    }

    public TableSchema build() {
      return new TableSchema(name, description, row, absent, columns);
    }
  }

  /** The names of the columns, in the order of a row. */
  public List<String> names() {
    return columns.stream().map(Column::name).toList();
  }

  /** The position of a column, for rows as arrays. */
  public int indexOf(String column) {
    int index = names().indexOf(column);
    if (index < 0) {
      throw new IllegalArgumentException("table " + name + " has no column " + column);
    }
    return index;
  }

  /** The column of a name; none if it is not declared. */
  public Optional<Column> column(String column) {
    return columns.stream().filter(each -> each.name().equals(column)).findFirst();
  }

  /**
   * Fails, naming the table, the column and the folder, if a column is neither there nor one whose
   * declaration says when it is absent.
   *
   * @param there columns that a file in {@code folder} has
   */
  public void require(List<String> wanted, List<String> there, Folder folder) {
    for (String each : wanted) {
      if (!there.contains(each) && !mayBeAbsent(each)) {
        throw Failure.data(
            "table %s of %s has no column %s; it has %s",
            name, folder, each, String.join(", ", there));
      }
    }
  }

  private boolean mayBeAbsent(String column) {
    return column(column).filter(each -> !each.absent().isEmpty()).isPresent();
  }

  /** The same table without some of its columns. */
  public TableSchema without(String... left) {
    for (String column : left) {
      indexOf(column);
    }
    List<String> out = List.of(left);
    return of(columns.stream().filter(each -> !out.contains(each.name())).toList());
  }

  /**
   * The same table of a capture, which decides what is {@link ColumnType#CAPTURED}.
   *
   * @param documents the type of the capture's documents
   * @param labels the columns that stand in the place of {@link #LABELS}, as they are captured
   */
  public TableSchema asCaptured(ColumnType documents, List<Column> labels) {
    List<Column> known = new ArrayList<>();
    for (Column column : columns) {
      if (column.name().equals(LABELS)) {
        labels.forEach(label -> known.add(column.as(label.name(), label.type())));
      } else {
        known.add(
            column.type() == ColumnType.CAPTURED ? column.as(column.name(), documents) : column);
      }
    }
    return of(known);
  }

  private TableSchema of(List<Column> others) {
    return new TableSchema(name, description, row, absent, others);
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
      case CAPTURED:
        throw new IllegalStateException("no capture has said of what type column " + name + " is");
    }
    throw new AssertionError(column.type());
  }
}
