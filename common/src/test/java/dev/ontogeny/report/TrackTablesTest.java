package dev.ontogeny.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrackTablesTest {
  private static final long[] CHECKPOINTS = {0, 10, 20};

  private static List<String> columns(String names) {
    return List.of(names.split(" "));
  }

  private static final Map<TrackTable, List<String>> THERE =
      new EnumMap<>(
          Map.of(
              TrackTable.EVENTS,
              columns("series track birth emergence direction_birth peak death class confidence"),
              TrackTable.TRAJECTORIES,
              columns("series track checkpoint dictionary feature firing_rate strength alive"),
              TrackTable.EXAMPLES,
              columns(
                  "dictionary site checkpoint feature kind rank document position token value"
                      + " context_start context_tokens context_values shard row"),
              TrackTable.LABELS,
              columns("dictionary site checkpoint feature label value count precision recall f1"),
              TrackTable.READINGS,
              columns("series track checkpoint shard row value")));

  private final TrackTables tables = new TrackTables(THERE, 2, 3, 1);

  private Object[] example(long checkpoint, String kind, int rank, int row) {
    Object[] values = {
      checkpoint,
      "d",
      4,
      "site",
      kind,
      rank,
      100L + row,
      7,
      "t" + row % 2,
      1.0 / (rank + 1),
      6,
      new String[] {"a"},
      new float[] {0.5f},
      3,
      row
    };
    assertThat(values).hasSameSizeAs(tables.columns(TrackTable.EXAMPLES));
    return values;
  }

  private JsonNode written(Map<TrackTable, List<Object[]>> rows) throws IOException {
    List<String> scripts = new ArrayList<>();
    TrackFiles files =
        new TrackFiles(
            0, 0, 4, (path, bytes) -> scripts.add(new String(bytes, StandardCharsets.US_ASCII)));
    tables.write(files, 1, CHECKPOINTS, rows);
    files.finish();
    String script = scripts.get(0);
    return new ObjectMapper()
        .readTree(script.substring(script.indexOf(',') + 1, script.length() - 3))
        .get("1");
  }

  private JsonNode value(JsonNode row, String table, String column) {
    return row.get(tables.shown().get(table).indexOf(column));
  }

  private Map<TrackTable, List<Object[]>> rows() {
    Map<TrackTable, List<Object[]>> rows = new EnumMap<>(TrackTable.class);
    rows.put(
        TrackTable.EVENTS,
        List.<Object[]>of(new Object[] {0L, 10L, null, 10L, null, "transitional", 0.75}));
    rows.put(
        TrackTable.TRAJECTORIES,
        List.of(
            new Object[] {10L, "d", 4, 0.25, 2.0, true},
            new Object[] {0L, "d", 4, 0.125, 1.0, true}));
    List<Object[]> examples = new ArrayList<>();
    for (int rank = 5; rank >= 0; rank--) {
      examples.add(example(10, "quantile", rank, 50 + rank));
      examples.add(example(10, "top", rank, rank));
      examples.add(example(0, "top", rank, rank));
    }
    rows.put(TrackTable.EXAMPLES, examples);
    List<Object[]> labels = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      labels.add(
          new Object[] {
            "d", 10L, 4, "site", "label", "v" + i, 5L, 0.5, 0.5, i < 4 ? 0.5 : 0.1 * i
          });
    }
    rows.put(TrackTable.LABELS, labels);
    rows.put(
        TrackTable.READINGS,
        List.of(
            new Object[] {10L, 3, 4, 9.0},
            new Object[] {0L, 3, 4, 8.0},
            new Object[] {0L, 3, 99, 1.0}));
    return rows;
  }

  @Test
  void whatIsNeededIsDeclared() {
    for (TrackTable table : TrackTable.values()) {
      assertThat(table.declared().names()).as(table.table()).contains(table.needed());
    }
  }

  @Test
  void examplesAreTheHighestAndAtHomeSomeOfAllStrengths() throws IOException {
    JsonNode examples = written(rows()).get("examples");
    List<String> shown = new ArrayList<>();
    for (JsonNode row : examples) {
      shown.add(
          value(row, "examples", "checkpoint")
              + " "
              + value(row, "examples", "kind").asText()
              + " "
              + value(row, "examples", "rank"));
    }
    assertThat(shown)
        .containsExactly(
            "0 top 0", "10 top 0", "10 top 1", "10 quantile 1", "10 quantile 3", "10 quantile 5");
  }

  @Test
  void theBestSixLabelsAreShown() throws IOException {
    List<String> shown = new ArrayList<>();
    written(rows()).get("labels").forEach(row -> shown.add(value(row, "labels", "value").asText()));
    assertThat(shown).containsExactly("v7", "v6", "v0", "v1", "v2", "v3");
  }

  @Test
  void aReadingIsTheCourseOfAnExampleAtHome() throws IOException {
    JsonNode readings = written(rows()).get("readings");
    assertThat(readings).hasSize(1);
    assertThat(value(readings.get(0), "readings", "document").asLong()).isEqualTo(104);
    assertThat(value(readings.get(0), "readings", "checkpoints")).hasToString("[0,10]");
    assertThat(value(readings.get(0), "readings", "values")).hasToString("[8,9]");
  }

  @Test
  void theListTellsATrackAtItsHome() throws IOException {
    JsonNode entry = written(rows()).get("index").get(0);
    assertThat(value(entry, "index", "track").asInt()).isEqualTo(1);
    assertThat(value(entry, "index", "class").asText()).isEqualTo("transitional");
    assertThat(value(entry, "index", "firing_rate").asDouble()).isEqualTo(0.25);
    assertThat(value(entry, "index", "label_value").asText()).isEqualTo("v7");
    assertThat(value(entry, "index", "tokens")).hasToString("[\"t0\",\"t1\"]");
    assertThat(value(entry, "index", "shape")).hasToString("[32,63,null]");
  }

  @Test
  void whatCannotBeShownStaysBehind() {
    assertThat(tables.maybeShown(TrackTable.EXAMPLES, example(0, "top", 2, 0), false)).isFalse();
    assertThat(tables.maybeShown(TrackTable.EXAMPLES, example(0, "quantile", 0, 0), false))
        .isFalse();
    // An example of any rank may be one that was read again.
    assertThat(tables.maybeShown(TrackTable.EXAMPLES, example(0, "top", 19, 0), true)).isTrue();
  }
}
