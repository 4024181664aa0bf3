package dev.ontogeny.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.matrix.FloatMatrix;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every provider against the plain one, at awkward sizes and ranges. */
class NearestRowsTest {
  @ParameterizedTest
  @CsvSource({
    "cpu, 1, 3, 0, 1",
    "cpu, 2, 1, 0, 2",
    "cpu, 207, 13, 0, 207",
    "cpu, 702, 33, 130, 261",
    "nd4j, 702, 33, 130, 700"
  })
  void agreesWithThePlainProvider(String provider, int count, int depth, int from, int to) {
    Random random = new Random(count);
    FloatMatrix vectors = FloatMatrix.zeros(count, depth);
    for (int i = 0; i < count * depth; i++) {
      // Row 3 of seven is nothing.
      vectors.values()[i] = i / depth % 7 == 3 ? 0 : (float) random.nextGaussian();
    }
    int[] expected = new int[to - from];
    float[] expectedCosine = new float[to - from];
    Kernels.provider("reference", 1).nearest(vectors, from, to, expected, expectedCosine);
    int[] found = new int[to - from];
    float[] cosine = new float[to - from];
    Kernels.provider(provider, 2).nearest(vectors, from, to, found, cosine);
    for (int i = 0; i < found.length; i++) {
      if (expected[i] < 0) {
        assertThat(found[i]).isEqualTo(-1);
        assertThat(cosine[i]).isNaN();
      } else {
        assertThat(cosine[i]).isCloseTo(expectedCosine[i], within(1e-5f));
        assertThat(found[i] % 7 == 3).isFalse();
        assertThat(found[i]).isNotEqualTo(from + i);
        // Near ties may fall either way.
        if (depth > 10) {
          assertThat(found[i]).isEqualTo(expected[i]);
        }
      }
    }
  }
}
