package dev.ontogeny.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.job.TestSpark;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FeatureStatisticsTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private static Dataset<Row> rows;
  private static SparseDictionaryModel fitted;

  @BeforeAll
  static void start() {
    spark = TestSpark.local(2).config("spark.sql.shuffle.partitions", "3").getOrCreate();
    rows =
        PlantedRows.of(spark, 600)
            .selectExpr(
                "features", "label_first", "id div 20 as text", "cast(id % 20 as int) as place")
            .cache();
    fitted =
        new SparseDictionary()
            .setWidth(24)
            .setK(2)
            .setEpochs(10)
            .setBatch(64)
            .setSettings("shard { shards = 4 }")
            .setWorkingFolder(folder.toString())
            .fit(rows);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static FeatureStatistics statistics(String output) {
    return new FeatureStatistics(fitted, folder.resolve(output).toString())
        .setSettings("shard { shards = 4 }")
        .setWorkingFolder(folder.toString());
  }

  @Test
  void everyFeatureHasARow() {
    FeatureStatistics statistics =
        statistics("features").setDocumentCol("text").setPositionCol("place");
    List<Row> features = statistics.of(rows).orderBy("feature").collectAsList();
    assertThat(features).hasSize(24);
    long[] counts = new long[24];
    for (Row row : fitted.transform(rows).select("codes").collectAsList()) {
      for (int latent : row.<Vector>getAs(0).toSparse().indices()) {
        counts[latent]++;
      }
    }
    for (int latent = 0; latent < counts.length; latent++) {
      assertThat(features.get(latent).<Long>getAs("count")).isEqualTo(counts[latent]);
      assertThat(features.get(latent).<String>getAs("dictionary")).isEqualTo(fitted.id());
    }
    assertThat(statistics.table(spark, "labels").select("label").distinct().collectAsList())
        .extracting(row -> row.getString(0))
        .containsExactly("label_first");
    assertThat(statistics.table(spark, "examples").where("document = 3").count()).isPositive();
    assertThatThrownBy(() -> statistics.table(spark, "curves"))
        .hasMessageContaining("has no table 'curves': it has [")
        .hasMessageContaining("examples, feature_splits, features");
  }

  @Test
  void withoutDocumentsRowsAreTheirOwn() {
    assertThat(statistics("alone").of(rows.select("features")).count()).isEqualTo(24);
  }

  @Test
  void columnsAreNamedWhereTheyAreMissing() {
    assertThatThrownBy(() -> statistics("none").setDocumentCol("text").of(rows))
        .hasMessageContaining("documentCol and positionCol go together");
    assertThatThrownBy(
            () -> statistics("none").setDocumentCol("book").setPositionCol("place").of(rows))
        .hasMessageContaining(
            "'book' is no column: there are [features, label_first, text, place]");
    assertThatThrownBy(() -> statistics("none").of(rows.select("text")))
        .hasMessageContaining("inputCol 'features' is no column");
  }
}
