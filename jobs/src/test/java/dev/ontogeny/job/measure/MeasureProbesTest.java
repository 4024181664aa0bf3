package dev.ontogeny.job.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.job.DictionaryFixture;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.run.SettingsReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Probes of planted labels: topics that directions stand for, and a coin that nothing does. */
class MeasureProbesTest {
  private static final String SITE = DatasetFixture.SITE;
  private static final int WIDTH = 300;
  private static final int DICTIONARIES = 7;
  private static final int TRAIN = 150;
  private static final int TEST = 60;

  @TempDir private static Path folder;
  private static SparkSession spark;

  @BeforeAll
  static void publish() throws Exception {
    spark = TestSpark.local(2).getOrCreate();
    ShardedDataset dataset =
        DatasetFixture.publish(
            Folder.of(folder.resolve("dataset").toString()),
            new PlantedActivations(PlantedActivations.Plan.of(1, 24, 30, 6)),
            new DatasetFixture.Settings(7, 5, 1, 70),
            VectorType.FLOAT32,
            SITE);
    DictionaryFixture.publish(
        Folder.of(folder.resolve("dictionaries").toString()), dataset, SITE, WIDTH, 6);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Manifest measure(String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dataset=" + folder.resolve("dataset"),
                "dictionaries=" + folder.resolve("dictionaries"),
                "output=" + folder.resolve(output),
                "replicates=0",
                "block-rows=1024",
                "features-per-file=128",
                "checkpoints-per-unit=4",
                "probing.train-per-class=" + TRAIN,
                "probing.test-per-class=" + TEST,
                "probing.features=[1, 3]"));
    assignments.addAll(List.of(more));
    return new Measure()
        .run(spark, SettingsReader.read(MeasureSettings.class, "measure", null, assignments))
        .manifest();
  }

  private static List<Map<String, Object>> probes(String output, Manifest manifest)
      throws Exception {
    return TestSpark.table(Folder.of(folder.resolve(output).toString()), manifest, "probes");
  }

  private static String shown(Map<String, Object> row) {
    List<Object> values = new ArrayList<>(row.values());
    values.replaceAll(value -> value instanceof long[] many ? Arrays.toString(many) : value);
    return values.toString();
  }

  @Test
  void everyDictionaryTellsTopicsAndNoCoins() throws Exception {
    Manifest manifest = measure("features");
    List<Map<String, Object>> rows = probes("features", manifest);
    // Five topics and two sides of a coin, by two methods with two numbers of features.
    assertThat(rows).hasSize(DICTIONARIES * (5 + 2) * 2 * 2);
    double topics = 0;
    int ofTopics = 0;
    for (Map<String, Object> row : rows) {
      int k = (Integer) row.get("k");
      long[] features = (long[]) row.get("features");
      assertThat(features).hasSizeBetween(1, k).doesNotHaveDuplicates();
      assertThat(Arrays.stream(features).boxed()).allMatch(f -> f >= 0 && f < WIDTH);
      assertThat(row.get("kind")).isEqualTo("token");
      assertThat((Long) row.get("train_examples")).isBetween(20L, 2L * TRAIN);
      assertThat((Long) row.get("test_examples")).isBetween(10L, 2L * TEST);
      double auc = (Double) row.get("test_auc");
      if (row.get("label").equals("label_coin")) {
        assertThat(auc)
            .isEqualTo(
                0.5, within(4 * Math.sqrt(1.0 / 12 * 2 / ((Long) row.get("test_examples") / 2))));
      } else if (k == 3 && row.get("checkpoint").equals(500L)) {
        topics += auc;
        ofTopics++;
      }
    }
    assertThat(topics / ofTopics).isGreaterThan(0.65);
    List<Map<String, Object>> splits =
        TestSpark.table(
            Folder.of(folder.resolve("features").toString()), manifest, "feature_splits");
    assertThat(splits).hasSize(DICTIONARIES * (5 + 2));
    for (Map<String, Object> row : splits) {
      double[] f1 = (double[]) row.get("f1");
      int features = ((long[]) row.get("features")).length;
      assertThat(row.get("splits")).isEqualTo(features - 1);
      assertThat(f1.length).isBetween(features, features + 1);
      for (int k = 1; k < f1.length; k++) {
        assertThat(f1[k] > f1[k - 1] + 0.03).isEqualTo(k < features);
      }
    }
  }

  @Test
  void theClusterAndTheDivisionOfFilesDoNotMatter() throws Exception {
    List<String> one = probes("one", measure("one")).stream().map(row -> shown(row)).toList();
    List<String> other =
        probes(
                "other",
                measure("other", "features-per-file=512", "tasks=1", "checkpoints-per-unit=2"))
            .stream()
            .map(row -> shown(row))
            .toList();
    assertThat(other).containsExactlyInAnyOrderElementsOf(one);
  }

  @Test
  void noneAreTrainedWhereNoneAreWanted() {
    Manifest manifest = measure("none", "probing.train-per-class=0");
    assertThat(manifest.table("probes")).isEmpty();
    assertThat(manifest.table("features")).isNotEmpty();
  }

  @Test
  void labelsOfTooFewExamplesHaveNoRows() {
    assertThat(measure("few", "probing.train-per-class=9").table("probes")).isEmpty();
  }

  @Test
  void labelsThatAreNoClassesHaveNoRows() throws Exception {
    assertThat(probes("coins", measure("coins", "maximum-label-values=2")))
        .isNotEmpty()
        .allMatch(row -> row.get("label").equals("label_coin"));
  }

  @Test
  void wrongSettingsAreNamed() {
    assertThatThrownBy(() -> measure("wrong", "probing.features=[2, 1]"))
        .hasMessageContaining("features")
        .hasMessageContaining("must ascend, got [2, 1]");
    assertThatThrownBy(() -> measure("wrong", "probing.features=[]"))
        .hasMessageContaining("must name at least one number");
    assertThatThrownBy(() -> measure("wrong", "probing.test-per-class=0"))
        .hasMessageContaining("test-per-class");
  }
}
