package dev.ontogeny.ml;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.struct;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Rows of a DataFrame as a capture that {@code shard} reads, written by Spark. A row is called by
 * what it holds, never by where it stands: its {@code document} is a digest of its vectors, and
 * rows of equal vectors are told apart by {@code position}. So equal rows give equal captures,
 * however they are partitioned and ordered. Costs a shuffle of the vectors, four bytes a number.
 *
 * @param inputs the columns of vectors
 * @param widths how many numbers the vectors of each have
 * @param document the column that names documents; null for a digest
 * @param position the column with places within them; null with a digest
 * @param further columns that are kept as they are
 */
record RowsAsCapture(
    List<VectorInput> inputs, int[] widths, String document, String position, List<String> further)
    implements MapPartitionsFunction<Row, Row> {
  private static final String DOCUMENT = "document";
  private static final String POSITION = "position";

  /** Where a column's vectors are said to come from. */
  record Origin(String site, long checkpoint) {}

  /**
   * Rows that are known by their vectors alone.
   *
   * @param columns of vectors, by name
   * @param parameter that names them, for errors
   */
  static RowsAsCapture of(Dataset<?> rows, List<String> columns, String parameter) {
    return of(rows, columns, parameter, null, null, List.of());
  }

  /** The same with what else a capture holds. */
  static RowsAsCapture of(
      Dataset<?> rows,
      List<String> columns,
      String parameter,
      String document,
      String position,
      List<String> further) {
    List<VectorInput> inputs =
        columns.stream().map(each -> VectorInput.of(rows.schema(), each, parameter)).toList();
    List<Row> first = rows.toDF().takeAsList(1);
    if (first.isEmpty()) {
      throw Failure.data("the DataFrame has no rows: nothing can be learnt from it");
    }
    int[] widths = inputs.stream().mapToInt(each -> each.width(first.get(0))).toArray();
    return new RowsAsCapture(inputs, widths, document, position, further);
  }

  /** Writes the capture. */
  void write(Dataset<?> rows, List<Origin> origins, String folder) {
    StructType schema = schema(rows.schema());
    Dataset<Row> named = rows.toDF().mapPartitions(this, Encoders.row(schema));
    if (position == null) {
      named =
          named.withColumn(
              POSITION,
              row_number()
                  .over(Window.partitionBy(DOCUMENT).orderBy(vectors().toArray(Column[]::new)))
                  .minus(1));
    }
    List<Column> sources = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      sources.add(
          struct(
              lit(origins.get(i).site()).as("site"),
              lit(origins.get(i).checkpoint()).as("checkpoint"),
              vectors().get(i).as("activation")));
    }
    List<Column> kept = new ArrayList<>(List.of(col(DOCUMENT), col(POSITION)));
    further.forEach(each -> kept.add(quoted(each)));
    kept.add(explode(array(sources.toArray(Column[]::new))).as("source"));
    Dataset<Row> capture = named.select(kept.toArray(Column[]::new));
    kept.remove(kept.size() - 1);
    kept.add(col("source.*"));
    capture.select(kept.toArray(Column[]::new)).write().parquet(folder);
  }

  private List<Column> vectors() {
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      columns.add(col("vector_" + i));
    }
    return columns;
  }

  private static Column quoted(String name) {
    return col("`" + name.replace("`", "``") + "`");
  }

  private StructType schema(StructType given) {
    List<StructField> fields = new ArrayList<>();
    fields.add(
        DataTypes.createStructField(
            DOCUMENT,
            document == null ? DataTypes.LongType : given.apply(document).dataType(),
            true));
    if (position != null) {
      fields.add(DataTypes.createStructField(POSITION, given.apply(position).dataType(), true));
    }
    further.forEach(each -> fields.add(given.apply(each)));
    for (int i = 0; i < inputs.size(); i++) {
      fields.add(DataTypes.createStructField("vector_" + i, DataTypes.BinaryType, false));
    }
    return DataTypes.createStructType(fields);
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    MessageDigest digest = Identity.newDigest();
    float[] numbers = new float[Arrays.stream(widths).max().orElse(0)];
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public Row next() {
        return captured(rows.next(), numbers, digest);
      }
    };
  }

  private Row captured(Row row, float[] numbers, MessageDigest digest) {
    List<Object> vectors = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      inputs.get(i).read(row, widths[i], numbers, 0);
      ByteBuffer bytes =
          ByteBuffer.allocate(Float.BYTES * widths[i]).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(numbers, 0, widths[i]);
      digest.update(bytes.array());
      vectors.add(bytes.array());
    }
    List<Object> values = new ArrayList<>();
    long called = ByteBuffer.wrap(digest.digest()).getLong();
    values.add(document == null ? called : row.getAs(document));
    if (position != null) {
      values.add(row.getAs(position));
    }
    further.forEach(each -> values.add(row.getAs(each)));
    values.addAll(vectors);
    return RowFactory.create(values.toArray());
  }
}
