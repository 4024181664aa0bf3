package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.Target;
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

  /** Features are where they write to; what is read is told beside. */
  @Test
  void transcodersAreASeriesOfTheSiteThatTheyReconstruct() {
    List<DictionaryMetadata> chain =
        List.of(transcoder("in", 0), transcoder("in", 100), transcoder("in", 500));
    List<Series> series = Series.of(chain);
    assertThat(series).extracting(Series::name).containsExactly("chain-in-to-out-r0");
    Series only = series.get(0);
    assertThat(only.kind()).isEqualTo(Series.Kind.CHAIN);
    assertThat(only.transcoder()).isTrue();
    assertThat(only.site()).isEqualTo("out");
    assertThat(only.width()).isEqualTo(24);
    assertThat(only.columns()).containsExactly(16, 16, 16);
    assertThat(only.readColumn(1)).isZero();
    assertThat(only.read(1)).isEqualTo(new Source("in", 100, 16));
    assertThat(only.sources(2))
        .containsExactly(new Source("in", 500, 16), new Source("out", 500, 24));
    assertThat(only.place("chain-in-to-out-r0-c100", "out", 100)).isEqualTo(1);
    assertThat(only.place("chain-in-to-out-r0-c100", "in", 100)).isEqualTo(-1);
    assertThatThrownBy(() -> Series.of(List.of(transcoder("in", 0), transcoder("elsewhere", 100))))
        .hasMessage(
            "series chain-in-to-out-r0 should read site in of width 16 throughout, dictionary chain-in-to-out-r0-c100 reads elsewhere of width 16");
  }

  private static DictionaryMetadata transcoder(String reads, long checkpoint) {
    return dictionary(
        "chain-in-to-out-r0-c" + checkpoint,
        "chain-in-to-out",
        0,
        true,
        List.of(new Source(reads, checkpoint, 16), new Source("out", checkpoint, 24)),
        Target.TRANSCODER,
        64);
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
    return dictionary(id, family, replica, series, sources, Target.AUTOENCODER, width);
  }

  private static DictionaryMetadata dictionary(
      String id,
      String family,
      int replica,
      boolean series,
      List<Source> sources,
      Target target,
      int width) {
    return new DictionaryMetadata(
        1,
        id,
        family,
        TopK.TYPE,
        target,
        width,
        4,
        sources,
        0,
        replica,
        series ? family + "-r" + replica : null,
        0,
        null,
        null,
        null,
        "rule",
        new DictionaryMetadata.Training(0, Json.object()),
        new DictionaryMetadata.Quality(1, 4, 0, 1));
  }
}
