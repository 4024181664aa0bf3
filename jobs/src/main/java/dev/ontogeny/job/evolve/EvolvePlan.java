package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.job.Workload;
import dev.ontogeny.job.evolve.CounterpartsTask.Replicas;
import dev.ontogeny.run.ByteSize;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What the job would do.
 *
 * @param rows of statistics
 * @param bytes of statistics
 * @param features times the checkpoints of their series
 * @param taken pairs of checkpoints whose features were matched before
 * @param memory of a task, at most
 */
record EvolvePlan(
    List<Series> series,
    long rows,
    long bytes,
    double features,
    long taken,
    long blocks,
    long ranges,
    double operations,
    long memory) {

  static EvolvePlan of(EvolveInputs inputs) {
    long rows = 0;
    long bytes = 0;
    for (StatisticsTasks.Table table : StatisticsTasks.Table.values()) {
      for (PublishedFile file : inputs.featureFiles(table.key())) {
        rows += file.rows();
        bytes += file.bytes();
      }
    }
    long blocks = 0;
    long ranges = 0;
    double operations = 0;
    double features = 0;
    long memory = 0;
    long taken = 0;
    for (Series series : inputs.series()) {
      long size = inputs.rangeSize(series);
      features += Arrays.stream(series.features()).asDoubleStream().sum();
      for (int t = 0; t + 1 < series.length(); t++) {
        if (inputs.before().isLineageKnown(series, t)) {
          taken++;
          continue;
        }
        double pairs = (double) series.features()[t] * series.features()[t + 1];
        operations += 2 * pairs * (series.width() + series.readWidth());
        blocks += ceilingOf(series.features()[t], inputs.blockSize(series));
      }
      ranges += ceilingOf(series.features()[0], size);
      memory = Math.max(memory, 8L * size * series.length() * series.width() + 8 * size * size);
      memory =
          Math.max(memory, 12L * inputs.blockSize(series) * (series.width() + series.readWidth()));
      if (series.kind() == Series.Kind.INDEPENDENTS && series.length() > 1) {
        long latents = latentsToCount(inputs, series);
        operations += 2.0 * inputs.dataset().summary().rows() * latents * series.readWidth();
        long most = Arrays.stream(series.features()).max().orElse(0);
        long codes = inputs.settings().rangeMemory().bytes();
        memory = Math.max(memory, 16 * most * series.width() + 24 * most + codes);
      }
      if (series.crosscoder()) {
        memory = Math.max(memory, 8L * series.features()[0] * series.length() * series.width());
      } else if (ReadingsStage.reads(inputs)) {
        long most = Arrays.stream(series.features()).max().orElse(0);
        long read =
            Math.min(inputs.dataset().summary().rows(), inputs.settings().readings().rows() * most);
        operations += 2.0 * read * most * series.readWidth() * series.length();
        int together =
            Math.min(inputs.series().size(), inputs.settings().readings().dictionariesPerScan());
        memory = Math.max(memory, 8 * most * series.width() * together);
      }
    }
    for (Replicas each : ReplicationStage.pairs(inputs)) {
      Series series = inputs.series().get(each.from());
      double most = Arrays.stream(series.features()).max().orElse(0);
      operations += 2 * most * most * series.width() * series.length();
    }
    return new EvolvePlan(
        inputs.series(), rows, bytes, features, taken, blocks, ranges, operations, memory);
  }

  /** Features of the independent dictionaries that rows are encoded with to count overlaps. */
  private static long latentsToCount(EvolveInputs inputs, Series series) {
    long latents = 0;
    boolean before = false;
    for (int t = 1; t < series.length(); t++) {
      boolean counts = inputs.before().overlaps(series, t) == null;
      latents += counts ? series.features()[t] + (before ? 0 : series.features()[t - 1]) : 0;
      before = counts;
    }
    return latents;
  }

  /** In the units in which times are predicted. */
  Workload work() {
    return new Workload(
        "evolution", bytes, operations, features, (int) Math.min(1 << 30, blocks + ranges), 1);
  }

  /** Label and value. */
  Map<String, String> lines() {
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "series",
        String.join(
            ", ",
            series.stream()
                .map(each -> each.name() + " (" + each.length() + " checkpoints)")
                .toList()));
    lines.put("rows", String.format(Locale.ROOT, "%,d of statistics", rows));
    lines.put("bytes", new ByteSize(bytes) + " of statistics");
    lines.put(
        "tasks",
        String.format(Locale.ROOT, "%,d blocks to match, %,d ranges of tracks", blocks, ranges)
            + (taken > 0
                ? String.format(Locale.ROOT, "; %,d pairs of checkpoints are taken over", taken)
                : ""));
    lines.put("FLOPs", String.format(Locale.ROOT, "%.2e", operations));
    lines.put("memory per task", new ByteSize(memory).toString());
    return lines;
  }

  private static long ceilingOf(long count, long size) {
    return (count + size - 1) / size;
  }
}
