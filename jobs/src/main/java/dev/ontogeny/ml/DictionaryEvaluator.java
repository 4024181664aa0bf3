package dev.ontogeny.ml;

import dev.ontogeny.run.Failure;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.ml.evaluation.Evaluator;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * How good codes are, out of the columns that a model has added. Metric {@code fvu}: Σ‖x − x̂‖² /
 * Σ‖x − mean(x)‖² over the rows, 0 where everything is reconstructed and 1 where no more than the
 * mean is. Metric {@code l0}: how many latents fire on a row, in the mean. Of both less is better;
 * the second alone says nothing of what is lost. Partitions are added up as they come, so that the
 * last digits may differ from time to time.
 */
public final class DictionaryEvaluator extends Evaluator implements DefaultParamsWritable {
  private final String uid;
  private final Param<String> metricName;
  private final Param<String> inputCol;
  private final Param<String> outputCol;
  private final Param<String> reconstructionCol;

  public DictionaryEvaluator() {
    this(Identifiable$.MODULE$.randomUID("dictionaryEvaluator"));
  }

  /** As Spark ML copies and loads it. */
  public DictionaryEvaluator(String uid) {
    this.uid = uid;
    metricName =
        new Param<>(
            this,
            "metricName",
            "fvu (share of the variance that is not reconstructed) or l0 (latents that fire on a row)",
            ParamValidators.inArray(List.of("fvu", "l0")));
    inputCol = DictionaryParams.inputCol(this);
    outputCol = DictionaryParams.outputCol(this);
    reconstructionCol = DictionaryParams.reconstructionCol(this);
    setDefault(metricName, "fvu");
    setDefault(inputCol, DictionaryParams.INPUT);
    setDefault(outputCol, DictionaryParams.OUTPUT);
    setDefault(reconstructionCol, DictionaryParams.RECONSTRUCTION);
  }

  @Override
  public String uid() {
    return uid;
  }

  /** {@code fvu} or {@code l0}. */
  public Param<String> metricName() {
    return metricName;
  }

  public String getMetricName() {
    return getOrDefault(metricName);
  }

  public DictionaryEvaluator setMetricName(String value) {
    set(metricName, value);
    return this;
  }

  /** The vectors that were encoded. */
  public Param<String> inputCol() {
    return inputCol;
  }

  public String getInputCol() {
    return getOrDefault(inputCol);
  }

  public DictionaryEvaluator setInputCol(String value) {
    set(inputCol, value);
    return this;
  }

  /** Their codes, for {@code l0}. */
  public Param<String> outputCol() {
    return outputCol;
  }

  public String getOutputCol() {
    return getOrDefault(outputCol);
  }

  public DictionaryEvaluator setOutputCol(String value) {
    set(outputCol, value);
    return this;
  }

  /** Their reconstructions, for {@code fvu}. */
  public Param<String> reconstructionCol() {
    return reconstructionCol;
  }

  public String getReconstructionCol() {
    return getOrDefault(reconstructionCol);
  }

  public DictionaryEvaluator setReconstructionCol(String value) {
    set(reconstructionCol, value);
    return this;
  }

  @Override
  public boolean isLargerBetter() {
    return false;
  }

  @Override
  public double evaluate(Dataset<?> dataset) {
    boolean fvu = getMetricName().equals("fvu");
    String column = fvu ? getReconstructionCol() : getOutputCol();
    List<String> names = Arrays.asList(dataset.schema().fieldNames());
    if (!names.contains(column)) {
      throw Failure.settings(
          "metric %s needs column '%s', there are %s: let the model add it by its %s",
          getMetricName(), column, names, fvu ? "reconstructionCol" : "outputCol");
    }
    if (!dataset.schema().apply(column).dataType().equals(SQLDataTypes.VectorType())) {
      throw Failure.settings(
          "column '%s' must hold vectors, as the model adds them, it is %s",
          column, dataset.schema().apply(column).dataType().catalogString());
    }
    VectorInput input = fvu ? VectorInput.of(dataset.schema(), getInputCol(), "inputCol") : null;
    try {
      Sums all =
          dataset
              .toDF()
              .javaRDD()
              .mapPartitions(new OfPartition(input, dataset.schema().fieldIndex(column)))
              .fold(null, Sums::together);
      if (all == null) {
        throw Failure.data("the DataFrame has no rows: metric %s has no value", getMetricName());
      }
      return all.result();
    } catch (Exception thrown) {
      throw DictionaryEstimator.asFailure(thrown);
    }
  }

  /** Sums of the rows of a partition, for either metric. */
  private record OfPartition(VectorInput input, int column)
      implements FlatMapFunction<Iterator<Row>, Sums> {
    @Override
    public Iterator<Sums> call(Iterator<Row> rows) {
      Sums sums = null;
      float[] values = new float[0];
      while (rows.hasNext()) {
        Row row = rows.next();
        Vector vector = row.getAs(column);
        if (input == null) {
          sums = sums == null ? new Sums(0) : sums;
          sums.addActive(vector.numNonzeros());
          continue;
        }
        if (sums == null) {
          values = new float[input.width(row)];
          sums = new Sums(values.length);
        }
        input.read(row, values.length, values, 0);
        if (vector.size() != values.length) {
          throw Failure.data(
              "a reconstruction of %d numbers for a vector of %d in column %s",
              vector.size(), values.length, input.column());
        }
        sums.add(values, vector.toArray());
      }
      return (sums == null ? List.<Sums>of() : List.of(sums)).iterator();
    }
  }

  @Override
  public DictionaryEvaluator copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Reads what {@code write} has saved. */
  public static MLReader<DictionaryEvaluator> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} has saved. */
  public static DictionaryEvaluator load(String path) {
    return read().load(path);
  }
}
