package dev.ontogeny.stats;

import dev.ontogeny.run.Seeds;
import org.apache.commons.math3.distribution.TDistribution;

/**
 * Bands by leaving out groups of documents. Documents fall into {@value #GROUPS} groups by a hash,
 * so that a group is the same whichever tasks see its parts; a statistic is computed again without
 * each group, and how these differ tells its variance. Groups are as large as their documents make
 * them, which the delete-m_j jackknife allows for (Busing, Meijer and van der Leeden 1999). A band
 * is value ± t · √variance with the 95 % quantile of Student's t for the number of groups less one:
 * it covers 90 %, as from the 5th to the 95th percentile of a bootstrap. It tells what other
 * documents would change, and no bias.
 */
final class GroupJackknife {
  static final int GROUPS = 64;

  /** Sets groups apart from replicates of {@link Bootstrap}, which are hashed by their number. */
  private static final long PURPOSE = -1;

  /** Where a statistic may lie; both NaN where the documents do not tell. */
  record Band(double lower, double upper) {
    static final Band UNKNOWN = new Band(Double.NaN, Double.NaN);

    /** Within what the statistic can be. */
    Band within(double least, double greatest) {
      return new Band(Math.max(least, lower), Math.min(greatest, upper));
    }
  }

  private GroupJackknife() {}

  /** The group of a document, given what {@link Bootstrap} makes of its name. */
  static int group(long document) {
    return (int) Long.remainderUnsigned(Seeds.mix(document, PURPOSE), GROUPS);
  }

  /**
   * The band of a statistic.
   *
   * @param value over all rows
   * @param without the same without each group
   * @param rows of each group
   */
  static Band band(double value, double[] without, long[] rows) {
    long total = 0;
    int groups = 0;
    for (long each : rows) {
      total += each;
      groups += each > 0 ? 1 : 0;
    }
    if (groups < 2) {
      return Band.UNKNOWN;
    }
    double centre = groups * value;
    for (int g = 0; g < rows.length; g++) {
      centre -= rows[g] == 0 ? 0 : (1 - (double) rows[g] / total) * without[g];
    }
    double variance = 0;
    for (int g = 0; g < rows.length; g++) {
      if (rows[g] > 0) {
        double times = (double) total / rows[g];
        double difference = times * value - (times - 1) * without[g] - centre;
        variance += difference * difference / (times - 1) / groups;
      }
    }
    double half = new TDistribution(groups - 1).inverseCumulativeProbability(0.95);
    half *= Math.sqrt(variance);
    return Double.isFinite(half) ? new Band(value - half, value + half) : Band.UNKNOWN;
  }
}
