package dev.ontogeny.probing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.probing.ProbeSample.Kind;
import dev.ontogeny.probing.ProbeSample.Probe;
import dev.ontogeny.probing.SparseProbe.Method;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.LabelValues;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What was planted is found, whatever blocks the rows come in. */
class SparseProbeTest {
  private static final int FEATURES = 12;
  private static final int DOCUMENTS = 500;
  private static final int LENGTH = 8;

  /**
   * The one that fires in some tokens of every document of the first language, and nowhere else.
   */
  private static final int OF_LANGUAGE = 7;

  /** Likewise of tokens that are capitals. */
  private static final int OF_CAPITALS = 3;

  /** Of these one fires in every document of the second language. */
  private static final int[] HALVES = {5, 9};

  private static final int LANGUAGE = 0;
  private static final int SHUFFLED = 1;
  private static final int CAPITAL = 2;
  private static final int RARE = 3;
  private static final int CONSTANT = 4;

  private static final List<LabelValues> LABELS =
      List.of(
          label("language", 0, "a", "b", "c"),
          label("shuffled", 3, "x", "y"),
          label("capital", 5, "no", "yes"),
          label("rare", 7, "common", "rare"),
          label("constant", 9, "always"));

  private static LabelValues label(String name, int offset, String... values) {
    return new LabelValues(name, 0, values, new long[values.length], offset);
  }

  /** A token. */
  private record Row(int document, int position, int[] classes, float[] codes) {}

  private static final List<Row> ROWS = rows();

  private static List<Row> rows() {
    Random random = new Random(5);
    List<Row> rows = new ArrayList<>();
    for (int document = 0; document < DOCUMENTS; document++) {
      int language = document % 3;
      int shuffled = random.nextInt(2);
      int length = 1 + random.nextInt(LENGTH);
      for (int position = 0; position < length; position++) {
        boolean capital = random.nextInt(4) == 0;
        float[] codes = new float[FEATURES];
        for (int f = 0; f < FEATURES; f++) {
          codes[f] = random.nextInt(3) == 0 ? 0.3f * random.nextFloat() : 0;
        }
        codes[OF_LANGUAGE] = language == 0 && position % 2 == 0 ? 1 + random.nextFloat() : 0;
        codes[HALVES[0]] = language == 1 && document % 2 == 0 ? 1 + random.nextFloat() : 0;
        codes[HALVES[1]] = language == 1 && document % 2 == 1 ? 1 + random.nextFloat() : 0;
        codes[OF_CAPITALS] = capital ? 1 + random.nextFloat() : 0;
        codes[FEATURES - 1] = 0;
        // Some tokens of a document lack a label that its others have.
        int known = position == 1 ? -1 : language;
        rows.add(
            new Row(
                document,
                position,
                new int[] {known, 3 + shuffled, capital ? 6 : 5, document < 6 ? 8 : 7, 9},
                codes));
      }
    }
    Collections.shuffle(rows, random);
    return rows;
  }

  private static ProbeRows probeRows(List<Row> rows) {
    int[][] classes = new int[LABELS.size()][rows.size()];
    for (int label = 0; label < classes.length; label++) {
      for (int i = 0; i < rows.size(); i++) {
        classes[label][i] = rows.get(i).classes()[label];
      }
    }
    return ProbeRows.of(
        1,
        rows.stream().mapToLong(Row::document).toArray(),
        rows.stream().mapToLong(row -> row.document() * 1000L + row.position()).toArray(),
        classes);
  }

  private static CodesByFeature codes(List<Row> rows) {
    SparseCodes codes = new SparseCodes(FEATURES);
    codes.reset(rows.size(), rows.size() * FEATURES);
    int at = 0;
    for (int i = 0; i < rows.size(); i++) {
      codes.starts()[i] = at;
      for (int f = 0; f < FEATURES; f++) {
        if (rows.get(i).codes()[f] != 0) {
          codes.indices()[at] = f;
          codes.values()[at++] = rows.get(i).codes()[f];
        }
      }
    }
    codes.starts()[rows.size()] = at;
    CodesByFeature.Builder builder = new CodesByFeature.Builder(FEATURES);
    builder.add(codes);
    return builder.build();
  }

