package dev.ontogeny.job.evolve;

import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.job.evolve.CounterpartsTask.Replicas;
import dev.ontogeny.run.ByteSize;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What the job would do. */
final class EvolvePlan {
  private EvolvePlan() {}

  /** Label and value. */
  static Map<String, String> lines(EvolveInputs inputs) {
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
    long memory = 0;
    for (Series series : inputs.series()) {
      long size = inputs.rangeSize(series);
      for (int t = 0; t + 1 < series.length(); t++) {
        double pairs = (double) series.features()[t] * series.features()[t + 1];
        operations += 4 * pairs * series.width();
        blocks += ceilingOf(series.features()[t], inputs.blockSize(series));
      }
      ranges += ceilingOf(series.features()[0], size);
      memory = Math.max(memory, 8L * size * series.length() * series.width() + 8 * size * size);
      memory = Math.max(memory, 24L * inputs.blockSize(series) * series.width());
      if (series.kind() == Series.Kind.INDEPENDENTS && series.length() > 1) {
        long latents = Arrays.stream(series.features()).asLongStream().sum();
        operations += 2.0 * inputs.dataset().summary().rows() * latents * series.width();
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
        operations += 2.0 * read * most * series.width() * series.length();
        int together =
            Math.min(inputs.series().size(), inputs.settings().readings().dictionariesPerScan());
        memory = Math.max(memory, 8 * most * series.width() * together);
      }
    }
    for (Replicas each : ReplicationStage.pairs(inputs)) {
      Series series = inputs.series().get(each.from());
      double features = Arrays.stream(series.features()).max().orElse(0);
      operations += 2 * features * features * series.width() * series.length();
    }
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "series",
        String.join(
            ", ",
            inputs.series().stream()
                .map(each -> each.name() + " (" + each.length() + " checkpoints)")
                .toList()));
    lines.put("rows", String.format(Locale.ROOT, "%,d of statistics", rows));
    lines.put("bytes", new ByteSize(bytes) + " of statistics");
    lines.put(
        "tasks",
        String.format(Locale.ROOT, "%,d blocks to match, %,d ranges of tracks", blocks, ranges));
    lines.put("FLOPs", String.format(Locale.ROOT, "%.2e", operations));
    lines.put("memory per task", new ByteSize(memory).toString());
    return lines;
  }

  private static long ceilingOf(long count, long size) {
    return (count + size - 1) / size;
  }
}
