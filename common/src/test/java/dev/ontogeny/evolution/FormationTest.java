package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import java.util.Random;
import java.util.stream.IntStream;
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

  @Test
  void thePairsOfEachLatentAddUpToAllPairs() {
    int rows = 60;
    int features = 40;
    Random random = new Random(3);
    FloatMatrix dense = FloatMatrix.zeros(rows, features);
    SparseCodes codes = new SparseCodes(features);
    codes.reset(rows, rows * features);
    int size = 0;
    for (int row = 0; row < rows; row++) {
      // Latent 0 fires everywhere, row 7 has no code at all.
      for (int feature = 0; feature < features && row != 7; feature++) {
        if (feature == 0 || random.nextInt(8) == 0) {
          codes.indices()[size] = feature;
          codes.values()[size] = random.nextFloat();
          dense.values()[row * features + feature] = codes.values()[size++];
        }
      }
      codes.starts()[row + 1] = size;
    }
    int[] wanted = IntStream.range(0, rows).filter(row -> row % 3 != 1).toArray();
    double[] slow = new double[3];
    int pairs = 0;
    for (int p : wanted) {
      for (int q : wanted) {
        if (p < q) {
          addPair(dense, p, q, slow);
          pairs++;
        }
      }
    }
    double[] fast = Formation.similarities(dense, codes, wanted);
    for (int s = 0; s < slow.length; s++) {
      assertThat(fast[s + 1]).isCloseTo(slow[s] / pairs, within(1e-12));
    }
  }

  /** Cosine, share of common latents, Σ min / Σ max of two rows. */
  private static void addPair(FloatMatrix codes, int p, int q, double[] sums) {
    double product = 0;
    double squaresP = 0;
    double squaresQ = 0;
    double least = 0;
    double greatest = 0;
    int shared = 0;
    int all = 0;
    for (int feature = 0; feature < codes.columns(); feature++) {
      double a = codes.at(p, feature);
      double b = codes.at(q, feature);
      product += a * b;
      squaresP += a * a;
      squaresQ += b * b;
      least += Math.min(a, b);
      greatest += Math.max(a, b);
      shared += a > 0 && b > 0 ? 1 : 0;
      all += a > 0 || b > 0 ? 1 : 0;
    }
    sums[0] += product == 0 ? 0 : product / Math.sqrt(squaresP * squaresQ);
    sums[1] += all == 0 ? 0 : (double) shared / all;
    sums[2] += greatest == 0 ? 0 : least / greatest;
  }
}
