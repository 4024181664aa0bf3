package dev.ontogeny.job.evolve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.job.EvolveFixture;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.measure.MeasureSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvolveTest {
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(3, 32, 40, 12));
  private static final int COUNTED_CHECKPOINTS = 6;
  private static SparkSession spark;

  @TempDir static Path root;
  private static Folder chain;
  private static Manifest manifest;

  @BeforeAll
  static void evolve() throws IOException {
    spark = TestSpark.local(2).getOrCreate();
    chain = made("chain", true, 2);
    // Ranges of 16 tracks, so that there are several.
    manifest = new Evolve().run(spark, settings(chain, "evolution")).manifest();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Folder made(String name, boolean chain, int replicas) throws IOException {
    Folder folder = Folder.of(root.resolve(name).toString());
    ShardedDataset dataset =
        DatasetFixture.publish(Folder.of(folder.resolve("dataset")), PLANTED, 40, 2);
    Folder dictionaries = EvolveFixture.dictionaries(folder, dataset, PLANTED, chain, replicas);
    EvolveFixture.features(folder, dataset, dictionaries, PLANTED, chain, replicas);
    return folder;
  }

  private static EvolveSettings settings(Folder root, String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dataset=" + root.resolve("dataset"),
                "dictionaries=" + root.resolve("dictionaries"),
                "features=" + root.resolve("features"),
                "output=" + root.resolve(output),
                "range-memory=64KiB",
                "phases.bootstraps=20"));
    assignments.addAll(List.of(more));
    return SettingsReader.read(EvolveSettings.class, "evolve", null, assignments);
  }

  @Test
  void eventsAreThoseThatWerePlanted() throws IOException {
    Map<Integer, Map<String, Object>> events = byTrack(rows(chain, "evolution", "events"), 0);
    // One latent of the eighty is taken over, and is two tracks.
    assertThat(events).hasSize(81);
    for (PlantedActivations.Feature truth : PLANTED.features()) {
      Map<String, Object> event = events.get(truth.index());
      assertThat(event.get("birth")).isEqualTo(truth.birth());
      assertThat(event.get("peak")).isEqualTo(truth.peak());
      assertThat(event.get("death")).isEqualTo(truth.death());
      assertThat((Double) event.get("confidence")).isGreaterThan(0.99);
    }
    for (int nothing = 40; nothing < 80; nothing++) {
      assertThat((Double) events.get(nothing).get("confidence")).isLessThan(0.5);
    }
  }

  @Test
  void trajectoriesHoldCosinesStrengthsAndExactOverlaps() throws IOException {
    List<Map<String, Object>> rows = rows(chain, "evolution", "trajectories");
    // The track whose latent is taken over has a row more: there it is dead.
    assertThat(rows).hasSize(2 * (80 * 12 + 1));
    Map<String, Object> row =
        rows.stream()
            .filter(each -> each.get("series").equals(EvolveFixture.series(true, 0)))
            .filter(each -> each.get("track").equals(0) && each.get("checkpoint").equals(300L))
            .findFirst()
            .orElseThrow();
    double strength = PLANTED.strength(0, 3);
    double rate = PLANTED.features().get(0).firingRate();
    assertThat(row.get("dictionary")).isEqualTo(EvolveFixture.series(true, 0) + "-c300");
    assertThat(row.get("feature")).isEqualTo(0);
    assertThat((Double) row.get("strength")).isCloseTo(rate * strength, within(1e-12));
    assertThat((Double) row.get("jaccard_previous")).isEqualTo(30.0 / 60);
    assertThat((Double) row.get("relative_norm")).isEqualTo(1.0);
    assertThat((Double) row.get("cosine_previous"))
        .isCloseTo(cosine(PLANTED.direction(0, 3), PLANTED.direction(0, 2)), within(1e-6));
    assertThat(rows)
        .filteredOn(each -> each.get("checkpoint").equals(0L))
        .allSatisfy(
            each -> {
              assertThat(each.get("cosine_previous")).isNull();
              assertThat((Double) each.get("cosine_first")).isEqualTo(1.0);
            });
    // Within a file tracks ascend, and checkpoints within a track.
    long before = -1;
    for (Map<String, Object> each : rows) {
      long place =
          (each.get("series").equals(EvolveFixture.series(true, 0)) ? 0 : 1L << 40)
              + ((Integer) each.get("track") << 16)
              + (Long) each.get("checkpoint");
      assertThat(place).isGreaterThan(before);
      before = place;
    }
  }

  @Test
  void aTrackEndsWhereItsLatentIsTakenOverAndAnotherBegins() throws IOException {
    int latent = PLANTED.plan().features();
    List<Map<String, Object>> ofLatent =
        rows(chain, "evolution", "trajectories").stream()
            .filter(each -> each.get("series").equals(EvolveFixture.series(true, 0)))
            .filter(each -> Objects.equals(each.get("feature"), latent))
            .toList();
    for (Map<String, Object> row : ofLatent) {
      long checkpoint = (Long) row.get("checkpoint");
      assertThat(row.get("track"))
          .as("checkpoint %d", checkpoint)
          .isEqualTo(checkpoint < 300 ? latent : 2 * PLANTED.plan().features());
      if (checkpoint == 300) {
        assertThat(row.get("cosine_previous")).isNull();
        assertThat(row.get("jaccard_previous")).isNull();
      }
    }
    assertThat(ofLatent).hasSize(PLANTED.plan().checkpoints().size());
  }

  @Test
  void matchingConfirmsWhatIsTheSameByIndex() throws IOException {
    for (Map<String, Object> row : rows(chain, "evolution", "identity")) {
      long from = (Long) row.get("checkpoint_from") / 100;
      long present =
          PLANTED.features().stream()
              .filter(
                  each ->
                      PLANTED.strength(each.index(), (int) from) > 0
                          && PLANTED.strength(each.index(), (int) from + 1) > 0)
              .count();
      // The forty latents that are nothing fire too, and have another direction at every
      // checkpoint; one of them is taken over.
      long nothing = from == 2 ? 39 : 40;
      assertThat(row.get("continuations")).isEqualTo(present + nothing);
      assertThat(row.get("confirmed")).isEqualTo(present);
      assertThat((Double) row.get("confirmed_share"))
          .isCloseTo(present / (double) (present + nothing), within(1e-12));
      assertThat(row.get("handed_over")).isEqualTo(40 - nothing);
    }
    assertThat(rows(chain, "evolution", "lineage"))
        .filteredOn(each -> each.get("kind").equals("continues"))
        .allSatisfy(each -> assertThat((Double) each.get("confidence")).isGreaterThan(0.9));
  }

  @Test
  void theTokensOfAFeatureAreAlikeFromItsBirthOn() throws IOException {
    List<Map<String, Object>> rows = rows(chain, "evolution", "formation");
    assertThat(rows)
        .extracting(each -> each.get("similarity"))
        .contains("activation_cosine", "code_cosine", "code_jaccard", "code_weighted_jaccard");
    double gained = 0;
    int counted = 0;
    for (PlantedActivations.Feature truth : PLANTED.features()) {
      if (truth.birth() > 0 && truth.death() == null) {
        double before = progress(rows, truth.index(), 0);
        double after = progress(rows, truth.index(), 1100);
        assertThat(after).isPositive();
        gained += after - before;
        counted++;
      }
    }
    assertThat(gained / counted).isGreaterThan(0.1);
  }

  @Test
  void tracksAreReadOnTheRowsOfTheirPeakAtEveryCheckpoint() throws IOException {
    List<Map<String, Object>> rows = rows(chain, "evolution", "readings");
    ShardedDataset dataset = ShardedDataset.open(Folder.of(chain.resolve("dataset")));
    for (PlantedActivations.Feature truth : PLANTED.features()) {
      for (int t = 0; t < PLANTED.plan().checkpoints().size(); t++) {
        long checkpoint = PLANTED.plan().checkpoints().get(t);
        List<Map<String, Object>> here =
            rows.stream()
                .filter(each -> each.get("series").equals(EvolveFixture.series(true, 0)))
                .filter(each -> each.get("track").equals(truth.index()))
                .filter(each -> each.get("checkpoint").equals(checkpoint))
                .toList();
        // As many rows as asked for, the same ones at every checkpoint, also where it is not there.
        assertThat(here).hasSize(4);
        for (Map<String, Object> row : here) {
          assertThat((Double) row.get("value"))
              .isCloseTo(
                  encoded(
                      dataset,
                      t,
                      (Integer) row.get("shard"),
                      (Integer) row.get("row"),
                      truth.index()),
                  within(1e-4));
        }
      }
    }
    assertThat(rows.stream().filter(each -> (Double) each.get("value") == 0).count()).isPositive();
    assertThat(rows.stream().filter(each -> (Double) each.get("value") > 1).count()).isPositive();
  }

  /** The code by the rule itself: the eight largest of what the encoder gives. */
  private static double encoded(ShardedDataset dataset, int t, int shard, int row, int latent)
      throws IOException {
    Dictionary dictionary = EvolveFixture.dictionary(dataset, PLANTED, true, 0, t);
    int width = PLANTED.plan().width();
    FloatMatrix vector = FloatMatrix.zeros(1, width);
    try (VectorReader reader =
        dataset.vectors(EvolveFixture.SITE, PLANTED.plan().checkpoints().get(t), shard)) {
      reader.skip(row);
      assertThat(reader.read(vector)).isEqualTo(1);
    }
    return codes(dictionary, vector, 0)[latent];
  }

  private static double[] codes(Dictionary dictionary, FloatMatrix vectors, int row) {
    double[] pre = new double[dictionary.width()];
    for (int f = 0; f < pre.length; f++) {
      for (int i = 0; i < vectors.columns(); i++) {
        pre[f] +=
            (vectors.at(row, i) - dictionary.inputMean()[i])
                * dictionary.inputScale()[0]
                * dictionary.encoder().at(i, f);
      }
    }
    double least = Arrays.stream(pre).sorted().toArray()[pre.length - dictionary.k()];
    return Arrays.stream(pre).map(each -> each >= least ? Math.max(0, each) : 0).toArray();
  }

  @Test
  void counterpartsAreTheSamePlantedFeatureInTheOtherReplica() throws IOException {
    List<Map<String, Object>> rows = rows(chain, "evolution", "counterparts");
    String first = EvolveFixture.series(true, 0);
    String second = EvolveFixture.series(true, 1);
    Map<Object, Map<String, Object>> ofFirst = new HashMap<>();
    Map<Object, Map<String, Object>> ofSecond = new HashMap<>();
    for (Map<String, Object> row : rows) {
      boolean forward = row.get("series").equals(first);
      assertThat(row.get("other_series")).isEqualTo(forward ? second : first);
      (forward ? ofFirst : ofSecond).put(row.get("track"), row);
    }
    for (PlantedActivations.Feature truth : PLANTED.features()) {
      Map<String, Object> row = ofFirst.get(truth.index());
      assertThat(row.get("other_track"))
          .isEqualTo(EvolveFixture.latent(PLANTED, truth.index(), 1, true, 0));
      assertThat((Double) row.get("cosine")).isGreaterThan(0.99);
    }
    // The same from both sides, and what confidence is made of.
    assertThat(ofSecond).hasSameSizeAs(ofFirst);
    Map<Integer, Map<String, Object>> events = byTrack(rows(chain, "evolution", "events"), 0);
    ofFirst.forEach(
        (track, row) -> {
          assertThat(ofSecond.get(row.get("other_track")).get("other_track")).isEqualTo(track);
          assertThat(events.get(track).get("confidence")).isEqualTo(row.get("cosine"));
        });
  }

  private static double progress(List<Map<String, Object>> rows, int track, long checkpoint) {
    return rows.stream()
        .filter(
            each ->
                each.get("series").equals(EvolveFixture.series(true, 0))
                    && each.get("similarity").equals("code_cosine")
                    && each.get("track").equals(track)
                    && each.get("checkpoint").equals(checkpoint))
        .mapToDouble(each -> (Double) each.get("value") - (Double) each.get("null_value"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void curvesFromDataHaveBandsAndBirthsAddUp() throws IOException {
    List<Map<String, Object>> curves = rows(chain, "evolution", "curves");
    assertThat(curves)
        .filteredOn(each -> each.get("curve").equals("fvu"))
        .hasSize(24)
        .allSatisfy(
            each -> {
              assertThat((Double) each.get("low"))
                  .isCloseTo((Double) each.get("value") - 0.009, within(1e-9));
              assertThat((Double) each.get("high"))
                  .isCloseTo((Double) each.get("value") + 0.009, within(1e-9));
            });
    double births =
        curves.stream()
            .filter(each -> each.get("curve").equals("births_presence"))
            .filter(each -> each.get("series").equals(EvolveFixture.series(true, 0)))
            .mapToDouble(each -> (Double) each.get("value"))
            .sum();
    assertThat(births).isEqualTo(81);
    List<Map<String, Object>> phases = rows(chain, "evolution", "phases");
    assertThat(phases).filteredOn(each -> each.get("method").equals("window")).hasSize(2);
    // A straight line on linear steps is one piece there.
    assertThat(phases)
        .filteredOn(each -> each.get("curve").equals("fvu") && each.get("axis").equals("step"))
        .hasSize(2);
  }

  @Test
  void otherThresholdsJudgeOtherwiseWhereTheyShould() throws IOException {
    List<Map<String, Object>> rows = rows(chain, "evolution", "sensitivity");
    assertThat(rows)
        .extracting(each -> each.get("threshold"))
        .contains("alive-cosine", "lifecycle.late-from");
    assertThat(rows)
        .filteredOn(each -> each.get("threshold").equals("active-rate"))
        .allSatisfy(each -> assertThat(each.get("births_changed")).isEqualTo(0L));
    assertThat(rows).allSatisfy(each -> assertThat(each.get("tracks")).isEqualTo(81L));
  }

  @Test
  void aSecondRunDoesNothingAndAFreshOneWritesTheSameBytes() throws IOException {
    assertThat(new Evolve().run(spark, settings(chain, "evolution")).alreadyDone()).isTrue();
    Job.Result again = new Evolve().run(spark, settings(chain, "again"));
    assertThat(again.alreadyDone()).isFalse();
    assertThat(again.manifest().identity()).isEqualTo(manifest.identity());
    assertThat(again.manifest().files().stream().map(PublishedFile::sha256).toList())
        .isEqualTo(manifest.files().stream().map(PublishedFile::sha256).toList());
    assertThat(Folder.of(chain.resolve("again")).list("_progress")).isEmpty();
    assertThat(again.lines().get(0)).contains("81 of 81 tracks active", "confirmed by 1 other");
  }

  @Test
  void independentDictionariesAreFollowedByMatching() throws IOException {
    Folder independent = made("independent", false, 1);
    new Evolve().run(spark, settings(independent, "evolution"));
    List<Map<String, Object>> trajectories = rows(independent, "evolution", "trajectories");
    Map<Integer, Map<String, Object>> events = byTrack(rows(independent, "evolution", "events"), 0);
    assertThat(rows(independent, "evolution", "identity")).isEmpty();
    assertThat(rows(independent, "evolution", "counterparts")).isEmpty();
    readingsFollowTheMatchedFeature(rows(independent, "evolution", "readings"), trajectories);
    int right = 0;
    for (PlantedActivations.Feature truth : PLANTED.features()) {
      int peak = (int) (truth.peak() / 100);
      int latent = EvolveFixture.latent(PLANTED, truth.index(), 0, false, peak);
      Map<String, Object> row =
          trajectories.stream()
              .filter(
                  each ->
                      each.get("checkpoint").equals(truth.peak())
                          && Integer.valueOf(latent).equals(each.get("feature")))
              .findFirst()
              .orElseThrow();
      Map<String, Object> event = events.get((Integer) row.get("track"));
      assertThat(event.get("confidence")).isNull();
      right +=
          event.get("birth").equals(truth.birth())
                  && java.util.Objects.equals(event.get("death"), truth.death())
              ? 1
              : 0;
    }
    assertThat(right).isGreaterThanOrEqualTo(38);
  }

  @Test
  void rowsOnWhichTracksOfIndependentDictionariesFireAreCountedExactly() throws IOException {
    Folder folder = Folder.of(root.resolve("counted").toString());
    PlantedActivations planted =
        new PlantedActivations(PlantedActivations.Plan.of(5, 32, 40, COUNTED_CHECKPOINTS));
    // Three shards, the last one held out: all count.
    ShardedDataset dataset =
        DatasetFixture.publish(Folder.of(folder.resolve("dataset")), planted, 150, 3);
    EvolveFixture.dictionaries(folder, dataset, planted, false, 1);
    Manifest features = new Measure().run(spark, measured(folder)).manifest();

    // Cut off after the counts, for want of a file, it takes them up again.
    String part = features.table("features").findFirst().orElseThrow().path();
    Path file = root.resolve("counted/features").resolve(part);
    Path aside = root.resolve("aside.parquet");
    Files.move(file, aside);
    assertThatThrownBy(() -> new Evolve().run(spark, settings(folder, "evolution")))
        .hasMessageContaining("does not exist");
    Files.move(aside, file);
    List<String> counted =
        Folder.of(folder.resolve("evolution")).list("").stream()
            .filter(each -> each.startsWith("track_overlaps/"))
            .sorted()
            .toList();
    assertThat(counted).hasSize(COUNTED_CHECKPOINTS - 1);
    Manifest resumed = new Evolve().run(spark, settings(folder, "evolution")).manifest();
    assertThat(resumed.table("track_overlaps").map(PublishedFile::path).toList())
        .isEqualTo(counted);

    overlapsAreThoseOfFiringRows(folder, dataset, planted);
    // In larger blocks of rows, and so in fewer tasks.
    new Evolve().run(spark, settings(folder, "larger", "range-memory=64MiB"));
    assertThat(rows(folder, "larger", "track_overlaps"))
        .isEqualTo(rows(folder, "evolution", "track_overlaps"));
    assertThat(rows(folder, "larger", "trajectories"))
        .isEqualTo(rows(folder, "evolution", "trajectories"));
  }

  private static MeasureSettings measured(Folder folder) {
    return SettingsReader.read(
        MeasureSettings.class,
        "measure",
        null,
        List.of(
            "dataset=" + folder.resolve("dataset"),
            "dictionaries=" + folder.resolve("dictionaries"),
            "output=" + folder.resolve("features"),
            "replicates=2"));
  }

  /** Against sets of rows, and what was measured of each feature alone. */
  private static void overlapsAreThoseOfFiringRows(
      Folder folder, ShardedDataset dataset, PlantedActivations planted) throws IOException {
    List<List<BitSet>> firing = new ArrayList<>();
    for (int t = 0; t < COUNTED_CHECKPOINTS; t++) {
      firing.add(firing(dataset, planted, t));
    }
    Map<List<Object>, Object> measured = new HashMap<>();
    Folder features = Folder.of(folder.resolve("features"));
    for (PublishedFile file : Manifest.read(features, "features").table("features").toList()) {
      try (TableReader reader =
          TableReader.open(features, file.path(), "checkpoint", "feature", "count")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          measured.put(List.of(row[0], row[1]), row[2]);
        }
      }
    }
    Map<List<Object>, Map<String, Object>> overlaps = new HashMap<>();
    for (Map<String, Object> row : rows(folder, "evolution", "track_overlaps")) {
      overlaps.put(List.of(row.get("track"), row.get("checkpoint")), row);
    }
    Map<List<Object>, Integer> featureOf = new HashMap<>();
    List<Map<String, Object>> trajectories = rows(folder, "evolution", "trajectories");
    for (Map<String, Object> row : trajectories) {
      featureOf.put(List.of(row.get("track"), row.get("checkpoint")), (Integer) row.get("feature"));
    }
    int followed = 0;
    int partly = 0;
    for (Map<String, Object> row : trajectories) {
      long checkpoint = (Long) row.get("checkpoint");
      int feature = (Integer) row.get("feature");
      int before = featureOf.getOrDefault(List.of(row.get("track"), checkpoint - 100), -1);
      Map<String, Object> overlap = overlaps.remove(List.of(row.get("track"), checkpoint));
      if (feature < 0 || before < 0) {
        assertThat(row.get("jaccard_previous")).isNull();
        assertThat(overlap).isNull();
        continue;
      }
      int t = (int) (checkpoint / 100);
      BitSet here = firing.get(t).get(feature);
      BitSet both = (BitSet) here.clone();
      both.and(firing.get(t - 1).get(before));
      BitSet either = (BitSet) here.clone();
      either.or(firing.get(t - 1).get(before));
      assertThat(overlap.get("checkpoint_previous")).isEqualTo(checkpoint - 100);
      assertThat(overlap.get("both")).isEqualTo((long) both.cardinality());
      assertThat(overlap.get("count_previous"))
          .isEqualTo((long) firing.get(t - 1).get(before).cardinality())
          .isEqualTo(measured.get(List.of(checkpoint - 100, before)));
      assertThat(overlap.get("count"))
          .isEqualTo((long) here.cardinality())
          .isEqualTo(measured.get(List.of(checkpoint, feature)));
      assertThat(row.get("jaccard_previous"))
          .isEqualTo(either.isEmpty() ? null : (double) both.cardinality() / either.cardinality());
      followed++;
      partly += both.isEmpty() || both.equals(either) ? 0 : 1;
    }
    assertThat(overlaps).isEmpty();
    assertThat(followed).isGreaterThan(60);
    assertThat(partly).isGreaterThan(60);
  }

  /** The rows on which each latent of a dictionary fires. */
  private static List<BitSet> firing(ShardedDataset dataset, PlantedActivations planted, int t)
      throws IOException {
    Dictionary dictionary = EvolveFixture.dictionary(dataset, planted, false, 0, t);
    List<BitSet> firing = new ArrayList<>();
    for (int f = 0; f < dictionary.width(); f++) {
      firing.add(new BitSet());
    }
    int at = 0;
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      FloatMatrix vectors = FloatMatrix.zeros((int) dataset.rows(shard), planted.plan().width());
      try (VectorReader reader =
          dataset.vectors(EvolveFixture.SITE, planted.plan().checkpoints().get(t), shard)) {
        assertThat(reader.read(vectors)).isEqualTo(vectors.rows());
      }
      for (int row = 0; row < vectors.rows(); row++, at++) {
        double[] codes = codes(dictionary, vectors, row);
        for (int f = 0; f < codes.length; f++) {
          firing.get(f).set(at, codes[f] > 0);
        }
      }
    }
    return firing;
  }

  /** Where a track is strong it fires on its own rows, whatever number its feature has there. */
  private static void readingsFollowTheMatchedFeature(
      List<Map<String, Object>> readings, List<Map<String, Object>> trajectories) {
    Map<List<Object>, Map<String, Object>> there = new HashMap<>();
    trajectories.forEach(
        each -> there.put(List.of(each.get("track"), each.get("checkpoint")), each));
    int strong = 0;
    int fires = 0;
    for (Map<String, Object> row : readings) {
      Map<String, Object> track = there.get(List.of(row.get("track"), row.get("checkpoint")));
      assertThat((Integer) track.get("feature")).isNotNegative();
      if ((Double) track.get("relative_strength") > 0.8) {
        strong++;
        fires += (Double) row.get("value") > 0 ? 1 : 0;
      }
    }
    assertThat(strong).isGreaterThan(300);
    assertThat(fires).isGreaterThan(strong * 9 / 10);
  }

  @Test
  void featuresOfOtherDictionariesAreRefused() throws IOException {
    Folder other = made("other", true, 1);
    assertThatThrownBy(
            () ->
                new Evolve()
                    .run(
                        spark,
                        settings(chain, "wrong", "dictionaries=" + other.resolve("dictionaries"))))
        .hasMessageContaining("were measured with the dictionaries of identity");
    assertThat(Folder.of(chain.resolve("wrong")).list("")).isEmpty();
  }

  @Test
  void thePlanStatesTheWorkAndWritesNothing() throws IOException {
    Map<String, String> lines = new Evolve().plan(spark, settings(chain, "planned")).lines();
    assertThat(lines).containsKeys("rows", "bytes", "tasks", "FLOPs", "memory per task");
    assertThat(lines.get("tasks")).isEqualTo("22 blocks to match, 4 ranges of tracks");
    assertThat(Folder.of(chain.resolve("planned")).list("")).isEmpty();
  }

  private static Map<Integer, Map<String, Object>> byTrack(
      List<Map<String, Object>> rows, int replica) {
    Map<Integer, Map<String, Object>> result = new HashMap<>();
    for (Map<String, Object> row : rows) {
      if (((String) row.get("series")).endsWith("-r" + replica)) {
        result.put((Integer) row.get("track"), row);
      }
    }
    return result;
  }

  private static List<Map<String, Object>> rows(Folder root, String output, String table)
      throws IOException {
    Folder folder = Folder.of(root.resolve(output));
    List<Map<String, Object>> rows = new ArrayList<>();
    for (PublishedFile file : Manifest.read(folder, "evolution").table(table).toList()) {
      try (TableReader reader = TableReader.open(folder, file.path())) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          Map<String, Object> values = new HashMap<>();
          for (int c = 0; c < row.length; c++) {
            values.put(reader.columns().get(c), row[c]);
          }
          rows.add(values);
        }
      }
    }
    return rows;
  }

  private static double cosine(float[] a, float[] b) {
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return ab / Math.sqrt(aa * bb);
  }
}
