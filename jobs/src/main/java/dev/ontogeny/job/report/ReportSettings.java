package dev.ontogeny.job.report;

import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;

/**
 * Settings of {@link Report}, explained in {@code conf/jobs/report.conf}.
 *
 * @param confident least confidence of a track that counts as confident
 * @param lineageRows splits and merges listed per series
 * @param tracksPerFile tracks that share a file
 * @param tracksPerGroup tracks whose list entries share a file and that one task writes
 */
public record ReportSettings(
    @Operational String dataset,
    @Operational String dictionaries,
    @Operational String features,
    @Operational String evolution,
    @Operational String output,
    String title,
    double confident,
    Examples examples,
    int lineageRows,
    int tracksPerFile,
    int tracksPerGroup) {
  public ReportSettings {
    new Problems()
        .between("confident", confident, 0, 1)
        .atLeast("lineage-rows", lineageRows, 0)
        .between("tracks-per-file", tracksPerFile, 1, 1024)
        .atLeast("tracks-per-group", tracksPerGroup, 1)
        .check(
            tracksPerGroup % Math.max(1, tracksPerFile) == 0,
            "tracks-per-group",
            "must be a multiple of tracks-per-file (%d), got %d",
            tracksPerFile,
            tracksPerGroup)
        .raise();
  }

  /**
   * How many examples of a track are shown.
   *
   * @param top highest activations at its peak
   * @param quantile sampled over the quantiles at its peak
   * @param elsewhere highest activations at each other checkpoint
   */
  public record Examples(int top, int quantile, int elsewhere) {
    public Examples {
      new Problems()
          .between("top", top, 1, 1000)
          .between("quantile", quantile, 0, 1000)
          .between("elsewhere", elsewhere, 0, 1000)
          .raise();
    }
  }
}
