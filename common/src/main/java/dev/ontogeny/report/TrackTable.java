package dev.ontogeny.report;

import dev.ontogeny.data.PublishedTables;
import dev.ontogeny.data.TableSchema;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The published tables that tell of tracks. Rows of tables of the features tell of a feature at a
 * checkpoint, and so of the track that it belongs to there.
 */
public enum TrackTable {
  COUNTERPARTS("evolution", "track other_series other_track cosine", ""),
  EVENTS("evolution", "track birth emergence direction_birth peak death class confidence", ""),
  EXAMPLES(
      "features",
      "kind rank document position token value context_start context_tokens context_values",
      "checkpoint dictionary feature"),
  FEATURES("features", "nearest_cosine", "dictionary checkpoint nearest_feature feature"),
  FORMATION("evolution", "track checkpoint similarity value null_value", ""),
  HISTOGRAMS("features", "lower count", "dictionary checkpoint feature"),
  LABELS("features", "label value precision recall f1", "dictionary checkpoint feature"),
  LINEAGE(
      "evolution",
      "decoder_cosine encoder_cosine kind confidence",
      "checkpoint_to feature_to checkpoint_from feature_from"),
  READINGS("evolution", "track checkpoint shard row value", ""),
  TOP_TOKENS("features", "rank token count", "dictionary checkpoint feature"),
  TRAJECTORIES("evolution", "track checkpoint dictionary feature firing_rate strength", "");

  private final String kind;
  private final String needed;
  private final String first;

  /**
   * Describes one.
   *
   * @param first columns that stand first where rows are shown, and are needed too
   */
  TrackTable(String kind, String needed, String first) {
    this.kind = kind;
    this.needed = needed;
    this.first = first;
  }

  /** What it holds. */
  public TableSchema declared() {
    return PublishedTables.find(kind, table()).orElseThrow();
  }

  /** The kind of the folder that has it. */
  public String kind() {
    return kind;
  }

  /** Its name there, and where it is shown. */
  public String table() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The columns that it must have. */
  public String[] needed() {
    return ((ofFeatures() ? "site " : "series ") + first + " " + needed).trim().split(" +");
  }

  /** Whether its rows name a feature of a dictionary at a site and checkpoint. */
  public boolean ofFeatures() {
    return kind.equals("features");
  }

  /** The columns to read that say where a row belongs and are not shown: they come first. */
  public List<String> keys() {
    return ofFeatures()
        ? List.of()
        : this == LINEAGE ? List.of("series") : List.of("series", "track");
  }

  /** The columns to read that are shown, of those that it has, in the order of the pages. */
  public List<String> shown(List<String> there) {
    List<String> columns = new ArrayList<>();
    if (!first.isEmpty()) {
      columns.addAll(List.of(first.split(" ")));
    }
    for (String column : there) {
      if (!columns.contains(column) && !keys().contains(column)) {
        columns.add(column);
      }
    }
    return columns;
  }
}
