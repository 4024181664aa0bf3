package dev.ontogeny.evolution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * What became of the features of one checkpoint at the next, by their directions alone: neither
 * index nor data is looked at.
 *
 * @param relations by earlier feature, then later feature; those without an earlier one last
 * @param successors the later feature that continues each earlier one, -1 for none
 * @param nearest for each earlier feature the later one that is nearest, if that is mutual; -1 if
 *     not
 */
public record Lineage(List<Relation> relations, int[] successors, int[] nearest) {

  /** What a relation says. */
  public enum Kind {
    /** The same feature. */
    CONTINUES,
    /** A further feature whose nearest ancestor is this one. */
    SPLITS,
    /** A feature without a continuation of its own whose nearest descendant is this one. */
    MERGES,
    /** Nothing at the earlier checkpoint is near. */
    BORN,
    /** Nothing at the later checkpoint is near. */
    DIES;

    /** As the tables write it. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One line of descent, or its absence.
   *
   * @param from -1 where the feature is born
   * @param to -1 where it dies
   * @param decoderCosine of the pair; of the nearest there was, where it is born or dies
   * @param encoderCosine likewise
   * @param confidence of a descent the share of shuffled directions whose nearest feature is less
   *     near; where it is born or dies, the share whose nearest is at least as near as the nearest
   *     there was
   */
  public record Relation(
      int from, int to, float decoderCosine, float encoderCosine, Kind kind, double confidence) {}

  /** Reads the descent off what the blocks saw. */
  public static Lineage of(Matches matches, MatchingRules rules) {
    Neighbours forward = matches.forward();
    Neighbours backward = matches.backward();
    boolean assignment = Math.max(forward.count(), backward.count()) <= rules.assignmentLimit();
    int[] nearest = mutual(forward, backward, rules.minimumScore(), 0);
    int[] successors =
        assignment
            ? assigned(forward, backward.count(), rules.minimumScore())
            : mutual(forward, backward, rules.minimumScore(), rules.margin());
    return new Lineage(
        relations(matches, forward, backward, successors, rules), successors, nearest);
  }

  private static int[] assigned(Neighbours forward, int columns, double minimum) {
    int[] starts = new int[forward.count() + 1];
    int[] candidate = new int[forward.count() * forward.each()];
    float[] weight = new float[candidate.length];
    int size = 0;
    for (int from = 0; from < forward.count(); from++) {
      for (int rank = 0; rank < forward.each(); rank++) {
        if (forward.index(from, rank) >= 0 && forward.score(from, rank) >= minimum) {
          candidate[size] = forward.index(from, rank);
          weight[size++] = forward.score(from, rank);
        }
      }
      starts[from + 1] = size;
    }
    return SparseAssignment.match(forward.count(), columns, starts, candidate, weight);
  }

  private static int[] mutual(
      Neighbours forward, Neighbours backward, double minimum, double margin) {
    int[] result = new int[forward.count()];
    Arrays.fill(result, -1);
    for (int from = 0; from < result.length; from++) {
      int to = forward.index(from, 0);
      if (to >= 0
          && forward.score(from, 0) >= minimum
          && backward.index(to, 0) == from
          && forward.score(from, 0) - forward.score(from, 1) >= margin
          && backward.score(to, 0) - backward.score(to, 1) >= margin) {
        result[from] = to;
      }
    }
    return result;
  }

  private static List<Relation> relations(
      Matches matches,
      Neighbours forward,
      Neighbours backward,
      int[] successors,
      MatchingRules rules) {
    List<Relation> relations = new ArrayList<>();
    boolean[] continued = new boolean[backward.count()];
    boolean[] hasChild = new boolean[forward.count()];
    for (int from = 0; from < successors.length; from++) {
      if (successors[from] >= 0) {
        continued[successors[from]] = true;
        for (int rank = 0; rank < forward.each(); rank++) {
          if (forward.index(from, rank) == successors[from]) {
            relations.add(
                descent(matches, from, successors[from], forward, from, rank, Kind.CONTINUES));
          }
        }
      }
    }
    for (int to = 0; to < continued.length; to++) {
      int from = backward.index(to, 0);
      if (continued[to]) {
        continue;
      }
      if (from >= 0 && backward.score(to, 0) >= rules.minimumScore()) {
        hasChild[from] = true;
        relations.add(descent(matches, from, to, backward, to, 0, Kind.SPLITS));
      } else {
        relations.add(absence(matches, -1, to, backward, to, Kind.BORN));
      }
    }
    for (int from = 0; from < successors.length; from++) {
      if (successors[from] >= 0 || hasChild[from]) {
        continue;
      }
      if (forward.index(from, 0) >= 0 && forward.score(from, 0) >= rules.minimumScore()) {
        relations.add(
            descent(matches, from, forward.index(from, 0), forward, from, 0, Kind.MERGES));
      } else {
        relations.add(absence(matches, from, -1, forward, from, Kind.DIES));
      }
    }
    relations.sort(
        Comparator.comparingInt((Relation each) -> each.from < 0 ? Integer.MAX_VALUE : each.from)
            .thenComparingInt(Relation::to));
    return relations;
  }

  private static Relation descent(
      Matches matches, int from, int to, Neighbours seen, int of, int rank, Kind kind) {
    return new Relation(
        from,
        to,
        seen.decoder(of, rank),
        seen.encoder(of, rank),
        kind,
        matches.aboveChance(seen.score(of, rank)));
  }

  private static Relation absence(
      Matches matches, int from, int to, Neighbours seen, int of, Kind kind) {
    return new Relation(
        from,
        to,
        seen.decoder(of, 0),
        seen.encoder(of, 0),
        kind,
        1 - matches.aboveChance(seen.score(of, 0)));
  }
}
