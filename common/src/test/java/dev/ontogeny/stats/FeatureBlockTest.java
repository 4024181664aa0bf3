package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Against the obvious way with boxed numbers, one feature at a time. */
class FeatureBlockTest {
  private static final int ROWS = 1500;
  private static final int WIDTH = 9;
  private static final int FIRST = 3;
  private static final int FEATURES = 5;
  private static final int REPLICATES = 70;
  private static final FeatureBlock.Shape SHAPE =
      new FeatureBlock.Shape(4, 10, 17, true, 5, REPLICATES, 2);

  private final float[][] codes = codes(11);
  private final float[][] before = codes(12);
  private final RowAttributes rows = attributes();

  /** Feature 5 never fires; the last feature is dense. */
  private static float[][] codes(long seed) {
    Random random = new Random(seed);
    float[][] codes = new float[ROWS][WIDTH];
    for (float[] row : codes) {
      for (int f = 0; f < WIDTH; f++) {
        if (f != 5 && random.nextInt(WIDTH) <= f) {
          row[f] = (float) Math.exp(random.nextGaussian());
        }
      }
    }
    return codes;
  }

  private static RowAttributes attributes() {
    Random random = new Random(13);
    long[] addresses =
        IntStream.range(0, ROWS).mapToLong(r -> RowAddress.of(r / 500, r % 500)).toArray();
    int[] tokens = IntStream.range(0, ROWS).map(r -> random.nextInt(40) - 1).toArray();
    int[] colour = IntStream.range(0, ROWS).map(r -> random.nextInt(4) - 1).toArray();
    int[] shape = IntStream.range(0, ROWS).map(r -> 3 + random.nextInt(2)).toArray();
    Bootstrap bootstrap = new Bootstrap(1, REPLICATES);
    long[] documents = IntStream.range(0, ROWS).mapToLong(r -> bootstrap.document(r % 3)).toArray();
    byte[] weights = bootstrap.weights(documents);
    return new RowAttributes(
        addresses,
        documents,
        false,
        tokens,
        new int[][] {colour, shape},
        weights,
        bootstrap.masks(weights, ROWS));
  }

  static CodesByFeature byFeature(float[][] codes, int width) {
    CodesByFeature.Builder builder = new CodesByFeature.Builder(width);
    SparseCodes batch = new SparseCodes(width);
    for (int from = 0; from < codes.length; from += 600) {
      int count = Math.min(600, codes.length - from);
      batch.reset(count, count * width);
      int size = 0;
      for (int r = 0; r < count; r++) {
        for (int f = 0; f < width; f++) {
          if (codes[from + r][f] != 0) {
            batch.indices()[size] = f;
            batch.values()[size++] = codes[from + r][f];
          }
        }
        batch.starts()[r + 1] = size;
      }
      builder.add(batch);
    }
    return builder.build();
  }

  /** Twice the number of a feature along the second source, its square along the first. */
  private static LatentScaling scaling() {
    LatentScaling scaling = new LatentScaling(WIDTH, 2);
    for (int f = 0; f < WIDTH; f++) {
      scaling.add(f, 1);
      scaling.add(f, 0, f * f, 0, 0);
      scaling.add(f, 1, 0, 2 * f, 0);
    }
    return scaling;
  }

  private FeatureBlock block() {
    FeatureBlock block = new FeatureBlock(SHAPE, FIRST, FEATURES);
    block.add(byFeature(codes, WIDTH), rows, byFeature(before, WIDTH), scaling());
    return block;
  }

  /** What one statistic keeps of the same. */
  private <S extends Mergeable<S>> S kept(FeatureStatistic<S> statistic) {
    CodesByFeature turned = byFeature(codes, WIDTH);
    FeatureStatistic.Seen seen =
        new FeatureStatistic.Seen(
            turned,
            FIRST,
            turned.start(FIRST + FEATURES) - turned.start(FIRST),
            rows,
            byFeature(before, WIDTH),
            scaling(),
            new float[ROWS]);
    S kept = statistic.none(SHAPE, FIRST, FEATURES);
    for (int f = 0; f < FEATURES; f++) {
      statistic.add(kept, f, seen);
    }
    return kept;
  }

  private List<Integer> firing(int feature) {
    return IntStream.range(0, ROWS).filter(r -> codes[r][feature] != 0).boxed().toList();
  }

  @Test
  void turnedCodesAreTheCodes() {
    CodesByFeature turned = byFeature(codes, WIDTH);
    StatisticOutput out = new StatisticOutput();
    turned.write(out);
    CodesByFeature back = CodesByFeature.read(new StatisticInput(out.toBytes()));
    assertThat(back.blockRows()).isEqualTo(ROWS);
    assertThat(back.features()).isEqualTo(WIDTH);
    for (int r = 0; r < ROWS; r++) {
      for (int f = 0; f < WIDTH; f++) {
        assertThat(turned.at(f, r)).isEqualTo(codes[r][f]);
        assertThat(back.at(f, r)).isEqualTo(codes[r][f]);
      }
    }
  }

