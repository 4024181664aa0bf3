package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.TableSchema.Column;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The declarations of tables, and the page that is made of them. */
class PublishedTablesTest {
  private static final Path PAGE = Path.of("../.github/docs/tables.md");

  /** With it, the page is written rather than compared. */
  private static final String REGENERATE = "ontogeny.docs.write";

  @Test
  void everyTableAndColumnIsExplainedOnce() {
    for (String kind : PublishedTables.kinds()) {
      List<TableSchema> tables = PublishedTables.of(kind);
      assertThat(tables).extracting(TableSchema::name).doesNotHaveDuplicates();
      for (TableSchema table : tables) {
        assertThat(table.description()).as(table.name()).matches("[A-Z].*\\.");
        assertThat(table.row()).as(table.name()).isNotBlank().doesNotEndWith(".");
        assertThat(table.absent()).as(table.name()).matches("|(where|for|unless) .*[^.]");
        assertThat(table.names()).as(table.name()).isNotEmpty().doesNotHaveDuplicates();
        for (Column column : table.columns()) {
          String name = table.name() + "." + column.name();
          assertThat(column.description()).as(name).isNotBlank().doesNotEndWith(".");
          assertThat(column.absent()).as(name).matches("|(where|for|unless) .*[^.]");
          assertThat(column.name()).as(name).matches("[a-z][a-z0-9_]*(\\*)?");
        }
      }
    }
    assertThat(PublishedTables.kinds())
        .containsExactly("dataset", "dictionaries", "features", "evolution");
    assertThat(PublishedTables.of("report")).isEmpty();
    assertThat(PublishedTables.find("features", "overlaps")).contains(FeatureTables.OVERLAPS);
    assertThat(PublishedTables.find("features", "events")).isEmpty();
  }

  @Test
  void aDeclarationComesBackOutOfItsJson() {
    for (String kind : PublishedTables.kinds()) {
      List<TableSchema> tables = PublishedTables.of(kind);
      assertThat(
              Arrays.asList(Json.read(Json.pretty(tables), TableSchema[].class, "what is written")))
          .isEqualTo(tables);
    }
    assertThat(Json.line(FeatureTables.EXAMPLES.columns().get(9)))
        .isEqualTo(
            "{\"name\":\"value\",\"type\":\"double\",\"unit\":\"scaled units\",\"description\":\"code of the feature there\"}");
    assertThat(Json.line(DatasetTables.TOKENS))
        .startsWith("{\"table\":\"tokens\",\"description\":\"The tokens of the capture")
        .contains(
            "{\"name\":\"token\",\"type\":\"string\",\"description\":\"its text\",\"absent\":\"where the capture has none\"}");
  }

  @Test
  void aCaptureDecidesOnDocumentsAndLabels() {
    TableSchema tokens =
        DatasetTables.TOKENS.asCaptured(
            ColumnType.LONG,
            List.of(
                new Column("label_topic", ColumnType.STRING, 0),
                new Column("label_coin", ColumnType.BOOLEAN, 0)));
    assertThat(tokens.names())
        .containsExactly("document", "position", "token_id", "token", "label_topic", "label_coin");
    assertThat(tokens.columns()).extracting(Column::type).doesNotContain(ColumnType.CAPTURED);
    assertThat(tokens.column("label_coin"))
        .hasValueSatisfying(
            label -> assertThat(label.absent()).isEqualTo("where the capture has none"));
    assertThat(DatasetTables.TOKENS.asCaptured(ColumnType.STRING, List.of()).names())
        .containsExactly("document", "position", "token_id", "token");
    assertThat(tokens.without("token", "token_id", "label_coin").names())
        .containsExactly("document", "position", "label_topic");
  }

  @Test
  void thePageTellsWhatIsDeclared() throws IOException {
    String page = Files.readString(PAGE);
    for (String kind : PublishedTables.kinds()) {
      String begin = "<!-- tables of " + kind + ": written by PublishedTablesTest -->\n";
      String end = "<!-- end of " + kind + " -->\n";
      assertThat(page).containsOnlyOnce(begin).containsOnlyOnce(end);
      int from = page.indexOf(begin) + begin.length();
      page = page.substring(0, from) + "\n" + tables(kind) + page.substring(page.indexOf(end));
    }
    if (Boolean.getBoolean(REGENERATE)) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE))
        .as(
            "%s tells other tables than are declared; mvn test -pl common -am -Dtest=PublishedTablesTest -Dsurefire.failIfNoSpecifiedTests=false -D%s=true writes it",
            PAGE, REGENERATE)
        .isEqualTo(page);
  }

  private static String tables(String kind) {
    StringBuilder text = new StringBuilder();
    for (TableSchema table : PublishedTables.of(kind)) {
      text.append("### `").append(kind).append('/').append(table.name()).append("`\n\n");
      text.append(table.description()).append(" A row is ").append(table.row()).append('.');
      if (!table.absent().isEmpty()) {
        text.append(" There is no such table ").append(table.absent()).append('.');
      }
      text.append("\n\n| column | type | unit | |\n|---|---|---|---|\n");
      for (Column column : table.columns()) {
        text.append(
            "| `%s` | `%s` | %s | %s |\n"
                .formatted(column.name(), column.type().key(), column.unit(), column.meaning()));
      }
      text.append('\n');
    }
    return text.toString();
  }
}
