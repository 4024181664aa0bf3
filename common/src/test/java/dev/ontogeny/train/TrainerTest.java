package dev.ontogeny.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.train.Trainer.Trained;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.Relu;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class TrainerTest {
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(5, 16, 20, 6));
  private static final long CHECKPOINT = 500;
  private static final Source SOURCE = new Source(DatasetFixture.SITE, CHECKPOINT, 16);
  private static final KernelProvider KERNELS = Kernels.provider("cpu", 1);

  @TempDir static Path folder;
  private static ShardedDataset dataset;
  private static Moments moments;
  private static List<Integer> shards;

  @BeforeAll
  static void publish() throws IOException {
    dataset =
        DatasetFixture.publish(Folder.of(folder.resolve("dataset").toString()), PLANTED, 64, 4);
    moments = dataset.moments(SOURCE.site(), CHECKPOINT);
    shards = List.of(0, 1, 2);
  }

  private static DictionaryPlan plan(String id, long steps, double learningRate) {
    return plan(id, TopK.of(4), steps, learningRate);
  }

  private static DictionaryPlan plan(
      String id, TypeSettings type, long steps, double learningRate) {
    return new DictionaryPlan(
        id,
        "independent-test",
        0,
        null,
        0,
        null,
        null,
        List.of(SOURCE),
        Target.AUTOENCODER,
        Weighting.UNIFORM,
        new TrainingSpecification(40, type, 8, 1.0 / 32, 3000, Optimiser.standard()),
        new Schedule(learningRate, 0.1, 0.2, 0.1, 0.2),
        steps,
        128,
        42,
        "link");
  }

  private static Dictionary initial(DictionaryPlan plan) {
    return plan.specification()
        .started(InitialDictionary.random(SOURCE, moments, 40, 4, plan.seed()));
  }

  private static Trainer trainer(String scratch, double stateSeconds, TrainingProgress progress) {
    return new Trainer(
        dataset,
        KERNELS,
        Folder.of(folder.resolve("scratch").toString()),
        scratch,
        stateSeconds,
        progress);
  }

  private static final BatchStream.Order ORDER =
      new BatchStream.Order(List.of(SOURCE), List.of(0, 1, 2), 3);

  @Test
  void batchesCrossShardsAndEpochsAndCanBeginAnywhere() throws IOException {
    long rows = shards.stream().mapToLong(dataset::rows).sum();
    List<float[]> all = new ArrayList<>();
    try (BatchStream stream = new BatchStream(dataset, ORDER, 100, 0)) {
      while (all.size() * 100L < 2 * rows + 100) {
        FloatMatrix batch = stream.next();
        assertThat(batch.rows()).isEqualTo(100);
        all.add(batch.values().clone());
      }
    }
    // Every row once per epoch.
    Set<String> seen = new HashSet<>();
    for (long row = 0; row < rows; row++) {
      float[] batch = all.get((int) (row / 100));
      int at = (int) (row % 100) * 16;
      seen.add(Arrays.toString(Arrays.copyOfRange(batch, at, at + 16)));
    }
    assertThat(seen).hasSize((int) rows);
    try (BatchStream stream = new BatchStream(dataset, ORDER, 100, all.size() - 2)) {
      assertThat(stream.next().values()).isEqualTo(all.get(all.size() - 2));
      assertThat(stream.next().values()).isEqualTo(all.get(all.size() - 1));
    }
    assertThat(ORDER.ofEpoch(0)).containsExactlyInAnyOrder(0, 1, 2);
    assertThat(List.of(ORDER.ofEpoch(0), ORDER.ofEpoch(1), ORDER.ofEpoch(2), ORDER.ofEpoch(3)))
        .as("epochs have orders of their own")
        .anySatisfy(order -> assertThat(order).isNotEqualTo(ORDER.ofEpoch(0)));
  }

  @Test
  void aBatchAheadIsTheNextOneAndLeavesTheLastAlone() throws IOException {
    try (BatchStream stream = new BatchStream(dataset, ORDER, 100, 0);
        BatchStream other = new BatchStream(dataset, ORDER, 100, 0)) {
      for (int i = 0; i < 6; i++) {
        FloatMatrix batch = stream.next();
        FloatMatrix ahead = stream.ahead();
        while (ahead == null) {
          Thread.onSpinWait();
          ahead = stream.ahead();
        }
        assertThat(stream.ahead()).isSameAs(ahead);
        assertThat(batch.values()).isEqualTo(other.next().values());
        assertThat(ahead).isNotSameAs(batch);
        float[] copy = ahead.values().clone();
        assertThat(stream.next()).isSameAs(ahead);
        assertThat(ahead.values()).isEqualTo(copy).isEqualTo(other.next().values());
      }
    }
  }

  @Test
  void aKilledRunGoesOnWithTheSameBytes() throws IOException {
    DictionaryPlan plan = plan("killed", 30, 3e-3);
    Trained undisturbed = train(trainer("undisturbed", 1e9, n -> {}), plan);
    int[] steps = {0};
    Trainer doomed =
        trainer(
            "killed",
            0,
            n -> {
              if (++steps[0] == 17) {
                throw new IllegalStateException("killed");
              }
            });
    assertThatThrownBy(() -> train(doomed, plan)).hasMessage("killed");
    int[] left = {0};
    Trained resumed = train(trainer("killed", 0, n -> left[0]++), plan);
    // The state after step 16 was saved, that of step 17 was not.
    assertThat(left[0]).isEqualTo(14);
    assertThat(resumed.dictionary().encoder()).isEqualTo(undisturbed.dictionary().encoder());
    assertThat(resumed.dictionary().decoder()).isEqualTo(undisturbed.dictionary().decoder());
    assertThat(resumed.dictionary().encoderBias())
        .isEqualTo(undisturbed.dictionary().encoderBias());
    assertThat(resumed.dictionary().decoderBias())
        .isEqualTo(undisturbed.dictionary().decoderBias());
    Folder logs = Folder.of(folder.toString());
    assertThat(resumed.log().write(logs, "b.parquet", false).sha256())
        .isEqualTo(undisturbed.log().write(logs, "a.parquet", false).sha256());
  }

  @Test
  void whatDivergesFailsAloneAndTheRestIsWhatItIsAlone() throws IOException {
    DictionaryPlan good = plan("good", 20, 3e-3);
    DictionaryPlan bad = plan("bad", 20, 1e30);
    List<Trained> both =
        trainer("both", 1e9, n -> {})
            .train(List.of(bad, good), List.of(initial(bad), initial(good)), ORDER);
    assertThat(both.get(0).failure()).containsAnyOf("not finite", "diverged").contains("step");
    assertThat(both.get(0).dictionary()).isNull();
    assertThat(both.get(1).failure()).isNull();
    Trained alone = train(trainer("alone", 1e9, n -> {}), good);
    assertThat(both.get(1).dictionary().encoder()).isEqualTo(alone.dictionary().encoder());
  }

  /** Those of this list, and whatever other types there are. */
  static Stream<Arguments> methods() {
    return Stream.concat(
        known(),
        DictionaryTypes.trainable().stream()
            .filter(
                type ->
                    known().noneMatch(each -> ((TypeSettings) each.get()[0]).type().equals(type)))
            .map(type -> Arguments.of(KernelFixture.withDefaults(type, 2, 40), 2)));
  }

  private static Stream<Arguments> known() {
    return Stream.of(
        Arguments.of(TopK.of(4), 4),
        Arguments.of(new TopK(4, 10, 16, 0.125), 4),
        Arguments.of(new BatchTopK(2, 6, 0.99), 2),
        Arguments.of(jump(JumpRelu.Paid.STEP, 0.4, 0.5), 2),
        Arguments.of(jump(JumpRelu.Paid.TARGET_L0, 0.2, 0.5), 2),
        Arguments.of(jump(JumpRelu.Paid.TANH, 0.4, 2), 2),
        Arguments.of(jump(JumpRelu.Paid.TANH_QUADRATIC, 0.06, 2), 2),
        Arguments.of(new Relu(1, Relu.Form.NORM_WEIGHTED, 0), 5),
        Arguments.of(new Relu(1, Relu.Form.UNIT_NORM, 40_000), 5));
  }

  private static TypeSettings jump(JumpRelu.Paid penalty, double coefficient, double bandwidth) {
    return jump(penalty, JumpRelu.Gate.SHARED, coefficient, bandwidth);
  }

  private static TypeSettings jump(
      JumpRelu.Paid penalty, JumpRelu.Gate gate, double coefficient, double bandwidth) {
    return new JumpRelu(penalty, gate, coefficient, 2, 4, 0.1, bandwidth, 0.1, 1);
  }

  /**
   * The whole method on features that are known: broken arithmetic anywhere would not find them.
   */
  @ParameterizedTest
  @MethodSource("methods")
  void findsPlantedFeatures(TypeSettings type, int active) throws IOException {
    DictionaryPlan plan = plan("planted", type, 1500, 1e-2);
    Trained trained = train(trainer("planted", 1e9, n -> {}), plan);
    assertThat(trained.failure()).isNull();
    HeldOut.Result heldOut = HeldOut.evaluate(dataset, List.of(3), trained.dictionary(), KERNELS);
    assertThat(heldOut.quality().fvu()).isLessThan(0.06);
    assertThat(heldOut.quality().rows()).isEqualTo(dataset.rows(3));
    assertThat(heldOut.quality().l0()).isCloseTo(active, within(0.8));
    assertThat(meanMaximumCosine(trained.dictionary())).isGreaterThan(0.96);
    // Types that this list does not name may ask more of a latent than one feature.
    boolean named = known().anyMatch(each -> each.get()[0].equals(type));
    assertThat(shareRecovered(trained.dictionary())).isGreaterThan(named ? 0.9 : 0.85);
    // Before training there is nothing to find.
    assertThat(meanMaximumCosine(initial(plan))).isLessThan(0.75);
  }

  private static final List<Source> ALL =
      PLANTED.plan().checkpoints().stream()
          .map(checkpoint -> new Source(DatasetFixture.SITE, checkpoint, 16))
          .toList();

  @Test
  void sourcesStandSideBySideRowByRow() throws IOException {
    BatchStream.Order both = new BatchStream.Order(List.of(ALL.get(1), SOURCE), shards, 3);
    BatchStream.Order first = new BatchStream.Order(List.of(ALL.get(1)), shards, 3);
    try (BatchStream together = new BatchStream(dataset, both, 100, 7);
        BatchStream left = new BatchStream(dataset, first, 100, 7);
        BatchStream right = new BatchStream(dataset, ORDER, 100, 7)) {
      for (int batch = 0; batch < 12; batch++) {
        FloatMatrix rows = together.next();
        FloatMatrix ofLeft = left.next();
        FloatMatrix ofRight = right.next();
        assertThat(rows.columns()).isEqualTo(32);
        for (int row = 0; row < 100; row++) {
          for (int i = 0; i < 16; i++) {
            assertThat(rows.at(row, i)).isEqualTo(ofLeft.at(row, i));
            assertThat(rows.at(row, 16 + i)).isEqualTo(ofRight.at(row, i));
          }
        }
      }
    }
  }

  static Stream<TypeSettings> crosscoders() {
    return Stream.of(
        new BatchTopK(3, 8, 0.99),
        new Relu(0.5, Relu.Form.NORM_WEIGHTED, 0),
        jump(JumpRelu.Paid.TANH_QUADRATIC, 0.06, 2),
        GATED);
  }

  private static final TypeSettings GATED =
      jump(JumpRelu.Paid.TANH_QUADRATIC, JumpRelu.Gate.PER_SOURCE, 0.1, 2);

  /** A crosscoder's decoder norms tell when features are there: births and deaths are planted. */
  @ParameterizedTest
  @MethodSource("crosscoders")
  void crosscodersTellWhenFeaturesAreThere(TypeSettings type) throws IOException {
    Dictionary trained = crosscoder(type);
    HeldOut.Result heldOut = HeldOut.evaluate(dataset, List.of(3), trained, KERNELS);
    int agree = 0;
    int asked = 0;
    for (PlantedActivations.Feature feature : PLANTED.features()) {
      int peak = PLANTED.plan().checkpoints().indexOf(feature.peak());
      int latent = nearest(trained, PLANTED.direction(feature.index(), peak), peak);
      double largest = 0;
      double strongest = 0;
      for (int t = 0; t < ALL.size(); t++) {
        largest = Math.max(largest, norm(trained, latent, t));
        strongest = Math.max(strongest, PLANTED.strength(feature.index(), t));
      }
      for (int t = 0; t < ALL.size(); t++) {
        boolean there = PLANTED.strength(feature.index(), t) >= 0.5 * strongest;
        agree += there == norm(trained, latent, t) >= 0.5 * largest ? 1 : 0;
        asked++;
      }
    }
    assertThat(heldOut.quality().fvu()).isLessThan(0.15);
    // An L1 penalty shrinks what is weak, norms as well: a known fault of this kind.
    assertThat((double) agree / asked).isGreaterThan(type instanceof Relu ? 0.8 : 0.95);
  }

  /** Gates tell the same row by row: where a feature is absent, its latent never counts. */
  @Test
  void gatedLatentsAreOffWhereTheirFeatureIsAbsent() throws IOException {
    Dictionary trained = crosscoder(GATED);
    assertThat(trained.type()).isEqualTo(JumpRelu.BY_SOURCE);
    int count = 1024;
    FloatMatrix rows = FloatMatrix.zeros(count, trained.inputs());
    SparseCodes codes = new SparseCodes(trained.width());
    try (SourceRows vectors = new SourceRows(dataset, ALL, 3);
        EncodingKernel kernel = KERNELS.encoding(trained, count)) {
      vectors.read(rows, 0, count);
      kernel.encode(rows, codes);
    }
    // Codes above zero, and among them those above the gate of a source.
    int fired = 0;
    int counted = 0;
    int firedAbsent = 0;
    int countedAbsent = 0;
    for (PlantedActivations.Feature feature : PLANTED.features()) {
      int peak = PLANTED.plan().checkpoints().indexOf(feature.peak());
      int latent = nearest(trained, PLANTED.direction(feature.index(), peak), peak);
      for (int t = 0; t < ALL.size(); t++) {
        double strength =
            PLANTED.strength(feature.index(), t) / PLANTED.strength(feature.index(), peak);
        float bar = trained.sourceThreshold(t)[latent];
        for (int row = 0; row < count; row++) {
          float code = codes.at(row, latent);
          if (strength >= 0.5) {
            fired += code > 0 ? 1 : 0;
            counted += code > bar ? 1 : 0;
          } else if (strength < 0.05) {
            firedAbsent += code > 0 ? 1 : 0;
            countedAbsent += code > bar ? 1 : 0;
          }
        }
      }
    }
    assertThat(firedAbsent).isGreaterThan(4000);
    assertThat(countedAbsent).isZero();
    assertThat((double) counted / fired).isGreaterThan(0.9);
    Quality quality = HeldOut.evaluate(dataset, List.of(3), trained, KERNELS).quality();
    assertThat(quality.sourceFvu()).hasSize(ALL.size()).allMatch(fvu -> fvu < 0.05);
    assertThat(quality.sourceL0())
        .hasSize(ALL.size())
        .allMatch(l0 -> l0 > 1 && l0 < 0.9 * quality.l0());
  }

  private static Dictionary crosscoder(TypeSettings type) throws IOException {
    DictionaryPlan plan =
        new DictionaryPlan(
            "crosscoder",
            "crosscoder-test",
            0,
            "crosscoder",
            0,
            null,
            null,
            ALL,
            Target.AUTOENCODER,
            Weighting.NOVELTY,
            new TrainingSpecification(48, type, 8, 1.0 / 32, 3000, Optimiser.standard()),
            new Schedule(1e-2, 0.1, 0.2, 0.1, 0.2),
            1500,
            128,
            42,
            "link");
    List<Moments> all = new ArrayList<>();
    for (Source source : ALL) {
      all.add(dataset.moments(source.site(), source.checkpoint()));
    }
    Dictionary random = InitialDictionary.random(ALL, all, 48, type.selection().k(), 42);
    BatchStream.Order order = new BatchStream.Order(ALL, shards, 3);
    DictionaryPlan weighted;
    try (BatchStream stream = new BatchStream(dataset, order, 128, 0)) {
      weighted = plan.withSourceWeights(plan.weighting().of(random, stream.next()));
    }
    assertThat(weighted.specification().sourceWeights()).hasSize(ALL.size());
    return trainer("crosscoder", 1e9, n -> {})
        .train(List.of(weighted), List.of(weighted.specification().started(random)), order)
        .get(0)
        .dictionary();
  }

  /** The latent whose decoder in a source points most in a direction. */
  private static int nearest(Dictionary dictionary, float[] direction, int source) {
    int best = 0;
    double largest = -1;
    for (int latent = 0; latent < dictionary.width(); latent++) {
      double dot = 0;
      for (int i = 0; i < 16; i++) {
        dot += direction[i] * dictionary.decoder().at(latent, 16 * source + i);
      }
      double cosine = dot / Math.max(1e-3, norm(dictionary, latent, source));
      if (cosine > largest) {
        largest = cosine;
        best = latent;
      }
    }
    return best;
  }

  private static double norm(Dictionary dictionary, int latent, int source) {
    double squares = 0;
    for (int i = 0; i < 16; i++) {
      squares += Math.pow(dictionary.decoder().at(latent, 16 * source + i), 2);
    }
    return Math.sqrt(squares);
  }

  @Test
  void furtherSourcesStartFromTheCheckpointBefore() {
    List<Source> had =
        List.of(new Source("a", 10, 2), new Source("a", 30, 2), new Source("b", 20, 3));
    List<Source> sources =
        List.of(
            new Source("a", 10, 2),
            new Source("a", 20, 2),
            new Source("a", 30, 2),
            new Source("a", 40, 2),
            new Source("b", 10, 3),
            new Source("b", 20, 3),
            new Source("b", 40, 3),
            new Source("c", 40, 3),
            new Source("b", 50, 4));
    assertThat(InitialDictionary.origins(had, sources))
        .containsExactly(0, 0, 1, 1, -1, 2, 2, -1, -1);
  }

  /** Codes and reconstructions of a grown crosscoder, against those of the one it grew from. */
  @Test
  void aGrownCrosscoderGoesOnAsItWas() throws IOException {
    List<Source> had = List.of(ALL.get(0), ALL.get(2));
    List<Source> sources = List.of(ALL.get(0), ALL.get(1), ALL.get(2), ALL.get(3));
    List<Moments> before = new ArrayList<>();
    for (Source source : had) {
      before.add(dataset.moments(source.site(), source.checkpoint()));
    }
    List<Moments> all = new ArrayList<>();
    for (Source source : sources) {
      all.add(dataset.moments(source.site(), source.checkpoint()));
    }
    Dictionary random = InitialDictionary.random(had, before, 48, 4, 42);
    RandomGenerator noise = Seeds.generator(5, "weights");
    for (float[] each :
        List.of(random.encoder().values(), random.decoder().values(), random.decoderBias())) {
      for (int i = 0; i < each.length; i++) {
        each[i] += (float) noise.nextGaussian() / 10;
      }
    }
    Dictionary grown = InitialDictionary.grown(random, sources, all);
    HeldOut.Result then = HeldOut.evaluate(dataset, List.of(3), random, KERNELS);
    HeldOut.Result now = HeldOut.evaluate(dataset, List.of(3), grown, KERNELS);
    assertThat(now.quality().l0()).isEqualTo(then.quality().l0());
    float[] codes = then.probe().code().values();
    assertThat(now.probe().code().values()).containsExactly(codes, Offset.offset(1e-4f));
    for (int row = 0; row < now.probe().input().rows(); row++) {
      for (int s = 0; s < 4; s++) {
        int from = s / 2;
        for (int i = 0; i < 16; i++) {
          // In scaled units, in which a further source is reconstructed as the one before it.
          double was =
              (then.probe().reconstruction().at(row, 16 * from + i)
                      - random.inputMean()[16 * from + i])
                  * random.inputScale()[from];
          double is =
              (now.probe().reconstruction().at(row, 16 * s + i) - grown.inputMean()[16 * s + i])
                  * grown.inputScale()[s];
          assertThat(is).isCloseTo(was, within(1e-3));
        }
        assertThat(grown.inputScale()[s])
            .isEqualTo(InitialDictionary.random(sources, all, 1, 1, 0).inputScale()[s]);
      }
    }
  }

  @Test
  void equalSourcesShareOneWeight() throws IOException {
    List<Source> sources = List.of(SOURCE, SOURCE, ALL.get(0));
    List<Moments> all = List.of(moments, moments, dataset.moments(DatasetFixture.SITE, 0));
    Dictionary random = InitialDictionary.random(sources, all, 40, 4, 1);
    try (BatchStream stream =
        new BatchStream(dataset, new BatchStream.Order(sources, shards, 3), 512, 0)) {
      FloatMatrix batch = stream.next();
      List<Double> weights = Weighting.NOVELTY.of(random, batch);
      assertThat(weights.get(0)).isEqualTo(weights.get(1));
      assertThat(weights.get(0) + weights.get(1) + weights.get(2)).isCloseTo(3, within(1e-9));
      assertThat(weights.get(2) / weights.get(0)).isBetween(1.3, 2.0);
      assertThat(Weighting.UNIFORM.of(random, batch)).isEmpty();
    }
  }

  private static double meanMaximumCosine(Dictionary dictionary) {
    return maximumCosines(dictionary).average().orElseThrow();
  }

  /** Share of the features that some latent points at within a cosine of 0.9. */
  private static double shareRecovered(Dictionary dictionary) {
    return maximumCosines(dictionary).map(cosine -> cosine > 0.9 ? 1 : 0).average().orElseThrow();
  }

  private static DoubleStream maximumCosines(Dictionary dictionary) {
    int t = PLANTED.plan().checkpoints().indexOf(CHECKPOINT);
    return PLANTED.features().stream()
        .filter(feature -> PLANTED.strength(feature.index(), t) >= 0.5)
        .mapToDouble(feature -> maximumCosine(dictionary, PLANTED.direction(feature.index(), t)));
  }

  private static double maximumCosine(Dictionary dictionary, float[] direction) {
    double best = 0;
    for (int latent = 0; latent < dictionary.width(); latent++) {
      double dot = 0;
      double squares = 0;
      for (int i = 0; i < direction.length; i++) {
        dot += direction[i] * dictionary.decoder().at(latent, i);
        squares += Math.pow(dictionary.decoder().at(latent, i), 2);
      }
      best = squares > 0 ? Math.max(best, dot / Math.sqrt(squares)) : best;
    }
    return best;
  }

  private static Trained train(Trainer trainer, DictionaryPlan plan) throws IOException {
    return trainer.train(List.of(plan), List.of(initial(plan)), ORDER).get(0);
  }

  @Test
  void initialDictionaryCentresAndScales() {
    Dictionary dictionary = initial(plan("any", 1, 1));
    double trace = 0;
    for (int i = 0; i < 16; i++) {
      trace += moments.covariance()[i * 16 + i];
    }
    assertThat((double) dictionary.inputScale()[0]).isCloseTo(Math.sqrt(16 / trace), within(1e-6));
    assertThat((double) dictionary.decoderBias()[3])
        .isCloseTo(
            (moments.geometricMedian()[3] - moments.mean()[3]) * dictionary.inputScale()[0],
            within(1e-5));
    assertThat(dictionary.encoder().at(2, 5)).isEqualTo(dictionary.decoder().at(5, 2));
  }

  @Test
  void fittedEncoderReconstructsBestAtOnce() throws IOException {
    Dictionary random = initial(plan("any", 1, 1));
    FloatMatrix batch;
    try (BatchStream stream = new BatchStream(dataset, ORDER, 512, 0)) {
      batch = stream.next();
    }
    Dictionary fitted = InitialDictionary.fitted(random, batch, KERNELS);
    double factor = fitted.encoder().at(3, 7) / random.encoder().at(3, 7);
    double best = error(fitted, batch);
    assertThat(best).isLessThan(error(random, batch));
    for (double other : new double[] {0.9, 1.1}) {
      float[] encoder = fitted.encoder().values().clone();
      for (int i = 0; i < encoder.length; i++) {
        encoder[i] *= (float) other;
      }
      Dictionary worse =
          new Dictionary(
              fitted.type(),
              fitted.sources(),
              fitted.k(),
              new FloatMatrix(16, 40, encoder),
              fitted.encoderBias(),
              fitted.decoder(),
              fitted.decoderBias(),
              fitted.inputMean(),
              fitted.inputScale());
      assertThat(error(worse, batch)).isGreaterThan(best);
    }
    assertThat(factor).isBetween(0.2, 0.9);
  }

  private static double error(Dictionary dictionary, FloatMatrix batch) {
    SparseCodes codes = new SparseCodes(dictionary.width());
    FloatMatrix back = FloatMatrix.zeros(batch.rows(), batch.columns());
    try (EncodingKernel kernel = KERNELS.encoding(dictionary, batch.rows())) {
      kernel.encode(batch, codes);
      kernel.decode(codes, back);
    }
    double error = 0;
    for (int i = 0; i < batch.rows() * batch.columns(); i++) {
      error += Math.pow(batch.values()[i] - back.values()[i], 2);
    }
    return error;
  }

  @Test
  void scheduleWarmsUpStaysAndDecays() {
    Schedule schedule = new Schedule(1, 0.1, 0.2);
    assertThat(schedule.rate(0, 100)).isEqualTo(0.1f);
    assertThat(schedule.rate(9, 100)).isEqualTo(1f);
    assertThat(schedule.rate(50, 100)).isEqualTo(1f);
    assertThat(schedule.rate(99, 100)).isCloseTo(1f / 21, within(1e-6f));
    assertThat(Schedule.law(2e-4, 1 << 12)).isCloseTo(4e-4, within(1e-12));
  }
}
