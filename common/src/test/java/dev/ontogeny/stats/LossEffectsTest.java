package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LossEffectsTest {
  private static final int ROWS = 600;
  private static final int WIDTH = 5;

  /** Of the second label nobody has the last value. */
  private static final List<LabelValues> LABELS =
      List.of(
          new LabelValues("colour", 0, new String[] {"blue", "red"}, new long[2], 0),
          new LabelValues("shape", 1, new String[] {"round", "square", "torn"}, new long[3], 2));

  private final Random random = new Random(4);
  private final float[][] vectors = gaussian(3);
  private final float[][] gradients = gaussian(0);
  private final double[] mean = new double[WIDTH];
  private final int[][] labels = {
    IntStream.range(0, ROWS).map(row -> row % 3 - 1).toArray(),
    IntStream.range(0, ROWS).map(row -> 2 + row / 10 % 2).toArray()
  };

  LossEffectsTest() {
    for (float[] vector : vectors) {
      for (int i = 0; i < WIDTH; i++) {
        mean[i] += (double) vector[i] / ROWS;
      }
    }
  }

  private float[][] gaussian(double centre) {
    float[][] rows = new float[ROWS][WIDTH];
    for (float[] row : rows) {
      for (int i = 0; i < WIDTH; i++) {
        row[i] = (float) (centre + random.nextGaussian());
      }
    }
    return rows;
  }

  private static long[] documents(int each) {
    Bootstrap bootstrap = new Bootstrap(3, 0);
    return LongStream.range(0, ROWS).map(row -> bootstrap.document(row / each)).toArray();
  }

  /** What is published, from batches of so many rows between columns of other sources. */
  private List<Object[]> told(int batch, long[] documents) throws IOException {
    RowAttributes block =
        new RowAttributes(new long[ROWS], documents, false, null, labels, new byte[0], new long[0]);
    List<Object[]> told = new ArrayList<>();
    try (LossEffects.OfBlock scan = new LossEffects.OfBlock(mean, LABELS)) {
      for (int first = 0; first < ROWS; first += batch) {
        int count = Math.min(batch, ROWS - first);
        scan.add(
            new RowStatistic.Rows(
                side(vectors, first, count), side(gradients, first, count), 1, block, first));
      }
      LossEffects.publish(
          "site",
          7,
          LABELS,
          scan.kept(),
          (table, row) -> {
            assertThat(table).isEqualTo(FeatureTables.LOSS_EFFECTS);
            assertThat(row).hasSize(table.names().size());
            told.add(row);
          });
    }
    return told;
  }

  private static FloatMatrix side(float[][] rows, int first, int count) {
    FloatMatrix values = FloatMatrix.zeros(count, WIDTH + 2);
    Arrays.fill(values.values(), 99);
    for (int row = 0; row < count; row++) {
      System.arraycopy(rows[first + row], 0, values.values(), row * (WIDTH + 2) + 1, WIDTH);
    }
    return values;
  }

  /** In the plain way. */
  private double effect(IntPredicate rows) {
    return IntStream.range(0, ROWS)
        .filter(rows)
        .mapToDouble(
            row ->
                IntStream.range(0, WIDTH)
                    .mapToDouble(i -> gradients[row][i] * (mean[i] - vectors[row][i]))
                    .sum())
        .average()
        .orElseThrow();
  }

  @Test
  void everyLabelAndAllRows() throws IOException {
    List<Object[]> told = told(64, documents(5));
    assertThat(told)
        .extracting(row -> Arrays.asList(row[0], row[1], row[2], row[3]))
        .containsExactly(
            Arrays.asList("site", 7L, null, null),
            Arrays.asList("site", 7L, "colour", "blue"),
            Arrays.asList("site", 7L, "colour", "red"),
            Arrays.asList("site", 7L, "shape", "round"),
            Arrays.asList("site", 7L, "shape", "square"),
            Arrays.asList("site", 7L, "shape", "torn"));
    assertThat((Double) told.get(0)[4]).isCloseTo(effect(row -> true), within(1e-9));
    assertThat((Double) told.get(2)[4]).isCloseTo(effect(row -> row % 3 == 2), within(1e-9));
    assertThat((Double) told.get(3)[4]).isCloseTo(effect(row -> row / 10 % 2 == 0), within(1e-9));
    assertThat(told).extracting(row -> row[8]).containsExactly(600L, 200L, 200L, 300L, 300L, 0L);
    double norm =
        Arrays.stream(gradients)
            .mapToDouble(
                row ->
                    Math.sqrt(
                        IntStream.range(0, WIDTH).mapToDouble(i -> (double) row[i] * row[i]).sum()))
            .average()
            .orElseThrow();
    assertThat((Double) told.get(0)[7]).isCloseTo(norm, within(1e-9));
    for (Object[] row : told.subList(0, 5)) {
      assertThat((Double) row[4]).isBetween((Double) row[5], (Double) row[6]);
    }
    assertThat(told.get(5))
        .containsExactly("site", 7L, "shape", "torn", null, null, null, null, 0L);
  }

  @Test
  void howRowsAreCutIntoBatchesDoesNotMatter() throws IOException {
    assertThat(told(1, documents(5)).toArray(Object[][]::new))
        .isDeepEqualTo(told(600, documents(5)).toArray(Object[][]::new));
  }

  @Test
  void oneDocumentTellsNoBand() throws IOException {
    Object[] all = told(64, documents(ROWS)).get(0);
    assertThat(all[4]).isNotNull();
    assertThat(all[5]).isNull();
    assertThat(all[6]).isNull();
  }

  /** A loss that is linear in the vector rises by exactly what is told. */
  @Test
  void aLinearLossIsToldExactly() throws IOException {
    float[] slope = {1, -2, 0.5f, 0, 3};
    Arrays.fill(gradients, slope);
    List<Object[]> told = told(100, documents(5));
    assertThat((Double) told.get(0)[4]).isCloseTo(0, within(1e-6));
    double red = 0;
    for (int row = 2; row < ROWS; row += 3) {
      for (int i = 0; i < WIDTH; i++) {
        red += slope[i] * (mean[i] - vectors[row][i]) / 200;
      }
    }
    assertThat((Double) told.get(2)[4]).isCloseTo(red, within(1e-6));
  }
}
