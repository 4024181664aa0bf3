package dev.ontogeny.evolution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;

/**
 * Which features of several replicas are one and the same. Counterparts of pairs of replicas are
 * taken from the most alike on, and two groups become one unless some replica would then stand in
 * it twice: Kruskal's spanning forest with at most one feature of each replica in a tree. What
 * replicas are called decides nothing but ties.
 *
 * <p>Memory: 24 bytes for each pair of counterparts, 8 for each feature of each replica.
 */
public final class FeatureClusters {
  /** Where the features of each replica begin, and the end, [replicas + 1]. */
  private final int[] starts;

  private final List<Link> links = new ArrayList<>();

  /** Two features, numbered over all replicas, the lower one first. */
  private record Link(float cosine, int from, int to) {}

  /**
   * Nothing linked yet.
   *
   * @param features how many each replica has
   */
  public FeatureClusters(int... features) {
    starts = new int[features.length + 1];
    for (int replica = 0; replica < features.length; replica++) {
      starts[replica + 1] = Math.addExact(starts[replica], features[replica]);
    }
  }

  /**
   * Takes in what two replicas have in common.
   *
   * @param from the replica whose partners they are
   * @param to another, with a higher number
   * @param least cosine of counterparts that count
   */
  public void link(int from, int to, Counterparts counterparts, double least) {
    for (int i = 0; i < counterparts.partners().length; i++) {
      if (counterparts.partners()[i] >= 0 && counterparts.cosines()[i] >= least) {
        links.add(
            new Link(
                counterparts.cosines()[i],
                starts[from] + i,
                starts[to] + counterparts.partners()[i]));
      }
    }
  }

  /**
   * The groups of at least so many replicas.
   *
   * @return by number of members, most first, then by their first members; of each group the
   *     feature of every replica, -1 where it has none, [replicas]
   */
  public List<int[]> of(int fewest) {
    links.sort(
        Comparator.comparingDouble((Link link) -> -link.cosine)
            .thenComparingInt(Link::from)
            .thenComparingInt(Link::to));
    int count = starts[starts.length - 1];
    int[] group = new int[count];
    // Members of a group are a ring.
    int[] next = new int[count];
    Arrays.setAll(group, i -> i);
    Arrays.setAll(next, i -> i);
    for (Link link : links) {
      if (group[link.from] != group[link.to] && apart(link, next)) {
        for (int at = next[link.to]; group[at] != group[link.from]; at = next[at]) {
          group[at] = group[link.from];
        }
        int after = next[link.from];
        next[link.from] = next[link.to];
        next[link.to] = after;
      }
    }
    List<int[]> found = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] members = members(i, next);
      if (first(members) == i && size(members) >= fewest) {
        found.add(members);
      }
    }
    // Stable, so that those of one size stay in the order of their first members.
    found.sort(Comparator.comparingInt((int[] members) -> -size(members)));
    return found;
  }

  /** Whether no replica has features on both sides. */
  private boolean apart(Link link, int[] next) {
    BitSet replicas = new BitSet(starts.length);
    int at = link.from;
    do {
      replicas.set(replica(at));
      at = next[at];
    } while (at != link.from);
    at = link.to;
    do {
      if (replicas.get(replica(at))) {
        return false;
      }
      at = next[at];
    } while (at != link.to);
    return true;
  }

  private int replica(int feature) {
    int at = Arrays.binarySearch(starts, feature);
    if (at < 0) {
      return -at - 2;
    }
    // A replica without features begins where the next one does.
    while (starts[at + 1] == feature) {
      at++;
    }
    return at;
  }

  private int[] members(int of, int[] next) {
    int[] members = new int[starts.length - 1];
    Arrays.fill(members, -1);
    int at = of;
    do {
      int replica = replica(at);
      members[replica] = at - starts[replica];
      at = next[at];
    } while (at != of);
    return members;
  }

  private int first(int[] members) {
    for (int replica = 0; replica < members.length; replica++) {
      if (members[replica] >= 0) {
        return starts[replica] + members[replica];
      }
    }
    return -1;
  }

  /** How many replicas have a feature. */
  static int size(int[] members) {
    int size = 0;
    for (int each : members) {
      size += each >= 0 ? 1 : 0;
    }
    return size;
  }
}
