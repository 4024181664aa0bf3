package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class TrajectoriesTest {
  private static final double[] TIME = TimeAxis.LOG.unit(new long[] {0, 10, 100, 1000});

  /** Two tracks in two dimensions; the second is absent at the first checkpoint. */
  private static TrackStatistics statistics() {
    TrackStatistics statistics =
        new TrackStatistics(10, 2, 4, new int[] {10, 10, 10, 10, -1, 3, 4, 5});
    for (int t = 0; t < 4; t++) {
      statistics.measured(10, t, 0.1, 1 + t, 2);
    }
    statistics.measured(11, 1, 0.2, 4, 1);
    statistics.measured(11, 2, 0.1, 2, 1);
    statistics.measured(11, 3, 0, 0, 1);
    statistics.overlapped(10, 2, 0.25);
    return statistics;
  }

  private static float[][] decoders() {
    return new float[][] {{1, 0, 0, 0}, {0, 2, 3, 0}, {1, 1, 3, 3}, {0, -1, 1, 0}};
  }

  @Test
  void cosinesAndStrengths() {
    Trajectories trajectories = new Trajectories(statistics(), decoders(), 2, 1);
    assertThat(trajectories.cosinePrevious(0, 0)).isNaN();
    assertThat(trajectories.cosinePrevious(0, 1)).isZero();
    assertThat(trajectories.cosinePrevious(0, 2)).isCloseTo(Math.sqrt(0.5), within(1e-7));
    assertThat(trajectories.cosineFirst(0, 3)).isZero();
    assertThat(trajectories.cosineFinal(0, 1)).isEqualTo(-1);
    assertThat(trajectories.cosineStrongest(0, 3)).isEqualTo(1);
    assertThat(trajectories.cosinePrevious(1, 1)).isNaN();
    assertThat(trajectories.cosineFirst(1, 1)).isEqualTo(1);
    assertThat(trajectories.cosineStrongest(1, 2)).isCloseTo(Math.sqrt(0.5), within(1e-7));
    assertThat(trajectories.relativeNorm(0, 1)).isEqualTo(1);
    Track track = trajectories.track(0);
    assertThat(track.strength()).containsExactly(0.2, 0.4, 0.1 * 3 * 2, 0.8);
    assertThat(track.strongest()).isEqualTo(3);
    assertThat(trajectories.track(1).strength()).containsExactly(0, 0.8, 0.2, 0);
    assertThat(trajectories.track(1).cosineStrongest()[0]).isZero();
  }

  @Test
  void statisticsSurviveTheirByteForm() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    statistics().write(new DataOutputStream(bytes));
    TrackStatistics read =
        TrackStatistics.read(
            new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())), "here");
    assertThat(read.first()).isEqualTo(10);
    assertThat(read.feature(1, 0)).isEqualTo(-1);
    assertThat(read.feature(1, 3)).isEqualTo(5);
    assertThat(read.strength(0, 3)).isEqualTo(0.8);
    assertThat(read.jaccardPrevious(0, 2)).isEqualTo(0.25);
    assertThat(read.jaccardPrevious(0, 1)).isNaN();
    assertThat(read.missing()).isEqualTo(-1);
    assertThatThrownBy(
            () ->
                TrackStatistics.read(
                    new DataInputStream(new ByteArrayInputStream(new byte[40])), "here"))
        .isInstanceOf(Failure.class)
        .hasMessage("here does not hold statistics of tracks");
  }

  @Test
  void whatWasNotMeasuredIsNoticed() {
    TrackStatistics statistics = new TrackStatistics(0, 1, 2, new int[] {0, 0});
    statistics.measured(0, 0, 0.1, 1, 1);
    assertThat(statistics.missing()).isEqualTo(1);
  }

  @Test
  void replicasRecogniseEachOtherByWholeTrajectory() {
    // The other replica has the same tracks in another order, turned a little, with scaled
    // strengths,
    // and one track of its own.
    RandomGenerator random = Seeds.generator(5, "replicas");
    int width = 24;
    TrackStatistics one = new TrackStatistics(0, 6, 3, filled(6, 3));
    TrackStatistics two = new TrackStatistics(0, 7, 3, filled(7, 3));
    float[][] first = new float[3][6 * width];
    float[][] second = new float[3][7 * width];
    for (int t = 0; t < 3; t++) {
      for (int i = 0; i < 6; i++) {
        double mean = i % 3 == t ? 0.1 : 1 + i;
        one.measured(i, t, 0.1, mean, 1);
        two.measured(5 - i, t, 0.2, mean, 1);
        for (int k = 0; k < width; k++) {
          first[t][i * width + k] = (float) random.nextGaussian();
          // Where it is weak its direction is anything.
          second[t][(5 - i) * width + k] =
              i % 3 == t
                  ? (float) random.nextGaussian()
                  : 3 * first[t][i * width + k] + 0.3f * (float) random.nextGaussian();
        }
      }
      two.measured(6, t, 0.1, 1, 1);
      for (int k = 0; k < width; k++) {
        second[t][6 * width + k] = (float) random.nextGaussian();
      }
    }
    float[][] confidences;
    try (TrajectoryMatcher matcher =
        new TrajectoryMatcher(Kernels.provider("cpu", 1), one, first, width, 7)) {
      matcher.compare(two, second);
      confidences = TrajectoryMatcher.confidences(matcher.result());
    }
    assertThat(confidences[0]).hasSize(6);
    assertThat(confidences[1]).hasSize(7);
    for (int i = 0; i < 6; i++) {
      assertThat(confidences[0][i]).isBetween(0.95f, 1f).isEqualTo(confidences[1][5 - i]);
    }
    assertThat(confidences[1][6]).isZero();
  }

  @Test
  void sumsMergeInAnyOrderAndGrouping() throws IOException {
    EventRules rules = EventRulesTest.RULES;
    Trajectories[] parts = {random(0), random(5), random(10)};
    Population whole = new Population(4, 3);
    Sensitivity judged = new Sensitivity(rules, List.of(0.5, 1.2));
    for (Trajectories part : parts) {
      add(whole, judged, rules, part);
    }
    Population merged = new Population(4, 3);
    Sensitivity judgedMerged = new Sensitivity(rules, List.of(0.5, 1.2));
    for (int p : new int[] {2, 0, 1}) {
      Population part = new Population(4, 3);
      Sensitivity judgedPart = new Sensitivity(rules, List.of(0.5, 1.2));
      add(part, judgedPart, rules, parts[p]);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(bytes);
      part.write(out);
      judgedPart.write(out);
      DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()));
      merged.merge(Population.read(in));
      judgedMerged.mergeFrom(in);
    }
    assertThat(merged.tracks()).isEqualTo(15);
    assertThat(merged.births()).containsExactly(whole.births());
    assertThat(merged.deaths()).containsExactly(whole.deaths());
    assertThat(merged.alive()).containsExactly(whole.alive());
    for (int b = 0; b <= 3; b++) {
      for (int s = 0; s < 6; s++) {
        assertThat(merged.changes(b)[s]).containsExactly(whole.changes(b)[s], within(1e-12));
      }
    }
    assertThat(judgedMerged.changed()).isEqualTo(judged.changed());
    assertThat(judged.changed())
        .anySatisfy(each -> assertThat(each.births()).isPositive())
        .noneSatisfy(each -> assertThat(each.value()).isGreaterThan(1));
    assertThat(Curve.of(whole))
        .extracting(Curve::name)
        .contains("births_direction", "rotation_degrees");
  }

  private static void add(
      Population population, Sensitivity sensitivity, EventRules rules, Trajectories trajectories) {
    for (int i = 0; i < trajectories.statistics().size(); i++) {
      Track track = trajectories.track(i);
      TrackEvents events = rules.events(track, TIME);
      population.add(
          trajectories, i, track, events, rules.alive(track), new double[] {0.4, 0.4, 0.4, 0.4}, 1);
      sensitivity.add(track, TIME, events);
    }
  }

  private static Trajectories random(int first) {
    RandomGenerator random = Seeds.generator(8, "tracks", first);
    TrackStatistics statistics = new TrackStatistics(first, 5, 4, filled(5, 4));
    float[][] decoders = new float[4][5 * 3];
    for (int i = 0; i < 5; i++) {
      for (int t = 0; t < 4; t++) {
        statistics.measured(first + i, t, random.nextDouble(), random.nextDouble(), 1);
      }
    }
    for (float[] each : decoders) {
      for (int k = 0; k < each.length; k++) {
        each[k] = 1 + (float) random.nextGaussian();
      }
    }
    return new Trajectories(statistics, decoders, 3, 1);
  }

  private static int[] filled(int size, int checkpoints) {
    int[] features = new int[size * checkpoints];
    for (int i = 0; i < features.length; i++) {
      features[i] = i / checkpoints;
    }
    return features;
  }

  @Test
  void leadingTracksAreThoseOfHighestConfidence() throws IOException {
    LeadingTracks some = new LeadingTracks(2);
    LeadingTracks others = new LeadingTracks(2);
    for (int i = 0; i < 50; i++) {
      (i % 2 == 0 ? some : others)
          .offer(new LeadingTracks.Leader(i, i, i == 7 ? 0.9 : 0.5, i == 30 ? 2 : 1));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    others.write(new DataOutputStream(bytes));
    some.mergeFrom(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
    assertThat(some.leaders()).extracting(LeadingTracks.Leader::track).containsExactly(7, 30);
  }

  @Test
  void theStrongestShareOfTracks() {
    TrackStatistics statistics = new TrackStatistics(0, 1000, 1, filled(1000, 1));
    for (int i = 0; i < 1000; i++) {
      statistics.measured(i, 0, 0.01, i + 1, 1);
    }
    double reached = new StrengthLevels(1).add(statistics).reachedBy(0.1)[0];
    assertThat(reached).isBetween(9.0 * 0.96, 9.0 * 1.04);
  }
}
