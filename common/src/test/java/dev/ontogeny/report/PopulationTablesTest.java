package dev.ontogeny.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PopulationTablesTest {
  private static final PopulationTables.Series SERIES =
      new PopulationTables.Series("chain-a-r0", List.of(0L, 10L, 100L), 12);

  private static PageTable events() {
    return PageTable.of("series", "event", "checkpoint", "class", "confident", "tracks");
  }

  @Test
  void tracksLiveFromBirthUntilDeath() {
    PageTable events =
        events()
            .add(0, "birth", 0L, "mixed", true, 5L)
            .add(0, "birth", 10L, "mixed", false, 3L)
            .add(0, "birth", null, "inactive", null, 4L)
            .add(0, "death", 100L, "mixed", true, 2L)
            .add(0, "death", null, "mixed", true, 6L)
            .add(1, "birth", 0L, "mixed", true, 100L);
    PageTable alive = PopulationTables.alive(List.of(SERIES), events);
    assertThat(alive.values())
        .containsExactly(
            new Object[] {0, 0L, 5L, 5L},
            new Object[] {0, 10L, 8L, 5L},
            new Object[] {0, 100L, 6L, 3L});
  }

  @Test
  void quantilesLieWithinTheirBins() {
    PageTable bins = PageTable.of("series", "measure", "checkpoint", "bin", "tracks");
    bins.add(0, "cosine_final", 10L, 0, 1L).add(0, "cosine_final", 10L, 39, 9L);
    bins.add(0, "jaccard_previous", 10L, 20, 4L);
    PageTable quantiles = PopulationTables.quantiles(bins);
    assertThat(quantiles.values()).hasSize(2);
    assertThat(quantiles.values().get(0))
        .containsExactly(0, "cosine_final", 10L, -0.95, 0.972, 0.994, 10L);
    assertThat(quantiles.values().get(1))
        .containsExactly(0, "jaccard_previous", 10L, 0.503, 0.513, 0.522, 4L);
  }

  @Test
  void warnsOfWhatAReaderShouldKnow() {
    PageTable quality =
        PageTable.of("dictionary", "split", "fvu", "dead_share")
            .add("a", "train", 0.2, 0.0)
            .add("a", "held_out", 0.4, 0.3)
            .add("b", "train", 0.1, 0.0)
            .add("b", "held_out", 0.11, 0.0);
    PageTable events =
        events()
            .add(0, "birth", 0L, "mixed", null, 5L)
            .add(0, "emergence", 10L, "mixed", null, 5L)
            .add(0, "direction_birth", 100L, "mixed", null, 5L);

    List<Map<String, Object>> warnings =
        Warnings.of(100_000, null, quality, List.of(SERIES), events, 0.5);

    assertThat(warnings)
        .extracting(warning -> warning.get("name"))
        .containsExactly(
            "few rows",
            "poor reconstruction",
            "many dead features",
            "overfitted",
            "one replica",
            "thresholds matter");
    assertThat(warnings.get(0).get("text")).asString().contains("100,000 tokens");
    assertThat(warnings.get(1).get("text")).asString().startsWith("1 of 2 dictionaries");
    assertThat(warnings.get(5).get("text"))
        .asString()
        .contains("present from step 0", "strength at step 10", "direction from step 100");
  }

  @Test
  void saysNothingWhereThereIsNothingToSay() {
    PageTable quality =
        PageTable.of("dictionary", "split", "fvu", "dead_share")
            .add("a", "train", 0.1, 0.0)
            .add("a", "held_out", 0.12, 0.01);
    PageTable events =
        events()
            .add(0, "birth", 10L, "mixed", true, 5L)
            .add(0, "emergence", 10L, "mixed", true, 5L)
            .add(0, "direction_birth", 10L, "mixed", true, 5L);
    assertThat(Warnings.of(5_000_000, null, quality, List.of(SERIES), events, 0.5)).isEmpty();
  }
}
