package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.ColumnType;
import java.io.Serializable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.UUID;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DateLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.EnumLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.Float16LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimestampLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.UUIDLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/**
 * What the values of a flat column mean: their logical type, and the physical one where they have
 * none. A decimal is not the whole number that it is stored as, nor is a moment in time.
 */
final class ScalarType implements Serializable {
  private static final long serialVersionUID = 1;

  /** Decimal digits that a double always holds. */
  private static final int DOUBLE_DIGITS = 15;

  private static final long JULIAN_DAY_OF_1970 = 2_440_588;

  /** What a column holds. */
  enum Kind {
    /** Up to 64 bits, signed or not. */
    WHOLE,
    /** Half, single or double precision. */
    FLOATING,
    DECIMAL,
    BOOLEAN,
    TEXT,
    DATE,
    TIME,
    TIMESTAMP,
    UUID,
    /** None of these, or no flat column at all. */
    OTHER
  }

  private final Kind kind;
  private final PrimitiveTypeName stored;
  private final boolean unsigned;
  private final int bits;
  private final int scale;
  private final int precision;
  private final TimeUnit unit;
  private final boolean utc;

  /** The type of a column of a file. */
  static ScalarType of(Type type) {
    return new ScalarType(type);
  }

  private ScalarType(Type type) {
    boolean flat = type.isPrimitive() && !type.isRepetition(Type.Repetition.REPEATED);
    PrimitiveType primitive = flat ? type.asPrimitiveType() : null;
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    stored = flat ? primitive.getPrimitiveTypeName() : null;
    kind = flat ? kind(primitive, logical) : Kind.OTHER;
    unsigned = logical instanceof IntLogicalTypeAnnotation whole && !whole.isSigned();
    bits =
        logical instanceof IntLogicalTypeAnnotation whole
            ? whole.getBitWidth()
            : stored == PrimitiveTypeName.INT32 ? Integer.SIZE : Long.SIZE;
    scale = logical instanceof DecimalLogicalTypeAnnotation decimal ? decimal.getScale() : 0;
    precision =
        logical instanceof DecimalLogicalTypeAnnotation decimal ? decimal.getPrecision() : 0;
    if (logical instanceof TimestampLogicalTypeAnnotation timestamp) {
      unit = timestamp.getUnit();
      utc = timestamp.isAdjustedToUTC();
    } else if (logical instanceof TimeLogicalTypeAnnotation time) {
      unit = time.getUnit();
      utc = time.isAdjustedToUTC();
    } else {
      unit = null;
      utc = false;
    }
  }

  private static Kind kind(PrimitiveType type, LogicalTypeAnnotation logical) {
    if (logical instanceof DecimalLogicalTypeAnnotation) {
      return Kind.DECIMAL;
    }
    return switch (type.getPrimitiveTypeName()) {
      case BOOLEAN -> Kind.BOOLEAN;
      case FLOAT, DOUBLE -> Kind.FLOATING;
      case INT32, INT64 ->
          logical == null || logical instanceof IntLogicalTypeAnnotation
              ? Kind.WHOLE
              : logical instanceof DateLogicalTypeAnnotation
                  ? Kind.DATE
                  : logical instanceof TimeLogicalTypeAnnotation
                      ? Kind.TIME
                      : logical instanceof TimestampLogicalTypeAnnotation
                          ? Kind.TIMESTAMP
                          : Kind.OTHER;
      case INT96 -> Kind.TIMESTAMP;
      case FIXED_LEN_BYTE_ARRAY ->
          logical instanceof Float16LogicalTypeAnnotation
              ? Kind.FLOATING
              : logical instanceof UUIDLogicalTypeAnnotation ? Kind.UUID : Kind.OTHER;
      case BINARY ->
          logical == null
                  || logical instanceof StringLogicalTypeAnnotation
                  || logical instanceof EnumLogicalTypeAnnotation
                  || logical instanceof JsonLogicalTypeAnnotation
              ? Kind.TEXT
              : Kind.OTHER;
    };
  }

  boolean isWhole() {
    return kind == Kind.WHOLE;
  }

  boolean isText() {
    return kind == Kind.TEXT;
  }

  boolean isNumber() {
    return kind == Kind.FLOATING || kind == Kind.DECIMAL;
  }

