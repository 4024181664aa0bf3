package dev.ontogeny.ml;

import dev.ontogeny.run.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Made-up rows: sums of two of a few directions each, far from zero. */
final class PlantedRows {
  static final int WIDTH = 8;
  private static final int DIRECTIONS = 12;

  private PlantedRows() {}

  /**
   * Columns {@code id}, {@code features} (vectors), {@code floats} and {@code doubles} (the same as
   * lists), {@code half} (vectors of half the length), and {@code label_first}, whether the first
   * direction is in.
   */
  static Dataset<Row> of(SparkSession spark, int rows) {
    RandomGenerator random = Seeds.generator(7, "planted rows");
    double[][] directions = new double[DIRECTIONS][WIDTH];
    for (double[] direction : directions) {
      for (int i = 0; i < WIDTH; i++) {
        direction[i] = random.nextGaussian();
      }
    }
    List<Row> made = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      Float[] values = new Float[WIDTH];
      double[] exact = new double[WIDTH];
      double[] half = new double[WIDTH / 2];
      int first = random.nextInt(DIRECTIONS);
      int second = random.nextInt(DIRECTIONS);
      double strength = 1 + random.nextDouble();
      for (int i = 0; i < WIDTH; i++) {
        values[i] = (float) (100 + strength * directions[first][i] + directions[second][i]);
        exact[i] = values[i];
        if (i < half.length) {
          half[i] = -exact[i];
        }
      }
      made.add(
          RowFactory.create(
              (long) row,
              Vectors.dense(exact),
              List.of(values),
              Arrays.stream(exact).boxed().toList(),
              Vectors.dense(half),
              first == 0 ? "yes" : "no"));
    }
    return spark.createDataFrame(
        made,
        new StructType()
            .add("id", DataTypes.LongType)
            .add("features", SQLDataTypes.VectorType())
            .add("floats", DataTypes.createArrayType(DataTypes.FloatType))
            .add("doubles", DataTypes.createArrayType(DataTypes.DoubleType))
            .add("half", SQLDataTypes.VectorType())
            .add("label_first", DataTypes.StringType));
  }
}
