package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.ColumnType;
import java.util.List;

/**
 * The tables of {@code dictionaries}, beside the dictionaries themselves: how they were trained,
 * and how far replicas agree.
 */
public final class DictionaryTables {
  public static final TableSchema TRAINING_LOG =
      TableSchema.named("training_log")
          .tells(
              "How each dictionary was trained: means over the steps since the row before, except where said.",
              "a dictionary at a step of its training")
          .absent("where dictionaries were not trained here")
          .column("dictionary", ColumnType.STRING, "", "its id")
          .column("step", ColumnType.LONG, "step", "of the dictionary's training, from 1 on")
          .column("tokens", ColumnType.LONG, "tokens", "read so far")
          .column("loss", ColumnType.DOUBLE, "", "what the type of dictionary makes smaller")
          .column("fvu", ColumnType.DOUBLE, "share", "variance unexplained")
          .column("l0", ColumnType.DOUBLE, "features", "that are not zero on a token")
          .column(
              "dead_share",
              ColumnType.DOUBLE,
              "share",
              "of the features that were silent for the dead-window, at this step")
          .column(
              "auxiliary_loss", ColumnType.DOUBLE, "", "the part of the loss that revives features")
          .column("learning_rate", ColumnType.DOUBLE, "", "of this step")
          .column(
              "tokens_per_second",
              ColumnType.DOUBLE,
              "tokens/s",
              "measured speed, other in every run",
              "unless record-rates is set")
          .build();

  public static final TableSchema DECODER_NORMS =
      TableSchema.named("decoder_norms")
          .tells(
              "How present each feature of a crosscoder is in each of its sources.",
              "a feature in a source")
          .absent("for dictionaries of one source")
          .column("dictionary", ColumnType.STRING, "", "its id")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("site", ColumnType.STRING, "", "where in the network")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column("norm", ColumnType.DOUBLE, "scaled units", "length of its decoder there")
          .column(
              "relative_norm",
              ColumnType.DOUBLE,
              "share",
              "that length to its greatest",
              "where all of them are zero")
          .column(
              "cosine_peak",
              ColumnType.DOUBLE,
              "cosine",
              "of its direction to that in the source of its greatest length",
              "where it has no direction, or the sources differ in width")
          .build();

  public static final TableSchema CONSENSUS =
      TableSchema.named("consensus")
          .tells(
              "How far replicas agree on the features of the dictionaries that were merged out of them.",
              "a feature of a merged dictionary")
          .absent("unless train.consensus is set")
          .column("dictionary", ColumnType.STRING, "", "id of the merged dictionary")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("share", ColumnType.DOUBLE, "share", "of the replicas that have it")
          .column("replicas", ColumnType.INT, "replicas", "that have it")
          .column(
              "mean_cosine",
              ColumnType.DOUBLE,
              "cosine",
              "of its decoders in two replicas, mean over all pairs of those that have it")
          .column(
              "spread",
              ColumnType.DOUBLE,
              "degrees",
              "greatest angle between its decoder in a replica and the merged one")
          .column(
              "members",
              ColumnType.LONGS,
              "",
              "its number in every replica, from replica 0 on; -1 in those that lack it")
          .build();

  public static final List<TableSchema> ALL = List.of(TRAINING_LOG, DECODER_NORMS, CONSENSUS);

  private DictionaryTables() {}
}
