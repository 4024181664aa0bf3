package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every statistic promises: merging is associative and commutative, a fresh one is its
 * identity, bytes come back, and seeing rows in parts is seeing them at once.
 *
 * <p>The numbers that are summed here are small multiples of 1/8, whose sums are exact in doubles;
 * so equality is asked of the bytes even of those statistics that only promise sums up to rounding.
 */
class MergeableTest {
  private static final int FEATURES = 7;

  /** A statistic by its operations; a part is seen from a seed. */
  record Case<S extends Mergeable<S>>(
      String name,
      Supplier<S> fresh,
      BiConsumer<S, Random> see,
      BiConsumer<S, StatisticInput> read) {
    S of(long... seeds) {
      S statistic = fresh.get();
      for (long seed : seeds) {
        see.accept(statistic, new Random(seed));
      }
      return statistic;
    }

    S merged(S first, S second) {
      S result = fresh.get();
      result.merge(first);
      result.merge(second);
      return result;
    }

    S readBack(S statistic) {
      S result = fresh.get();
      StatisticInput in = new StatisticInput(statistic.toBytes());
      read.accept(result, in);
      assertThat(in.exhausted()).isTrue();
      return result;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case<?>> cases() {
    return Stream.of(
        new Case<>(
            "feature statistics",
            () -> new CodeSums(FEATURES),
            (s, random) ->
                rows(
                    random,
                    (f, value, address) -> s.add(f, new float[] {value}, 0, 1, address % 2 == 0)),
            CodeSums::mergeFrom),
        new Case<>(
            "histogram",
            () -> new LogHistogram(FEATURES),
            (s, random) -> rows(random, (f, value, address) -> s.add(f, new float[] {value}, 0, 1)),
            LogHistogram::mergeFrom),
        new Case<>(
            "top examples",
            () -> new TopExamples(FEATURES, 5),
            (s, random) -> rows(random, s::add),
            TopExamples::mergeFrom),
        new Case<>(
            "quantile examples",
            () -> new QuantileExamples(FEATURES, 14, 6, 99),
            (s, random) -> rows(random, s::add),
            QuantileExamples::mergeFrom),
        new Case<>(
            "token counts",
            TokenCounts::new,
            (s, random) ->
                rows(
                    random, (f, value, address) -> s.add(f, (int) Math.floorMod(address, 900L), 1)),
            TokenCounts::mergeFrom),
        new Case<>(
            "count table",
            () -> new CountTable(FEATURES, 3),
            (s, random) -> rows(random, (f, value, address) -> s.add(f, (int) (address & 1), 2)),
            CountTable::mergeFrom),
        new Case<>(
            "replicate activity",
            () -> new ReplicateActivity(FEATURES, 100),
            (s, random) ->
                rows(
                    random,
                    (f, value, address) ->
                        s.add(f, new int[] {0}, 0, 1, new long[] {1L << address, 1L << f})),
            ReplicateActivity::mergeFrom),
        new Case<>(
            "geometry",
            () -> new GeometrySums(2),
            (s, random) ->
                rows(
                    random,
                    (f, value, address) -> {
                      s.add(f, new float[] {0, value}, 0);
                      s.influence(f, f % 3, value);
                    }),
            GeometrySums::mergeFrom),
        new Case<>(
            "loss effects",
            () -> new LossEffectSums(2),
            (s, random) ->
                rows(
                    random,
                    (f, value, address) -> {
                      s.add(LossEffectSums.ALL, f, -value, value);
                      s.add(LossEffectSums.ofClass((int) (address & 1)), f, -value, value);
                    }),
            LossEffectSums::mergeFrom),
        new Case<>(
            "latent scaling",
            () -> new LatentScaling(FEATURES, 2),
            (s, random) ->
                rows(
                    random,
                    (f, value, address) -> {
                      s.add(f, value);
                      s.add(f, (int) (address & 1), value, -2 * value, 1);
                    }),
            LatentScaling::mergeFrom),
        new Case<>(
            "dictionary statistics",
            () -> new DictionaryStatistics(3, 10),
            (s, random) ->
                rows(
                    random,
                    (f, value, address) -> {
                      byte[] weights = new byte[10];
                      weights[f] = 2;
                      s.add(
                          new DictionaryStatistics.Row(
                              value, 2 * value, true, 2, f == 0 ? 0 : 4, 1, 0.5, f, value),
                          weights,
                          0);
                      s.addInput(new float[] {value, 1, f}, 0);
                    }),
            DictionaryStatistics::mergeFrom));
  }

  /** Few different codes, so that there are ties, and more rows than examples are kept. */
  private static void rows(Random random, Row each) {
    for (int i = 0; i < 300; i++) {
      each.see(random.nextInt(FEATURES), (1 + random.nextInt(40)) / 8f, random.nextInt(1 << 20));
    }
  }

  interface Row {
    void see(int feature, float value, long address);
  }

  @ParameterizedTest
  @MethodSource("cases")
  <S extends Mergeable<S>> void mergesInAnyOrder(Case<S> of) {
    S a = of.of(1);
    S b = of.of(2);
    S c = of.of(3);
    byte[] expected = of.of(1, 2, 3).toBytes();
    assertThat(of.merged(of.merged(a, b), c).toBytes()).isEqualTo(expected);
    assertThat(of.merged(a, of.merged(b, c)).toBytes()).isEqualTo(expected);
    assertThat(of.merged(of.merged(c, a), b).toBytes()).isEqualTo(expected);
    assertThat(of.of(3, 1, 2).toBytes()).isEqualTo(expected);
    assertThat(a.toBytes()).as("merging leaves its argument alone").isEqualTo(of.of(1).toBytes());
  }

  @ParameterizedTest
  @MethodSource("cases")
  <S extends Mergeable<S>> void aFreshOneIsTheIdentity(Case<S> of) {
    S seen = of.of(4);
    assertThat(of.merged(seen, of.fresh().get()).toBytes()).isEqualTo(seen.toBytes());
    assertThat(of.merged(of.fresh().get(), seen).toBytes()).isEqualTo(seen.toBytes());
    assertThat(of.fresh().get().toBytes()).isNotEqualTo(seen.toBytes());
  }

  @ParameterizedTest
  @MethodSource("cases")
  <S extends Mergeable<S>> void comesBackFromItsBytes(Case<S> of) {
    S seen = of.of(5, 6);
    assertThat(of.readBack(seen).toBytes()).isEqualTo(seen.toBytes());
    assertThat(of.readBack(of.fresh().get()).toBytes()).isEqualTo(of.fresh().get().toBytes());
    S both = of.of(7);
    of.read().accept(both, new StatisticInput(seen.toBytes()));
    assertThat(both.toBytes()).isEqualTo(of.merged(of.of(7), seen).toBytes());
  }

  @ParameterizedTest
  @MethodSource("cases")
  <S extends Mergeable<S>> void refusesBytesOfAnotherKind(Case<S> of) {
    StatisticOutput foreign = new StatisticOutput();
    foreign.header('?', 9);
    assertThatThrownBy(
            () -> of.read().accept(of.fresh().get(), new StatisticInput(foreign.toBytes())))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("found '?' version 9");
  }

  @Test
  void sumsOfDoublesMergeUpToRounding() {
    Consumer<CodeSums> thirds =
        statistics -> {
          for (int i = 1; i < 50; i++) {
            statistics.add(0, new float[] {1f / i}, 0, 1, false);
          }
        };
    CodeSums once = new CodeSums(1);
    thirds.accept(once);
    CodeSums left = new CodeSums(1);
    CodeSums right = new CodeSums(1);
    for (int i = 0; i < 1000; i++) {
      left.merge(once);
    }
    thirds.accept(right);
    for (int i = 1; i < 1000; i++) {
      CodeSums again = new CodeSums(1);
      thirds.accept(again);
      again.merge(right);
      right = again;
    }
    assertThat(left.count(0)).isEqualTo(49_000).isEqualTo(right.count(0));
    assertThat(left.sum(0))
        .isCloseTo(right.sum(0), org.assertj.core.data.Percentage.withPercentage(1e-10));
  }

  @Test
  void compactNumbersComeBack() {
    StatisticOutput out = new StatisticOutput();
    long[] values = {0, 1, 127, 128, 300, Integer.MAX_VALUE, Long.MAX_VALUE, -1, Long.MIN_VALUE};
    for (long value : values) {
      out.writeCompact(value);
      out.writeLong(value);
    }
    out.writeFloat(-1.5f);
    out.writeDouble(Math.PI);
    StatisticInput in = new StatisticInput(out.toBytes());
    for (long value : values) {
      assertThat(in.readCompact()).isEqualTo(value);
      assertThat(in.readLong()).isEqualTo(value);
    }
    assertThat(in.readFloat()).isEqualTo(-1.5f);
    assertThat(in.readDouble()).isEqualTo(Math.PI);
    assertThat(in.exhausted()).isTrue();
  }
}