  private static List<List<Row>> blocks(int size) {
    List<List<Row>> blocks = new ArrayList<>();
    for (int from = 0; from < ROWS.size(); from += size) {
      blocks.add(ROWS.subList(from, Math.min(ROWS.size(), from + size)));
    }
    return blocks;
  }

  /** As tasks do it, each with one block, merged from the last to the first. */
  private static ProbeSample sample(int blockRows, int train, int test) {
    List<List<Row>> blocks = blocks(blockRows);
    Collections.reverse(blocks);
    ProbeCandidates candidates = new ProbeCandidates(10, train, test);
    for (List<Row> block : blocks) {
      ProbeCandidates one = new ProbeCandidates(10, train, test);
      one.add(probeRows(block));
      candidates.merge(one);
    }
    ProbeDocuments documents = new ProbeDocuments(candidates, LABELS);
    ProbeDocuments.Seen seen = documents.none();
    for (List<Row> block : blocks) {
      ProbeDocuments.Seen one = documents.none();
      documents.look(probeRows(block), one);
      seen = one.merge(seen);
    }
    return new ProbeSample(candidates, documents, seen, LABELS);
  }

  private static int[][] examples(ProbeSample sample, List<Row> block) {
    ProbeRows rows = probeRows(block);
    int[][] examples = new int[LABELS.size()][];
    Arrays.setAll(examples, label -> sample.examples(label, rows));
    return examples;
  }

  private static Probe probe(ProbeSample sample, int ofClass) {
    return sample.probes().stream()
        .filter(each -> each.ofClass() == ofClass)
        .findFirst()
        .orElseThrow();
  }

  private static ProbeFeatures choice(ProbeSample sample, Probe probe, int blockRows) {
    ClassSums sums = new ClassSums(FEATURES, sample.classes());
    for (List<Row> block : blocks(blockRows)) {
      ClassSums one = new ClassSums(FEATURES, sample.classes());
      one.add(sample, examples(sample, block), codes(block), 0);
      sums.mergeFrom(new StatisticInput(one.toBytes()));
    }
    return sums.choose(sample, 0, 5)[sample.probes().indexOf(probe)].chosen();
  }

  private static int[] chosen(ProbeSample sample, Probe probe, int blockRows) {
    return choice(sample, probe, blockRows).differing();
  }

  private static SparseProbe filled(ProbeSample sample, Probe probe, int[] features, int size) {
    SparseProbe filled = new SparseProbe(sample, probe, features);
    for (List<Row> block : blocks(size)) {
      SparseProbe one = new SparseProbe(sample, probe, features);
      one.add(examples(sample, block)[probe.label()], codes(block));
      StatisticOutput out = new StatisticOutput();
      one.write(out);
      filled.mergeFrom(new StatisticInput(out.toBytes()));
    }
    return filled;
  }

  @Test
  void aFeatureThatTellsALanguageIsChosenAndTellsIt() {
    ProbeSample sample = sample(100, 100, 30);
    Probe probe = probe(sample, 0);
    assertThat(sample.kind(probe)).isEqualTo(Kind.DOCUMENT);
    int[] features = chosen(sample, probe, 100);
    assertThat(features).hasSize(5).startsWith(OF_LANGUAGE).doesNotContain(FEATURES - 1);
    SparseProbe filled = filled(sample, probe, features, 100);
    for (Method method : Method.values()) {
      SparseProbe.Trained one = filled.train(Arrays.copyOf(features, 1), method);
      assertThat(one.features()).containsExactly(OF_LANGUAGE);
      assertThat(one.scores().auc()).isEqualTo(1);
      assertThat(one.scores().accuracy()).isEqualTo(1);
      assertThat(one.scores().f1()).isEqualTo(1);
      assertThat(one.regression().weights()[0]).isPositive();
    }
    assertThat(filled.count(false)).isEqualTo(200);
    assertThat(filled.count(true)).isEqualTo(60);
  }

