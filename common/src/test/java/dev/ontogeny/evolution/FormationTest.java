package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import org.junit.jupiter.api.Test;

class FormationTest {
  @Test
  void meansOverAllPairs() {
    FloatMatrix activations = new FloatMatrix(4, 2, new float[] {1, 0, 0, 5, 3, 3, 0, 0});
    // Codes: {0: 1, 2: 2}, {2: 1}, {}, {0: 1, 2: 2}
    SparseCodes codes = new SparseCodes(3);
    codes.reset(4, 5);
    System.arraycopy(new int[] {0, 2, 3, 3, 5}, 0, codes.starts(), 0, 5);
    System.arraycopy(new int[] {0, 2, 2, 0, 2}, 0, codes.indices(), 0, 5);
    System.arraycopy(new float[] {1, 2, 1, 1, 2}, 0, codes.values(), 0, 5);
    double[] found = Formation.similarities(activations, codes, new int[] {0, 1, 2});
    assertThat(found[0]).isCloseTo((0 + 2 * Math.sqrt(0.5)) / 3, within(1e-6));
    assertThat(found[1]).isCloseTo(2 / Math.sqrt(5) / 3, within(1e-6));
    assertThat(found[2]).isCloseTo(0.5 / 3, within(1e-9));
    assertThat(found[3]).isCloseTo(1.0 / 3 / 3, within(1e-9));
    double[] same = Formation.similarities(activations, codes, new int[] {0, 3});
    // The last activation is zero and has no direction: no pair is left.
    assertThat(same[0]).isNaN();
    assertThat(same[1]).isCloseTo(1, within(1e-9));
    assertThat(same[2]).isEqualTo(1);
    assertThat(same[3]).isEqualTo(1);
    assertThat(Formation.similarities(activations, codes, new int[] {1})).containsOnly(Double.NaN);
  }
}
