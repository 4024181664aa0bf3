package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.ColumnType;
import java.util.List;

/**
 * The tables of {@code evolution}: what happens to features across checkpoints. A series is a set
 * of dictionaries over checkpoints, a track one feature followed through it.
 */
public final class EvolutionTables {
  public static final TableSchema TRAJECTORIES =
      ofTracks("trajectories")
          .tells(
              "Every track at every checkpoint; one that ends has one more row, at the checkpoint where it is no longer.",
              "a track at a checkpoint")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column("dictionary", ColumnType.STRING, "", "id of the dictionary of that checkpoint")
          .column(
              "feature",
              ColumnType.INT,
              "",
              "its number in that dictionary; −1 in the one row after its end")
          .column("firing_rate", ColumnType.DOUBLE, "share", "of the tokens on which it fires")
          .column(
              "strength",
              ColumnType.DOUBLE,
              "scaled units",
              "what it contributes on average: firing rate × mean code × decoder norm")
          .column("decoder_norm", ColumnType.DOUBLE, "scaled units", "length of its direction")
          .column("relative_norm", ColumnType.DOUBLE, "share", "that length to its greatest")
          .column(
              "cosine_previous",
              ColumnType.DOUBLE,
              "cosine",
              "to its direction at the previous checkpoint",
              "where it has no direction at one of the two")
          .column(
              "cosine_first",
              ColumnType.DOUBLE,
              "cosine",
              "to its direction at its first checkpoint",
              "where it has no direction at one of the two")
          .column(
              "cosine_final",
              ColumnType.DOUBLE,
              "cosine",
              "to its direction at its last checkpoint",
              "where it has no direction at one of the two")
          .column(
              "jaccard_previous",
              ColumnType.DOUBLE,
              "share",
              "of the tokens on which it fires here or at the previous checkpoint, those on which it fires at both",
              "where it fires at neither, or was not counted")
          .column("relative_strength", ColumnType.DOUBLE, "share", "its strength to its greatest")
          .column(
              "cosine_peak",
              ColumnType.DOUBLE,
              "cosine",
              "to its direction where it is strongest",
              "where it has no direction at one of the two")
          .column(
              "alive", ColumnType.BOOLEAN, "", "whether it is present, as births by presence are")
          .build();

  public static final TableSchema EVENTS =
      ofTracks("events")
          .tells("When what happened to each track.", "a track")
          .column(
              "birth",
              ColumnType.LONG,
              "step",
              "by presence: the first checkpoint at which it is alive",
              "where it never is")
          .column(
              "emergence",
              ColumnType.LONG,
              "step",
              "by strength: from where on it stays above half of its peak, until that peak",
              "where it is inactive")
          .column(
              "direction_birth",
              ColumnType.LONG,
              "step",
              "by direction: from where on its cosine to that at the peak stays high, until that peak",
              "where it is inactive")
          .column(
              "peak",
              ColumnType.LONG,
              "step",
              "the checkpoint at which it is strongest",
              "where it is inactive")
          .column(
              "death",
              ColumnType.LONG,
              "step",
              "the first checkpoint at which it is no longer alive",
              "where it does not die within the series")
          .column(
              "class",
              ColumnType.STRING,
              "",
              "its course as one word: persistent, late-emerging, transitional, early-decaying, mixed or inactive")
          .column(
              "confidence",
              ColumnType.DOUBLE,
              "share",
              "0 to 1: how well it has counterparts in the other replicas",
              "where there is no other replica")
          .column("peak_strength", ColumnType.DOUBLE, "scaled units", "its greatest strength")
          .column("peak_firing_rate", ColumnType.DOUBLE, "share", "its firing rate there")
          .build();

  public static final TableSchema LINEAGE =
      TableSchema.named("lineage")
          .tells(
              "Which features of neighbouring checkpoints are the same, by their directions alone.",
              "a line of descent between two features, or its absence")
          .absent("for a single checkpoint")
          .column("series", ColumnType.STRING, "", "of the dictionaries")
          .column("checkpoint_from", ColumnType.LONG, "step", "the earlier training step")
          .column("checkpoint_to", ColumnType.LONG, "step", "the later training step")
          .column(
              "feature_from", ColumnType.INT, "", "number at the earlier one", "where it is born")
          .column("feature_to", ColumnType.INT, "", "number at the later one", "where it dies")
          .column(
              "decoder_cosine",
              ColumnType.DOUBLE,
              "cosine",
              "of what they write; to the nearest there was, where it is born or dies")
          .column("encoder_cosine", ColumnType.DOUBLE, "cosine", "of what they read, likewise")
          .column("kind", ColumnType.STRING, "", "continues, splits, merges, born or dies")
          .column(
              "confidence",
              ColumnType.DOUBLE,
              "share",
              "of shuffled directions whose nearest is less near; where it is born or dies, of those whose nearest is at least as near")
          .build();