  @Test
  void aLabelThatNothingTellsIsNotTold() {
    ProbeSample sample = sample(100, 200, 100);
    Probe probe = probe(sample, 3);
    int[] features = chosen(sample, probe, 100);
    SparseProbe filled = filled(sample, probe, features, 100);
    double chance = 4 * Math.sqrt(0.25 / filled.count(true));
    for (Method method : Method.values()) {
      for (int k : new int[] {1, 2, 5}) {
        ProbeScores scores = filled.train(Arrays.copyOf(features, k), method).scores();
        assertThat(scores.accuracy()).isEqualTo(0.5, within(chance));
        assertThat(scores.auc()).isEqualTo(0.5, within(chance));
      }
    }
  }

  @Test
  void aLabelThatVariesWithinDocumentsIsToldOfTokens() {
    ProbeSample sample = sample(100, 200, 50);
    Probe probe = probe(sample, 6);
    assertThat(sample.kind(probe)).isEqualTo(Kind.TOKEN);
    int[] features = chosen(sample, probe, 100);
    assertThat(features).startsWith(OF_CAPITALS);
    assertThat(
            filled(sample, probe, features, 100)
                .train(new int[] {OF_CAPITALS}, Method.SPARSE_PROBING)
                .scores()
                .auc())
        .isEqualTo(1);
  }

  @Test
  void aCodeIsTheMeanOverAllTokensOfItsDocument() {
    ProbeSample sample = sample(100, 1000, 300);
    Probe probe = probe(sample, 0);
    List<Row> whole = ROWS.stream().sorted((a, b) -> a.document() - b.document()).toList();
    int[] features = {OF_LANGUAGE, 2};
    SparseProbe filled = filled(sample, probe, features, 64);
    SparseProbe.Trained trained = filled.train(features, Method.SPARSE_PROBING);
    // The same by hand: every document's mean, and its side.
    int[] example = sample.examples(LANGUAGE, probeRows(whole));
    List<double[]> means = new ArrayList<>();
    List<Boolean> sides = new ArrayList<>();
    Set<Integer> done = new HashSet<>();
    for (int i = 0; i < whole.size(); i++) {
      int member = example[i] < 0 ? -1 : probe.member(example[i]);
      if (member < 0 || probe.test()[member] || !done.add(whole.get(i).document())) {
        continue;
      }
      int document = whole.get(i).document();
      List<Row> its = whole.stream().filter(row -> row.document() == document).toList();
      double[] mean = new double[2];
      for (Row row : its) {
        for (int j = 0; j < 2; j++) {
          mean[j] += row.codes()[features[j]] / its.size();
        }
      }
      means.add(mean);
      sides.add(document % 3 == 0);
    }
    boolean[] y = new boolean[sides.size()];
    double[][] x = new double[2][sides.size()];
    for (int i = 0; i < y.length; i++) {
      y[i] = sides.get(i);
      x[0][i] = means.get(i)[0];
      x[1][i] = means.get(i)[1];
    }
    assertThat(y).hasSize(filled.count(false));
    LogisticRegression twin = LogisticRegression.fit(x, y, 1, LogisticRegression.Penalty.L2);
    assertThat(trained.regression().weights()[0]).isEqualTo(twin.weights()[0], within(1e-5));
    assertThat(trained.regression().weights()[1]).isEqualTo(twin.weights()[1], within(1e-5));
    assertThat(trained.regression().bias()).isEqualTo(twin.bias(), within(1e-5));
  }

