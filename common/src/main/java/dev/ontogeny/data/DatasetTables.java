package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.ColumnType;
import java.util.List;

/** The tables of {@code dataset}: the tokens of a capture and what was captured at them. */
public final class DatasetTables {
  public static final TableSchema TOKENS =
      TableSchema.named("tokens")
          .tells(
              "The tokens of the capture in their shuffled order, one file per shard.", "a token")
          .column("document", ColumnType.CAPTURED, "", "the text it stands in, a string or long")
          .column("position", ColumnType.INT, "", "its place within the document")
          .column(
              "token_id",
              ColumnType.INT,
              "",
              "the tokenizer's number",
              "where the capture has none")
          .column("token", ColumnType.STRING, "", "its text", "where the capture has none")
          .column(
              TableSchema.LABELS,
              ColumnType.CAPTURED,
              "",
              "a label of the token; one column for each that the capture has",
              "where the capture has none")
          .build();

  /** Bytes as wide as a vector of the site. */
  public static final TableSchema VECTORS =
      TableSchema.named("vectors")
          .tells(
              "What the network does at the tokens: one file per site, checkpoint and shard, whose row i belongs to row i of the tokens of that shard.",
              "a token at a site and checkpoint")
          .column(
              "activation",
              ColumnType.BYTES,
              "captured units",
              "its vector as little-endian numbers of the site's dtype (float16 or float32)")
          .column(
              "gradient",
              ColumnType.BYTES,
              "captured units",
              "the gradient at that vector, likewise",
              "where the capture has none")
          .column(
              "loss",
              ColumnType.FLOAT,
              "captured units",
              "the network's loss on the token",
              "where the capture has none")
          .build();

  public static final TableSchema MOMENTS =
      TableSchema.named("moments")
          .tells("Moments of the vectors over all shards.", "a site at a checkpoint")
          .column("site", ColumnType.STRING, "", "where in the network")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column("rows", ColumnType.LONG, "tokens", "how many the moments are over")
          .column("mean", ColumnType.DOUBLES, "captured units", "mean vector")
          .column(
              "covariance",
              ColumnType.DOUBLES,
              "captured units²",
              "covariance matrix, row by row, divided by rows")
          .column("mean_norm", ColumnType.DOUBLE, "captured units", "mean length of a vector")
          .column(
              "mean_square_norm",
              ColumnType.DOUBLE,
              "captured units²",
              "mean of the squared length")
          .column("minimum", ColumnType.DOUBLES, "captured units", "least value per dimension")
          .column("maximum", ColumnType.DOUBLES, "captured units", "greatest value per dimension")
          .column(
              "geometric_median",
              ColumnType.DOUBLES,
              "captured units",
              "geometric median of a sample of the vectors")
          .column(
              "norm_lower",
              ColumnType.DOUBLES,
              "captured units",
              "lower edges of bins of lengths, a quarter of an octave each")
          .column("norm_count", ColumnType.LONGS, "tokens", "vectors per bin of lengths")
          .build();

  public static final TableSchema REJECTS =
      TableSchema.named("rejects")
          .tells("Rows of the capture that a rule dropped.", "a row that was dropped")
          .absent("where no rule dropped a row")
          .column("document", ColumnType.CAPTURED, "", "the text it stood in, a string or long")
          .column("position", ColumnType.INT, "", "its place within the document")
          .column("site", ColumnType.STRING, "", "where in the network")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column("rule", ColumnType.STRING, "", "which rule")
          .column("detail", ColumnType.STRING, "", "what was found")
          .build();

  public static final TableSchema CAPTURE =
      TableSchema.named("capture")
          .tells(
              "What the files of the capture held, so that a dataset can gain checkpoints without reading them again.",
              "a file of the capture that was read")
          .absent("for datasets that were made before they could be extended")
          .column("input", ColumnType.INT, "", "its place among the manifest's inputs, from 0 on")
          .column(
              "outline",
              ColumnType.STRING,
              "",
              "digest of what the file says of itself: rows, columns, pages")
          .column("content", ColumnType.STRING, "", "digest of its pages")
          .build();

  static final List<TableSchema> ALL = List.of(TOKENS, VECTORS, MOMENTS, REJECTS, CAPTURE);

  private DatasetTables() {}
}
