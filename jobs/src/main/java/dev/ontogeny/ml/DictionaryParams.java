package dev.ontogeny.ml;

import dev.ontogeny.run.Failure;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.Params;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** What estimators, models and the evaluator say alike of their columns. */
final class DictionaryParams {
  static final String INPUT = "features";
  static final String OUTPUT = "codes";
  static final String RECONSTRUCTION = "reconstruction";
  static final String KERNEL = "auto";

  private DictionaryParams() {}

  static Param<String> inputCol(Identifiable of) {
    return new Param<>(
        of, "inputCol", "column of vectors: Spark ML vectors, array<float> or array<double>");
  }

  static StringArrayParam inputCols(Params of) {
    return new StringArrayParam(
        of, "inputCols", "columns of vectors: Spark ML vectors, array<float> or array<double>");
  }

  static Param<String> reconstructionCol(Identifiable of) {
    return new Param<>(
        of,
        "reconstructionCol",
        "column for reconstructions: vectors in the units of the input; empty for none");
  }

  static StringArrayParam reconstructionCols(Params of) {
    return new StringArrayParam(
        of,
        "reconstructionCols",
        "columns for reconstructions, one for each input: vectors in its units; none for none");
  }

  static Param<String> outputCol(Identifiable of) {
    return new Param<>(of, "outputCol", "column for codes: sparse vectors as long as the width");
  }

  static Param<String> kernel(Identifiable of) {
    return new Param<>(
        of,
        "kernel",
        "what does the arithmetic: auto, cpu, nd4j or reference",
        ParamValidators.inArray(List.of("auto", "cpu", "nd4j", "reference")));
  }

  /**
   * A schema with columns of vectors more.
   *
   * @throws Failure of settings where one is there already
   */
  static StructType with(StructType schema, List<String> added) {
    StructType with = schema;
    for (String each : added) {
      if (Arrays.asList(with.fieldNames()).contains(each)) {
        throw Failure.settings(
            "column '%s' is there already: choose another name, there are %s",
            each, Arrays.asList(with.fieldNames()));
      }
      StructField field = DataTypes.createStructField(each, SQLDataTypes.VectorType(), false);
      with = with.add(field);
    }
    return with;
  }
}
