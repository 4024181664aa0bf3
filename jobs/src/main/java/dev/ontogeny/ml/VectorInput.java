package dev.ontogeny.ml;

import dev.ontogeny.run.Failure;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * A column of vectors, as floats: Spark ML's vectors, dense or sparse, or lists of float or double.
 * What is no vector of finite floats is an error that names the column and tells the row by what
 * else stands in it, since rows of a DataFrame have no number.
 *
 * @param column its name
 * @param at its place in a row
 * @param vectors whether it has Spark ML's vectors, rather than lists
 */
record VectorInput(String column, int at, boolean vectors) implements Serializable {
  /** Of a row, as far as it is told in errors. */
  private static final int TOLD = 200;

  private static final int TOLD_VALUE = 60;

  /**
   * The column of that name.
   *
   * @param parameter that names it, for errors
   * @throws Failure of settings if there is none, or it has no vectors
   */
  static VectorInput of(StructType schema, String column, String parameter) {
    List<String> names = Arrays.asList(schema.fieldNames());
    int at = names.indexOf(column);
    if (at < 0) {
      throw Failure.settings("%s '%s' is no column: there are %s", parameter, column, names);
    }
    DataType type = schema.fields()[at].dataType();
    boolean vectors = type.equals(SQLDataTypes.VectorType());
    boolean list =
        type instanceof ArrayType array
            && (array.elementType().equals(DataTypes.FloatType)
                || array.elementType().equals(DataTypes.DoubleType));
    if (!vectors && !list) {
      throw Failure.settings(
          "%s '%s' must be a column of vectors, array<float> or array<double>, it is %s",
          parameter, column, type.catalogString());
    }
    return new VectorInput(column, at, vectors);
  }

  /** How many numbers the vector of a row has. */
  int width(Row row) {
    int width = vectors ? row.<Vector>getAs(at(row)).size() : row.getList(at(row)).size();
    if (width == 0) {
      throw Failure.data("column %s: a vector without numbers %s", column, told(row));
    }
    return width;
  }

  private int at(Row row) {
    if (row.isNullAt(at)) {
      throw Failure.data("column %s: null instead of a vector %s", column, told(row));
    }
    return at;
  }

  /**
   * Copies the vector of a row.
   *
   * @param width how many numbers it should have
   * @param into receives it from {@code first} on
   */
  void read(Row row, int width, float[] into, int first) {
    if (width(row) != width) {
      throw Failure.data(
          "column %s: a vector of %d numbers %s, of %d elsewhere",
          column, width(row), told(row), width);
    }
    if (vectors) {
      double[] values = row.<Vector>getAs(at).toArray();
      for (int i = 0; i < width; i++) {
        into[first + i] = checked(row, i, values[i]);
      }
      return;
    }
    int i = 0;
    for (Object value : row.getList(at)) {
      if (value == null) {
        throw Failure.data("column %s: null as number %d of a vector %s", column, i, told(row));
      }
      into[first + i] = checked(row, i, ((Number) value).doubleValue());
      i++;
    }
  }

  private float checked(Row row, int i, double value) {
    float single = (float) value;
    if (!Float.isFinite(single)) {
      throw Failure.data(
          "column %s: %s as number %d of a vector %s%s",
          column,
          value,
          i,
          told(row),
          Double.isFinite(value) ? ", which is more than a float holds" : "");
    }
    return single;
  }

  /** A row by its other columns. */
  private String told(Row row) {
    String others =
        Arrays.stream(row.schema().fieldNames())
            .filter(name -> row.fieldIndex(name) != at)
            .filter(name -> !(row.get(row.fieldIndex(name)) instanceof Vector))
            .map(name -> name + " = " + shortened(row.get(row.fieldIndex(name)), TOLD_VALUE))
            .collect(Collectors.joining(", "));
    return others.isEmpty() ? "in a row" : "in the row with " + shortened(others, TOLD);
  }

  private static String shortened(Object value, int length) {
    String text = String.valueOf(value);
    return text.length() <= length ? text : text.substring(0, length) + "…";
  }
}
