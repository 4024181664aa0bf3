package dev.ontogeny.ml;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.job.TestSpark;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java of {@code .github/docs/mllib.md}, word for word; a test of the pages compares. */
final class PageTest {
  @TempDir static Path folder;

  @Test
  void theBlockRuns() throws IOException {
    try (SparkSession spark =
        TestSpark.local(2).config("spark.sql.shuffle.partitions", "3").getOrCreate()) {
      run(PlantedRows.of(spark, 600));
    }
  }

  private static void run(Dataset<Row> rows) throws IOException {
    SparseDictionary estimator =
        new SparseDictionary()
            .setInputCol("features")
            .setReconstructionCol("reconstruction")
            .setWidth(24)
            .setK(2)
            .setEpochs(3)
            .setBatch(64);
    SparseDictionaryModel model = estimator.fit(rows);
    Dataset<Row> codes = model.transform(rows);
    double fvu = new DictionaryEvaluator().evaluate(codes);
    model.write().overwrite().save(folder + "/model");
    Dataset<Row> features = new FeatureStatistics(model, folder + "/model/features").of(rows);

    assertThat(fvu).isPositive();
    assertThat(features.count()).isEqualTo(24);
  }
}
