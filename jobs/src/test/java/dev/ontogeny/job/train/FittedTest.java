package dev.ontogeny.job.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;
import org.apache.commons.math3.stat.correlation.Covariance;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Spark MLlib fits, against slow twins of it on the same rows. */
final class FittedTest {
  private static final String SITE = "blocks.0.hook_resid_post";
  private static final String POSITIVE = "blocks.0.mlp.hook_post";
  private static final int ROWS = 300;

  @TempDir static Path folder;

  @BeforeAll
  static void publish() throws IOException {
    UnaryOperator<float[]> positive =
        row -> {
          float[] kept = row.clone();
          for (int i = 0; i < kept.length; i++) {
            kept[i] = Math.max(kept[i], 0);
          }
          return kept;
        };
    DatasetFixture.publish(
        Folder.of(folder.resolve("dataset").toString()),
        new PlantedActivations(PlantedActivations.Plan.of(5, 12, 16, 6)),
        new DatasetFixture.Settings(0, 5, 1, 40),
        VectorType.FLOAT32,
        new TreeMap<>(Map.of(SITE, UnaryOperator.identity(), POSITIVE, positive)));
  }

  private static TrainSettings settings(String output, String dictionaries, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dataset=" + folder.resolve("dataset"),
                "output=" + folder.resolve(output),
                "dictionaries=[" + dictionaries + "]",
                "checkpoints=[100]",
                "sites=[\"" + SITE + "\"]",
                "replicas=1"));
    assignments.addAll(List.of(more));
    return SettingsReader.read(TrainSettings.class, "train", null, assignments);
  }

  private static Job.Result run(TrainSettings settings) {
    return run(settings, 2);
  }

  private static Job.Result run(TrainSettings settings, int cores) {
    SparkSession spark =
        TestSpark.local(cores).config("spark.sql.shuffle.partitions", 2 * cores + 1).getOrCreate();
    try {
      return new Train().run(spark, settings);
    } finally {
      spark.stop();
    }
  }

  private static Dictionary dictionary(String output, String id) throws IOException {
    return DictionaryFolder.read(Folder.of(folder.resolve(output).toString()), id);
  }

  private static DictionaryMetadata metadata(String output, String id) {
    return DictionaryFolder.metadata(
        Folder.of(folder.resolve(output).toString()), id + "/dictionary.json");
  }

  /** The first rows as the dictionary's input is scaled, in the order of the shards to train on. */
  private static double[][] rows(Dictionary dictionary, int count) throws IOException {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(folder.resolve("dataset").toString()));
    Source source = dictionary.sources().get(0);
    double[][] rows = new double[count][source.width()];
    FloatMatrix one = FloatMatrix.zeros(1, source.width());
    int done = 0;
    for (int shard = 0; done < count; shard++) {
      try (SourceRows vectors = new SourceRows(dataset, List.of(source), shard)) {
        for (long left = dataset.rows(shard); left > 0 && done < count; left--, done++) {
          vectors.read(one, 0, 1);
          for (int i = 0; i < source.width(); i++) {
            rows[done][i] =
                ((double) one.at(0, i) - dictionary.inputMean()[i]) * dictionary.inputScale()[0];
          }
        }
      }
    }
    return rows;
  }

  private static double[] decoder(Dictionary dictionary, int latent) {
    double[] row = new double[dictionary.inputs()];
    Arrays.setAll(row, i -> dictionary.decoder().at(latent, i));
    return row;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static Map<String, String> checksums(Manifest manifest) {
    Map<String, String> sums = new TreeMap<>();
    for (PublishedFile file : manifest.files()) {
      sums.put(file.path(), file.sha256());
    }
    return sums;
  }

  /** Components are eigenvectors of the rows' covariance, and all of them lose nothing. */
  @Test
  void componentsAreThoseOfTheCovariance() throws IOException {
    run(
        settings(
            "pca",
            "{type=pca,width=6,rows=" + ROWS + "},{type=pca,width=24}",
            "training.rounds={workers=2}"));
    String id = "independent-" + SITE + "-pca-w6-rows" + ROWS + "-r0-c100";
    Dictionary pca = dictionary("pca", id);
    EigenDecomposition eigen =
        new EigenDecomposition(
            new Covariance(new Array2DRowRealMatrix(rows(pca, ROWS))).getCovarianceMatrix());
    for (int component = 0; component < 3; component++) {
      double[] direction = decoder(pca, 2 * component);
      assertThat(Math.abs(dot(direction, eigen.getEigenvector(component).toArray())))
          .isCloseTo(1, within(1e-5));
      assertThat(dot(direction, decoder(pca, 2 * component + 1))).isCloseTo(-1, within(1e-5));
      assertThat(Arrays.stream(direction).max().orElseThrow())
          .isGreaterThan(-Arrays.stream(direction).min().orElseThrow());
    }
    DictionaryMetadata few = metadata("pca", id);
    assertThat(few.type().key()).isEqualTo("pca");
    assertThat(few.rule()).contains("code = max(pre, 0)");
    assertThat(few.series()).isNull();
    assertThat(few.training().tokens()).isEqualTo(ROWS);
    assertThat(few.training().settings().get("fitted_by").asText()).startsWith("Spark MLlib 4");
    assertThat(few.quality().l0()).isCloseTo(3, within(1e-6));
    DictionaryMetadata all = metadata("pca", "independent-" + SITE + "-pca-w24-r0-c100");
    assertThat(all.quality().fvu()).isLessThan(1e-9);
    assertThat(few.quality().fvu()).isBetween(0.05, 0.9);
  }

  /** Where clustering has come to rest, the next step of Lloyd's changes nothing. */
  @Test
  void centroidsAreTheMeansOfTheRowsThatAreNearest() throws IOException {
    run(
        settings(
            "clusters",
            "{type=k-means,width=6,rows="
                + ROWS
                + ",iterations=200},{type=bisecting-k-means,width=6}"));
    Dictionary clusters =
        dictionary(
            "clusters",
            "independent-" + SITE + "-k-means-w6-rows" + ROWS + "-iterations200-r0-c100");
    assertThat(clusters.k()).isEqualTo(1);
    Map<Integer, double[]> sums = new HashMap<>();
    for (double[] row : rows(clusters, ROWS)) {
      int nearest = 0;
      for (int latent = 1; latent < 6; latent++) {
        if (dot(row, decoder(clusters, latent)) > dot(row, decoder(clusters, nearest))) {
          nearest = latent;
        }
      }
      double[] sum = sums.computeIfAbsent(nearest, any -> new double[row.length]);
      double norm = Math.sqrt(dot(row, row));
      for (int i = 0; i < row.length; i++) {
        sum[i] += row[i] / norm;
      }
    }
    assertThat(sums).hasSize(6);
    sums.forEach(
        (latent, sum) ->
            assertThat(dot(sum, decoder(clusters, latent)) / Math.sqrt(dot(sum, sum)))
                .isCloseTo(1, within(1e-4)));
    String bisected = "independent-" + SITE + "-bisecting-k-means-w6-r0-c100";
    assertThat(metadata("clusters", bisected).quality().l0()).isBetween(0.5, 1.0);
    assertThat(metadata("clusters", bisected).quality().fvu()).isBetween(0.05, 0.99);
    for (int latent = 0; latent < 6; latent++) {
      assertThat(dictionary("clusters", bisected).decoder().norm(latent))
          .isCloseTo(1, within(1e-5));
    }
  }

  @Test
  void factorsAreOfActivationsWithoutNegativeNumbersAlone() throws IOException {
    String grid = "{type=nmf,width=12,rows=" + ROWS + ",iterations=5}";
    Job.Result result = run(settings("nmf", grid, "sites=[\"" + SITE + "\",\"" + POSITIVE + "\"]"));
    assertThat(result.lines())
        .anySatisfy(
            line ->
                assertThat(line)
                    .contains("FAILED: nmf wants activations without negative numbers", SITE));
    String id = "independent-" + POSITIVE + "-nmf-w12-rows" + ROWS + "-iterations5-r0-c100";
    Dictionary factors = dictionary("nmf", id);
    assertThat(factors.inputMean()).containsOnly(0);
    for (int latent = 0; latent < 12; latent++) {
      assertThat(Arrays.stream(decoder(factors, latent)).min().orElseThrow()).isNotNegative();
    }
    assertThat(metadata("nmf", id).quality().fvu()).isBetween(0.0, 0.7);
    // The encoder is the ridge regression on the factors.
    for (int latent = 0; latent < 12; latent++) {
      for (int column = 0; column < 12; column++) {
        double left = 1e-3 * factors.encoder().at(column, latent);
        for (int other = 0; other < 12; other++) {
          double between = 0;
          for (int row = 0; row < 12; row++) {
            between +=
                (double) factors.decoder().at(row, column) * factors.decoder().at(row, other);
          }
          left += between * factors.encoder().at(other, latent);
        }
        assertThat(left).isCloseTo(factors.decoder().at(latent, column), within(1e-3));
      }
    }
    assertThatThrownBy(() -> run(settings("none", grid)))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("no dictionary could be trained")
        .hasMessageContaining("nmf wants activations without negative numbers");
  }

  @Test
  void aPlanOfThemAloneTellsWhatTheyTake() {
    SparkSession spark = TestSpark.local(1).getOrCreate();
    try {
      Job.Plan plan =
          new Train().plan(spark, settings("planned", "{type=pca,width=6,rows=" + ROWS + "}"));
      assertThat(plan.lines().get("fitted"))
          .startsWith("1 dictionaries more by Spark MLlib")
          .contains(new ByteSize(ROWS * 12 * 12).toString());
      assertThat(plan.lines()).doesNotContainKey("memory per task");
    } finally {
      spark.stop();
    }
  }

  /** MLlib draws directions in the order in which partitions of a shuffle come. */
  @Test
  void aNumberOfPartitionsThatDecidesIsRefused() {
    SparkSession spark = TestSpark.local(1).config("spark.default.parallelism", 3).getOrCreate();
    try {
      assertThatThrownBy(
              () ->
                  new Train().run(spark, settings("parallel", "{type=bisecting-k-means,width=6}")))
          .isInstanceOf(Failure.class)
          .hasMessageContaining("spark.default.parallelism")
          .hasMessageContaining("got 3");
    } finally {
      spark.stop();
    }
  }

  /** Beside others, however many cores and partitions, and in a chain each by itself. */
  @Test
  void bytesAreTheSameWhateverTheCluster() {
    String grid =
        "{type=pca,width=6},{type=k-means,width=6},{type=bisecting-k-means,width=6},"
            + "{type=nmf,width=6,rows=100,iterations=2},{type=top-k,width=24,k=3}";
    String[] more = {
      "sites=[\"" + POSITIVE + "\"]",
      "types.bisecting-k-means.rows=300",
      "types.bisecting-k-means.iterations=3",
      "types.k-means.iterations=3",
      "training.tokens=1000",
      "training.link-tokens=500"
    };
    Manifest one = run(settings("one", grid, more), 1).manifest();
    Manifest four = run(settings("four", grid, more), 4).manifest();
    assertThat(checksums(four)).isEqualTo(checksums(one));
    assertThat(one.files().stream().map(PublishedFile::path))
        .contains(
            "independent-" + POSITIVE + "-k-means-w6-r0-c100/dictionary.safetensors",
            "chain-" + POSITIVE + "-top-k-w24-k3-r0-c100/dictionary.safetensors");
    assertThat(run(settings("one", grid, more), 2).alreadyDone()).isTrue();
  }

  @Test
  void whatMakesNoSenseIsRefused() {
    assertThatThrownBy(() -> settings("x", "{type=pca,width=7}"))
        .hasMessageContaining("dictionaries.0.width must be even for type pca")
        .hasMessageContaining("got 7");
    assertThatThrownBy(() -> settings("x", "{type=pca,width=6,k=3}"))
        .hasMessageContaining(
            "dictionaries.0.k does not belong to type pca, which has width, rows");
    assertThatThrownBy(() -> settings("x", "{type=k-means,width=6}", "mode=crosscoder"))
        .hasMessageContaining("dictionaries.0 must be of a kind whose decoder norms are free");
    assertThatThrownBy(
            () -> settings("x", "{type=nmf,width=6}", "targets={\"" + SITE + "\"=other}"))
        .hasMessageContaining("type nmf cannot");
    assertThatThrownBy(() -> settings("x", "{type=k-means,width=6,iterations=0,rows=1}"))
        .hasMessageContaining("iterations must be at least 1, got 0")
        .hasMessageContaining("rows must be at least 2, got 1");
    assertThatThrownBy(() -> run(settings("x", "{type=pca,width=26}")))
        .hasMessageContaining("width can be at most 24, got 26");
    assertThatThrownBy(() -> run(settings("x", "{type=k-means,width=6,rows=5}")))
        .hasMessageContaining("clusters in 5 rows, width wants 6");
  }
}
