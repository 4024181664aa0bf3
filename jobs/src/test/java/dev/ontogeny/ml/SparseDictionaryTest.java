package dev.ontogeny.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.SparseVector;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SparseDictionaryTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private static Dataset<Row> rows;
  private static SparseDictionaryModel fitted;

  @BeforeAll
  static void start() {
    spark = TestSpark.local(2).config("spark.sql.shuffle.partitions", "3").getOrCreate();
    rows = PlantedRows.of(spark, 600).cache();
    fitted = estimator().fit(rows);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @AfterEach
  void nothingStaysInTheWorkingFolder() throws IOException {
    try (Stream<Path> left = Files.list(work())) {
      assertThat(left).isEmpty();
    }
  }

  private static Path work() {
    try {
      return Files.createDirectories(folder.resolve("work"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static SparseDictionary estimator() {
    return new SparseDictionary()
        .setWidth(24)
        .setK(2)
        .setEpochs(30)
        .setBatch(64)
        .setLearningRate(1e-4)
        .setSettings("shard { shards = 4 }")
        .setReconstructionCol("reconstruction")
        .setWorkingFolder(work().toString());
  }

  @Test
  void aFitEncodesAndReconstructs() {
    Dataset<Row> codes = fitted.transform(rows);
    assertThat(codes.schema()).isEqualTo(fitted.transformSchema(rows.schema()));
    assertThat(codes.columns())
        .containsExactly(
            Stream.concat(Arrays.stream(rows.columns()), Stream.of("codes", "reconstruction"))
                .toArray(String[]::new));
    List<Row> all = codes.collectAsList();
    assertThat(all).hasSize(600);
    Dictionary dictionary = fitted.held().dictionary();
    for (Row row : all) {
      Vector code = row.getAs("codes");
      assertThat(code).isInstanceOf(SparseVector.class);
      assertThat(code.size()).isEqualTo(24);
      assertThat(code.numNonzeros()).isBetween(0, 2);
      double[] expected = decoded(dictionary, code);
      assertThat(row.<Vector>getAs("reconstruction").toArray())
          .containsExactly(expected, within(1e-3));
    }
    assertThat(all.stream().map(row -> row.<Long>getAs("id")))
        .containsExactlyElementsOf(
            rows.select("id").collectAsList().stream().map(row -> row.getLong(0)).toList());
    double fvu = new DictionaryEvaluator().evaluate(codes);
    assertThat(fvu).isBetween(0.0, 0.6);
    assertThat(fvu).isCloseTo(fitted.heldOutFvu(), within(0.2));
    double l0 = new DictionaryEvaluator().setMetricName("l0").evaluate(codes);
    assertThat(l0).isCloseTo(2, within(0.1)).isCloseTo(fitted.heldOutL0(), within(0.1));
    assertThat(fitted.id()).isEqualTo("independent-features-top-k-w24-k2-r0-c0");
    assertThat(fitted.type()).isEqualTo("top-k");
    assertThat(fitted.rule()).startsWith("pre = ");
    assertThat(fitted.decoder().numRows()).isEqualTo(24);
    assertThat(fitted.decoder().apply(3, 1)).isEqualTo(dictionary.decoder().at(3, 1));
  }

  private static double[] decoded(Dictionary dictionary, Vector code) {
    double[] back = new double[dictionary.inputs()];
    for (int i = 0; i < back.length; i++) {
      double sum = dictionary.decoderBias()[i];
      for (int latent = 0; latent < dictionary.width(); latent++) {
        sum += code.apply(latent) * dictionary.decoder().at(latent, i);
      }
      back[i] = sum / dictionary.inputScale()[0] + dictionary.inputMean()[i];
    }
    return back;
  }

  @Test
  void fvuDoesNotMoveWithTheMean() {
    Dataset<Row> codes = fitted.transform(rows);
    List<Row> all = codes.collectAsList();
    double[] error = new double[PlantedRows.WIDTH];
    double[] variance = new double[PlantedRows.WIDTH];
    double[] means = new double[PlantedRows.WIDTH];
    for (Row row : all) {
      for (int i = 0; i < means.length; i++) {
        means[i] += row.<Vector>getAs("features").apply(i) / all.size();
      }
    }
    for (Row row : all) {
      for (int i = 0; i < means.length; i++) {
        double value = row.<Vector>getAs("features").apply(i);
        error[i] += Math.pow(value - row.<Vector>getAs("reconstruction").apply(i), 2);
        variance[i] += Math.pow(value - means[i], 2);
      }
    }
    assertThat(means[0]).isGreaterThan(90);
    double rough = Arrays.stream(error).sum() / Arrays.stream(variance).sum();
    assertThat(new DictionaryEvaluator().evaluate(codes.repartition(5)))
        .isCloseTo(rough, within(1e-9));
  }

  @Test
  void theSameRowsGiveTheSameBytesInAnyOrderAndForm() {
    SparseDictionary estimator = estimator().setEpochs(2);
    spark.sparkContext().setJobDescription("of the session");
    Map<String, byte[]> files = estimator.fit(rows).held().files();
    assertThat(spark.sparkContext().getLocalProperty("spark.job.description"))
        .isEqualTo("of the session");
    spark.sparkContext().setJobDescription(null);
    assertThat(files).hasSize(3);
    assertSame(
        files, estimator.copy(ParamMap.empty()).fit(rows.repartition(7).orderBy("label_first")));
    assertSame(
        files,
        estimator.fit(
            rows.drop("features").withColumnRenamed("floats", "features").repartition(2)));
    assertSame(
        files, estimator.fit(rows.drop("features").withColumnRenamed("doubles", "features")));
    assertThat(tensors(estimator.fit(rows, ParamMap.empty().put(estimator.seed(), (Object) 1L))))
        .isNotEqualTo(tensors(files));
    // Rows that are there twice count twice.
    assertThat(tensors(estimator.fit(rows.union(rows)))).isNotEqualTo(tensors(files));
  }

  private static void assertSame(Map<String, byte[]> files, SparseDictionaryModel other) {
    assertThat(other.held().files().keySet()).isEqualTo(files.keySet());
    files.forEach(
        (path, bytes) -> assertThat(other.held().files().get(path)).as(path).isEqualTo(bytes));
  }

  private static byte[] tensors(SparseDictionaryModel model) {
    return tensors(model.held().files());
  }

  private static byte[] tensors(Map<String, byte[]> files) {
    return files.entrySet().stream()
        .filter(file -> file.getKey().endsWith(".safetensors"))
        .findFirst()
        .orElseThrow()
        .getValue();
  }

  @Test
  void whatIsSavedIsLoaded() throws IOException {
    String place = folder.resolve("saved").toString();
    fitted.write().overwrite().save(place);
    fitted.write().overwrite().save(place);
    assertThatThrownBy(() -> fitted.save(place)).hasMessageContaining("already exists");
    SparseDictionaryModel loaded = SparseDictionaryModel.load(place);
    assertThat(loaded.uid()).isEqualTo(fitted.uid());
    assertThat(loaded.getReconstructionCol()).isEqualTo("reconstruction");
    assertThat(loaded.transform(rows).collectAsList())
        .isEqualTo(fitted.transform(rows).collectAsList());
    DictionaryFolder published = DictionaryFolder.open(Folder.of(place + "/dictionaries"));
    assertThat(published.dictionaries()).hasSize(1);
    assertThat(published.dictionaries().get(0).sources().get(0).site()).isEqualTo("features");
    assertThat(Manifest.read(published.folder()).provenance().kernel()).startsWith("cpu (");

    estimator().setType("batch-top-k").save(folder.resolve("estimator").toString());
    SparseDictionary again = SparseDictionary.load(folder.resolve("estimator").toString());
    assertThat(again.getType()).isEqualTo("batch-top-k");
    assertThat(again.getEpochs()).isEqualTo(30);
    assertThat(again.isSet(again.tokens())).isFalse();
    assertThatThrownBy(() -> SparseDictionaryModel.load(folder.resolve("estimator").toString()))
        .hasMessageContaining("dev.ontogeny.ml.SparseDictionary");
    new DictionaryEvaluator().setMetricName("l0").save(folder.resolve("evaluator").toString());
    assertThat(DictionaryEvaluator.load(folder.resolve("evaluator").toString()).getMetricName())
        .isEqualTo("l0");
  }

  @Test
  void aPublishedFolderIsAModel() {
    String place = folder.resolve("published").toString();
    fitted.held().write(Folder.of(place));
    SparseDictionaryModel opened =
        SparseDictionaryModel.ofFolder(place, fitted.id()).setInputCol("floats");
    assertThat(opened.transform(rows).select("codes").collectAsList())
        .isEqualTo(fitted.transform(rows).select("codes").collectAsList());
    assertThatThrownBy(() -> SparseDictionaryModel.ofFolder(place, "another"))
        .hasMessageContaining("'another' is none of them")
        .hasMessageContaining(fitted.id());
  }

  @Test
  void itIsAStageOfAPipeline() throws IOException {
    Pipeline pipeline = new Pipeline().setStages(new PipelineStage[] {estimator().setEpochs(1)});
    PipelineModel model = pipeline.fit(rows);
    String place = folder.resolve("pipeline").toString();
    model.write().overwrite().save(place);
    assertThat(PipelineModel.load(place).transform(rows).select("codes").collectAsList())
        .isEqualTo(model.transform(rows).select("codes").collectAsList());
    assertThat(model.stages()[0].getClass()).isEqualTo(SparseDictionaryModel.class);
  }

  @Test
  void crossValidationChooses() {
    SparseDictionary estimator = estimator().setEpochs(5);
    ParamMap[] grid = new ParamGridBuilder().addGrid(estimator.k(), new int[] {1, 4}).build();
    CrossValidatorModel chosen =
        new CrossValidator()
            .setEstimator(estimator)
            .setEstimatorParamMaps(grid)
            .setEvaluator(new DictionaryEvaluator())
            .setNumFolds(2)
            .setParallelism(2)
            .fit(rows);
    assertThat(chosen.avgMetrics()[1]).isLessThan(chosen.avgMetrics()[0]);
    assertThat(((SparseDictionaryModel) chosen.bestModel()).held().metadata().k()).isEqualTo(4);
  }

  @Test
  void otherTypesAndSettingsAreThoseOfTheCommand() {
    SparseDictionary estimator =
        estimator()
            .setType("relu")
            .setEpochs(1)
            .setSettings("shard.shards = 4, train.types.relu.coefficient = 2.5");
    estimator.clear(estimator.k());
    SparseDictionaryModel model = estimator.fit(rows);
    assertThat(model.type()).isEqualTo("relu");
    assertThat(model.held().metadata().training().settings().toString()).contains("2.5");
  }

  @Test
  void defaultsAreThoseOfTrain() {
    TrainSettings settings =
        SettingsReader.read(TrainSettings.class, "train", null, List.of("dataset=a", "output=b"));
    SparseDictionary estimator = new SparseDictionary();
    assertThat(settings.dictionaries().get(0).type().key()).isEqualTo(estimator.getType());
    assertThat(settings.dictionaries().get(0).width()).isEqualTo(estimator.getWidth());
    assertThat(settings.dictionaries().get(0).label())
        .isEqualTo("top-k-w4096-k" + estimator.getK());
    assertThat(settings.seed()).isEqualTo(estimator.getSeed());
    assertThat(settings.kernel()).isEqualTo(estimator.getKernel());
    assertThat(settings.training().tokens()).isEqualTo(estimator.getTokens());
    assertThat(settings.training().batch()).isEqualTo(estimator.getBatch());
    assertThat(settings.training().learningRate()).isEqualTo(estimator.getLearningRate());
  }

  @Test
  void parametersAreExplainedAndBounded() {
    SparseDictionary estimator = new SparseDictionary();
    assertThat(estimator.explainParams())
        .contains("width: number of latents F (default: 4096)", "type of the dictionary: top-k");
    assertThat(Arrays.stream(estimator.params()).map(each -> each.name()))
        .containsExactly(
            "batch",
            "epochs",
            "heldOutShare",
            "inputCol",
            "k",
            "kernel",
            "learningRate",
            "outputCol",
            "reconstructionCol",
            "seed",
            "settings",
            "tokens",
            "type",
            "width",
            "workingFolder");
    assertThatThrownBy(() -> estimator.setType("topk"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("parameter type given invalid value topk");
    assertThatThrownBy(() -> estimator.setWidth(0))
        .hasMessageContaining("parameter width given invalid value 0");
    assertThatThrownBy(() -> estimator.setHeldOutShare(0)).hasMessageContaining("heldOutShare");
  }

  @Test
  void wrongSettingsAreToldBeforeARowIsRead() {
    assertFails(
        FailureKind.SETTINGS,
        "inputCol 'missing' is no column: there are [id, features",
        estimator().setInputCol("missing"),
        rows);
    assertFails(
        FailureKind.SETTINGS,
        "inputCol 'id' must be a column of vectors, array<float> or array<double>, it is bigint",
        estimator().setInputCol("id"),
        rows);
    assertFails(
        FailureKind.SETTINGS, "column 'id' is there already", estimator().setOutputCol("id"), rows);
    assertFails(
        FailureKind.SETTINGS,
        "k: dictionaries of type relu have none, their keys are [coefficient, form, resample-tokens]: clear it",
        estimator().setType("relu"),
        rows);
    assertFails(
        FailureKind.SETTINGS,
        "tokens and epochs are both set: clear one of them",
        estimator().setTokens(5),
        rows);
    assertFails(
        FailureKind.SETTINGS,
        "width must be at least as many latents as fire on a row, 25, got 24",
        estimator().setK(25),
        rows);
    assertFails(
        FailureKind.SETTINGS,
        "warm-upp",
        estimator().setSettings("train { training { warm-upp = 0.1 } }"),
        rows);
    assertFails(FailureKind.SETTINGS, "cannot be read", estimator().setSettings("train {"), rows);
    assertFails(FailureKind.DATA, "the DataFrame has no rows", estimator(), rows.where("id < 0"));
  }

  @Test
  void rowsThatHoldNoVectorAreNamed() {
    StructType schema =
        new StructType()
            .add("name", DataTypes.StringType)
            .add("features", SQLDataTypes.VectorType());
    Row good = RowFactory.create("good", Vectors.dense(1, 2, 3));
    assertFails(
        FailureKind.DATA,
        "column features: null instead of a vector in the row with name = bad",
        estimator(),
        spark.createDataFrame(List.of(good, RowFactory.create("bad", null)), schema));
    assertFails(
        FailureKind.DATA,
        "column features: NaN as number 1 of a vector in the row with name = bad",
        estimator(),
        spark.createDataFrame(
            List.of(good, RowFactory.create("bad", Vectors.dense(1, Double.NaN, 3))), schema));
    assertFails(
        FailureKind.DATA,
        "column features: 1.0E300 as number 2 of a vector in the row with name = bad, which is more than a float holds",
        estimator(),
        spark.createDataFrame(
            List.of(good, RowFactory.create("bad", Vectors.dense(1, 2, 1e300))), schema));
    Dataset<Row> lengths =
        spark.createDataFrame(List.of(good, RowFactory.create("bad", Vectors.dense(1, 2))), schema);
    assertFails(
        FailureKind.DATA,
        "column features: a vector of 2 numbers in the row with name = bad, of 3 elsewhere",
        estimator(),
        lengths);
    StructType lists =
        new StructType().add("features", DataTypes.createArrayType(DataTypes.FloatType));
    assertFails(
        FailureKind.DATA,
        "column features: null as number 1 of a vector in a row",
        estimator(),
        spark.createDataFrame(List.of(RowFactory.create(Arrays.asList(1f, null))), lists));
    assertFails(
        FailureKind.DATA,
        "column features has the same vector in all rows: there is nothing to learn from it",
        estimator(),
        spark.range(200).selectExpr("id", "array(1f, 2f) as features"));
    assertThatThrownBy(() -> fitted.transform(lengths.where("name = 'good'")).collectAsList())
        .rootCause()
        .hasMessageContaining(
            "column features: a vector of 3 numbers in the row with name = good, of 8 elsewhere");
  }

  @Test
  void theEvaluatorSaysWhatItNeeds() {
    assertThatThrownBy(() -> new DictionaryEvaluator().evaluate(rows))
        .hasMessageContaining("metric fvu needs column 'reconstruction'")
        .hasMessageContaining("reconstructionCol");
    assertThatThrownBy(
            () -> new DictionaryEvaluator().setMetricName("l0").setOutputCol("id").evaluate(rows))
        .hasMessageContaining(
            "column 'id' must hold vectors, as the model adds them, it is bigint");
    assertThatThrownBy(
            () -> new DictionaryEvaluator().evaluate(fitted.transform(rows.where("id < 0"))))
        .hasMessageContaining("the DataFrame has no rows");
    assertThat(new DictionaryEvaluator().isLargerBetter()).isFalse();
  }

  private static void assertFails(
      FailureKind kind, String message, SparseDictionary estimator, Dataset<Row> on) {
    assertThatThrownBy(() -> estimator.fit(on))
        .isInstanceOfSatisfying(
            Failure.class, failure -> assertThat(failure.kind()).isEqualTo(kind))
        .hasMessageContaining(message);
  }
}
