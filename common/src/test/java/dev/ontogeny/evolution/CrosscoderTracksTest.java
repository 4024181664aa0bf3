package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What is told of features whose code all checkpoints share. */
class CrosscoderTracksTest {
  private static final double[] NORMS = {0.2, 0.9, 2, 1.2, 0.8};

  /** A gate hides most of the code at the last checkpoint, and all of it at the first. */
  private static TrackStatistics statistics() {
    TrackStatistics statistics =
        new TrackStatistics(3, 1, NORMS.length, new int[] {3, 3, 3, 3, 3}, true);
    double[] rates = {0, 0.1, 0.1, 0.1, 0.01};
    for (int t = 0; t < NORMS.length; t++) {
      statistics.measured(3, t, rates[t], 2, NORMS[t]);
    }
    statistics.shareCode();
    return statistics;
  }

  @Test
  void strengthIsTheNormTimesWhatTheCodeContributesWhereItIsStrongest() {
    TrackStatistics statistics = statistics();
    for (int t = 0; t < NORMS.length; t++) {
      assertThat(statistics.strength(0, t)).isCloseTo(0.1 * 2 * NORMS[t], within(1e-12));
    }
  }

  @Test
  void presenceIsARelativeNormWhateverTheDirection() {
    EventRules rules = EventRulesTest.RULES.ofCrosscoder(0.5);
    float[][] decoders = new float[NORMS.length][2];
    for (int t = 0; t < NORMS.length; t++) {
      decoders[t][t % 2] = (float) NORMS[t];
    }
    Track track = new Trajectories(statistics(), decoders, 2, 0).track(0);
    assertThat(rules.alive(track)).containsExactly(false, false, true, true, false);
    TrackEvents events = rules.events(track, new double[] {0, 0.25, 0.5, 0.75, 1});
    assertThat(events.birth()).isEqualTo(2);
    assertThat(events.peak()).isEqualTo(2);
    assertThat(events.death()).isEqualTo(4);
    // Chains ask for the direction as well.
    assertThat(EventRulesTest.RULES.alive(track)).containsExactly(false, false, true, false, true);
  }

  @Test
  void birthsAreCheckedOnBothSides() throws IOException {
    BirthCheck.Rules rules = new BirthCheck.Rules(0.5, 0.6);
    TrackStatistics statistics = statistics();
    statistics.scaled(3, 0, 0.4, -0.1);
    statistics.scaled(3, 1, 0.1, 0.3);
    statistics.scaled(3, 2, 0.9, 0.95);
    statistics.scaled(3, 3, Double.NaN, Double.NaN);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    statistics.write(new DataOutputStream(bytes));
    TrackStatistics read =
        TrackStatistics.read(
            new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())), "here");
    assertThat(read.sharedCode()).isTrue();
    assertThat(BirthCheck.of(read, 0, 2)).isEqualTo(new BirthCheck(0.4, 0.3, 0.9, 0.95));
    assertThat(BirthCheck.of(read, 0, 2).confirmed(rules)).isTrue();
    assertThat(BirthCheck.of(read, 0, 1).confirmed(rules)).as("nothing is there yet").isFalse();
    assertThat(BirthCheck.of(read, 0, 0).possible()).as("nothing before").isFalse();
    assertThat(BirthCheck.of(read, 0, 0).confirmed(rules)).isFalse();
    assertThat(BirthCheck.of(read, 0, 3).possible()).as("not measured").isFalse();
    assertThat(new BirthCheck(0.7, 0.1, 1, 0.1).confirmed(rules)).as("shrunk before").isFalse();
    assertThat(new BirthCheck(0.1, 1.2, 1, 0.3).confirmed(rules)).as("others had it").isFalse();
    assertThat(new BirthCheck(0.1, 1.2, 1, 1.1).confirmed(rules)).as("others keep it").isTrue();
    assertThatThrownBy(() -> new BirthCheck.Rules(0, -1))
        .hasMessageContaining("absent-below must be positive, got 0.0")
        .hasMessageContaining("present-from must be positive, got -1.0");
  }

  @Test
  void normsAreDividedAmongCheckpoints() {
    RelativeNorms.Rules rules = new RelativeNorms.Rules(0.7, 0.3);
    assertThat(RelativeNorms.share(3, 1)).isEqualTo(0.75);
    assertThat(RelativeNorms.difference(3, 1)).isCloseTo(0.5 * (2.0 / 3 + 1), within(1e-12));
    assertThat(RelativeNorms.difference(2, 0)).isEqualTo(1);
    assertThat(RelativeNorms.difference(0, 2)).isZero();
    assertThat(RelativeNorms.share(0, 0)).isNaN();
    assertThat(rules.kind(0.75)).isEqualTo("specific");
    assertThat(rules.kind(0.7)).isEqualTo("shared");
    assertThat(rules.kind(0.25)).isEqualTo("absent");
    assertThatThrownBy(() -> new RelativeNorms.Rules(0.4, 0.5))
        .hasMessageContaining("absent-below must be between 0 and 0.4, got 0.5");
  }
}
