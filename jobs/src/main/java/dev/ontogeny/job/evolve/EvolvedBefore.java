package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.evolution.Series;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What an earlier evolution holds that evolving anew would give byte for byte. As far as the first
 * checkpoints of a series have the dictionaries that they had, that is the lineage between them
 * with the counts of {@code identity}, where tracks of independent dictionaries fire, and what
 * tracks read on top examples that they had, on a dataset that has at most gained checkpoints. All
 * else is over all checkpoints of a series.
 */
final class EvolvedBefore implements Serializable {
  private static final long serialVersionUID = 1;

  /** Null for none. */
  private final Folder folder;

  /** By table, series and place: as their paths begin. */
  private final HashMap<String, PublishedFile> files = new HashMap<>();

  /** Of the table {@code identity}. */
  private final ArrayList<PublishedFile> identity = new ArrayList<>();

  /** By name of a series, how many of its first checkpoints have the dictionaries that they had. */
  private final HashMap<String, Integer> known = new HashMap<>();

  private EvolvedBefore(Folder folder) {
    this.folder = folder;
  }

  static EvolvedBefore nothing() {
    return new EvolvedBefore(null);
  }

  /**
   * Of the folder that settings name.
   *
   * @param contents digests of the dictionaries' files, by id
   */
  static EvolvedBefore of(
      EvolveSettings settings,
      ShardedDataset dataset,
      Map<String, String> contents,
      List<Series> series) {
    if (settings.continueFrom() == null) {
      return nothing();
    }
    EvolvedBefore before = new EvolvedBefore(Folder.of(settings.continueFrom()));
    Manifest manifest = Manifest.read(before.folder, "evolution");
    dataset.requireContinues(before.folder, manifest, settings, "evolved", "from");
    EvolveSummary summary = manifest.summary(EvolveSummary.class);
    if (summary.dictionaryContents() == null) {
      // Published by a build that did not tell yet what the dictionaries were.
      return before;
    }
    for (EvolveSummary.SeriesSummary each : summary.series()) {
      long[] checkpoints =
          each.births().keySet().stream().mapToLong(Long::longValue).sorted().toArray();
      series.stream()
          .filter(now -> now.name().equals(each.series()))
          .forEach(
              now ->
                  before.known.put(
                      now.name(), known(checkpoints, summary.dictionaryContents(), now, contents)));
    }
    for (PublishedFile file : manifest.files()) {
      if (file.path().matches("(lineage|track_overlaps|readings)/.*/\\d{5}-[^/]*")) {
        before.files.put(file.path().substring(0, file.path().lastIndexOf('/') + 6), file);
      }
    }
    manifest.table(EvolutionTables.IDENTITY.name()).forEach(before.identity::add);
    return before;
  }

  private static int known(
      long[] checkpoints, Map<String, String> then, Series series, Map<String, String> contents) {
    int t = 0;
    while (t < Math.min(checkpoints.length, series.length())
        && checkpoints[t] == series.checkpoints()[t]
        && contents.get(series.dictionaries()[t]).equals(then.get(series.dictionaries()[t]))) {
      t++;
    }
    return t;
  }

  /** Null for none. */
  Folder folder() {
    return folder;
  }

  /**
   * The lineage between the t-th checkpoint of a series and the next.
   *
   * @return null if it is to be made
   */
  PublishedFile lineage(Series series, int t) {
    return file(EvolutionTables.LINEAGE, series, t, t + 1);
  }

  /**
   * Where tracks of independent dictionaries fire at the t-th checkpoint and the one before.
   *
   * @return null if it is to be made
   */
  PublishedFile overlaps(Series series, int t) {
    return file(EvolutionTables.TRACK_OVERLAPS, series, t, t);
  }

  /**
   * What tracks read at the t-th checkpoint. Numbers of tracks are those of today: they follow from
   * the checkpoints up to the first one of a track.
   *
   * @return null if nothing is known
   */
  PublishedFile readings(Series series, int t) {
    return file(EvolutionTables.READINGS, series, t, t);
  }

  private PublishedFile file(TableSchema table, Series series, int t, int last) {
    return last < known.getOrDefault(series.name(), 0)
        ? files.get(String.format(Locale.ROOT, "%s/%s/%05d", table.name(), series.name(), t))
        : null;
  }

  /** Whether the lineage between a checkpoint of a series and the next is taken. */
  boolean isLineageKnown(Series series, int t) {
    return lineage(series, t) != null;
  }

  /** How many pairs of checkpoints of a series that are. */
  int knownLineages(Series series) {
    return (int)
        IntStream.range(0, series.length() - 1).filter(t -> isLineageKnown(series, t)).count();
  }

  /**
   * Stands in the names of records and states that hold sums over tracks: those of another run of
   * the same identity, that took other pairs or none, have counted another part of {@code
   * identity}.
   */
  String mark(Series series) {
    int taken = knownLineages(series);
    return taken == 0 ? "" : "-after-" + taken;
  }

  /**
   * Of a chain: counts of the table {@code identity} where lineage is taken, null elsewhere; [T -
   * 1][4]. On the driver only.
   */
  long[][] identity(Series series) throws IOException {
    long[][] counts = new long[Math.max(0, series.length() - 1)][];
    for (PublishedFile file : identity) {
      try (TableReader reader =
          TableReader.open(
              folder,
              EvolutionTables.IDENTITY,
              file.path(),
              "series",
              "checkpoint_from",
              "continuations",
              "confirmed",
              "elsewhere",
              "unmatched")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          int t = Arrays.binarySearch(series.checkpoints(), (Long) row[1]);
          if (row[0].equals(series.name()) && t >= 0 && isLineageKnown(series, t)) {
            counts[t] = new long[] {(Long) row[2], (Long) row[3], (Long) row[4], (Long) row[5]};
          }
        }
      }
    }
    return counts;
  }
}
