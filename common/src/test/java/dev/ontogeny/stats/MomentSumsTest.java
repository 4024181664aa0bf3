package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.Moments;
import dev.ontogeny.data.VectorType;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MomentSumsTest {

  @ParameterizedTest
  @CsvSource({"1, 1", "13, 1", "5, 7", "255, 13", "256, 16", "257, 31", "702, 207", "2000, 64"})
  void agreesWithDoublesThroughout(int rows, int width) {
    float[] x = vectors(rows, width, 1);
    MomentSums sums = new MomentSums(width);
    for (int row = 0; row < rows; row++) {
      sums.add(x, row * width);
    }
    Moments got = sums.state().moments("s", 3, new double[width]);
    Moments expected = slowly(x, rows, width);
    assertThat(got.rows()).isEqualTo(rows);
    double scale = Arrays.stream(expected.covariance()).map(Math::abs).max().orElse(0);
    assertThat(got.mean()).containsExactly(expected.mean(), within(1e-6 * Math.sqrt(scale + 1)));
    assertThat(got.covariance())
        .containsExactly(expected.covariance(), within(1e-6 * (scale + 1e-9)));
    assertThat(got.meanNorm()).isCloseTo(expected.meanNorm(), within(1e-6 * expected.meanNorm()));
    assertThat(got.meanSquareNorm())
        .isCloseTo(expected.meanSquareNorm(), within(1e-6 * expected.meanSquareNorm()));
    assertThat(got.minimum()).containsExactly(expected.minimum());
    assertThat(got.maximum()).containsExactly(expected.maximum());
  }

  @Test
  void storedBytesGiveTheSameAsNumbers() {
    float[] x = vectors(300, 9, 4);
    ByteBuffer bytes = ByteBuffer.allocate(4 * x.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(x);
    MomentSums fromBytes = new MomentSums(9);
    MomentSums fromFloats = new MomentSums(9);
    for (int row = 0; row < 300; row++) {
      fromBytes.add(VectorType.FLOAT32, bytes.array(), 36 * row);
      fromFloats.add(x, 9 * row);
    }
    assertThat(fromBytes.state()).usingRecursiveComparison().isEqualTo(fromFloats.state());
  }

  @Test
  void mergingIsAssociativeCommutativeAndHasAnIdentity() {
    int width = 11;
    MomentState a = state(vectors(300, width, 1), width);
    MomentState b = state(vectors(17, width, 2), width);
    MomentState c = state(vectors(1, width, 3), width);
    same(a.merge(b).merge(c), a.merge(b.merge(c)));
    same(a.merge(b), b.merge(a));
    same(a.merge(MomentState.none(width)), a);
    same(MomentState.none(width).merge(a), a);
    float[] all = new float[318 * width];
    System.arraycopy(vectors(300, width, 1), 0, all, 0, 300 * width);
    System.arraycopy(vectors(17, width, 2), 0, all, 300 * width, 17 * width);
    System.arraycopy(vectors(1, width, 3), 0, all, 317 * width, width);
    same(a.merge(b).merge(c), state(all, width));
    assertThatThrownBy(() -> a.merge(MomentState.none(3)))
        .hasMessage("moments of width 11 and 3 do not merge");
  }

  @Test
  void bytesReadBack() throws IOException {
    MomentState state = state(vectors(300, 5, 1), 5);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    state.writeTo(new DataOutputStream(bytes));
    assertThat(
            MomentState.readFrom(
                new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()))))
        .usingRecursiveComparison()
        .isEqualTo(state);
    assertThatThrownBy(
            () -> MomentState.readFrom(new DataInputStream(new ByteArrayInputStream(new byte[9]))))
        .hasMessage("not moments, or of another version");
  }

  @Test
  void normsAreCountedInQuarterOctaves() {
    MomentSums sums = new MomentSums(1);
    for (float x : new float[] {1, -1.1f, 1.2f, 2, -8}) {
      sums.add(new float[] {x}, 0);
    }
    MomentState state = sums.state();
    assertThat(state.normEdges()[0]).isEqualTo(1);
    assertThat(state.normEdges()[1]).isCloseTo(Math.pow(2, 0.25), within(1e-12));
    assertThat(state.normCounts()).containsExactly(2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1);
    assertThat(MomentState.none(2).normEdges()).isEmpty();
  }

  @Test
  void geometricMedianResistsOutliersAndMinimisesDistances() {
    Random random = new Random(5);
    int rows = 401;
    float[] x = new float[rows * 3];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian() + (i / 3 < 40 ? 1000 : 2);
    }
    double[] median = GeometricMedian.of(x, rows, 3);
    for (double each : median) {
      assertThat(each).isBetween(1.8, 2.4);
    }
    double best = distances(x, rows, median);
    for (int i = 0; i < 3; i++) {
      for (double step : new double[] {-0.01, 0.01}) {
        double[] moved = median.clone();
        moved[i] += step;
        assertThat(distances(x, rows, moved)).isGreaterThan(best);
      }
    }
    assertThat(GeometricMedian.of(new float[] {3, 3, 3}, 3, 1)).containsExactly(3);
    assertThat(GeometricMedian.of(new float[0], 0, 2)).containsExactly(0, 0);
  }

  @Test
  void documentSampleIsExactUntilItIsFull() {
    DocumentSample whole = new DocumentSample();
    DocumentSample left = new DocumentSample();
    DocumentSample right = new DocumentSample();
    for (int i = 0; i < 600; i++) {
      long hash = dev.ontogeny.run.Seeds.mix(1, i % 3);
      whole.add(hash);
      (i < 250 ? left : right).add(hash);
    }
    assertThat(whole.expectedNeighbours()).isCloseTo(1 / 3.0, within(1e-12));
    left.merge(right.stored());
    assertThat(left.stored()).usingRecursiveComparison().isEqualTo(whole.stored());
    left.merge(new DocumentSample().stored());
    assertThat(left.stored()).usingRecursiveComparison().isEqualTo(whole.stored());
  }

  @Test
  void documentSampleEstimatesBeyondItsSize() {
    DocumentSample sample = new DocumentSample();
    double squares = 0;
    long rows = 0;
    for (int document = 0; document < 20_000; document++) {
      int length = 1 + document % 7;
      for (int i = 0; i < length; i++) {
        sample.add(dev.ontogeny.run.Seeds.mix(2, document));
      }
      squares += length * length;
      rows += length;
    }
    double expected = squares / rows / rows;
    assertThat(sample.expectedNeighbours()).isCloseTo(expected, within(0.1 * expected));
    assertThat(sample.stored().hashes()).hasSize(DocumentSample.SIZE);
  }

  private static double distances(float[] x, int rows, double[] to) {
    double sum = 0;
    for (int row = 0; row < rows; row++) {
      double square = 0;
      for (int i = 0; i < to.length; i++) {
        square += Math.pow(x[row * to.length + i] - to[i], 2);
      }
      sum += Math.sqrt(square);
    }
    return sum;
  }

  /** Far from the origin, so that a sum of raw products would lose its digits. */
  private static float[] vectors(int rows, int width, long seed) {
    Random random = new Random(seed);
    float[] x = new float[rows * width];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian() * (1 + i % 3) + 50 * (i % width % 5);
    }
    return x;
  }

  private static MomentState state(float[] x, int width) {
    MomentSums sums = new MomentSums(width);
    for (int row = 0; row < x.length / width; row++) {
      sums.add(x, row * width);
    }
    return sums.state();
  }

  private static void same(MomentState a, MomentState b) {
    assertThat(a.rows()).isEqualTo(b.rows());
    assertThat(a.mean()).containsExactly(b.mean(), within(1e-4));
    assertThat(a.comoments()).containsExactly(b.comoments(), within(1e-2));
    assertThat(a.normSum()).isCloseTo(b.normSum(), within(1e-4 * b.normSum()));
    assertThat(a.squareSum()).isCloseTo(b.squareSum(), within(1e-4 * b.squareSum()));
    assertThat(a.minimum()).containsExactly(b.minimum());
    assertThat(a.maximum()).containsExactly(b.maximum());
    assertThat(a.norms()).containsExactly(b.norms());
  }

  /** The slow twin. */
  private static Moments slowly(float[] x, int rows, int width) {
    double[] mean = new double[width];
    double[] covariance = new double[width * width];
    double[] minimum = new double[width];
    double[] maximum = new double[width];
    Arrays.fill(minimum, Double.POSITIVE_INFINITY);
    Arrays.fill(maximum, Double.NEGATIVE_INFINITY);
    double norms = 0;
    double squares = 0;
    for (int row = 0; row < rows; row++) {
      double square = 0;
      for (int i = 0; i < width; i++) {
        double value = x[row * width + i];
        mean[i] += value / rows;
        minimum[i] = Math.min(minimum[i], value);
        maximum[i] = Math.max(maximum[i], value);
        square += value * value;
      }
      norms += Math.sqrt(square) / rows;
      squares += square / rows;
    }
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < width; i++) {
        for (int j = 0; j < width; j++) {
          covariance[i * width + j] +=
              (x[row * width + i] - mean[i]) * (x[row * width + j] - mean[j]) / rows;
        }
      }
    }
    return new Moments(
        "s", 3, rows, mean, covariance, norms, squares, minimum, maximum, new double[width]);
  }
}
