package dev.ontogeny.job;

import dev.ontogeny.run.ByteSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a job has to do, and the one model of how long that takes: every quantity at a rate of a
 * core, shared by the cores that its tasks can use, in as many rounds as the tasks need.
 *
 * <p>The default rates are those of one core of an AMD Zen 4 server, measured with the benchmarks
 * that {@code .github/docs/speed.md} tells of. Machines differ by more than the model errs, so an
 * earlier run of the same kind, where there is one, corrects them by one factor.
 *
 * @param kind of the folder that the job publishes
 * @param bytes read
 * @param flops floating-point operations
 * @param features times the checkpoints at which each is looked at
 * @param tasks that can be at work at once
 * @param threads of each of them
 */
public record Workload(
    String kind, double bytes, double flops, double features, int tasks, int threads) {
  /**
   * Rates of a core, a second; infinite where a quantity does not count for a kind of job.
   *
   * @param bytes read
   * @param flops done
   * @param features times checkpoints
   */
  record Rates(double bytes, double flops, double features) {
    /** For people. */
    String told() {
      List<String> told = new ArrayList<>();
      if (Double.isFinite(bytes)) {
        told.add(new ByteSize((long) bytes) + "/s");
      }
      if (Double.isFinite(flops)) {
        told.add(String.format(Locale.ROOT, "%.0f GFLOP/s", flops / 1e9));
      }
      if (Double.isFinite(features)) {
        told.add(String.format(Locale.ROOT, "%,.0f features × checkpoints/s", features));
      }
      return String.join(" and ", told) + " a core";
    }
  }

  private static final double NOT = Double.POSITIVE_INFINITY;

  private static final Map<String, Rates> DEFAULTS =
      Map.of(
          "dataset", new Rates(64 << 20, NOT, NOT),
          "dictionaries", new Rates(NOT, 80e9, NOT),
          "features", new Rates(128 << 20, 50e9, NOT),
          "evolution", new Rates(NOT, 50e9, 7_000),
          "report", new Rates(NOT, NOT, 11_000),
          "export", new Rates(128 << 20, NOT, NOT));

  /** The default rates of a kind of job. */
  static Rates defaults(String kind) {
    Rates rates = DEFAULTS.get(kind);
    if (rates == null) {
      throw new IllegalArgumentException("no rates of " + kind);
    }
    return rates;
  }

  /** Seconds of one core, at these rates. */
  double coreSeconds(Rates rates) {
    return bytes / rates.bytes() + flops / rates.flops() + features / rates.features();
  }

  /**
   * Seconds from begin to end: tasks are alike, and as many run at a time as there are cores for.
   */
  double seconds(Rates rates, int cores) {
    long atOnce = Math.max(1, cores / threads);
    long count = Math.max(1, tasks);
    long rounds = (count + atOnce - 1) / atOnce;
    return coreSeconds(rates) * rounds / ((double) count * Math.min(threads, cores));
  }
}
