package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.run.Seeds;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class PhaseTest {
  private static final long[] STEPS = {
    0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000, 4000, 8000, 16000, 32000, 64000
  };

  @Test
  void theWindowIsWhereEverythingChanges() {
    double[] time = TimeAxis.LOG.of(STEPS);
    double[][] changes = changes(time, 9, 11);
    ReorganisationWindow found = ReorganisationWindow.find(time, changes, 0.5, 200, 1);
    assertThat(found.start()).isBetween(time[9] - 0.1, time[10]);
    assertThat(found.end() - found.start()).isCloseTo(0.5, within(1e-9));
    assertThat(found.score()).isGreaterThan(0.9);
    assertThat(found.chance()).isLessThan(0.05);
  }

  @Test
  void changesThatDoNotAgreeAreNoWindow() {
    double[] time = TimeAxis.LOG.of(STEPS);
    double[][] changes = new double[6][];
    for (int s = 0; s < 6; s++) {
      changes[s] = changes(time, 2 + 2 * s, 3 + 2 * s)[s];
    }
    assertThat(ReorganisationWindow.find(time, changes, 0.5, 200, 1).chance()).isGreaterThan(0.1);
  }

  @Test
  void aShortSeriesIsItsOwnWindow() {
    double[] time = TimeAxis.LOG.of(new long[] {100, 120, 150});
    ReorganisationWindow found =
        ReorganisationWindow.find(time, new double[][] {{1, 2}, {Double.NaN, 3}}, 0.5, 10, 1);
    assertThat(found.start()).isEqualTo(time[0]);
    assertThat(found.end()).isEqualTo(time[2]);
  }

  /** Change in proportion to logarithmic time, ten times as fast between two checkpoints. */
  private static double[][] changes(double[] time, int from, int to) {
    RandomGenerator random = Seeds.generator(2, "changes");
    double[][] changes = new double[6][time.length - 1];
    for (double[] each : changes) {
      for (int t = 0; t < each.length; t++) {
        double rate = (t >= from && t < to ? 10 : 1) * (0.9 + 0.2 * random.nextDouble());
        each[t] = rate * (time[t + 1] - time[t]);
      }
    }
    return changes;
  }

  @Test
  void aKinkInLogTimeIsTwoPiecesThere() {
    double[] values = new double[STEPS.length];
    for (int t = 0; t < values.length; t++) {
      double tau = TimeAxis.LOG.of(STEPS[t]);
      values[t] = Math.max(0, tau - TimeAxis.LOG.of(128)) + 0.001 * (t % 2);
    }
    values[3] = Double.NaN;
    List<Phase> phases =
        Phase.segments(STEPS, Curve.of("curve", values), new Phase.Rules(0.5, 10, 0, 0.1, 4));
    List<Phase> log = phases.stream().filter(each -> each.axis() == TimeAxis.LOG).toList();
    assertThat(log).hasSize(2);
    assertThat(log.get(0).start()).isZero();
    assertThat(log.get(0).end()).isIn(7, 8);
    assertThat(log.get(1).end()).isEqualTo(STEPS.length - 1);
    assertThat(log.get(0).confidence()).isGreaterThan(0.5);
    assertThat(phases).extracting(Phase::axis).contains(TimeAxis.LINEAR);
  }

  @Test
  void bandsAreThe5thTo95thPercentile() {
    double[] replicates = new double[101];
    for (int b = 0; b < 101; b++) {
      replicates[b] = b;
    }
    Curve curve = Curve.of("fvu", new double[] {50, 2}, new double[][] {replicates, replicates});
    assertThat(curve.low()).containsExactly(5, 2);
    assertThat(curve.high()).containsExactly(95, 95);
    Curve none = Curve.of("fvu", new double[] {50}, new double[][] {{}});
    assertThat(none.low()[0]).isNaN();
  }
}