  @Test
  void blocksDoNotMatter() {
    ProbeSample one = sample(ROWS.size(), 40, 20);
    ProbeSample many = sample(37, 40, 20);
    assertThat(many.probes()).hasSameSizeAs(one.probes());
    for (int i = 0; i < one.probes().size(); i++) {
      Probe probe = one.probes().get(i);
      assertThat(many.probes().get(i).members()).isEqualTo(probe.members());
      assertThat(many.probes().get(i).positive()).isEqualTo(probe.positive());
      assertThat(many.probes().get(i).test()).isEqualTo(probe.test());
      int[] features = chosen(one, probe, ROWS.size());
      assertThat(chosen(many, many.probes().get(i), 37)).isEqualTo(features);
    }
  }

  @Test
  void sidesAreEqualAndOthersHaveEqualParts() {
    ProbeSample sample = sample(100, 60, 20);
    Probe probe = probe(sample, 0);
    int[] sides = new int[4];
    for (int i = 0; i < probe.members().length; i++) {
      sides[(probe.positive()[i] ? 1 : 0) + (probe.test()[i] ? 2 : 0)]++;
    }
    assertThat(sides).containsExactly(60, 60, 20, 20);
    int[] example = sample.examples(LANGUAGE, probeRows(ROWS));
    Set<Integer> ofB = new HashSet<>();
    Set<Integer> ofC = new HashSet<>();
    for (int i = 0; i < example.length; i++) {
      int member = example[i] < 0 ? -1 : probe.member(example[i]);
      if (member >= 0 && !probe.positive()[member] && !probe.test()[member]) {
        (ROWS.get(i).document() % 3 == 1 ? ofB : ofC).add(ROWS.get(i).document());
      }
    }
    assertThat(ofB).hasSize(30);
    assertThat(ofC).hasSize(30);
  }

  @Test
  void noDocumentIsBothLearnedFromAndTestedOn() {
    ProbeSample sample = sample(100, 300, 100);
    Set<Integer> trained = new HashSet<>();
    Set<Integer> tested = new HashSet<>();
    for (int label : new int[] {LANGUAGE, SHUFFLED, CAPITAL}) {
      int[] example = sample.examples(label, probeRows(ROWS));
      for (Probe probe : sample.probes()) {
        for (int i = 0; probe.label() == label && i < example.length; i++) {
          int member = example[i] < 0 ? -1 : probe.member(example[i]);
          if (member >= 0) {
            (probe.test()[member] ? tested : trained).add(ROWS.get(i).document());
          }
        }
      }
    }
    assertThat(trained).isNotEmpty().doesNotContainAnyElementsOf(tested);
    assertThat(tested).isNotEmpty();
  }

  @Test
  void tooFewAndNoOthersGiveNoProbe() {
    ProbeSample sample = sample(100, 100, 30);
    assertThat(sample.probes()).noneMatch(each -> each.label() == RARE);
    assertThat(sample.probes()).noneMatch(each -> each.label() == CONSTANT);
    assertThat(sample.probes()).hasSize(3 + 2 + 2);
  }

  /** Two features share the second language, one stands for the first, and none for a coin. */
  @Test
  void aValueThatFeaturesShareIsSplit() {
    ProbeSample sample = sample(100, 100, 60);
    Probe first = probe(sample, 0);
    int[] toward = choice(sample, first, 100).toward();
    FeatureSplitting one = FeatureSplitting.of(filled(sample, first, toward, 100), toward);
    assertThat(one.features()).containsExactly(OF_LANGUAGE);
    assertThat(one.splits()).isZero();
    assertThat(one.f1()[0]).isEqualTo(1);

    Probe second = probe(sample, 1);
    toward = choice(sample, second, 100).toward();
    FeatureSplitting two = FeatureSplitting.of(filled(sample, second, toward, 100), toward);
    assertThat(two.features()).containsExactlyInAnyOrder(HALVES[0], HALVES[1]);
    assertThat(two.splits()).isEqualTo(1);
    assertThat(two.f1()).hasSize(3);
    assertThat(two.f1()[0]).isBetween(0.5, 0.95);
    assertThat(two.f1()[1]).isEqualTo(1);
    assertThat(two.f1()[2]).isLessThanOrEqualTo(1);
  }
}
