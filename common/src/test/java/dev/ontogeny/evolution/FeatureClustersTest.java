package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.run.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FeatureClustersTest {
  private static final double LEAST = 0.4;

  /** A feature of a replica. */
  private record Feature(int replica, int number) {}

  /** Two that are counterparts. */
  private record Pair(Feature from, Feature to, float cosine) {}

  /** What the pairs of random counterparts come to. */
  private record Found(FeatureClusters clusters, List<Pair> pairs) {}

  /** Of so many replicas, whose features differ in number; cosines are often equal. */
  private static Found random(int seed, int... features) {
    FeatureClusters clusters = new FeatureClusters(features);
    List<Pair> pairs = new ArrayList<>();
    for (int from = 0; from < features.length; from++) {
      for (int to = from + 1; to < features.length; to++) {
        RandomGenerator random = Seeds.generator(seed, "pair", from, to);
        int[] partners = new int[features[from]];
        float[] cosines = new float[features[from]];
        Arrays.fill(partners, -1);
        List<Integer> free = new ArrayList<>();
        for (int j = 0; j < features[to]; j++) {
          free.add(j);
        }
        for (int i = 0; i < partners.length && !free.isEmpty(); i++) {
          if (random.nextDouble() < 0.8) {
            partners[i] = free.remove(random.nextInt(free.size()));
            cosines[i] = random.nextInt(20) / 20f;
            if (cosines[i] >= LEAST) {
              pairs.add(new Pair(new Feature(from, i), new Feature(to, partners[i]), cosines[i]));
            }
          }
        }
        clusters.link(from, to, new Counterparts(partners, cosines, features[to]), LEAST);
      }
    }
    return new Found(clusters, pairs);
  }

  /** Sets of features, pair by pair from the most alike on. */
  private static Set<Set<Feature>> slowly(List<Pair> pairs) {
    Comparator<Feature> byPlace =
        Comparator.comparingInt(Feature::replica).thenComparingInt(Feature::number);
    List<Pair> sorted = new ArrayList<>(pairs);
    sorted.sort(
        Comparator.comparing(Pair::cosine)
            .reversed()
            .thenComparing(Pair::from, byPlace)
            .thenComparing(Pair::to, byPlace));
    List<Set<Feature>> groups = new ArrayList<>();
    for (Pair pair : sorted) {
      Set<Feature> one = holding(groups, pair.from);
      Set<Feature> other = holding(groups, pair.to);
      Set<Feature> both = new HashSet<>(one);
      both.addAll(other);
      if (both.stream().map(Feature::replica).distinct().count() == both.size()) {
        groups.remove(one);
        groups.remove(other);
        groups.add(both);
      }
    }
    return new HashSet<>(groups);
  }

  private static Set<Feature> holding(List<Set<Feature>> groups, Feature feature) {
    return groups.stream()
        .filter(group -> group.contains(feature))
        .findFirst()
        .orElse(Set.of(feature));
  }

  private static Set<Feature> set(int[] members) {
    Set<Feature> set = new HashSet<>();
    for (int replica = 0; replica < members.length; replica++) {
      if (members[replica] >= 0) {
        set.add(new Feature(replica, members[replica]));
      }
    }
    return set;
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 5, 9})
  void groupsAreThoseThatLoopsFind(int replicas) {
    for (int seed = 0; seed < 30; seed++) {
      int[] features = new int[replicas];
      for (int r = 0; r < replicas; r++) {
        // Some have none.
        features[r] = (13 + 7 * r + seed) % 17;
      }
      Found found = random(seed, features);
      Set<Set<Feature>> slow = slowly(found.pairs);
      for (int fewest = 2; fewest <= replicas; fewest++) {
        int least = fewest;
        List<int[]> fast = found.clusters.of(fewest);
        assertThat(fast.stream().map(FeatureClustersTest::set))
            .doesNotHaveDuplicates()
            .containsExactlyInAnyOrderElementsOf(
                slow.stream().filter(each -> each.size() >= least).toList());
        assertThat(fast)
            .isSortedAccordingTo(
                Comparator.comparingInt((int[] members) -> -FeatureClusters.size(members)));
      }
    }
  }

  @Test
  void theLessAlikeOfTwoFeaturesOfAReplicaStaysOut() {
    FeatureClusters clusters = new FeatureClusters(1, 2, 1);
    clusters.link(0, 1, new Counterparts(new int[] {0}, new float[] {0.9f}, 2), 0.7);
    clusters.link(0, 2, new Counterparts(new int[] {0}, new float[] {0.95f}, 1), 0.7);
    // The feature of the third replica is nearest to another one of the second.
    clusters.link(1, 2, new Counterparts(new int[] {-1, 0}, new float[] {0, 0.8f}, 1), 0.7);
    assertThat(clusters.of(2)).containsExactly(new int[] {0, 0, 0});
    assertThat(clusters.of(1)).containsExactly(new int[] {0, 0, 0}, new int[] {-1, 1, -1});
  }

  @Test
  void whatIsNotAlikeEnoughIsNotLinked() {
    FeatureClusters clusters = new FeatureClusters(2, 2);
    clusters.link(0, 1, new Counterparts(new int[] {1, 0}, new float[] {0.7f, 0.69f}, 2), 0.7f);
    assertThat(clusters.of(2)).containsExactly(new int[] {0, 1});
  }
}