  @Test
  void sumsAndQuantilesAreThoseOfTheRows() {
    FeatureBlock block = block();
    LogHistogram histogram = kept(new CodeDistribution());
    for (int f = 0; f < FEATURES; f++) {
      double[] values = values(FIRST + f);
      assertThat(block.sums().count(f)).isEqualTo(values.length);
      if (values.length == 0) {
        assertThat(block.sums().mean(f)).isNaN();
        assertThat(histogram.quantile(f, 0.5, 0)).isNaN();
        continue;
      }
      double mean = Arrays.stream(values).average().orElseThrow();
      double variance =
          Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / values.length;
      assertThat(block.sums().mean(f)).isCloseTo(mean, within(1e-12 * mean * ROWS));
      assertThat(block.sums().variance(f)).isCloseTo(variance, within(1e-9));
      assertThat((double) block.sums().maximum(f)).isEqualTo(values[values.length - 1]);
      for (double q : new double[] {0.1, 0.5, 0.9, 0.99}) {
        double exact = values[(int) Math.ceil(q * values.length) - 1];
        double found = histogram.quantile(f, q, block.sums().maximum(f));
        assertThat(found).isBetween(exact / 1.125, exact * 1.125);
      }
    }
  }

  private double[] values(int feature) {
    return firing(feature).stream().mapToDouble(r -> codes[r][feature]).sorted().toArray();
  }

  @Test
  void examplesAreTheLargestAndAFixedSample() {
    ShownExamples.Kept examples = kept(new ShownExamples());
    for (int f = 0; f < FEATURES; f++) {
      int feature = FIRST + f;
      List<Long> largest =
          firing(feature).stream()
              .sorted(
                  Comparator.<Integer>comparingDouble(r -> -codes[r][feature])
                      .thenComparingLong(r -> rows.addresses()[r]))
              .limit(4)
              .map(r -> rows.addresses()[r])
              .toList();
      assertThat(examples.top().sorted(f)).extracting(e -> e.address()).isEqualTo(largest);
      var sample = examples.quantiles().sorted(f);
      assertThat(sample).hasSize(Math.min(10, firing(feature).size()));
      assertThat(sample).isSortedAccordingTo(Comparator.comparingDouble(e -> e.value()));
      assertThat(sample)
          .allSatisfy(
              e ->
                  assertThat(e.value())
                      .isEqualTo(
                          codes[500 * RowAddress.shard(e.address()) + RowAddress.row(e.address())][
                              feature]));
    }
    assertThat(IntStream.range(0, 7).map(i -> QuantileExamples.quantile(i, 7, 3)))
        .containsExactly(0, 0, 0, 1, 1, 2, 2);
  }

  @Test
  void aSampleIsUniform() {
    double[] means = new double[200];
    for (int seed = 0; seed < means.length; seed++) {
      QuantileExamples sample = new QuantileExamples(1, 0, 20, Seeds.of(seed, "sample"));
      for (int i = 0; i < 1000; i++) {
        sample.add(0, i, i);
      }
      means[seed] =
          Arrays.stream(sample.sorted(0)).mapToDouble(e -> e.value()).average().orElseThrow();
    }
    // The mean of 4000 draws from 0 … 999 has a standard deviation of 4.6.
    assertThat(Arrays.stream(means).average().orElseThrow()).isCloseTo(499.5, within(20.0));
  }

  @Test
  void tokensLabelsAndOverlapsAreCountedExactly() {
    FeatureBlock block = block();
    TokenCounts tokens = kept(new TopTokens());
    CountTable byLabel = kept(new LabelDetection());
    CountTable overlaps = kept(new CheckpointOverlaps());
    int[][] top = tokens.top(FEATURES, 6);
    for (int f = 0; f < FEATURES; f++) {
      Map<Integer, Long> counts = new TreeMap<>();
      Map<Integer, Long> labels = new HashMap<>();
      for (int r : firing(FIRST + f)) {
        if (rows.tokens()[r] >= 0) {
          counts.merge(rows.tokens()[r], 1L, Long::sum);
        }
        for (int[] label : rows.labels()) {
          labels.merge(label[r], 1L, Long::sum);
        }
      }
      List<Integer> expected = new ArrayList<>(counts.keySet());
      expected.sort(Comparator.<Integer>comparingLong(t -> -counts.get(t)));
      assertThat(Arrays.stream(top[f]).boxed().toList())
          .isEqualTo(expected.subList(0, Math.min(6, expected.size())));
      for (Map.Entry<Integer, Long> entry : counts.entrySet()) {
        assertThat(tokens.count(f, entry.getKey())).isEqualTo(entry.getValue());
      }
      for (int column = 0; column < 5; column++) {
        assertThat(byLabel.count(f, column)).isEqualTo(labels.getOrDefault(column, 0L));
      }
      int feature = FIRST + f;
      assertThat(overlaps.count(f, 0))
          .isEqualTo(firing(feature).stream().filter(r -> before[r][feature] != 0).count());
      assertThat(overlaps.count(f, 1))
          .isEqualTo(Arrays.stream(before).filter(row -> row[feature] != 0).count());
      for (int b = 0; b < REPLICATES; b++) {
        int replicate = b;
        assertThat(block.activity().active(f, b))
            .isEqualTo(
                firing(feature).stream()
                    .anyMatch(r -> rows.weights()[r * REPLICATES + replicate] > 0));
      }
    }
  }

