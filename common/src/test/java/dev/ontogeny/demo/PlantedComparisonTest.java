package dev.ontogeny.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.demo.PlantedActivations.Feature;
import dev.ontogeny.demo.PlantedActivations.Plan;
import dev.ontogeny.demo.PlantedComparison.Recovered;
import dev.ontogeny.demo.PlantedComparison.Result;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlantedComparisonTest {
  private static final int FEATURES = 20;
  private static final int CHECKPOINTS = 8;
  private static final PlantedActivations PLANTED =
      new PlantedActivations(Plan.of(2, 16, FEATURES, CHECKPOINTS));

  /** Latent i is feature i throughout; the last latent is nothing. */
  private static List<FloatMatrix> perfectDecoders() {
    List<FloatMatrix> decoders = new ArrayList<>();
    for (int t = 0; t < CHECKPOINTS; t++) {
      FloatMatrix decoder = FloatMatrix.zeros(FEATURES + 1, 16);
      for (int i = 0; i < FEATURES; i++) {
        System.arraycopy(PLANTED.direction(i, t), 0, decoder.values(), i * 16, 16);
      }
      decoders.add(decoder);
    }
    return decoders;
  }

  private static Recovered recovered(int feature, int birthShift, double confidence) {
    Feature truth = PLANTED.features().get(feature);
    int[] features = new int[CHECKPOINTS];
    Arrays.fill(features, feature);
    List<Long> checkpoints = PLANTED.plan().checkpoints();
    return new Recovered(
        features,
        checkpoints.indexOf(truth.birth()) + birthShift,
        checkpoints.indexOf(truth.peak()),
        truth.death() == null ? -1 : checkpoints.indexOf(truth.death()),
        confidence);
  }

  @Test
  void theTruthItselfScoresOne() {
    PlantedComparison comparison = new PlantedComparison(PLANTED, perfectDecoders());
    List<Recovered> tracks = new ArrayList<>();
    for (int i = 0; i < FEATURES; i++) {
      tracks.add(recovered(i, 0, 0.9));
    }
    Result result = comparison.compare(tracks, 0.7);
    assertThat(comparison.meanMaxCosine()).isCloseTo(1, within(1e-6));
    assertThat(result.tracks()).isEqualTo(FEATURES);
    assertThat(result.found()).isEqualTo(FEATURES);
    assertThat(result.births().f1()).isEqualTo(1);
    assertThat(result.peaks().f1()).isEqualTo(1);
    assertThat(result.deaths().f1()).isEqualTo(1);
    assertThat(result.deaths().planted())
        .isEqualTo((int) PLANTED.features().stream().filter(each -> each.death() != null).count());
    assertThat(result.births().meanError()).isZero();
  }

  @Test
  void missesSpuriousTracksAndWrongTimesAllCount() {
    PlantedComparison comparison = new PlantedComparison(PLANTED, perfectDecoders());
    List<Recovered> tracks = new ArrayList<>();
    // Sixteen right ones, of which two are claimed a checkpoint early or late: still hits.
    for (int i = 0; i < 16; i++) {
      tracks.add(recovered(i, i == 3 ? -1 : 0, 0.9));
    }
    // One far off; it is found but no hit.
    List<Integer> peaksLate = new ArrayList<>();
    for (int i = 16; i < FEATURES; i++) {
      Feature feature = PLANTED.features().get(i);
      if (feature.birth() >= 300) {
        peaksLate.add(i);
      }
    }
    tracks.add(recovered(peaksLate.get(0), -3, 0.9));
    // One that nobody believes, one that is nothing at all.
    tracks.add(recovered(17, 0, 0.2));
    int[] nothing = new int[CHECKPOINTS];
    Arrays.fill(nothing, FEATURES);
    tracks.add(new Recovered(nothing, 0, 1, -1, 0.99));
    Result result = comparison.compare(tracks, 0.7);
    assertThat(result.tracks()).isEqualTo(18);
    assertThat(result.found()).isEqualTo(17);
    assertThat(result.births().hits()).isEqualTo(16);
    assertThat(result.births().precision()).isEqualTo(16.0 / 18);
    assertThat(result.births().recall()).isEqualTo(16.0 / 20);
    assertThat(result.births().f1()).isCloseTo(2 * 16.0 / (18 + 20), within(1e-12));
    assertThat(result.births().meanError()).isEqualTo(4.0 / 17);
    assertThat(result.peaks().hits()).isEqualTo(17);
  }

  @Test
  void oneTrackCannotBeTwoFeaturesNorTwoTracksOne() {
    PlantedComparison comparison = new PlantedComparison(PLANTED, perfectDecoders());
    List<Recovered> twice = List.of(recovered(5, 0, 0.9), recovered(5, 0, 0.9));
    Result result = comparison.compare(twice, 0.7);
    assertThat(result.found()).isEqualTo(1);
    assertThat(result.births().precision()).isEqualTo(0.5);
    assertThat(result.births().recall()).isEqualTo(1.0 / 20);
  }

  @Test
  void aTrackThatIsDeadWhereTheFeaturePeaksDoesNotMatch() {
    PlantedComparison comparison = new PlantedComparison(PLANTED, perfectDecoders());
    Recovered alive = recovered(5, 0, 0.9);
    Recovered dead = new Recovered(alive.features(), 0, 0, Math.max(1, alive.peak()), 0.9);
    assertThat(comparison.compare(List.of(dead), 0.7).found()).isEqualTo(alive.peak() == 0 ? 1 : 0);
    Recovered inactive = new Recovered(alive.features(), -1, -1, -1, 0.9);
    assertThat(comparison.compare(List.of(inactive), 0).tracks()).isZero();
  }

  @Test
  void withoutConfidenceNothingIsClaimedUnlessNoneIsAsked() {
    PlantedComparison comparison = new PlantedComparison(PLANTED, perfectDecoders());
    List<Recovered> tracks = List.of(recovered(1, 0, Double.NaN));
    assertThat(comparison.compare(tracks, 0.5).tracks()).isZero();
    assertThat(comparison.compare(tracks, 0).births().hits()).isEqualTo(1);
    assertThatThrownBy(() -> new PlantedComparison(PLANTED, List.of()))
        .hasMessageContaining("8 checkpoints, got 0");
  }
}