  public static final TableSchema TRACK_OVERLAPS =
      ofTracks("track_overlaps")
          .tells(
              "Sets of tokens that tracks of independent dictionaries fire on at neighbouring checkpoints, by exact counts.",
              "a track at two neighbouring checkpoints")
          .absent(
              "for chains and crosscoders, whose overlaps are measured, and for a single checkpoint")
          .column("checkpoint_previous", ColumnType.LONG, "step", "the earlier training step")
          .column("checkpoint", ColumnType.LONG, "step", "the later training step")
          .column("both", ColumnType.LONG, "tokens", "on which it fires at both")
          .column("count_previous", ColumnType.LONG, "tokens", "on which it fires at the earlier")
          .column("count", ColumnType.LONG, "tokens", "on which it fires at the later")
          .build();

  public static final TableSchema IDENTITY =
      TableSchema.named("identity")
          .tells(
              "How far features of one number in a chain are the same feature by matching: identity by a warm start is partly imposed.",
              "two neighbouring checkpoints of a chain")
          .column("series", ColumnType.STRING, "", "of the dictionaries")
          .column("checkpoint_from", ColumnType.LONG, "step", "the earlier training step")
          .column("checkpoint_to", ColumnType.LONG, "step", "the later training step")
          .column("continuations", ColumnType.LONG, "features", "that fire at both")
          .column("confirmed", ColumnType.LONG, "features", "of them, each other's nearest")
          .column("elsewhere", ColumnType.LONG, "features", "of them, whose nearest is another")
          .column("unmatched", ColumnType.LONG, "features", "of them, that have no mutual nearest")
          .column(
              "confirmed_share",
              ColumnType.DOUBLE,
              "share",
              "confirmed to continuations",
              "where there are no continuations")
          .column(
              "handed_over",
              ColumnType.LONG,
              "features",
              "whose number is another track's from the later one on")
          .build();

  public static final TableSchema FORMATION =
      ofTracks("formation")
          .tells(
              "How alike the final top tokens of leading tracks are at each checkpoint (SAE-Track's progress, arXiv 2412.17626).",
              "a track at a checkpoint and a similarity")
          .absent("where no track has two top examples")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column(
              "similarity",
              ColumnType.STRING,
              "",
              "activation_cosine, code_cosine, code_jaccard or code_weighted_jaccard; of crosscoders the first alone")
          .column(
              "value",
              ColumnType.DOUBLE,
              "of the similarity",
              "mean over pairs of top tokens",
              "where fewer than two of them have a vector")
          .column(
              "null_value",
              ColumnType.DOUBLE,
              "of the similarity",
              "the same for random tokens",
              "where fewer than two of them have a vector")
          .build();

  public static final TableSchema READINGS =
      ofTracks("readings")
          .tells(
              "What the feature of each track is on the tokens of its top examples (at its peak) at every checkpoint: the same sentence before and after a birth.",
              "a track at a checkpoint on a token; none where the track has no feature")
          .absent("where no feature fires, and where readings.rows is 0")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column("shard", ColumnType.INT, "", "of the dataset in which the token lies")
          .column("row", ColumnType.INT, "", "its place in that shard, from 0 on")
          .column(
              "value",
              ColumnType.DOUBLE,
              "scaled units",
              "code there, 0 where it does not fire; of a crosscoder × the decoder norm at the checkpoint")
          .build();

  public static final TableSchema COUNTERPARTS =
      ofTracks("counterparts")
          .tells(
              "Tracks of two replicas that are each other's nearest over all checkpoints, from both sides.",
              "a track with its counterpart in another replica")
          .absent("where there is no other replica")
          .column("other_series", ColumnType.STRING, "", "the other replica")
          .column("other_track", ColumnType.INT, "", "number of the track there")
          .column(
              "cosine",
              ColumnType.DOUBLE,
              "cosine",
              "of both trajectories of directions, side by side over all checkpoints")
          .build();

  public static final TableSchema CURVES =
      TableSchema.named("curves")
          .tells("Numbers of whole series, checkpoint by checkpoint.", "a curve at a checkpoint")
          .column("series", ColumnType.STRING, "", "of the dictionaries")
          .column("curve", ColumnType.STRING, "", "its name")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column("value", ColumnType.DOUBLE, "of the curve", "its value")
          .column(
              "low",
              ColumnType.DOUBLE,
              "of the curve",
              "5th percentile of the bootstrap",
              "where it is not bootstrapped by document")
          .column(
              "high",
              ColumnType.DOUBLE,
              "of the curve",
              "95th percentile of the bootstrap",
              "where it is not bootstrapped by document")
          .build();