  @Test
  void scalingIsThatOfTheFeaturesOfTheBlock() {
    LatentScaling part = kept(new SourcePresence());
    for (int f = 0; f < FEATURES; f++) {
      assertThat(part.error(f, 0, 1)).isEqualTo((FIRST + f) * (FIRST + f));
      assertThat(part.error(f, 1, 1)).isZero();
      assertThat(part.reconstruction(f, 1, 1)).isEqualTo(2 * (FIRST + f));
    }
  }

  /** A statistic must publish what the folder declares, and two must not share a table. */
  @Test
  void everyTableOfFeaturesBelongsToOneStatistic() {
    List<TableSchema> tables = new ArrayList<>(FeatureBlock.tables());
    RowStatistics.ALL.forEach(each -> tables.addAll(each.tables()));
    // What is published of dictionaries as a whole.
    tables.add(FeatureTables.DICTIONARIES);
    tables.add(FeatureTables.BOOTSTRAP);
    tables.add(FeatureTables.QUALITY);
    // And of probes, which have two passes of their own.
    tables.add(FeatureTables.PROBES);
    tables.add(FeatureTables.FEATURE_SPLITS);
    assertThat(tables)
        .extracting(TableSchema::name)
        .containsExactlyInAnyOrderElementsOf(
            FeatureTables.all(TableSchema.ColumnType.LONG).stream()
                .map(TableSchema::name)
                .toList());
  }

  @Test
  void whatADatasetLacksIsNeitherKeptNorSent() {
    FeatureBlock.Shape bare = new FeatureBlock.Shape(4, 10, 17, false, 0, REPLICATES, 0);
    RowAttributes lacking =
        new RowAttributes(
            rows.addresses(),
            rows.documents(),
            false,
            null,
            new int[0][],
            rows.weights(),
            rows.masks());
    FeatureBlock block = new FeatureBlock(bare, FIRST, FEATURES);
    block.add(byFeature(codes, WIDTH), lacking, null, null);
    FeatureBlock copy = new FeatureBlock(bare, FIRST, FEATURES);
    copy.mergeFrom(new StatisticInput(block.toBytes()));
    assertThat(copy.toBytes()).isEqualTo(block.toBytes());
    assertThat(block.toBytes().length).isLessThan(block().toBytes().length);
    assertThat(bare.memory(FEATURES, 40)).isLessThan(SHAPE.memory(FEATURES, 40));
  }

  @Test
  void aBlockOfRowsInPartsIsTheSame() {
    FeatureBlock whole = block();
    FeatureBlock copy = new FeatureBlock(SHAPE, FIRST, FEATURES);
    copy.mergeFrom(new StatisticInput(whole.toBytes()));
    assertThat(copy.toBytes()).isEqualTo(whole.toBytes());
    FeatureBlock twice = new FeatureBlock(SHAPE, FIRST, FEATURES);
    twice.merge(whole);
    twice.merge(whole);
    assertThat(twice.sums().count(0)).isEqualTo(2 * whole.sums().count(0));
    assertThat(SHAPE.memory(FEATURES, 40)).isGreaterThan(FEATURES * 1000L);
  }

  @Test
  void binsCutOctavesIntoEightAndHoldTheirCodes() {
    assertThat(LogHistogram.bin(0)).isZero();
    assertThat(LogHistogram.bin(-3)).isZero();
    assertThat(LogHistogram.bin(Float.MAX_VALUE)).isEqualTo(LogHistogram.BINS - 1);
    assertThat(LogHistogram.lower(1)).isEqualTo(0x1p-12);
    assertThat(LogHistogram.bin(1)).isEqualTo(1 + 12 * 8);
    assertThat(LogHistogram.lower(2 + 12 * 8)).isEqualTo(1.125);
    Random random = new Random(3);
    for (int i = 0; i < 10_000; i++) {
      float value = (float) Math.pow(2, random.nextDouble(-11, 11));
      int bin = LogHistogram.bin(value);
      assertThat((double) value)
          .isBetween(LogHistogram.lower(bin), Math.nextDown(LogHistogram.lower(bin + 1)));
    }
  }
}
