package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.type.TopK;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class SeriesTest {
  @Test
  void chainsAndIndependentDictionariesSortIntoSeries() {
    List<Series> series =
        Series.of(
            List.of(
                dictionary("chain-a", 0, true, 100, 64),
                dictionary("independent-a", 1, false, 100, 32),
                dictionary("chain-a", 0, true, 0, 64),
                dictionary("independent-a", 1, false, 0, 64)));
    assertThat(series).extracting(Series::name).containsExactly("chain-a-r0", "independent-a-r1");
    assertThat(series.get(0).chain()).isTrue();
    assertThat(series.get(0).checkpoints()).containsExactly(0, 100);
    assertThat(series.get(0).dictionaries()).containsExactly("chain-a-r0-c0", "chain-a-r0-c100");
    assertThat(series.get(1).chain()).isFalse();
    assertThat(series.get(1).features()).containsExactly(64, 32);
    assertThat(series.get(1).family()).isEqualTo("independent-a");
    assertThat(series.get(0).place("chain-a-r0-c100", "blocks.0.hook_resid_post", 100))
        .isEqualTo(1);
    assertThat(series.get(0).place("chain-a-r0-c100", "blocks.0.hook_resid_post", 0))
        .as("measured where another learnt")
        .isEqualTo(-1);
    assertThat(series.get(0).place("chain-a-r0-c100", "elsewhere", 100)).isEqualTo(-1);
    assertThat(series.get(0).place("chain-a-r0-c100", "blocks.0.hook_resid_post", 50))
        .isEqualTo(-1);
  }

  @Test
  void aCrosscoderIsASeriesForEachOfItsSites() {
    List<Series> one = Series.of(List.of(crosscoder(0, "a", 0, 100, 500)));
    assertThat(one).extracting(Series::name).containsExactly("crosscoder-a-r0");
    assertThat(one.get(0).kind()).isEqualTo(Series.Kind.CROSSCODER);
    assertThat(one.get(0).chain()).isFalse();
    assertThat(one.get(0).checkpoints()).containsExactly(0, 100, 500);
    assertThat(one.get(0).dictionaries()).containsOnly("crosscoder-a-r0").hasSize(3);
    assertThat(one.get(0).columns()).containsExactly(0, 16, 32);
    assertThat(one.get(0).features()).containsExactly(64, 64, 64);
    assertThat(one.get(0).place("crosscoder-a-r0", "a", 100)).isEqualTo(1);

    List<Series> two = Series.of(List.of(crosscoder(1, "a b", 0, 100)));
    assertThat(two)
        .extracting(Series::name)
        .containsExactly("crosscoder-a b-r1-a", "crosscoder-a b-r1-b");
    assertThat(two).extracting(Series::family).doesNotHaveDuplicates();
    assertThat(two.get(1).site()).isEqualTo("b");
    assertThat(two.get(1).columns()).containsExactly(32, 48);
    assertThat(two.get(1).place("crosscoder-a b-r1", "a", 100)).isEqualTo(-1);
  }

  @Test
  void whatCannotBeASeriesIsRefused() {
    assertThatThrownBy(
            () ->
                Series.of(
                    List.of(
                        dictionary("chain-a", 0, true, 0, 64),
                        dictionary("chain-a", 0, true, 0, 64))))
        .hasMessageContaining("series chain-a-r0 has two dictionaries of checkpoint 0");
    assertThatThrownBy(
            () ->
                Series.of(
                    List.of(
                        dictionary("chain-a", 0, true, 0, 64),
                        dictionary("chain-a", 0, true, 5, 32))))
        .hasMessage(
            "chain chain-a-r0 should keep its 64 features, dictionary chain-a-r0-c5 has 32");
  }

  private static DictionaryMetadata crosscoder(int replica, String sites, long... checkpoints) {
    List<Source> sources =
        Arrays.stream(sites.split(" "))
            .flatMap(
                site ->
                    LongStream.of(checkpoints)
                        .mapToObj(checkpoint -> new Source(site, checkpoint, 16)))
            .toList();
    String family = "crosscoder-" + sites;
    return dictionary(family + "-r" + replica, family, replica, true, sources, 64);
  }

  private static DictionaryMetadata dictionary(
      String family, int replica, boolean chain, long checkpoint, int width) {
    return dictionary(
        family + "-r" + replica + "-c" + checkpoint,
        family,
        replica,
        chain,
        List.of(new Source("blocks.0.hook_resid_post", checkpoint, 16)),
        width);
  }

  private static DictionaryMetadata dictionary(
      String id, String family, int replica, boolean series, List<Source> sources, int width) {
    return new DictionaryMetadata(
        1,
        id,
        family,
        TopK.TYPE,
        "autoencoder",
        width,
        4,
        sources,
        0,
        replica,
        series ? family + "-r" + replica : null,
        0,
        null,
        null,
        "rule",
        null,
        null);
  }
}