  /** How a label of this type stands in the tables of a dataset; null if it cannot be a label. */
  ColumnType label() {
    return switch (kind) {
      case WHOLE ->
          bits < Integer.SIZE || (bits == Integer.SIZE && !unsigned)
              ? ColumnType.INT
              : ColumnType.LONG;
      case FLOATING -> stored == PrimitiveTypeName.DOUBLE ? ColumnType.DOUBLE : ColumnType.FLOAT;
      case DECIMAL -> precision <= DOUBLE_DIGITS ? ColumnType.DOUBLE : ColumnType.STRING;
      case BOOLEAN -> ColumnType.BOOLEAN;
      case TEXT, DATE, TIME, TIMESTAMP, UUID -> ColumnType.STRING;
      case OTHER -> null;
    };
  }

  /**
   * A whole number.
   *
   * @throws ArithmeticException that tells an unsigned one beyond 63 bits
   */
  long whole(ColumnReader reader) {
    if (stored == PrimitiveTypeName.INT32) {
      return unsigned ? Integer.toUnsignedLong(reader.getInteger()) : reader.getInteger();
    }
    long value = reader.getLong();
    if (unsigned && value < 0) {
      throw new ArithmeticException(Long.toUnsignedString(value));
    }
    return value;
  }

  /** A number, rounded to single precision. */
  float number(ColumnReader reader) {
    return switch (stored) {
      case FLOAT -> reader.getFloat();
      case DOUBLE -> (float) reader.getDouble();
      default -> kind == Kind.DECIMAL ? decimal(reader).floatValue() : half(reader);
    };
  }

  private static float half(ColumnReader reader) {
    byte[] half = reader.getBinary().getBytesUnsafe();
    return Half.toFloat((short) ((half[0] & 0xff) | half[1] << 8));
  }

  private BigDecimal decimal(ColumnReader reader) {
    return switch (stored) {
      case INT32 -> BigDecimal.valueOf(reader.getInteger(), scale);
      case INT64 -> BigDecimal.valueOf(reader.getLong(), scale);
      default -> new BigDecimal(new BigInteger(reader.getBinary().getBytes()), scale);
    };
  }

  /** The value as {@link #label} says. */
  Object labelValue(ColumnReader reader) {
    return switch (kind) {
      case WHOLE -> {
        long value = whole(reader);
        if (label() == ColumnType.INT) {
          yield (int) value;
        }
        yield value;
      }
      case FLOATING -> {
        if (stored == PrimitiveTypeName.DOUBLE) {
          yield reader.getDouble();
        }
        yield number(reader);
      }
      case DECIMAL -> {
        BigDecimal value = decimal(reader);
        if (label() == ColumnType.DOUBLE) {
          yield value.doubleValue();
        }
        yield value.toPlainString();
      }
      case BOOLEAN -> reader.getBoolean();
      case TEXT -> Texts.of(reader.getBinary());
      case DATE -> LocalDate.ofEpochDay(reader.getInteger()).toString();
      case TIME -> time(reader);
      case TIMESTAMP -> timestamp(reader);
      case UUID -> {
        ByteBuffer bytes = reader.getBinary().toByteBuffer();
        yield new UUID(bytes.getLong(), bytes.getLong()).toString();
      }
      case OTHER -> throw new IllegalStateException("no label is of such a type");
    };
  }

  private String time(ColumnReader reader) {
    long value = stored == PrimitiveTypeName.INT32 ? reader.getInteger() : reader.getLong();
    return LocalTime.ofNanoOfDay(value * nanos()) + (utc ? "Z" : "");
  }

  /** In ISO 8601; with Z for an instant, without it for a local time. */
  private String timestamp(ColumnReader reader) {
    if (stored == PrimitiveTypeName.INT96) {
      Binary value = reader.getBinary();
      ByteBuffer bytes = value.toByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      int at = bytes.position();
      long day = bytes.getInt(at + 8) - JULIAN_DAY_OF_1970;
      return Instant.ofEpochSecond(day * 86_400, bytes.getLong(at)).toString();
    }
    long value = reader.getLong();
    long second = 1_000_000_000L / nanos();
    Instant instant =
        Instant.ofEpochSecond(Math.floorDiv(value, second), Math.floorMod(value, second) * nanos());
    return utc ? instant.toString() : LocalDateTime.ofInstant(instant, ZoneOffset.UTC).toString();
  }

  private long nanos() {
    return switch (unit) {
      case MILLIS -> 1_000_000;
      case MICROS -> 1_000;
      case NANOS -> 1;
    };
  }
}
