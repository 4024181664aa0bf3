package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.evolution.Lineage.Kind;
import dev.ontogeny.evolution.Lineage.Relation;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.io.IOException;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class LineageTest {
  private static final int WIDTH = 64;
  private static final MatchingRules ASSIGNED = new MatchingRules(0.5, 0.6, 0.05, 4, 8192, 16);
  private static final MatchingRules MUTUAL = new MatchingRules(0.5, 0.6, 0.05, 4, 0, 16);

  @Test
  void followsFeaturesToOtherIndicesAndSeesSplitsMergesBirthsAndDeaths() {
    // Directions 0…9 of which 8 dies; at the later checkpoint in reverse order, 3 in two versions,
    // 10 is new, and 5 and 6 have become one.
    float[][] base = random(12, 7);
    float[][] from = {
      base[0],
      base[1],
      base[2],
      base[3],
      base[4],
      base[5],
      mixed(base[5], base[6], 0.45f),
      base[7],
      base[8],
      base[9]
    };
    float[][] to = {
      base[9],
      base[7],
      base[5],
      base[4],
      mixed(base[3], base[10], 0.3f),
      mixed(base[3], base[11], 0.45f),
      base[2],
      base[1],
      base[0],
      base[10]
    };
    for (MatchingRules rules : List.of(ASSIGNED, MUTUAL)) {
      Lineage lineage = lineage(from, to, rules, 10);
      assertThat(lineage.successors()).containsExactly(8, 7, 6, 4, 3, 2, -1, 1, -1, 0);
      assertThat(lineage.nearest()).containsExactly(lineage.successors());
      assertThat(kinds(lineage, Kind.CONTINUES))
          .containsExactly("0>8", "1>7", "2>6", "3>4", "4>3", "5>2", "7>1", "9>0");
      assertThat(kinds(lineage, Kind.SPLITS)).containsExactly("3>5");
      assertThat(kinds(lineage, Kind.MERGES)).containsExactly("6>2");
      assertThat(kinds(lineage, Kind.DIES)).containsExactly("8>-1");
      assertThat(kinds(lineage, Kind.BORN)).containsExactly("-1>9");
      Relation same = lineage.relations().get(0);
      assertThat(same.decoderCosine()).isCloseTo(1f, within(1e-5f));
      assertThat(same.encoderCosine()).isCloseTo(1f, within(1e-5f));
      assertThat(same.confidence()).isEqualTo(1);
      assertThat(lineage.relations())
          .filteredOn(each -> each.kind() == Kind.DIES)
          .allSatisfy(each -> assertThat(each.decoderCosine()).isLessThan(0.6f));
    }
  }

  @Test
  void blocksOfAnySizeGiveTheSame() {
    float[][] from = random(37, 11);
    float[][] to = random(41, 12);
    for (int i = 0; i < 30; i++) {
      to[i] = mixed(from[(7 * i) % 37], to[i], 0.2f);
    }
    Lineage whole = lineage(from, to, ASSIGNED, 64);
    for (int block : new int[] {1, 5, 13, 36}) {
      Lineage parts = lineage(from, to, ASSIGNED, block);
      assertThat(parts.relations()).isEqualTo(whole.relations());
      assertThat(parts.successors()).containsExactly(whole.successors());
    }
  }

  @Test
  void aNearTwinIsNoMutualNeighbourWithMargin() {
    float[][] base = random(3, 13);
    float[][] to = {mixed(base[0], base[1], 0.2f), mixed(base[0], base[2], 0.2f)};
    Lineage strict = lineage(new float[][] {base[0]}, to, MUTUAL, 4);
    assertThat(strict.successors()).containsExactly(-1);
    assertThat(kinds(strict, Kind.SPLITS)).containsExactly("0>0", "0>1");
  }

  @Test
  void chanceIsFarFromSameness() {
    Lineage lineage =
        lineage(random(200, 14), random(200, 15), new MatchingRules(0.5, 0.2, 0, 4, 8192, 100), 50);
    // Unrelated directions: what is nearest is as near as shuffled ones are.
    double mean =
        lineage.relations().stream()
            .filter(each -> each.kind() == Kind.CONTINUES)
            .mapToDouble(Relation::confidence)
            .average()
            .orElseThrow();
    assertThat(mean).isLessThan(0.9);
  }

  @Test
  void tracksFollowWhatContinues() throws IOException {
    int[][] successors = {{2, -1, 0}, {-1, 1, 0}};
    TrackIndex tracks = TrackIndex.following(new int[] {3, 3, 2}, t -> successors[t]);
    assertThat(tracks.count()).isEqualTo(4);
    assertThat(tracks.features(0, 4)).containsExactly(0, 2, 0, 1, -1, -1, 2, 0, -1, -1, 1, 1);
    assertThat(tracks.features(3, 1)).containsExactly(-1, 1, 1);
    assertThat(tracks.trackOf(2, 1)).isEqualTo(3);
  }

  private static List<String> kinds(Lineage lineage, Kind kind) {
    return lineage.relations().stream()
        .filter(each -> each.kind() == kind)
        .map(each -> each.from() + ">" + each.to())
        .toList();
  }

  static Lineage lineage(float[][] from, float[][] to, MatchingRules rules, int block) {
    Matches all = null;
    for (int first = 0; first < from.length; first += block) {
      try (BlockMatcher matcher =
          new BlockMatcher(
              Kernels.provider("cpu", 1),
              directions(from, first, block),
              first,
              from.length,
              to.length,
              rules,
              9)) {
        for (int firstTo = 0; firstTo < to.length; firstTo += block) {
          matcher.compare(directions(to, firstTo, block), firstTo);
        }
        all = all == null ? matcher.result() : matcher.result().merge(all);
      }
    }
    return Lineage.of(all, rules);
  }

  private static Directions directions(float[][] vectors, int first, int block) {
    int count = Math.min(block, vectors.length - first);
    FloatMatrix decoder = FloatMatrix.zeros(count, WIDTH);
    FloatMatrix encoder = FloatMatrix.zeros(count, WIDTH);
    for (int i = 0; i < count; i++) {
      for (int k = 0; k < WIDTH; k++) {
        decoder.values()[i * WIDTH + k] = vectors[first + i][k];
        encoder.values()[i * WIDTH + k] = 3 * vectors[first + i][k];
      }
    }
    return Directions.of(decoder, encoder);
  }

  private static float[] mixed(float[] a, float[] b, float share) {
    float[] result = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      result[i] = (1 - share) * a[i] + share * b[i];
    }
    return result;
  }

  private static float[][] random(int count, long seed) {
    float[][] result = new float[count][];
    for (int i = 0; i < count; i++) {
      result[i] = floats(Seeds.generator(seed, "direction", i), WIDTH);
    }
    return result;
  }

  private static float[] floats(RandomGenerator random, int size) {
    float[] result = new float[size];
    for (int i = 0; i < size; i++) {
      result[i] = (float) random.nextGaussian();
    }
    return result;
  }
}
