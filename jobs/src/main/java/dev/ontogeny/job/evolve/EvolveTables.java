package dev.ontogeny.job.evolve;

import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableSchema.ColumnType;

/** The tables that {@link Evolve} publishes. */
final class EvolveTables {
  static final TableSchema TRAJECTORIES =
      TableSchema.named("trajectories")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(ColumnType.LONG, "checkpoint")
          .with(ColumnType.STRING, "dictionary")
          .with(ColumnType.INT, "feature")
          .with(
              ColumnType.DOUBLE,
              "firing_rate",
              "strength",
              "decoder_norm",
              "relative_norm",
              "cosine_previous",
              "cosine_first",
              "cosine_final",
              "jaccard_previous",
              "relative_strength",
              "cosine_peak")
          .with(ColumnType.BOOLEAN, "alive")
          .build();

  static final TableSchema EVENTS =
      TableSchema.named("events")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(ColumnType.LONG, "birth", "emergence", "direction_birth", "peak", "death")
          .with(ColumnType.STRING, "class")
          .with(ColumnType.DOUBLE, "confidence", "peak_strength", "peak_firing_rate")
          .build();

  /** Whether features of crosscoders were absent before their births. */
  static final TableSchema BIRTH_CHECKS =
      TableSchema.named("birth_checks")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(ColumnType.LONG, "birth")
          .with(
              ColumnType.DOUBLE,
              "beta_error_before",
              "beta_others_before",
              "beta_error_birth",
              "beta_others_birth")
          .with(ColumnType.BOOLEAN, "confirmed")
          .build();

  /** How decoder norms are divided among the checkpoints of crosscoders of two or three. */
  static final TableSchema RELATIVE_NORMS =
      TableSchema.named("relative_norms")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(ColumnType.LONG, "checkpoint", "other_checkpoint")
          .with(ColumnType.DOUBLE, "share", "difference")
          .with(ColumnType.STRING, "kind")
          .build();

  static final TableSchema LINEAGE =
      TableSchema.named("lineage")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.LONG, "checkpoint_from", "checkpoint_to")
          .with(ColumnType.INT, "feature_from", "feature_to")
          .with(ColumnType.DOUBLE, "decoder_cosine", "encoder_cosine")
          .with(ColumnType.STRING, "kind")
          .with(ColumnType.DOUBLE, "confidence")
          .build();

  /**
   * Rows on which tracks of independent dictionaries fire; what is followed by index is measured.
   */
  static final TableSchema TRACK_OVERLAPS =
      TableSchema.named("track_overlaps")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(
              ColumnType.LONG,
              "checkpoint_previous",
              "checkpoint",
              "both",
              "count_previous",
              "count")
          .build();

  static final TableSchema IDENTITY =
      TableSchema.named("identity")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.LONG, "checkpoint_from", "checkpoint_to")
          .with(ColumnType.LONG, "continuations", "confirmed", "elsewhere", "unmatched")
          .with(ColumnType.DOUBLE, "confirmed_share")
          .with(ColumnType.LONG, "handed_over")
          .build();

  static final TableSchema SENSITIVITY =
      TableSchema.named("sensitivity")
          .with(ColumnType.STRING, "series", "threshold")
          .with(ColumnType.DOUBLE, "value")
          .with(
              ColumnType.LONG,
              "tracks",
              "births_changed",
              "emergences_changed",
              "direction_births_changed",
              "deaths_changed",
              "classes_changed")
          .build();

  static final TableSchema FORMATION =
      TableSchema.named("formation")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(ColumnType.LONG, "checkpoint")
          .with(ColumnType.STRING, "similarity")
          .with(ColumnType.DOUBLE, "value", "null_value")
          .build();

  /** Codes of tracks on the rows of their top examples, at every checkpoint. */
  static final TableSchema READINGS =
      TableSchema.named("readings")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(ColumnType.LONG, "checkpoint")
          .with(ColumnType.INT, "shard", "row")
          .with(ColumnType.DOUBLE, "value")
          .build();

  static final TableSchema COUNTERPARTS =
      TableSchema.named("counterparts")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "track")
          .with(ColumnType.STRING, "other_series")
          .with(ColumnType.INT, "other_track")
          .with(ColumnType.DOUBLE, "cosine")
          .build();

  static final TableSchema CURVES =
      TableSchema.named("curves")
          .with(ColumnType.STRING, "series", "curve")
          .with(ColumnType.LONG, "checkpoint")
          .with(ColumnType.DOUBLE, "value", "low", "high")
          .build();

  static final TableSchema PHASES =
      TableSchema.named("phases")
          .with(ColumnType.STRING, "series", "curve")
          .with(ColumnType.LONG, "start", "end")
          .with(ColumnType.DOUBLE, "score", "confidence")
          .with(ColumnType.STRING, "method", "axis")
          .with(ColumnType.DOUBLE, "support")
          .build();

  private EvolveTables() {}

  /** A value for a column, null where there is none. */
  static Double known(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** A checkpoint for a column, null where there is none. */
  static Long checkpoint(long[] checkpoints, int index) {
    return index < 0 ? null : checkpoints[index];
  }
}