  public static final TableSchema PHASES =
      TableSchema.named("phases")
          .tells(
              "Stretches of training: the window in which tracks change most, and pieces of curves between which their slope changes.",
              "a stretch of a curve")
          .column("series", ColumnType.STRING, "", "of the dictionaries")
          .column("curve", ColumnType.STRING, "", "its name; reorganisation of the window")
          .column("start", ColumnType.LONG, "step", "its first checkpoint")
          .column("end", ColumnType.LONG, "step", "its last checkpoint")
          .column(
              "score",
              ColumnType.DOUBLE,
              "",
              "of a window the geometric mean of its scaled changes; of a piece by how much BIC prefers the cuts over none")
          .column(
              "confidence",
              ColumnType.DOUBLE,
              "share",
              "of a window, of circularly shifted series that stay below its score; of a piece the Schwarz weight of that number of pieces")
          .column("method", ColumnType.STRING, "", "window or segmentation")
          .column("axis", ColumnType.STRING, "", "log10(step+1) or step: on which it was found")
          .column(
              "support",
              ColumnType.DOUBLE,
              "share",
              "of bootstrap replicates whose own window overlaps it by half",
              "where the stretch is a piece, and where there are no replicates")
          .build();

  public static final TableSchema SENSITIVITY =
      TableSchema.named("sensitivity")
          .tells(
              "How many tracks would be judged otherwise if a threshold were another.",
              "a threshold with another value")
          .column("series", ColumnType.STRING, "", "of the dictionaries")
          .column("threshold", ColumnType.STRING, "", "name of the setting")
          .column("value", ColumnType.DOUBLE, "of the setting", "tried instead")
          .column("tracks", ColumnType.LONG, "tracks", "that are judged: all but inactive ones")
          .column("births_changed", ColumnType.LONG, "tracks", "of another birth by presence")
          .column("emergences_changed", ColumnType.LONG, "tracks", "of another birth by strength")
          .column(
              "direction_births_changed",
              ColumnType.LONG,
              "tracks",
              "of another birth by direction")
          .column("deaths_changed", ColumnType.LONG, "tracks", "of another death")
          .column("classes_changed", ColumnType.LONG, "tracks", "of another class")
          .build();

  public static final TableSchema BIRTH_CHECKS =
      ofTracks("birth_checks")
          .tells(
              "Whether features of crosscoders were absent before their births by presence, by latent scaling.",
              "a track that is born")
          .absent("for chains and independent dictionaries, and where no track is born")
          .column("birth", ColumnType.LONG, "step", "by presence")
          .column(
              "beta_error_before",
              ColumnType.DOUBLE,
              "ratio",
              "the greatest beta_error before it",
              "where nothing was measured before it")
          .column(
              "beta_others_before",
              ColumnType.DOUBLE,
              "ratio",
              "what other features reconstruct of it (beta_reconstruction − beta_own), the greatest before its birth",
              "where nothing was measured before it")
          .column(
              "beta_error_birth",
              ColumnType.DOUBLE,
              "ratio",
              "beta_error at its birth",
              "where nothing was measured at it")
          .column(
              "beta_others_birth",
              ColumnType.DOUBLE,
              "ratio",
              "what others reconstruct at its birth: much less than before if they stood for it",
              "where nothing was measured at it")
          .column(
              "confirmed",
              ColumnType.BOOLEAN,
              "",
              "whether it was absent before its birth and is present at it",
              "where there is nothing to look at, as of a birth at the first checkpoint")
          .build();

  public static final TableSchema RELATIVE_NORMS =
      ofTracks("relative_norms")
          .tells(
              "How decoder norms are divided among the checkpoints of crosscoders of two or three.",
              "a track at a checkpoint, beside another or all others")
          .absent(
              "for all but crosscoders of two or three checkpoints, and where no track is active")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column(
              "other_checkpoint",
              ColumnType.LONG,
              "step",
              "the one that it is compared with",
              "where it is compared with all others")
          .column("share", ColumnType.DOUBLE, "share", "of its norm in the sum of norms")
          .column(
              "difference",
              ColumnType.DOUBLE,
              "share",
              "Δ_norm (arXiv 2504.02922): 1 where only this one has it, ½ where both are alike")
          .column("kind", ColumnType.STRING, "", "specific, shared or absent (arXiv 2509.05291)")
          .build();

  public static final List<TableSchema> ALL =
      List.of(
          TRAJECTORIES,
          EVENTS,
          LINEAGE,
          TRACK_OVERLAPS,
          IDENTITY,
          FORMATION,
          READINGS,
          COUNTERPARTS,
          CURVES,
          PHASES,
          SENSITIVITY,
          BIRTH_CHECKS,
          RELATIVE_NORMS);

  private EvolutionTables() {}

  private static TableSchema.Builder ofTracks(String name) {
    return TableSchema.named(name)
        .column("series", ColumnType.STRING, "", "in which the track is followed")
        .column("track", ColumnType.INT, "", "its number there");
  }
}
