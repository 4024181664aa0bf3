package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.Moments;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class GeometryTest {
  private static final KernelProvider KERNELS = Kernels.provider("cpu", 1);

  /** A row of the table; NaN for null. */
  private record Told(double value, double lower, double upper, long rows) {
    boolean covers(double truth) {
      return lower <= truth && truth <= upper;
    }
  }

  /** A block of which nothing but its documents is known. */
  private static RowAttributes block(long[] documents) {
    return new RowAttributes(
        new long[documents.length], documents, false, null, new int[0][], new byte[0], new long[0]);
  }

  /** Documents of so many rows each, in order. */
  private static long[] documents(int rows, int each) {
    Bootstrap bootstrap = new Bootstrap(3, 0);
    return LongStream.range(0, rows).map(row -> bootstrap.document(row / each)).toArray();
  }

  private static Moments moments(float[][] rows) {
    MomentSums sums = new MomentSums(rows[0].length);
    for (float[] row : rows) {
      sums.add(row, 0);
    }
    return sums.state().moments("site", 7, new double[rows[0].length]);
  }

  private static GeometrySums kept(Moments moments, float[][] rows, long[] documents, int batch) {
    int width = rows[0].length;
    try (RowStatistic.Scan<GeometrySums> scan = Geometry.scan(moments, KERNELS, batch)) {
      for (int first = 0; first < rows.length; first += batch) {
        // Between columns of other sources, which are not to be looked at.
        FloatMatrix values = FloatMatrix.zeros(Math.min(batch, rows.length - first), width + 2);
        Arrays.fill(values.values(), 99);
        for (int row = 0; row < values.rows(); row++) {
          System.arraycopy(rows[first + row], 0, values.values(), row * (width + 2) + 1, width);
        }
        scan.add(new RowStatistic.Rows(values, null, 1, block(documents), first));
      }
      return scan.kept();
    }
  }

  private static Map<String, Told> told(float[][] rows, long[] documents) throws IOException {
    Moments moments = moments(rows);
    Map<String, Told> told = new LinkedHashMap<>();
    Geometry.publish(
        moments,
        kept(moments, rows, documents, 64),
        (table, row) -> {
          assertThat(table.names())
              .containsExactly(
                  "site", "checkpoint", "statistic", "value", "lower", "upper", "rows");
          assertThat(row).startsWith("site", 7L);
          told.put(
              (String) row[2],
              new Told(number(row[3]), number(row[4]), number(row[5]), (Long) row[6]));
        });
    assertThat(told)
        .containsOnlyKeys("effective_rank", "participation_ratio", "top_share", "anisotropy");
    return told;
  }

  private static double number(Object value) {
    return value == null ? Double.NaN : (Double) value;
  }

  /** Gaussian rows with these deviations. */
  private static float[][] gaussian(Random random, int rows, double... deviations) {
    float[][] values = new float[rows][deviations.length];
    for (float[] row : values) {
      for (int i = 0; i < row.length; i++) {
        row[i] = (float) (deviations[i] * random.nextGaussian());
      }
    }
    return values;
  }

  private static double[] same(int width) {
    double[] ones = new double[width];
    Arrays.fill(ones, 1);
    return ones;
  }

  @Test
  void isotropicVectorsFillAllDimensionsAndPointNowhere() throws IOException {
    Map<String, Told> told = told(gaussian(new Random(1), 8000, same(16)), documents(8000, 10));
    assertThat(told.get("effective_rank").value()).isBetween(15.9, 16.0);
    assertThat(told.get("participation_ratio").value()).isBetween(15.9, 16.0);
    assertThat(told.get("top_share").value()).isCloseTo(1 / 16.0, within(0.005));
    assertThat(told.get("anisotropy").value()).isCloseTo(0, within(0.002));
    assertThat(told.values())
        .allSatisfy(
            each -> {
              assertThat(each.rows()).isEqualTo(8000);
              assertThat(each.value()).isBetween(each.lower(), each.upper());
            });
  }

  @Test
  void vectorsOnALineHaveRankOne() throws IOException {
    float[][] rows = gaussian(new Random(2), 500, 1);
    float[][] onALine = new float[rows.length][];
    Arrays.setAll(onALine, r -> new float[] {rows[r][0], -2 * rows[r][0], 0, rows[r][0] / 4});
    Map<String, Told> told = told(onALine, documents(500, 5));
    assertThat(told.get("effective_rank").value()).isCloseTo(1, within(1e-4));
    assertThat(told.get("participation_ratio").value()).isCloseTo(1, within(1e-4));
    assertThat(told.get("top_share").value()).isCloseTo(1, within(1e-6));
  }

  @Test
  void manyDimensionsOfWhichFewAreFilled() throws IOException {
    double[] deviations = new double[300];
    Arrays.fill(deviations, 0, 3, 1);
    Map<String, Told> told = told(gaussian(new Random(5), 2000, deviations), documents(2000, 4));
    assertThat(told.get("effective_rank").value()).isBetween(2.98, 3.0001);
    assertThat(told.get("effective_rank").lower()).isBetween(2.9, 3.0);
  }

  @Test
  void oneDirectionHasCosineOneAndOppositePairsNone() throws IOException {
    float[][] alike = new float[300][];
    float[][] opposite = new float[300][];
    for (int r = 0; r < alike.length; r++) {
      alike[r] = new float[] {r + 1, 2 * r + 2, 0};
      int sign = r % 2 == 0 ? 1 : -1;
      opposite[r] = new float[] {sign * 3, sign * -4, 0};
    }
    Told one = told(alike, documents(300, 3)).get("anisotropy");
    assertThat(one.value()).isCloseTo(1, within(1e-6));
    assertThat(one.upper() - one.lower()).isLessThan(1e-6);
    // Every row has 149 like it and 150 opposite ones.
    assertThat(told(opposite, documents(300, 3)).get("anisotropy").value())
        .isCloseTo(-1.0 / 299, within(1e-6));
  }

  @Test
  void whatCannotBeToldIsNotTold() throws IOException {
    float[][] constant = new float[100][];
    Arrays.fill(constant, new float[] {0.1f, -3, 7});
    Map<String, Told> told = told(constant, documents(100, 5));
    assertThat(told.get("effective_rank").value()).isNaN();
    assertThat(told.get("effective_rank").lower()).isNaN();
    assertThat(told.get("top_share").value()).isNaN();
    assertThat(told.get("anisotropy").value()).isCloseTo(1, within(1e-6));

    told = told(new float[60][3], documents(60, 5));
    assertThat(told.get("effective_rank").value()).isNaN();
    assertThat(told.get("anisotropy").value()).isNaN();
    assertThat(told.get("anisotropy").rows()).isZero();

    told = told(new float[][] {{1, 2, 3}}, documents(1, 1));
    assertThat(told.get("effective_rank").value()).isNaN();
    assertThat(told.get("anisotropy").value()).isNaN();

    // One document has values, and nothing to tell what another would be like.
    told = told(gaussian(new Random(4), 200, 1, 2, 3), documents(200, 200));
    assertThat(told.values())
        .allSatisfy(
            each -> {
              assertThat(each.value()).isFinite();
              assertThat(each.lower()).isNaN();
              assertThat(each.upper()).isNaN();
            });
  }

  @Test
  void valuesAreThoseOfTheFormulas() throws IOException {
    for (int width : new int[] {1, 5, 13}) {
      double[] deviations = new double[width];
      Arrays.setAll(deviations, i -> 1.0 / (1 + i));
      float[][] rows = gaussian(new Random(width), 207, deviations);
      for (float[] row : rows) {
        row[0] += 1;
      }
      Arrays.fill(rows[100], 0);
      Map<String, Told> told = told(rows, documents(207, 4));
      double pairs = 0;
      double cosines = 0;
      for (int a = 0; a < rows.length; a++) {
        for (int b = 0; b < rows.length; b++) {
          if (a != b && a != 100 && b != 100) {
            pairs++;
            cosines +=
                dot(rows[a], rows[b]) / Math.sqrt(dot(rows[a], rows[a]) * dot(rows[b], rows[b]));
          }
        }
      }
      assertThat(told.get("anisotropy").value()).isCloseTo(cosines / pairs, within(1e-6));
      assertThat(told.get("anisotropy").rows()).isEqualTo(206);
      // Without eigenvalues: trace and squares of the covariance.
      double[] covariance = moments(rows).covariance();
      double trace = 0;
      double squares = 0;
      for (int i = 0; i < width; i++) {
        trace += covariance[i * width + i];
        for (int j = 0; j < width; j++) {
          squares += covariance[i * width + j] * covariance[i * width + j];
        }
      }
      assertThat(told.get("participation_ratio").value())
          .isCloseTo(trace * trace / squares, within(1e-9 * width));
    }
  }

  private static double dot(float[] x, float[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += (double) x[i] * y[i];
    }
    return sum;
  }

  @Test
  void changesToFirstOrderAreThoseOfLeavingDocumentsOut() {
    float[][] rows = gaussian(new Random(8), 6000, 3, 2, 1, 1, 0.5);
    long[] documents = documents(6000, 6);
    Moments all = moments(rows);
    GeometrySums kept = kept(all, rows, documents, 50);
    double[] values = Geometry.Spectrum.of(Geometry.Spectrum.eigenvalues(all)).values();
    for (int left : new int[] {0, 17, 63}) {
      List<float[]> others = new ArrayList<>();
      for (int r = 0; r < rows.length; r++) {
        if (GroupJackknife.group(documents[r]) != left) {
          others.add(rows[r]);
        }
      }
      double[] without =
          Geometry.Spectrum.of(
                  Geometry.Spectrum.eigenvalues(moments(others.toArray(float[][]::new))))
              .values();
      for (int s = 0; s < values.length; s++) {
        double change = without[s] - values[s];
        assertThat(kept.changesWithout(s)[left])
            .as("%s without %d", Geometry.Spectrum.NAMES.get(s), left)
            .isCloseTo(change, within(0.1 * Math.abs(change) + 2e-4 * values[s]));
      }
    }
  }

  /** Rows of a document have something in common, so that they tell less than as many documents. */
  @Test
  void bandsCoverWhatIsTrueOfAllDocuments() throws IOException {
    int trials = 200;
    int each = 10;
    double[] ofDocument = {2, 1, 1, 0.5, 0.5, 0.2};
    double[] ofRow = {1, 1, 0.5, 0.5, 0.2, 0.2};
    double[] variances = new double[ofRow.length];
    Arrays.setAll(variances, i -> ofDocument[i] * ofDocument[i] + ofRow[i] * ofRow[i]);
    double[] descending = Arrays.stream(variances).map(v -> -v).sorted().map(v -> -v).toArray();
    Map<String, Double> truth = new LinkedHashMap<>();
    double[] values = Geometry.Spectrum.of(descending).values();
    for (int s = 0; s < values.length; s++) {
      truth.put(Geometry.Spectrum.NAMES.get(s), values[s]);
    }
    float[][] many = documentsOf(new Random(99), 200_000, 1, ofDocument, ofRow);
    truth.put("anisotropy", told(many, documents(200_000, 1)).get("anisotropy").value());
    Map<String, Integer> covered = new LinkedHashMap<>();
    for (int trial = 0; trial < trials; trial++) {
      float[][] rows = documentsOf(new Random(trial), 3000, each, ofDocument, ofRow);
      told(rows, documents(3000, each))
          .forEach(
              (name, told) ->
                  covered.merge(name, told.covers(truth.get(name)) ? 1 : 0, Integer::sum));
    }
    // 90 % is promised; 200 trials tell it to 2 %.
    assertThat(covered.values()).allMatch(count -> count >= 0.83 * trials);
    assertThat(covered.values()).allMatch(count -> count <= 0.98 * trials);
  }

  private static float[][] documentsOf(
      Random random, int rows, int each, double[] ofDocument, double[] ofRow) {
    float[][] values = gaussian(random, rows, ofRow);
    float[] common = null;
    for (int r = 0; r < rows; r++) {
      if (r % each == 0) {
        common = gaussian(random, 1, ofDocument)[0];
        common[1] += 1.5f;
      }
      for (int i = 0; i < common.length; i++) {
        values[r][i] += common[i];
      }
    }
    return values;
  }
}
