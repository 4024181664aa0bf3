package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.evolution.Lifecycle;
import dev.ontogeny.evolution.Population;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.job.evolve.CounterpartsTask.Replicas;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * {@code summary} of the manifest.
 *
 * @param dictionaryContents by id digests of the dictionaries' files, so that it can be told later
 *     what they were; null in evolutions of old
 */
record EvolveSummary(List<SeriesSummary> series, Map<String, String> dictionaryContents) {
  /**
   * One series in short.
   *
   * @param replicas how many series of its family confirm each other, itself included
   * @param births by presence, per checkpoint; the other two definitions likewise
   * @param checkedBirths of a crosscoder, births by presence that latent scaling tells something
   *     of; confirmedBirths those that it confirms; null for others
   * @param classes tracks by class
   */
  record SeriesSummary(
      String series,
      String kind,
      boolean chain,
      int replicas,
      long tracks,
      long active,
      Map<String, Long> classes,
      Map<Long, Long> births,
      Map<Long, Long> checkedBirths,
      Map<Long, Long> confirmedBirths,
      Map<Long, Long> emergences,
      Map<Long, Long> directionBirths,
      Map<Long, Long> deaths) {}

  /** Of all series. */
  static EvolveSummary of(EvolveInputs inputs, List<TrackTask.Sums> sums) {
    List<SeriesSummary> summaries = new ArrayList<>();
    List<Replicas> replicas = ReplicationStage.pairs(inputs);
    for (int s = 0; s < sums.size(); s++) {
      Series series = inputs.series().get(s);
      Population population = sums.get(s).population();
      Map<String, Long> classes = new TreeMap<>();
      for (Lifecycle each : Lifecycle.values()) {
        classes.put(each.key(), population.tracks(each));
      }
      int which = s;
      summaries.add(
          new SeriesSummary(
              series.name(),
              SettingsReader.constantName(series.kind()),
              series.chain(),
              1 + (int) replicas.stream().filter(r -> r.from() == which || r.to() == which).count(),
              population.tracks(),
              active(population),
              classes,
              byCheckpoint(series, population.births()),
              series.crosscoder() ? byCheckpoint(series, sums.get(s).checkedBirths()) : null,
              series.crosscoder() ? byCheckpoint(series, sums.get(s).confirmedBirths()) : null,
              byCheckpoint(series, population.emergences()),
              byCheckpoint(series, population.directionBirths()),
              byCheckpoint(series, population.deaths())));
    }
    return new EvolveSummary(summaries, inputs.dictionaryContents());
  }

  /** Tracks that fire at all. */
  static long active(Population population) {
    return population.tracks() - population.tracks(Lifecycle.INACTIVE);
  }

  private static Map<Long, Long> byCheckpoint(Series series, long[] counts) {
    Map<Long, Long> result = new TreeMap<>();
    for (int t = 0; t < counts.length; t++) {
      result.put(series.checkpoints()[t], counts[t]);
    }
    return result;
  }

  /** A short account for people. */
  static List<String> lines(EvolveInputs inputs, Manifest manifest) {
    List<String> lines = new ArrayList<>();
    for (SeriesSummary each : manifest.summary(EvolveSummary.class).series()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%s: %,d of %,d tracks active, %s",
              each.series,
              each.active,
              each.tracks,
              each.replicas > 1
                  ? "confirmed by " + (each.replicas - 1) + " other replica(s)"
                  : "no confidence: it has no replica"));
      lines.add("  births by presence   " + counts(each.births));
      if (each.confirmedBirths != null) {
        lines.add("    that could be checked " + counts(each.checkedBirths));
        lines.add("    and were confirmed   " + counts(each.confirmedBirths));
      }
      lines.add("  births by strength   " + counts(each.emergences));
      lines.add("  births by direction  " + counts(each.directionBirths));
      lines.add("  deaths               " + counts(each.deaths));
    }
    lines.addAll(windows(inputs, manifest));
    return lines;
  }

  private static String counts(Map<Long, Long> counts) {
    return String.join(
        "  ", counts.entrySet().stream().map(e -> e.getKey() + ": " + e.getValue()).toList());
  }

  private static List<String> windows(EvolveInputs inputs, Manifest manifest) {
    List<String> lines = new ArrayList<>();
    for (PublishedFile file : manifest.table("phases").toList()) {
      try (TableReader reader =
          TableReader.open(
              inputs.publication().folder(),
              EvolutionTables.PHASES,
              file.path(),
              "series",
              "method",
              "start",
              "end",
              "confidence")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          if (row[1].equals("window")) {
            lines.add(
                String.format(
                    Locale.ROOT,
                    "%s: features change most between steps %d and %d (%.0f %% of shifted series stay below)",
                    row[0],
                    (Long) row[2],
                    (Long) row[3],
                    100 * (Double) row[4]));
          }
        }
      } catch (IOException e) {
        throw Failure.resources("%s cannot be read: %s", file.path(), e.getMessage()).causedBy(e);
      }
    }
    return lines;
  }
}
