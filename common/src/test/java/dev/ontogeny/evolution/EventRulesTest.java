package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class EventRulesTest {
  static final Lifecycle.Thresholds LIFECYCLE =
      new Lifecycle.Thresholds(0.35, 0.65, 0.7, 0.35, 0.45, 0.75, 0.35, 0.3, 0.35, 0.5, 0.3, 0.45);
  static final EventRules RULES = new EventRules(0.7, 0.15, 0.5, 0.7, 1e-5, 1, LIFECYCLE);

  private static final double[] TIME = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};

  @Test
  void threeBirthsOfOneTrack() {
    // Present from the second checkpoint on, strong from the fourth, of its direction from the
    // third.
    Track track =
        track(
            new double[] {0.05, 0.3, 0.4, 0.9, 1.0, 0.9, 0.8, 0.6, 0.1, 0.05, 0.05},
            new double[] {0.8, 0.75, 0.9, 0.95, 1, 0.95, 0.9, 0.9, 0.8, 0.2, 0.1});
    TrackEvents events = RULES.events(track, TIME);
    assertThat(events.birth()).isEqualTo(1);
    assertThat(events.emergence()).isEqualTo(3);
    assertThat(events.directionBirth()).isZero();
    assertThat(events.peak()).isEqualTo(4);
    assertThat(events.death()).isEqualTo(8);
  }

  @Test
  void strengthOfAnotherDirectionIsNotPresence() {
    Track track =
        track(
            new double[] {0.9, 0.9, 0.9, 0.1, 0.3, 0.6, 0.8, 1, 1, 1, 1},
            new double[] {0.1, 0.1, 0.1, 0.4, 0.8, 0.9, 0.9, 1, 1, 1, 1});
    TrackEvents events = RULES.events(track, TIME);
    assertThat(events.birth()).isEqualTo(4);
    assertThat(events.emergence()).isEqualTo(5);
    assertThat(events.directionBirth()).isEqualTo(4);
    assertThat(events.death()).isEqualTo(-1);
    assertThat(events.lifecycle()).isEqualTo(Lifecycle.LATE_EMERGING);
  }

  @Test
  void emergenceIsTheLastCrossingAndItsPeakIsATrainedOne() {
    double[] strength = {5, 0.2, 0.8, 0.3, 0.6, 1, 0.9, 0.9, 0.9, 0.9, 0.9};
    double[] same = new double[11];
    Arrays.fill(same, 1);
    Track track = new Track(rates(strength), strength, 0, 5, same, same);
    TrackEvents events = RULES.events(track, TIME);
    assertThat(events.peak()).isZero();
    assertThat(events.birth()).isZero();
    assertThat(events.emergence()).isEqualTo(4);
    assertThat(events.directionBirth()).isZero();
  }

  @Test
  void classes() {
    assertThat(lifecycle(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)).isEqualTo(Lifecycle.PERSISTENT);
    assertThat(lifecycle(0, 0, 0, 0, 0.5, 1, 0.6, 0, 0, 0, 0)).isEqualTo(Lifecycle.TRANSITIONAL);
    assertThat(lifecycle(1, 1, 0.9, 0.7, 0.3, 0.1, 0, 0, 0, 0, 0))
        .isEqualTo(Lifecycle.EARLY_DECAYING);
    assertThat(lifecycle(0, 0, 0, 0, 0, 0.1, 0.4, 0.7, 0.9, 1, 1))
        .isEqualTo(Lifecycle.LATE_EMERGING);
    assertThat(lifecycle(0.5, 0.2, 0.2, 0.2, 0.8, 1, 0.9, 0.5, 0.3, 0.3, 0.3))
        .isEqualTo(Lifecycle.MIXED);
  }

  @Test
  void aTrackThatNeverFiresHasNoEvents() {
    double[] zero = new double[11];
    assertThat(RULES.events(new Track(zero, zero, 0, 0, zero, zero), TIME))
        .isEqualTo(TrackEvents.INACTIVE);
  }

  @Test
  void oneCheckpointIsEnoughForARuling() {
    Track track =
        new Track(new double[] {0.1}, new double[] {2}, 0, 0, new double[] {1}, new double[] {1});
    assertThat(RULES.events(track, TimeAxis.LOG.unit(new long[] {1000})))
        .isEqualTo(new TrackEvents(0, 0, 0, 0, -1, Lifecycle.PERSISTENT));
  }

  @Test
  void thresholdsHaveBounds() {
    assertThatThrownBy(() -> new EventRules(1.2, 0.15, 0.5, 0.7, -1, 1, LIFECYCLE))
        .hasMessage(
            "alive-cosine must be between -1 and 1, got 1.2; active-rate must be between 0 and 1, got -1");
    assertThatThrownBy(
            () ->
                new Lifecycle.Thresholds(
                    0.7, 0.65, 0.7, 0.35, 0.45, 0.75, 0.35, 0.3, 0.35, 0.5, 0.3, 0.45))
        .hasMessage("early-until must be less than late-from (0.65), got 0.7");
  }

  private static Lifecycle lifecycle(double... levels) {
    double[] same = new double[levels.length];
    Arrays.fill(same, 1);
    return RULES.events(track(levels, same), TIME).lifecycle();
  }

  private static Track track(double[] strength, double[] cosine) {
    int peak = Track.greatest(strength, 0, 0, strength.length);
    return new Track(rates(strength), strength, peak, peak, cosine, cosine);
  }

  private static double[] rates(double[] strength) {
    return Arrays.stream(strength).map(each -> each / 100).toArray();
  }
}
