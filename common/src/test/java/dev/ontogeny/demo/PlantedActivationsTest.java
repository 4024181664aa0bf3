package dev.ontogeny.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.demo.PlantedActivations.Feature;
import dev.ontogeny.demo.PlantedActivations.Plan;
import dev.ontogeny.demo.PlantedActivations.Token;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlantedActivationsTest {
  private static final Plan PLAN = Plan.of(7, 24, 36, 10);
  private static final PlantedActivations PLANTED = new PlantedActivations(PLAN);

  @Test
  void firesAtTheStatedRatesAlsoWithinPairs() {
    int[] counts = new int[PLAN.features()];
    int[] together = new int[PLAN.features()];
    int tokens = 40_000;
    for (int n = 0; n < tokens; n++) {
      List<Integer> concepts = new ArrayList<>();
      for (int concept : PLANTED.token(n / 64, n % 64).concepts()) {
        counts[concept]++;
        concepts.add(concept);
      }
      for (int concept : concepts) {
        if (concepts.contains(PLANTED.features().get(concept).companion())) {
          together[concept]++;
        }
      }
    }
    int pairs = 0;
    double active = 0;
    for (Feature feature : PLANTED.features()) {
      double rate = feature.firingRate();
      active += rate;
      assertThat(counts[feature.index()] / (double) tokens)
          .isCloseTo(rate, within(5 * Math.sqrt(rate / tokens)));
      if (feature.companion() > feature.index()) {
        pairs++;
        double own = PLANTED.features().get(feature.companion()).firingRate();
        assertThat(together[feature.index()] / (own * tokens)).isGreaterThan(0.4);
      }
    }
    assertThat(active).isCloseTo(4, within(1e-9));
    assertThat(pairs).isPositive();
    assertThat(PLANTED.features().get(0).firingRate() / PLANTED.features().get(30).firingRate())
        .isCloseTo(2, within(1e-9));
  }

  @Test
  void aFeatureShiftsActivationsAlongItsDirectionByItsStrength() {
    int n = 20_000;
    for (int t = 0; t < PLAN.checkpoints().size(); t += 3) {
      double[][] sums = new double[2][PLAN.width()];
      int[] counts = new int[2];
      double square = 0;
      float[] row = new float[PLAN.width()];
      int feature = 1;
      for (int i = 0; i < n; i++) {
        Token token = PLANTED.token(i / 64, i % 64);
        PLANTED.activation(token, t, row);
        int present = Arrays.binarySearch(token.concepts(), feature) >= 0 ? 1 : 0;
        counts[present]++;
        for (int j = 0; j < row.length; j++) {
          sums[present][j] += row[j];
          square += row[j] * row[j] / n;
        }
      }
      float[] direction = PLANTED.direction(feature, t);
      double shift = 0;
      double meanSquare = 0;
      for (int j = 0; j < row.length; j++) {
        shift += (sums[1][j] / counts[1] - sums[0][j] / counts[0]) * direction[j];
        meanSquare += Math.pow((sums[0][j] + sums[1][j]) / n, 2);
      }
      double deviation = Math.sqrt((square - meanSquare) / PLAN.width());
      assertThat(shift / deviation)
          .as("checkpoint %d", t)
          .isCloseTo(PLANTED.strength(feature, t), within(0.15));
    }
  }

  @Test
  void everyFeatureIsBornPeaksAndMayDie() {
    int later = 0;
    int dying = 0;
    for (Feature feature : PLANTED.features()) {
      assertThat(feature.birth()).isLessThanOrEqualTo(feature.peak());
      later += feature.birth() > 0 ? 1 : 0;
      if (feature.death() != null) {
        dying++;
        assertThat(feature.death()).isGreaterThan(feature.peak());
        int death = PLAN.checkpoints().indexOf(feature.death());
        assertThat(PLANTED.strength(feature.index(), death)).isZero();
        assertThat(PLANTED.strength(feature.index(), death - 1)).isPositive();
      }
      int birth = PLAN.checkpoints().indexOf(feature.birth());
      assertThat(PLANTED.strength(feature.index(), birth)).isPositive();
      if (birth > 0) {
        assertThat(PLANTED.strength(feature.index(), birth - 1)).isZero();
      }
    }
    assertThat(later).isBetween(12, 30);
    assertThat(dying).isBetween(9, 27);
  }

  @Test
  void directionsAreUnitVectorsThatTurnByUpToThePlannedAngle() {
    double largest = 0;
    for (int i = 0; i < PLAN.features(); i++) {
      float[] first = PLANTED.direction(i, 0);
      float[] last = PLANTED.direction(i, PLAN.checkpoints().size() - 1);
      assertThat(dot(first, first)).isCloseTo(1, within(1e-5));
      assertThat(dot(last, last)).isCloseTo(1, within(1e-5));
      largest = Math.max(largest, Math.toDegrees(Math.acos(dot(first, last))));
    }
    assertThat(largest).isBetween(30.0, 40.01);
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += (double) a[j] * b[j];
    }
    return sum;
  }

  @Test
  void labelsNameTheFirstFeatures() {
    int tails = 0;
    for (int n = 0; n < 5000; n++) {
      Token token = PLANTED.token(n, 3);
      int topic = -1;
      for (int i = token.concepts().length - 1; i >= 0; i--) {
        topic = token.concepts()[i] < 4 ? token.concepts()[i] : topic;
      }
      assertThat(token.labels().get(0)).isEqualTo(topic < 0 ? "none" : "topic-" + topic);
      tails += token.labels().get(1).equals("tails") ? 1 : 0;
    }
    assertThat(tails).isBetween(2300, 2700);
  }

  @Test
  void thePlanAndTheKeyDecideEverything() {
    PlantedActivations again = new PlantedActivations(Plan.of(7, 24, 36, 10));
    PlantedActivations other = new PlantedActivations(Plan.of(8, 24, 36, 10));
    float[] first = new float[24];
    float[] second = new float[24];
    float[] third = new float[24];
    again.activation(again.token(5, 6), 2, second);
    PLANTED.activation(PLANTED.token(9, 9), 2, first);
    PLANTED.activation(PLANTED.token(5, 6), 2, first);
    other.activation(other.token(5, 6), 2, third);
    assertThat(first).isEqualTo(second).isNotEqualTo(third);
  }

  @Test
  void refusesPlansThatCannotBe() {
    assertThatThrownBy(() -> Plan.of(1, 8, 16, 5))
        .hasMessageContaining("at least 6 checkpoints")
        .hasMessageContaining("got 5");
    assertThatThrownBy(() -> new PlantedActivations(Plan.of(1, 8, 6, 10)))
        .hasMessageContaining("plan more features");
  }

  @Test
  void theFixturePublishesWhatReadersExpect(@TempDir Path folder) throws Exception {
    ShardedDataset dataset = DatasetFixture.publish(Folder.of(folder.toString()), PLANTED, 10, 3);
    assertThat(dataset.summary().rows()).isEqualTo(640);
    assertThat(dataset.summary().heldOutShards()).containsExactly(2);
    long rows = 0;
    for (int shard = 0; shard < 3; shard++) {
      rows += dataset.rows(shard);
      try (VectorReader vectors = dataset.vectors(DatasetFixture.SITE, 300, shard);
          TableReader tokens =
              TableReader.open(
                  dataset.folder(), dataset.tokensFile(shard).path(), "document", "position")) {
        assertThat(vectors.rows()).isEqualTo(dataset.rows(shard));
        float[] expected = new float[24];
        var row = dev.ontogeny.matrix.FloatMatrix.zeros(1, 24);
        for (Object[] key = tokens.next(); key != null; key = tokens.next()) {
          assertThat(vectors.read(row)).isEqualTo(1);
          PLANTED.activation(PLANTED.token((Long) key[0], (Integer) key[1]), 3, expected);
          assertThat(row.values()).isEqualTo(expected);
        }
      }
    }
    assertThat(rows).isEqualTo(640);
    Moments moments = dataset.moments(DatasetFixture.SITE, 900);
    assertThat(moments.rows()).isEqualTo(640);
    assertThat(moments.mean()).hasSize(24);
    assertThat(moments.covariance()).hasSize(24 * 24);
  }
}
