package dev.ontogeny.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.Folder;
import dev.ontogeny.job.TestSpark;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CrosscoderTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private static Dataset<Row> rows;
  private static CrosscoderModel fitted;

  @BeforeAll
  static void start() {
    spark = TestSpark.local(2).config("spark.sql.shuffle.partitions", "3").getOrCreate();
    rows = PlantedRows.of(spark, 600).cache();
    fitted = estimator("half", "features").fit(rows);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Crosscoder estimator(String... columns) {
    return new Crosscoder()
        .setInputCols(columns)
        .setWidth(24)
        .setK(2)
        .setEpochs(30)
        .setBatch(64)
        .setLearningRate(1e-4)
        .setReconstructionCols(new String[] {"first", "second"})
        .setSettings("shard { shards = 4 }")
        .setWorkingFolder(folder.toString());
  }

  @Test
  void oneCodeReconstructsEveryColumn() throws IOException {
    assertThat(fitted.type()).isEqualTo("batch-top-k");
    List<Row> all = fitted.transform(rows).collectAsList();
    assertThat(all.get(0).<Vector>getAs("first").size()).isEqualTo(PlantedRows.WIDTH / 2);
    assertThat(all.get(0).<Vector>getAs("second").size()).isEqualTo(PlantedRows.WIDTH);
    assertThat(fitted.decoderOf(0).numCols()).isEqualTo(PlantedRows.WIDTH / 2);
    assertThat(fitted.decoderOf(1).numCols()).isEqualTo(PlantedRows.WIDTH);
    Dataset<Row> codes = fitted.transform(rows);
    assertThat(fvu(codes, "half", "first")).isBetween(0.0, 0.6);
    assertThat(fvu(codes, "features", "second")).isBetween(0.0, 0.6);

    fitted.write().overwrite().save(folder.resolve("saved").toString());
    CrosscoderModel loaded = CrosscoderModel.load(folder.resolve("saved").toString());
    assertThat(loaded.getSources()).isEqualTo(fitted.getSources());
    assertThat(loaded.transform(rows).collectAsList()).isEqualTo(all);
    CrosscoderModel opened =
        CrosscoderModel.ofFolder(folder.resolve("saved/dictionaries").toString(), fitted.id());
    assertThat(opened.getInputCols()).containsExactlyInAnyOrder("features@0", "half@0");
  }

  private static double fvu(Dataset<Row> codes, String input, String reconstruction) {
    return new DictionaryEvaluator()
        .setInputCol(input)
        .setReconstructionCol(reconstruction)
        .evaluate(codes);
  }

  @Test
  void theOrderOfColumnsIsThatOfTheEstimator() {
    CrosscoderModel turned = estimator("features", "half").fit(rows);
    Dataset<Row> codes = turned.transform(rows);
    assertThat(codes.first().<Vector>getAs("first").size()).isEqualTo(PlantedRows.WIDTH);
    assertThat(fvu(codes, "features", "first"))
        .isCloseTo(fvu(fitted.transform(rows), "features", "second"), within(0.1));
  }

  @Test
  void whatCannotBeOneIsSaid() {
    assertThatThrownBy(() -> new Crosscoder().fit(rows))
        .hasMessageContaining("inputCols must name columns, each of them once, got []");
    assertThatThrownBy(() -> estimator("half", "half").fit(rows))
        .hasMessageContaining("each of them once, got [half, half]");
    assertThatThrownBy(() -> estimator("half").fit(rows))
        .hasMessageContaining(
            "reconstructionCols [first, second] must name a column for each of inputCols [half]");
    assertThatThrownBy(() -> new Crosscoder().setType("top-k"))
        .hasMessageContaining("parameter type given invalid value top-k");
    CrosscoderModel one = fitted.copy(ParamMap.empty());
    one.setInputCols(new String[] {"half"});
    assertThatThrownBy(() -> one.transform(rows))
        .hasMessageContaining("inputCols [half]: the dictionary reads 2 sources");
    assertThatThrownBy(
            () ->
                SparseDictionaryModel.ofFolder(
                    folder.resolve("crosscoder").toString(), fitted.id()))
        .hasMessageContaining("is not a published folder");
    fitted.held().write(Folder.of(folder.resolve("crosscoder2").toString()));
    assertThatThrownBy(
            () ->
                SparseDictionaryModel.ofFolder(
                    folder.resolve("crosscoder2").toString(), fitted.id()))
        .hasMessageContaining("is a crosscoder over 2 sources: CrosscoderModel reads it");
  }
}
