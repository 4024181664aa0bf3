package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.job.Workload.Rates;
import org.junit.jupiter.api.Test;

class WorkloadTest {
  private static final Rates RATES = new Rates(100, 1000, 10);

  @Test
  void quantitiesAddUpAtTheirRates() {
    assertThat(work(5000, 2000, 30, 1, 1).coreSeconds(RATES)).isEqualTo(50 + 2 + 3);
    Rates bytesAlone = new Rates(100, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY);
    assertThat(work(5000, 1e30, 1e30, 1, 1).coreSeconds(bytesAlone)).isEqualTo(50);
  }

  @Test
  void coresShareTheTasksThatThereAre() {
    assertThat(work(6400, 0, 0, 64, 1).seconds(RATES, 1)).isEqualTo(64);
    assertThat(work(6400, 0, 0, 64, 1).seconds(RATES, 8)).isEqualTo(8);
    assertThat(work(6400, 0, 0, 4, 1).seconds(RATES, 8)).as("four cores idle").isEqualTo(16);
    assertThat(work(6400, 0, 0, 4, 2).seconds(RATES, 8)).isEqualTo(8);
    assertThat(work(6400, 0, 0, 9, 1).seconds(RATES, 8))
        .as("the ninth task is a second round")
        .isCloseTo(2 * 64 / 9.0, within(1e-12));
    assertThat(work(6400, 0, 0, 1, 8).seconds(RATES, 4))
        .as("a task cannot use more cores than there are")
        .isEqualTo(16);
    assertThat(work(6400, 0, 0, 0, 1).seconds(RATES, 4)).as("no task is one").isEqualTo(64);
  }

  @Test
  void everyJobOfTheLineHasDefaultRates() {
    for (String kind :
        new String[] {"dataset", "dictionaries", "features", "evolution", "report", "export"}) {
      Rates rates = Workload.defaults(kind);
      assertThat(new Workload(kind, 1e12, 1e15, 1e6, 8, 1).seconds(rates, 8))
          .isPositive()
          .isFinite();
      assertThat(rates.told()).endsWith(" a core").doesNotContain("Infinity");
    }
    assertThat(Workload.defaults("features").told()).isEqualTo("128.0 MiB/s and 50 GFLOP/s a core");
  }

  private static Workload work(
      double bytes, double flops, double features, int tasks, int threads) {
    return new Workload("dataset", bytes, flops, features, tasks, threads);
  }
}
