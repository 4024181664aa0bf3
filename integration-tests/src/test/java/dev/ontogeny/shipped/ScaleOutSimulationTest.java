package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.shipped.EventLog.Stage;
import dev.ontogeny.shipped.EventLog.Task;
import dev.ontogeny.shipped.ScaleOutSimulation.Measured;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScaleOutSimulationTest {
  private static final ScaleOutSimulation FREE = new ScaleOutSimulation(0, 0);

  private static Measured job(double alone, int tasks, double each, long blocks, int times) {
    double work = tasks * each;
    return new Measured(
        new EventLog(
            List.of(
                new Stage("a", work, times, Collections.nCopies(tasks, new Task(each, blocks))))),
        alone);
  }

  @Test
  void moreTasksAreSharedOut() {
    Measured small = job(1, 4, 2, 0, 1);
    Measured large = job(1, 16, 2, 0, 1);
    assertThat(FREE.seconds(small, large, 4, 1, 1)).isEqualTo(33);
    assertThat(FREE.seconds(small, large, 4, 2, 1)).isEqualTo(17);
    assertThat(FREE.seconds(small, large, 4, 3, 1)).as("6 tasks on one").isEqualTo(13);
    assertThat(FREE.seconds(small, large, 4, 256, 256)).isEqualTo(33);
  }

  @Test
  void tasksThatGrowAreLonger() {
    assertThat(FREE.seconds(job(0, 2, 1, 0, 1), job(0, 2, 4, 0, 1), 4, 8, 8)).isEqualTo(32);
  }

  @Test
  void whatDoesNotGrowStays() {
    assertThat(FREE.seconds(job(0, 2, 1, 0, 1), job(0, 2, 1, 0, 1), 4, 2, 8)).isEqualTo(1);
  }

  /** A second that each run takes, and a second for each quarter of the data. */
  @Test
  void whatIsThereAnywayIsThereOnce() {
    assertThat(FREE.seconds(job(0, 1, 2, 0, 1), job(0, 1, 5, 0, 1), 4, 1, 10)).isEqualTo(41);
  }

  @Test
  void theDriversOwnTimeIsLinear() {
    assertThat(FREE.seconds(job(2, 1, 0, 0, 1), job(5, 1, 0, 0, 1), 4, 1, 1)).isEqualTo(5);
    assertThat(FREE.seconds(job(2, 1, 0, 0, 1), job(5, 1, 0, 0, 1), 4, 1, 10)).isEqualTo(41);
  }

  @Test
  void aDriverThatHandsOutSlowlyHoldsExecutorsBack() {
    ScaleOutSimulation slow = new ScaleOutSimulation(0.5, 0);
    Measured small = job(0, 4, 1, 0, 1);
    Measured large = job(0, 16, 1, 0, 1);
    assertThat(slow.seconds(small, large, 4, 100, 1)).isEqualTo(16 * 0.5 + 1);
  }

  @Test
  void eachBlockThatIsFetchedCosts() {
    ScaleOutSimulation fetching = new ScaleOutSimulation(0, 0.01);
    Measured small = job(0, 4, 0.88, 4, 1);
    Measured large = job(0, 16, 1, 16, 1);
    // 0.84 s of work and 16 blocks; of ten times the data ten times the blocks for each task.
    assertThat(fetching.seconds(small, large, 4, 160, 10)).isCloseTo(0.84 + 1.6, within(1e-9));
  }

  @Test
  void roundsWaitForEachOther() {
    Measured small = job(0, 4, 1, 0, 4);
    Measured large = job(0, 8, 1, 0, 4);
    assertThat(FREE.seconds(small, large, 2, 2, 1)).isEqualTo(4);
    assertThat(FREE.seconds(small, large, 2, 8, 1)).as("never less than a round").isEqualTo(4);
  }
}
