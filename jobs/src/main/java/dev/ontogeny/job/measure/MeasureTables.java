package dev.ontogeny.job.measure;

import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableSchema.ColumnType;

/** The tables that {@link Measure} publishes. */
public final class MeasureTables {
  public static final TableSchema DICTIONARIES =
      measured("dictionaries")
          .with(ColumnType.STRING, "split")
          .with(ColumnType.LONG, "rows")
          .with(ColumnType.DOUBLE, "fvu", "l0", "dead_share", "cosine", "norm_ratio")
          .build();

  public static final TableSchema BOOTSTRAP =
      measured("bootstrap")
          .with(ColumnType.STRING, "statistic")
          .with(ColumnType.DOUBLE, "value")
          .with(ColumnType.DOUBLES, "replicates")
          .build();

  public static final TableSchema FEATURES =
      measured("features")
          .with(ColumnType.INT, "feature")
          .with(ColumnType.LONG, "count")
          .with(ColumnType.DOUBLE, "firing_rate", "mean", "variance", "maximum")
          .with(ColumnType.DOUBLE, "q10", "q50", "q90", "q99", "decoder_norm", "encoder_norm")
          .with(ColumnType.INT, "nearest_feature")
          .with(ColumnType.DOUBLE, "nearest_cosine")
          .build();

  public static final TableSchema LATENT_SCALING =
      measured("latent_scaling")
          .with(ColumnType.INT, "feature")
          .with(ColumnType.LONG, "direction_checkpoint")
          .with(ColumnType.DOUBLE, "beta_error", "beta_reconstruction", "beta_own")
          .build();

  public static final TableSchema HISTOGRAMS =
      measured("histograms")
          .with(ColumnType.INT, "feature")
          .with(ColumnType.DOUBLES, "lower")
          .with(ColumnType.LONGS, "count")
          .build();

  public static final TableSchema TOP_TOKENS =
      measured("top_tokens")
          .with(ColumnType.INT, "feature", "rank")
          .with(ColumnType.STRING, "token")
          .with(ColumnType.LONG, "token_id", "count")
          .build();

  public static final TableSchema LABELS =
      measured("labels")
          .with(ColumnType.INT, "feature")
          .with(ColumnType.STRING, "label", "value")
          .with(ColumnType.LONG, "count")
          .with(ColumnType.DOUBLE, "precision", "recall", "f1")
          .build();

  public static final TableSchema OVERLAPS =
      TableSchema.named("overlaps")
          .with(ColumnType.STRING, "series")
          .with(ColumnType.INT, "feature")
          .with(ColumnType.LONG, "checkpoint_previous", "checkpoint")
          .with(ColumnType.LONG, "both", "count_previous", "count")
          .build();

  private MeasureTables() {}

  /** Documents are numbers or texts, as the capture has them. */
  static TableSchema examples(boolean numberedDocuments) {
    return measured("examples")
        .with(ColumnType.INT, "feature")
        .with(ColumnType.STRING, "kind")
        .with(ColumnType.INT, "rank")
        .with(numberedDocuments ? ColumnType.LONG : ColumnType.STRING, "document")
        .with(ColumnType.INT, "position")
        .with(ColumnType.STRING, "token")
        .with(ColumnType.DOUBLE, "value")
        .with(ColumnType.INT, "context_start")
        .with(ColumnType.STRINGS, "context_tokens")
        .with(ColumnType.FLOATS, "context_values")
        .with(ColumnType.INT, "shard", "row")
        .build();
  }

  private static TableSchema.Builder measured(String name) {
    return TableSchema.named(name)
        .with(ColumnType.STRING, "dictionary", "site")
        .with(ColumnType.LONG, "checkpoint");
  }
}
