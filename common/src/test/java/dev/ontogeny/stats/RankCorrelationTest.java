package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RankCorrelationTest {
  @Test
  void onlyTheOrderCounts() {
    assertThat(RankCorrelation.spearman(new double[] {1, 2, 3}, new double[] {1, 10, 1000}))
        .isCloseTo(1, within(1e-12));
    assertThat(RankCorrelation.spearman(new double[] {1, 2, 3}, new double[] {9, 1, 0}))
        .isCloseTo(-1, within(1e-12));
  }

  @Test
  void tiesShareTheirRank() {
    // Ranks 1.5 1.5 3 4 against 1 2 3 4: covariance 4.5, variances 4.5 and 5.
    assertThat(RankCorrelation.spearman(new double[] {0, 0, 5, 7}, new double[] {1, 2, 3, 4}))
        .isCloseTo(4.5 / Math.sqrt(4.5 * 5), within(1e-12));
  }

  @Test
  void aConstantHasNoOrder() {
    assertThat(RankCorrelation.spearman(new double[] {2, 2}, new double[] {1, 3})).isZero();
    assertThatThrownBy(() -> RankCorrelation.spearman(new double[1], new double[2]))
        .hasMessageContaining("1 and 2");
  }
}
