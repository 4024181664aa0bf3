package dev.ontogeny.job.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.job.DictionaryFixture;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole job in one JVM, against the obvious way in double precision. */
class MeasureTest {
  private static final String SITE = DatasetFixture.SITE;
  private static final int WIDTH = 200;
  private static final int K = 6;
  private static final int TOP = 4;
  private static final int QUANTILES = 3;
  private static final int PER_QUANTILE = 2;
  private static final int BEFORE = 3;
  private static final int AFTER = 2;

  @TempDir private static Path folder;
  private static SparkSession spark;
  private static ShardedDataset dataset;
  private static DictionaryFolder dictionaries;
  private static Manifest manifest;

  @BeforeAll
  static void measure() throws Exception {
    spark = TestSpark.local(2).getOrCreate();
    dataset =
        DatasetFixture.publish(
            Folder.of(folder.resolve("dataset").toString()),
            new PlantedActivations(PlantedActivations.Plan.of(1, 24, 30, 6)),
            new DatasetFixture.Settings(7, 5, 1, 70),
            VectorType.FLOAT16,
            SITE);
    Folder trained = Folder.of(folder.resolve("dictionaries").toString());
    DictionaryFixture.publish(trained, dataset, SITE, WIDTH, K);
    dictionaries = DictionaryFolder.open(trained);
    manifest = run("features").manifest();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Job.Result run(String output, String... more) {
    return new Measure().run(spark, settings(output, more));
  }

  private static MeasureSettings settings(String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dataset=" + folder.resolve("dataset"),
                "dictionaries=" + folder.resolve("dictionaries"),
                "output=" + folder.resolve(output),
                "top-examples=" + TOP,
                "quantiles=" + QUANTILES,
                "examples-per-quantile=" + PER_QUANTILE,
                "context-window.before=" + BEFORE,
                "context-window.after=" + AFTER,
                "replicates=20",
                "block-rows=1024",
                "features-per-file=128",
                "checkpoints-per-unit=4",
                "batch-rows=300"));
    assignments.addAll(List.of(more));
    return SettingsReader.read(MeasureSettings.class, "measure", null, assignments);
  }

  private static List<Map<String, Object>> table(String name) throws Exception {
    return TestSpark.table(Folder.of(folder.resolve("features").toString()), manifest, name);
  }

  private static Map<Integer, Map<String, Object>> byFeature(String table, String dictionary)
      throws Exception {
    Map<Integer, Map<String, Object>> result = new TreeMap<>();
    for (Map<String, Object> row : table(table)) {
      if (row.get("dictionary").equals(dictionary)) {
        assertThat(result.put((Integer) row.get("feature"), row)).isNull();
      }
    }
    return result;
  }

  /** All rows with their codes, by the formulas. */
  private static final class Twin {
    final List<Object[]> tokens = new ArrayList<>();
    final List<double[]> codes = new ArrayList<>();
    final List<double[]> scaled = new ArrayList<>();
    final List<Boolean> heldOut = new ArrayList<>();
    final Map<List<Object>, Integer> place = new HashMap<>();
    final Dictionary dictionary;

    Twin(DictionaryMetadata metadata) throws Exception {
      dictionary = DictionaryFolder.read(dictionaries.folder(), metadata.id());
      int inputs = dictionary.inputs();
      for (int shard = 0; shard < dataset.summary().shards(); shard++) {
        int rows = (int) dataset.rows(shard);
        FloatMatrix x = FloatMatrix.zeros(rows, inputs);
        try (VectorReader vectors =
                dataset.vectors(SITE, metadata.sources().get(0).checkpoint(), shard);
            TableReader table =
                TableReader.open(dataset.folder(), dataset.tokensFile(shard).path())) {
          assertThat(vectors.read(x)).isEqualTo(rows);
          for (int r = 0; r < rows; r++) {
            Object[] token = table.next();
            place.put(List.of(token[0], token[1]), tokens.size());
            Object[] addressed = Arrays.copyOf(token, token.length + 2);
            addressed[token.length] = shard;
            addressed[token.length + 1] = r;
            tokens.add(addressed);
            heldOut.add(dataset.heldOut(shard));
            double[] row = new double[inputs];
            for (int i = 0; i < inputs; i++) {
              row[i] =
                  (x.at(r, i) - (double) dictionary.inputMean()[i]) * dictionary.inputScale()[0];
            }
            scaled.add(row);
            codes.add(code(row));
          }
        }
      }
    }

    private double[] code(double[] row) {
      double[] pre = new double[WIDTH];
      for (int f = 0; f < WIDTH; f++) {
        pre[f] = dictionary.encoderBias()[f];
        for (int i = 0; i < row.length; i++) {
          pre[f] += (row[i] - dictionary.decoderBias()[i]) * dictionary.encoder().at(i, f);
        }
        pre[f] = Math.max(pre[f], 0);
      }
      double least = Arrays.stream(pre).sorted().toArray()[WIDTH - K];
      return Arrays.stream(pre).map(p -> p >= least ? p : 0).toArray();
    }

    double[] reconstruction(int row) {
      double[] y = new double[dictionary.inputs()];
      for (int i = 0; i < y.length; i++) {
        y[i] = dictionary.decoderBias()[i];
        for (int f = 0; f < WIDTH; f++) {
          y[i] += codes.get(row)[f] * dictionary.decoder().at(f, i);
        }
      }
      return y;
    }

    int rows() {
      return codes.size();
    }

    List<Integer> firing(int feature) {
      return IntStream.range(0, rows()).filter(r -> codes.get(r)[feature] > 0).boxed().toList();
    }
  }

  @Test
  void everyFeatureHasItsNumbers() throws Exception {
    assertThat(table("features")).hasSize(7 * WIDTH);
    for (DictionaryMetadata metadata : dictionaries.dictionaries()) {
      Twin twin = new Twin(metadata);
      Map<Integer, Map<String, Object>> rows = byFeature("features", metadata.id());
      assertThat(rows.keySet()).hasSize(WIDTH);
      Map<Integer, Map<String, Object>> histograms = byFeature("histograms", metadata.id());
      double largest = twin.codes.stream().flatMapToDouble(Arrays::stream).max().orElseThrow();
      for (int f = 0; f < WIDTH; f++) {
        int feature = f;
        Map<String, Object> row = rows.get(f);
        double[] values =
            twin.firing(f).stream().mapToDouble(r -> twin.codes.get(r)[feature]).sorted().toArray();
        assertThat(row.get("site")).isEqualTo(SITE);
        assertThat(row.get("checkpoint")).isEqualTo(metadata.sources().get(0).checkpoint());
        assertThat(row.get("count")).isEqualTo((long) values.length);
        assertThat(row.get("firing_rate")).isEqualTo((double) values.length / twin.rows());
        assertThat((Double) row.get("decoder_norm")).isCloseTo(1, within(1e-6));
        assertThat((Double) row.get("encoder_norm")).isCloseTo(1.5, within(1e-6));
        if (values.length == 0) {
          assertThat(f % 5 == 4 || metadata.k() < WIDTH).isTrue();
          for (String undefined : List.of("mean", "variance", "maximum", "q10", "q50", "q99")) {
            assertThat(row.get(undefined)).isNull();
          }
          assertThat(histograms).doesNotContainKey(f);
          continue;
        }
        double mean = Arrays.stream(values).average().orElseThrow();
        assertThat((Double) row.get("mean")).isCloseTo(mean, within(1e-5 * largest));
        assertThat((Double) row.get("maximum"))
            .isCloseTo(values[values.length - 1], within(1e-5 * largest));
        assertThat((Double) row.get("variance"))
            .isCloseTo(
                Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElseThrow(),
                within(1e-4 * largest * largest));
        double median = values[(int) Math.ceil(0.5 * values.length) - 1];
        assertThat((Double) row.get("q50")).isBetween(0.88 * median, 1.13 * median);
        long[] counts = (long[]) histograms.get(f).get("count");
        double[] lower = (double[]) histograms.get(f).get("lower");
        assertThat(Arrays.stream(counts).sum()).isEqualTo(values.length);
        assertThat(lower).hasSameSizeAs(counts).isSorted();
        assertThat(lower[0]).isLessThanOrEqualTo(values[0] * 1.00001);
      }
      assertThat(rows.get(WIDTH - 1).get("count")).isEqualTo(0L);
      assertThat(rows.get(WIDTH - 1).get("nearest_feature")).isEqualTo(nearest(twin, WIDTH - 1));
      assertThat((Double) rows.get(3).get("nearest_cosine"))
          .isCloseTo(cosine(twin, 3, nearest(twin, 3)), within(1e-5));
    }
  }

  private static double cosine(Twin twin, int a, int b) {
    return IntStream.range(0, twin.dictionary.inputs())
        .mapToDouble(
            i -> (double) twin.dictionary.decoder().at(a, i) * twin.dictionary.decoder().at(b, i))
        .sum();
  }

  private static int nearest(Twin twin, int feature) {
    return IntStream.range(0, WIDTH)
        .filter(other -> other != feature)
        .boxed()
        .max(Comparator.comparingDouble(other -> cosine(twin, feature, other)))
        .orElseThrow();
  }

  @Test
  void examplesStandWhereTheySayWithTheirContext() throws Exception {
    DictionaryMetadata metadata = dictionaries.dictionaries().get(2);
    Twin twin = new Twin(metadata);
    Map<Integer, List<Map<String, Object>>> top = new TreeMap<>();
    Map<Integer, List<Map<String, Object>>> sampled = new TreeMap<>();
    for (Map<String, Object> row : table("examples")) {
      if (row.get("dictionary").equals(metadata.id())) {
        (row.get("kind").equals("top") ? top : sampled)
            .computeIfAbsent((Integer) row.get("feature"), none -> new ArrayList<>())
            .add(row);
      }
    }
    int shortened = 0;
    for (int f = 0; f < WIDTH; f++) {
      int feature = f;
      List<Integer> firing = new ArrayList<>(twin.firing(f));
      if (firing.isEmpty()) {
        assertThat(top).doesNotContainKey(f);
        continue;
      }
      List<Double> largest =
          firing.stream()
              .map(r -> twin.codes.get(r)[feature])
              .sorted(Comparator.reverseOrder())
              .limit(TOP)
              .toList();
      assertThat(top.get(f)).hasSameSizeAs(largest);
      for (int rank = 0; rank < largest.size(); rank++) {
        Map<String, Object> row = top.get(f).get(rank);
        assertThat(row.get("rank")).isEqualTo(rank);
        assertThat((Double) row.get("value")).isCloseTo(largest.get(rank), within(1e-4));
      }
      assertThat(sampled.get(f)).hasSize(Math.min(firing.size(), QUANTILES * PER_QUANTILE));
      double before = 0;
      for (Map<String, Object> row : sampled.get(f)) {
        assertThat((Double) row.get("value")).isGreaterThanOrEqualTo(before);
        before = (Double) row.get("value");
      }
      if (firing.size() >= QUANTILES * PER_QUANTILE) {
        assertThat(sampled.get(f).stream().map(row -> row.get("rank")))
            .containsExactly(0, 0, 1, 1, 2, 2);
      }
      List<Map<String, Object>> all = new ArrayList<>(top.get(f));
      all.addAll(sampled.get(f));
      for (Map<String, Object> row : all) {
        int at = twin.place.get(List.of(row.get("document"), row.get("position")));
        Object[] token = twin.tokens.get(at);
        assertThat(row.get("token")).isEqualTo(token[3]);
        assertThat(row.get("shard")).isEqualTo(token[token.length - 2]);
        assertThat(row.get("row")).isEqualTo(token[token.length - 1]);
        assertThat((Double) row.get("value")).isCloseTo(twin.codes.get(at)[f], within(1e-4));
        int position = (Integer) row.get("position");
        int start = Math.max(0, position - BEFORE);
        int end = Math.min(63, position + AFTER);
        shortened += end - start < BEFORE + AFTER ? 1 : 0;
        assertThat(row.get("context_start")).isEqualTo(start);
        String[] tokens = (String[]) row.get("context_tokens");
        float[] values = (float[]) row.get("context_values");
        assertThat(tokens).hasSize(end - start + 1);
        for (int p = start; p <= end; p++) {
          int neighbour = twin.place.get(List.of(row.get("document"), p));
          assertThat(tokens[p - start]).isEqualTo(twin.tokens.get(neighbour)[3]);
          assertThat((double) values[p - start])
              .isCloseTo(twin.codes.get(neighbour)[f], within(1e-4));
        }
      }
    }
    assertThat(shortened).isPositive();
  }

  @Test
  void tokensAndLabelsAreCounted() throws Exception {
    DictionaryMetadata metadata = dictionaries.dictionaries().get(5);
    Twin twin = new Twin(metadata);
    Map<Integer, List<Map<String, Object>>> tokens = new TreeMap<>();
    for (Map<String, Object> row : table("top_tokens")) {
      if (row.get("dictionary").equals(metadata.id())) {
        tokens.computeIfAbsent((Integer) row.get("feature"), none -> new ArrayList<>()).add(row);
      }
    }
    int labelled = 0;
    for (Map<String, Object> row : table("labels")) {
      if (!row.get("dictionary").equals(metadata.id())) {
        continue;
      }
      labelled++;
      int column = Objects.equals(row.get("label"), PlantedActivations.LABELS.get(0)) ? 4 : 5;
      List<Integer> firing = twin.firing((Integer) row.get("feature"));
      long with =
          twin.tokens.stream().filter(t -> Objects.equals(t[column], row.get("value"))).count();
      long known = firing.stream().filter(r -> twin.tokens.get(r)[column] != null).count();
      long both =
          firing.stream()
              .filter(r -> Objects.equals(twin.tokens.get(r)[column], row.get("value")))
              .count();
      double precision = (double) both / known;
      double recall = (double) both / with;
      assertThat(row.get("count")).isEqualTo(both);
      assertThat((Double) row.get("precision")).isCloseTo(precision, within(1e-12));
      assertThat((Double) row.get("recall")).isCloseTo(recall, within(1e-12));
      assertThat((Double) row.get("f1"))
          .isCloseTo(2 * precision * recall / (precision + recall), within(1e-12));
    }
    assertThat(labelled).isGreaterThan(WIDTH);
    for (Map.Entry<Integer, List<Map<String, Object>>> entry : tokens.entrySet()) {
      Map<String, Long> counts = new HashMap<>();
      twin.firing(entry.getKey())
          .forEach(r -> counts.merge((String) twin.tokens.get(r)[3], 1L, Long::sum));
      List<Long> most =
          counts.values().stream().sorted(Comparator.reverseOrder()).limit(10).toList();
      assertThat(entry.getValue().stream().map(row -> row.get("count"))).isEqualTo(most);
      for (int rank = 0; rank < most.size(); rank++) {
        Map<String, Object> row = entry.getValue().get(rank);
        assertThat(row.get("rank")).isEqualTo(rank);
        assertThat(counts.get((String) row.get("token"))).isEqualTo(row.get("count"));
      }
    }
  }

  /** The figures by SAEBench's names beside those of all rows of the split, one by one. */
  private void assertSaeBench(Twin twin, List<Integer> rows, Map<String, Object> split)
      throws Exception {
    Map<String, Object> found =
        table("quality").stream()
            .filter(
                row ->
                    Stream.of("dictionary", "checkpoint", "split")
                        .allMatch(key -> row.get(key).equals(split.get(key))))
            .findAny()
            .orElseThrow();
    double[] sums = new double[7];
    for (int r : rows) {
      double[] reconstructed = twin.reconstruction(r);
      double[] of = new double[5];
      for (int i = 0; i < reconstructed.length; i++) {
        double scale = twin.dictionary.inputScale()[0];
        double mean = twin.dictionary.inputMean()[i];
        double x = twin.scaled.get(r)[i] / scale + mean;
        double y = reconstructed[i] / scale + mean;
        of[0] += (x - y) * (x - y);
        of[1] += x * x;
        of[2] += y * y;
        of[3] += x * y;
        of[4] += (x - mean) * (x - mean);
      }
      for (int i = 0; i < 4; i++) {
        sums[i] += of[i] / rows.size();
      }
      sums[4] += (1 - of[0] / of[4]) / rows.size();
      sums[5] += Math.sqrt(of[1]) / rows.size();
      sums[6] += Math.sqrt(of[2]) / rows.size();
    }
    double width = twin.dictionary.inputs();
    Map<String, Double> expected =
        Map.of(
            "mse", sums[0],
            "explained_variance", 1 - sums[0] / (sums[1] - Math.pow(sums[1] / width, 2)),
            "explained_variance_legacy", sums[4],
            "l2_norm_in", sums[5],
            "l2_norm_out", sums[6],
            "relative_reconstruction_bias", sums[2] / sums[3],
            "l1",
                rows.stream().mapToDouble(r -> Arrays.stream(twin.codes.get(r)).sum()).sum()
                    / rows.size());
    assertThat(found.get("rows")).isEqualTo((long) rows.size());
    expected.forEach(
        (name, value) ->
            assertThat((Double) found.get(name))
                .as(name)
                .isCloseTo(value, within(1e-4 * Math.max(1, Math.abs(value)))));
  }

  @Test
  void qualityIsThatOfEachSplit() throws Exception {
    assertThat(table("dictionaries")).hasSize(14);
    DictionaryMetadata metadata = dictionaries.dictionaries().get(3);
    Twin twin = new Twin(metadata);
    for (Map<String, Object> row : table("dictionaries")) {
      if (!row.get("dictionary").equals(metadata.id())) {
        continue;
      }
      boolean heldOut = row.get("split").equals("held_out");
      List<Integer> rows =
          IntStream.range(0, twin.rows())
              .filter(r -> twin.heldOut.get(r) == heldOut)
              .boxed()
              .toList();
      int inputs = twin.dictionary.inputs();
      double[] mean = new double[inputs];
      for (int r : rows) {
        for (int i = 0; i < inputs; i++) {
          mean[i] += twin.scaled.get(r)[i] / rows.size();
        }
      }
      double error = 0;
      double total = 0;
      double l0 = 0;
      for (int r : rows) {
        double[] y = twin.reconstruction(r);
        for (int i = 0; i < inputs; i++) {
          error += Math.pow(twin.scaled.get(r)[i] - y[i], 2);
          total += Math.pow(twin.scaled.get(r)[i] - mean[i], 2);
        }
        l0 += Arrays.stream(twin.codes.get(r)).filter(c -> c > 0).count();
      }
      long alive =
          IntStream.range(0, WIDTH)
              .filter(f -> rows.stream().anyMatch(r -> twin.codes.get(r)[f] > 0))
              .count();
      assertThat(row.get("rows")).isEqualTo((long) rows.size());
      assertThat((Double) row.get("fvu")).isCloseTo(error / total, within(1e-4));
      assertThat((Double) row.get("l0")).isCloseTo(l0 / rows.size(), within(1e-9));
      assertThat((Double) row.get("dead_share"))
          .isCloseTo(1 - (double) alive / WIDTH, within(1e-9));
      assertThat((Double) row.get("cosine")).isBetween(-1.0, 1.0);
      assertThat((Double) row.get("norm_ratio")).isPositive();
      assertSaeBench(twin, rows, row);
    }
    List<Map<String, Object>> bootstrap = table("bootstrap");
    assertThat(bootstrap).hasSize(7 * 6);
    for (Map<String, Object> row : bootstrap) {
      double[] replicates = (double[]) row.get("replicates");
      double value = (Double) row.get("value");
      assertThat(replicates).hasSize(20);
      double spread =
          Arrays.stream(replicates).max().orElseThrow()
              - Arrays.stream(replicates).min().orElseThrow();
      // The share of live features of a resample is never above that of the whole.
      assertThat(Arrays.stream(replicates).average().orElseThrow())
          .isCloseTo(value, within(spread + 1e-9));
    }
  }

  @Test
  void chainsHaveTheirOverlapsAcrossUnits() throws Exception {
    List<Map<String, Object>> overlaps = table("overlaps");
    assertThat(overlaps).hasSize(5 * WIDTH);
    List<DictionaryMetadata> chain =
        dictionaries.dictionaries().stream()
            .filter(each -> each.series() != null)
            .sorted(Comparator.comparingInt(DictionaryMetadata::seriesIndex))
            .toList();
    List<Twin> twins = new ArrayList<>();
    for (DictionaryMetadata each : chain) {
      twins.add(new Twin(each));
    }
    for (Map<String, Object> row : overlaps) {
      int t = (int) ((Long) row.get("checkpoint") / 100);
      int feature = (Integer) row.get("feature");
      assertThat(row.get("series")).isEqualTo(chain.get(0).series());
      assertThat(row.get("checkpoint_previous")).isEqualTo(100L * (t - 1));
      List<Integer> now = twins.get(t).firing(feature);
      List<Integer> before = twins.get(t - 1).firing(feature);
      assertThat(row.get("count")).isEqualTo((long) now.size());
      assertThat(row.get("count_previous")).isEqualTo((long) before.size());
      assertThat(row.get("both")).isEqualTo(now.stream().filter(before::contains).count());
    }
  }

  @Test
  void theGeometryOfEveryCheckpointIsToldOnce() throws Exception {
    List<Map<String, Object>> rows = table("geometry");
    List<Long> checkpoints = dataset.site(SITE).checkpoints();
    assertThat(rows).hasSize(4 * checkpoints.size());
    assertThat(manifest.table("geometry"))
        .extracting(PublishedFile::site, PublishedFile::checkpoint)
        .containsExactlyInAnyOrderElementsOf(
            checkpoints.stream().map(step -> tuple(SITE, step)).toList());
    for (long checkpoint : checkpoints) {
      List<double[]> vectors = new ArrayList<>();
      for (int shard = 0; shard < dataset.summary().shards(); shard++) {
        FloatMatrix x = FloatMatrix.zeros((int) dataset.rows(shard), dataset.site(SITE).width());
        try (VectorReader reader = dataset.vectors(SITE, checkpoint, shard)) {
          assertThat(reader.read(x)).isEqualTo(x.rows());
        }
        for (int r = 0; r < x.rows(); r++) {
          double[] row = new double[x.columns()];
          double square = 0;
          for (int i = 0; i < row.length; i++) {
            row[i] = x.at(r, i);
            square += row[i] * row[i];
          }
          double norm = Math.sqrt(square);
          vectors.add(norm == 0 ? row : Arrays.stream(row).map(each -> each / norm).toArray());
        }
      }
      double[] sum = new double[vectors.get(0).length];
      vectors.forEach(row -> Arrays.setAll(sum, i -> sum[i] + row[i]));
      double n = vectors.size();
      double square = Arrays.stream(sum).map(each -> each * each).sum();
      double[] covariance = dataset.moments(SITE, checkpoint).covariance();
      double trace =
          IntStream.range(0, sum.length).mapToDouble(i -> covariance[i * sum.length + i]).sum();
      double squares = Arrays.stream(covariance).map(each -> each * each).sum();
      for (Map<String, Object> row : rows) {
        if (!row.get("checkpoint").equals(checkpoint)) {
          continue;
        }
        double value = (Double) row.get("value");
        assertThat((Double) row.get("lower")).isLessThan(value);
        assertThat((Double) row.get("upper")).isGreaterThan(value);
        assertThat(row.get("rows")).isEqualTo(dataset.summary().rows());
        if (row.get("statistic").equals("anisotropy")) {
          assertThat(value).isCloseTo((square - n) / n / (n - 1), within(1e-6));
        } else if (row.get("statistic").equals("participation_ratio")) {
          assertThat(value).isCloseTo(trace * trace / squares, within(1e-8));
        }
      }
    }
  }

  @Test
  void bytesDoNotDependOnHowTheWorkIsDivided() throws Exception {
    List<String> expected = contents(manifest);
    assertThat(
            contents(
                run("one", "tasks=1", "checkpoints-per-unit=1", "dictionaries-per-scan=1")
                    .manifest()))
        .isEqualTo(expected);
    assertThat(contents(run("three", "tasks=3", "batch-rows=77").manifest())).isEqualTo(expected);
  }

  /** Everything that may not differ: where files belong, their rows and checksums. */
  private static List<String> contents(Manifest of) {
    return of.files().stream()
        .map(
            file ->
                String.join(
                    " ",
                    file.table(),
                    Objects.toString(file.dictionary()),
                    Long.toString(file.rows()),
                    file.sha256()))
        .sorted()
        .toList();
  }

  @Test
  void runningAgainHasNothingToDo() {
    Job.Result again = run("features");
    assertThat(again.alreadyDone()).isTrue();
    assertThat(again.manifest().identity()).isEqualTo(manifest.identity());
    assertThat(again.lines()).containsExactly("1400 features of 7 dictionaries over 4480 rows");
  }

  @Test
  void aRunThatWasCutOffDoesOnlyWhatIsMissing() throws Exception {
    Path vectors;
    try (Stream<Path> files = Files.walk(folder.resolve("dataset"))) {
      vectors =
          files
              .filter(file -> file.toString().contains("checkpoint-500/shard-00001"))
              .findFirst()
              .orElseThrow();
    }
    Path aside = folder.resolve("aside");
    Files.move(vectors, aside);
    assertThatThrownBy(() -> run("resumed"))
        .satisfies(
            thrown ->
                assertThat(Failure.in(thrown).orElseThrow())
                    .hasMessageContaining("is named by the manifest but does not exist"));
    Files.move(aside, vectors);
    Path resumed = folder.resolve("resumed");
    assertThat(resumed.resolve("_manifest.json")).doesNotExist();
    List<String> done = parquetFiles(resumed.resolve("features"));
    assertThat(done).isNotEmpty();
    Manifest whole = run("resumed").manifest();
    assertThat(contents(whole)).isEqualTo(contents(manifest));
    assertThat(parquetFiles(resumed.resolve("features"))).containsAll(done);
    assertThat(resumed.resolve("_progress")).doesNotExist();
  }

  private static List<String> parquetFiles(Path of) throws Exception {
    try (Stream<Path> files = Files.list(of)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".parquet") && !file.startsWith("."))
          .toList();
    }
  }

  @Test
  void withoutContextTokensAndSamplesLessIsPublished() throws Exception {
    Manifest little =
        run(
                "little",
                "context-window.before=0",
                "context-window.after=0",
                "top-tokens=0",
                "maximum-labels=0",
                "examples-per-quantile=0",
                "replicates=0")
            .manifest();
    assertThat(little.table("top_tokens")).isEmpty();
    assertThat(little.table("labels")).isEmpty();
    assertThat(little.table("examples").mapToLong(PublishedFile::rows).sum()).isPositive();
    assertThat(little.table("features").mapToLong(PublishedFile::rows).sum()).isEqualTo(7 * WIDTH);
  }

  @Test
  void thePlanSaysWhatItTakes() {
    Map<String, String> lines = new Measure().plan(spark, settings("never")).lines();
    assertThat(lines).containsEntry("dictionaries", "7 in 2 units");
    assertThat(lines.get("rows")).startsWith("4480 in ");
    assertThat(lines)
        .containsKeys(
            "bytes read",
            "tasks",
            "FLOPs",
            "memory per scanning task",
            "memory per merging task",
            "codes on local disks");
    assertThat(folder.resolve("never")).doesNotExist();
    // By ND4J all latents are decoded, whether they fire or not.
    Map<String, String> dense = new Measure().plan(spark, settings("never", "kernel=nd4j")).lines();
    assertThat(Double.parseDouble(dense.get("FLOPs")))
        .isGreaterThan(Double.parseDouble(lines.get("FLOPs")));
  }

  @Test
  void aVocabularyBeyondItsLimitIsRefused() {
    assertThatThrownBy(() -> run("vocabulary", "maximum-vocabulary=3"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("more than maximum-vocabulary = 3 different tokens");
  }

  @Test
  void settingsAreHeldToTheirBounds() {
    assertThatThrownBy(() -> settings("x", "top-examples=0", "features-per-file=200"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("top-examples must be between 1 and 10000, got 0")
        .hasMessageContaining("features-per-file must be a multiple of 128, got 200");
  }
}
