package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class InteractionSpectrumTest {
  private static final int P = 13;

  private interface Function {
    double at(int a, int b);
  }

  private static FloatMatrix grid(Function... functions) {
    FloatMatrix values = FloatMatrix.zeros(P * P, functions.length);
    for (int a = 0; a < P; a++) {
      for (int b = 0; b < P; b++) {
        for (int j = 0; j < functions.length; j++) {
          values.values()[(a * P + b) * functions.length + j] = (float) functions[j].at(a, b);
        }
      }
    }
    return values;
  }

  private static double cos(int k, double residue, double phase) {
    return Math.cos(2 * Math.PI * k * residue / P + phase);
  }

  @Test
  void aWaveOfTheSumLiesInItsFrequencyWhateverItsPhase() {
    InteractionSpectrum spectrum =
        new InteractionSpectrum(grid((a, b) -> 5 + 3 * cos(4, a + b, 0.7)), P);
    assertThat(spectrum.frequencies()).isEqualTo(6);
    assertThat(spectrum.variance()[0]).isCloseTo(4.5, within(1e-5));
    for (int k = 1; k <= 6; k++) {
      assertThat(spectrum.power(k, 0)).isCloseTo(k == 4 ? 4.5 : 0, within(1e-5));
    }
    assertThat(spectrum.shares()[3]).isCloseTo(1, within(1e-6));
  }

  @Test
  void aSquaredNeuronHoldsFourFifthsInItsFrequencyAndNothingElsewhere() {
    InteractionSpectrum spectrum =
        new InteractionSpectrum(grid((a, b) -> Math.pow(cos(2, a, 0.3) + cos(2, b, 1.1), 2)), P);
    assertThat(spectrum.shares()[1]).isCloseTo(0.8, within(1e-5));
    assertThat(spectrum.shares()[3]).as("the linear waves at 2k").isCloseTo(0, within(1e-6));
  }

  @Test
  void tilesOfACircleAreFoundTogether() {
    Function[] tiles = new Function[5];
    for (int i = 0; i < tiles.length; i++) {
      double phase = 2 * Math.PI * i / tiles.length;
      tiles[i] = (a, b) -> Math.max(0, cos(3, a + b, phase) - 0.5);
    }
    InteractionSpectrum spectrum = new InteractionSpectrum(grid(tiles), P);
    double[] shares = spectrum.shares();
    assertThat(shares[2]).isGreaterThan(0.5);
    assertThat(shares[2]).isGreaterThan(20 * InteractionSpectrum.chance(P));
  }

  @Test
  void noiseStaysAtChance() {
    var random = Seeds.generator(1, "noise");
    Function[] noise = new Function[200];
    Arrays.fill(noise, (Function) (a, b) -> random.nextGaussian());
    InteractionSpectrum spectrum = new InteractionSpectrum(grid(noise), P);
    for (double share : spectrum.shares()) {
      assertThat(share)
          .isCloseTo(InteractionSpectrum.chance(P), within(0.3 * InteractionSpectrum.chance(P)));
    }
    assertThat(new InteractionSpectrum(grid((a, b) -> 0), P).shares()).containsOnly(0.0);
    assertThatThrownBy(() -> new InteractionSpectrum(FloatMatrix.zeros(5, 1), P))
        .hasMessageContaining("need 169 rows, got 5");
  }
}
