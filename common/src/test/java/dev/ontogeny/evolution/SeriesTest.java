package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.DictionaryType;
import dev.ontogeny.dictionary.Source;
import java.util.List;
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

  private static DictionaryMetadata dictionary(
      String family, int replica, boolean chain, long checkpoint, int width) {
    String name = family + "-r" + replica;
    return new DictionaryMetadata(
        1,
        name + "-c" + checkpoint,
        family,
        DictionaryType.TOP_K,
        "autoencoder",
        width,
        4,
        List.of(new Source("blocks.0.hook_resid_post", checkpoint, 16)),
        0,
        replica,
        chain ? name : null,
        0,
        null,
        null,
        "rule",
        null,
        null);
  }
}
