package dev.ontogeny.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What follows from counts over the tracks of each series: the browser does no statistics. */
public final class PopulationTables {
  /** Bins of a distribution between the ends of its range. */
  public static final int BINS = 40;

  private static final Set<String> SHARES =
      Set.of("jaccard_previous", "relative_strength", "confidence");

  private PopulationTables() {}

  /**
   * A series as the pages number it.
   *
   * @param name as the tables have it
   * @param checkpoints ascending
   * @param tracks how many there are
   */
  public record Series(String name, List<Long> checkpoints, int tracks) {}

  /**
   * Tracks alive at every checkpoint: born at or before it and not dead by then.
   *
   * @param events rows of (series number, event, checkpoint, class, confident, tracks); events are
   *     named by the column of the table {@code events} that tells them
   * @return rows of (series number, checkpoint, alive, confident): how many, and how many of them
   *     with a confidence over the threshold
   */
  public static PageTable alive(List<Series> series, PageTable events) {
    PageTable result = PageTable.of("series", "checkpoint", "tracks", "confident");
    for (int number = 0; number < series.size(); number++) {
      for (long checkpoint : series.get(number).checkpoints()) {
        long alive = 0;
        long confident = 0;
        for (Object[] row : events.values()) {
          Object at = row[2];
          if (at == null || ((Number) row[0]).intValue() != number) {
            continue;
          }
          long step = ((Number) at).longValue();
          long change =
              row[1].equals("birth") && step <= checkpoint
                  ? 1
                  : row[1].equals("death") && step <= checkpoint ? -1 : 0;
          long tracks = ((Number) row[5]).longValue() * change;
          alive += tracks;
          confident += Boolean.TRUE.equals(row[4]) ? tracks : 0;
        }
        result.add(number, checkpoint, alive, confident);
      }
    }
    return result;
  }

  /**
   * Deciles and median of binned distributions, each within its bin by linear interpolation.
   *
   * @param bins rows of (series number, measure, checkpoint, bin, tracks), ordered by the first
   *     four
   * @return rows of (series number, measure, checkpoint, low, median, high, tracks)
   */
  public static PageTable quantiles(PageTable bins) {
    Map<List<Object>, long[]> distributions = new LinkedHashMap<>();
    for (Object[] row : bins.values()) {
      distributions
              .computeIfAbsent(List.of(row[0], row[1], row[2]), none -> new long[BINS])[
              ((Number) row[3]).intValue()] +=
          ((Number) row[4]).longValue();
    }
    PageTable result =
        PageTable.of("series", "measure", "checkpoint", "low", "median", "high", "tracks");
    distributions.forEach(
        (key, counts) -> {
          double minimum = minimum((String) key.get(1));
          long total = 0;
          for (long count : counts) {
            total += count;
          }
          result.add(
              key.get(0),
              key.get(1),
              key.get(2),
              quantile(counts, total, 0.1, minimum),
              quantile(counts, total, 0.5, minimum),
              quantile(counts, total, 0.9, minimum),
              total);
        });
    return result;
  }

  /** The bin of a value of a measure: those outside its range are in the outermost. */
  public static int bin(String measure, double value) {
    double share = (value - minimum(measure)) / (1 - minimum(measure));
    return (int) Math.max(0, Math.min(BINS - 1, Math.floor(share * BINS)));
  }

  /** Where the range of a measure begins: shares at 0, similarities at -1; all ranges end at 1. */
  public static double minimum(String measure) {
    return SHARES.contains(measure) ? 0 : -1;
  }

  private static double quantile(long[] counts, long total, double share, double minimum) {
    double width = (1 - minimum) / BINS;
    double wanted = share * total;
    double before = 0;
    for (int bin = 0; bin < BINS; bin++) {
      if (counts[bin] > 0 && before + counts[bin] >= wanted) {
        double inside = (wanted - before) / counts[bin];
        // Whole thousandths: more would be told by no bin.
        return Math.rint((minimum + (bin + inside) * width) * 1000) / 1000;
      }
      before += counts[bin];
    }
    return Double.NaN;
  }
}
