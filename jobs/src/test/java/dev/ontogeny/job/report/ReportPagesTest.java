package dev.ontogeny.job.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.job.Browser;
import dev.ontogeny.job.ReportFixture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.StreamSupport;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.spark.sql.SparkSession;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pages as a reader meets them: opened from a disk in a real browser. */
class ReportPagesTest {
  private static final int TRACKS = ReportFixture.TRACKS;
  private static final String SERIES = ReportFixture.series(0);

  @TempDir static Path root;
  private static Path report;
  private static ReportFixture fixture;
  private static Browser browser;

  @BeforeAll
  static void start() throws Exception {
    Optional<Path> program = Browser.program();
    Assumptions.assumeTrue(
        program.isPresent(), "no chromium on this machine: the pages are not tried in a browser");
    SparkSession spark = ReportFixture.spark();
    try {
      ReportFixture.Made made = ReportFixture.made(spark);
      fixture = made.fixture();
      report = made.report();
    } finally {
      spark.stop();
    }
    browser = Browser.start(program.get(), Files.createDirectories(root.resolve("browser")));
  }

  @AfterAll
  static void stop() throws Exception {
    if (browser != null) {
      browser.close();
    }
  }

  @Test
  void everyViewOpensWithoutComplaintsAndAsksNoServer() throws Exception {
    List<String> addresses =
        List.of(
            "#/overview",
            "#/geometry",
            "#/geometry?steps=even",
            "#/effects",
            "#/effects?site=nowhere",
            "#/formation",
            "#/formation?series=" + ReportFixture.series(1) + "&steps=linear",
            "#/features",
            "#/feature/" + SERIES + "/5",
            "#/feature/" + SERIES + "/3?before=0&after=1",
            "#/feature/" + SERIES + "/16",
            "#/lineage",
            "#/compare",
            "#/compare?steps=even",
            "#/pareto",
            "#/pareto?figure=cosine&step=nowhere",
            "#/reference?table=evolution/events");
    for (String scheme : List.of("light", "dark")) {
      browser.prefer(scheme);
      for (String address : addresses) {
        browser.open(report, address);
        assertThat(browser.evaluate("document.querySelectorAll('.error').length").asInt())
            .as(address)
            .isZero();
        assertThat(browser.text("document.querySelector('h1').textContent"))
            .as(address)
            .isNotBlank();
      }
    }
    assertThat(browser.complaints()).isEmpty();
    assertThat(browser.requests())
        .isNotEmpty()
        .allMatch(address -> address.matches("(file|data|blob|about):.*"));
  }

  @Test
  void everyFigureSaysWhereItWasDrawnFrom() throws Exception {
    for (String view :
        List.of("overview", "geometry", "effects", "formation", "lineage", "compare", "pareto")) {
      browser.open(report, "#/" + view);
      assertThat(
              browser.evaluate(
                  """
                      [...document.querySelectorAll('figure')]
                        .filter((figure) => !figure.querySelector('figcaption .source')).map((figure) => figure.id)
                      """))
          .as(view)
          .isEmpty();
    }
  }

  @Test
  void theFrontIsOfKindsThatNoneOfFewerActiveFeaturesReaches() throws Exception {
    browser.open(report, "#/pareto");
    // By k: L0, FVU, length; the replicas of k = 2 count by their mean.
    String rows =
        "[[1, 1, 0.5, 0.5], [2, 2, 0.4, 1.2], [2, 2, 0.8, 1.4], [3, 3, 0.3, 0.9], [4, 4, 0.3, 1.1]]"
            + ".map(([k, l0, fvu, norm_ratio]) => ({type: 'top-k', width: 8, k, l0, fvu, norm_ratio}))";
    String front = "ontogeny.paretoFront(" + rows + ", '%s').map((point) => point.x).join()";
    assertThat(browser.text(front.formatted("fvu"))).isEqualTo("1,3");
    assertThat(browser.text(front.formatted("norm_ratio"))).isEqualTo("1,2,3");
    assertThat(browser.text("document.querySelector('main').innerText"))
        .contains("there is no trade-off to draw");
    // As if the replicas were of two k.
    browser.evaluate(
        """
        (() => {
          const {columns, rows} = ontogeny.report().dictionaries;
          const k = columns.indexOf('k');
          rows.forEach((row) => (row[k] = 4 + row[columns.indexOf('replica')]));
        })()
        """);
    browser.go("#/pareto?figure=cosine");
    assertThat(
            browser.evaluate("document.querySelectorAll('#figure-pareto .point').length").asInt())
        .isEqualTo(2 * ReportFixture.CHECKPOINTS.size());
    assertThat(browser.text("document.querySelector('#figure-pareto figcaption').innerText"))
        .contains("upper left is better", "12,500 held-out rows");
  }

  @Test
  void sortingAndFilteringGiveTheRowsOfTheTable() throws Exception {
    List<Object[]> events = events();
    // Columns of events: track, birth, emergence, class, confidence.
    List<Integer> confident =
        events.stream()
            .filter(row -> !row[3].equals("inactive"))
            .filter(row -> row[4] != null && (Double) row[4] >= 0.5)
            .sorted(
                Comparator.<Object[]>comparingDouble(row -> -(Double) row[4])
                    .thenComparingInt(row -> (Integer) row[0]))
            .map(row -> (Integer) row[0])
            .toList();
    browser.open(report, "#/features?confidence=0.5");
    assertThat(listed()).isEqualTo(confident);
    assertThat(shown()).isEqualTo(confident.subList(0, shown().size()));

    List<Integer> bornAndLate =
        events.stream()
            .filter(row -> row[3].equals("late-emerging") && Objects.equals(row[2], 512L))
            .map(row -> (Integer) row[0])
            .sorted(Comparator.reverseOrder())
            .toList();
    browser.open(report, "#/features?class=late-emerging&born=512&sort=track");
    assertThat(bornAndLate).isNotEmpty();
    assertThat(listed()).isEqualTo(bornAndLate);

    // Tracks without a birth come last, also when the order is turned.
    browser.open(report, "#/features?class=mixed,inactive&sort=birth&order=ascending");
    List<Integer> byBirth =
        events.stream()
            .filter(row -> row[3].equals("mixed") || row[3].equals("inactive"))
            .sorted(
                Comparator.<Object[]>comparingLong(
                        row -> row[1] == null ? Long.MAX_VALUE : (Long) row[1])
                    .thenComparingInt(row -> (Integer) row[0]))
            .map(row -> (Integer) row[0])
            .toList();
    assertThat(listed()).isEqualTo(byBirth);
  }

  @Test
  void tracksAreFilteredByRateAndFoundByLabel() throws Exception {
    List<Integer> often = new ArrayList<>();
    List<Integer> verbs = new ArrayList<>();
    for (int track = 0; track < TRACKS; track++) {
      ReportFixture.Planned plan = fixture.planned(track);
      if (plan.birth() >= 0) {
        if (fixture.rate(track, plan.peak()) >= 0.01) {
          often.add(track);
        }
        if (track % 5 == 1) {
          verbs.add(track);
        }
      }
    }
    browser.open(report, "#/features?rate=1");
    assertThat(listed()).containsExactlyInAnyOrderElementsOf(often);
    browser.open(report, "#/features?q=verb");
    assertThat(listed()).containsExactlyInAnyOrderElementsOf(verbs);
  }

  @Test
  void theSameSentenceIsShownBeforeAndAfterItsBirth() throws Exception {
    browser.open(report, "#/feature/" + SERIES + "/5");
    JsonNode cells =
        browser.evaluate(
            """
            [...document.querySelector('.strip').querySelectorAll('.cell')].map((cell) => [cell.title, cell.className])
            """);
    assertThat(cells).hasSize(ReportFixture.CHECKPOINTS.size());
    for (int at = 0; at < cells.size(); at++) {
      String[] told = cells.get(at).get(0).asText().split(": ", -1);
      assertThat(told[0])
          .isEqualTo(String.format(Locale.ROOT, "step %,d", ReportFixture.CHECKPOINTS.get(at)));
      double value = fixture.strength(5, at) * 3.0;
      assertThat(Double.parseDouble(told[1])).isCloseTo(value, Offset.offset(0.06 * value));
      assertThat(cells.get(at).get(1).asText().contains("born"))
          .isEqualTo(at == fixture.planned(5).emergence());
    }
  }

  @Test
  void aTrackLinksToWhatConfirmsIt() throws Exception {
    browser.open(report, "#/feature/" + SERIES + "/5");
    assertThat(
            browser.text(
                "document.querySelector('main a[href^=\"#/feature/%s\"]').getAttribute('href')"
                    .formatted(ReportFixture.series(1))))
        .isEqualTo("#/feature/" + ReportFixture.series(1) + "/4");
    browser.go("#/feature/" + ReportFixture.series(1) + "/4");
    assertThat(browser.text("document.querySelector('h1').textContent")).contains("Track 4");
    // The courses of both are drawn together.
    assertThat(browser.text("document.querySelector('#figure-course-strength svg').textContent"))
        .contains("this track", "track 5 of r0");
  }

  @Test
  void searchFindsTokens() throws Exception {
    browser.open(report, "#/features");
    browser.press("/");
    browser.send("Input.insertText", Map.of("text", "KING"));
    List<Integer> expected = new ArrayList<>();
    for (int track = 0; track < TRACKS; track++) {
      if (fixture.token(track).contains("king") && fixture.planned(track).birth() >= 0) {
        expected.add(track);
      }
    }
    assertThat(listed()).containsExactlyInAnyOrderElementsOf(expected);
    assertThat(browser.text("location.hash")).contains("q=KING");
  }

  @Test
  void theListIsUsableWithTheKeyboard() throws Exception {
    browser.open(report, "#/features");
    List<Integer> order = listed();
    browser.evaluate("document.querySelector('.track-grid').focus()");
    browser.press("ArrowDown");
    browser.press("ArrowDown");
    browser.press("Enter");
    Browser.await(
        () -> browser.text("document.querySelector('main').dataset.view").equals("feature"),
        "Enter opened no track");
    assertThat(browser.text("location.hash")).endsWith("/" + order.get(2));
    int track = order.get(2);
    browser.press("]");
    Browser.await(
        () -> browser.text("location.hash").endsWith("/" + (track + 1)), "] did not go on");
  }

  @Test
  void theFocusStaysOnTheControlThatWasUsed() throws Exception {
    browser.open(report, "#/feature/" + SERIES + "/5");
    // The second button of this step is that of the later checkpoint.
    String later =
        "[...document.querySelectorAll('.timeline button')].filter((each) => each.textContent === '512')[1]";
    browser.evaluate(later + ".focus()");
    browser.press("Enter");
    Browser.await(
        () -> browser.text("location.hash").contains("after=512"), "Enter chose no checkpoint");
    Browser.await(
        () -> browser.evaluate(later + " === document.activeElement").asBoolean(),
        "the focus was lost");
    assertThat(browser.text(later + ".getAttribute('aria-pressed')")).isEqualTo("true");
  }

  @Test
  void aPlantedBirthIsDrawnAtItsCheckpoint() throws Exception {
    browser.open(report, "#/feature/" + SERIES + "/5");
    for (String[] event :
        new String[][] {{"birth", "256"}, {"emergence", "512"}, {"direction_birth", "1000"}}) {
      JsonNode places =
          browser.evaluate(
              """
              (() => {
                const chart = document.querySelector('#figure-course-strength svg');
                const rule = chart.querySelector('[data-event="%s"]');
                const tick = [...chart.querySelectorAll('.axis g')].find((each) => each.textContent === '%s');
                return [rule.dataset.step, rule.getBoundingClientRect().x, tick.querySelector('line').getBoundingClientRect().x];
              })()
              """
                  .formatted(event[0], event[1]));
      assertThat(places.get(0).asText()).isEqualTo(event[1]);
      assertThat(places.get(1).asDouble()).isCloseTo(places.get(2).asDouble(), Offset.offset(1.0));
    }
  }

  @Test
  void birthsAreDrawnAsCounted() throws Exception {
    browser.open(report, "#/formation");
    for (int at = 0; at < ReportFixture.CHECKPOINTS.size(); at++) {
      int planned = 0;
      for (int track = 0; track < TRACKS; track++) {
        planned += fixture.planned(track).emergence() == at ? 1 : 0;
      }
      assertThat(
              browser
                  .evaluate(
                      """
                      [...document.querySelectorAll('#figure-births-strength rect[data-name^="born"][data-step="%d"]')]
                        .reduce((sum, bar) => sum + Number(bar.dataset.count), 0)
                      """
                          .formatted(ReportFixture.CHECKPOINTS.get(at)))
                  .asInt())
          .as("step %d", ReportFixture.CHECKPOINTS.get(at))
          .isEqualTo(planned);
    }
  }

  @Test
  void theGeometryIsDrawnAsItIsInItsTable() throws Exception {
    browser.open(report, "#/geometry");
    assertThat(browser.text("document.querySelector('nav [aria-current=page]').textContent"))
        .isEqualTo("Geometry");
    int checkpoints = ReportFixture.CHECKPOINTS.size();
    for (String figure :
        List.of("effective_rank", "participation_ratio", "top_share", "anisotropy")) {
      assertThat(
              browser
                  .evaluate(
                      "document.querySelectorAll('#figure-geometry-%s svg circle').length"
                          .formatted(figure))
                  .asInt())
          .as(figure)
          .isEqualTo(checkpoints);
    }
    // A band where there is one.
    assertThat(bands("effective_rank")).isEqualTo(1);
    assertThat(bands("top_share")).isZero();
    click("figure-geometry-effective_rank", "CSV");
    List<String> lines = Files.readAllLines(browser.saved("ontogeny-geometry-effective_rank.csv"));
    assertThat(lines).hasSize(1 + checkpoints);
    assertThat(lines.get(0)).isEqualTo("site,checkpoint,statistic,value,lower,upper,rows");
    assertThat(lines.get(1)).endsWith(",0,effective_rank,12,11.5,12.5,100000");
    browser.open(report, "#/reference?term=effective_rank");
    assertThat(browser.text("document.querySelector('main').textContent"))
        .contains("How many dimensions vectors fill");
  }

  @Test
  void effectsAreDrawnOverAllTokensAndByLabel() throws Exception {
    browser.open(report, "#/effects");
    assertThat(browser.text("document.querySelector('nav [aria-current=page]').textContent"))
        .isEqualTo("Effects");
    assertThat(
            browser.evaluate(
                "[...document.querySelectorAll('figure')].map((figure) => [figure.id, figure.querySelectorAll('svg circle').length])"))
        .hasToString(
            "[[\"figure-effects-all\",11],[\"figure-effects-gradients\",11],[\"figure-effects-label-label_topic\",11]]");
    String label =
        browser.text("document.querySelector('#figure-effects-label-label_topic').textContent");
    assertThat(label).contains("over the tokens of each value of label_topic").contains("sea");
    click("figure-effects-label-label_topic", "CSV");
    List<String> lines =
        Files.readAllLines(browser.saved("ontogeny-effects-label-label_topic.csv"));
    assertThat(lines).hasSize(1 + 2 * ReportFixture.CHECKPOINTS.size());
    assertThat(lines.get(0)).isEqualTo("site,checkpoint,label,value,effect,lower,upper,rows");
    assertThat(lines)
        .anySatisfy(line -> assertThat(line).endsWith(",1,label_topic,sea,-0.25,,,40000"));
  }

  @Test
  void aPageWhoseTableIsMissingIsLeftOutAndSaysSo() throws Exception {
    browser.open(report, "#/overview");
    browser.evaluate("ontogeny.report().lacking.geometry = ['features/geometry']");
    browser.go("#/geometry");
    assertThat(browser.text("document.querySelector('main').textContent"))
        .contains(
            "This page reads features/geometry, which the folders of this report do not have");
    assertThat(browser.text("document.querySelector('nav').textContent"))
        .contains("Overview")
        .doesNotContain("Geometry");
  }

  private static int bands(String statistic) throws Exception {
    return browser
        .evaluate(
            "document.querySelectorAll('#figure-geometry-%s svg path[fill-opacity]').length"
                .formatted(statistic))
        .asInt();
  }

  @Test
  void hostileTokensStayText() throws Exception {
    for (String address :
        List.of(
            "#/feature/" + SERIES + "/3",
            "#/features?q=script",
            "#/feature/" + SERIES + "/3?before=0&after=1",
            "#/feature/%3Cimg%20src=x%20onerror=window.hacked=1%3E/3",
            "#/%3Cscript%3Ewindow.hacked=1%3C/script%3E")) {
      browser.open(report, address);
      assertThat(browser.text("typeof window.hacked")).as(address).isEqualTo("undefined");
      assertThat(
              browser
                  .evaluate(
                      "document.querySelectorAll('main script, main img, main iframe').length")
                  .asInt())
          .as(address)
          .isZero();
      // Nothing invisible and nothing that turns a line around is left in what is shown.
      assertThat(browser.text("document.querySelector('main').textContent"))
          .as(address)
          .doesNotContainPattern(
              "[\\x00-\\x08\\x0b-\\x1f\\u200e\\u200f\\u202a-\\u202e\\u2028\\u2029\\ufeff]");
    }
    browser.open(report, "#/feature/" + SERIES + "/3");
    assertThat(browser.text("document.querySelector('main').textContent"))
        .contains("</script><script>window.hacked=1</script>")
        .contains("U+202E")
        .contains("⏎")
        .contains("⇥");
    assertThat(
            browser.text(
                "ontogeny.tokens.plain('a\\ud800b\\udc00 ') + ontogeny.tokens.plain('\\u{1f600}')"))
        .isEqualTo("aU+D800bU+DC00·😀");
  }

  @Test
  void savedFilesHoldWhatTheTablesHold() throws Exception {
    browser.open(
        report,
        "#/features?class=persistent,late-emerging,transitional,early-decaying,mixed,inactive&sort=track&order=ascending");
    browser.evaluate(
        "[...document.querySelectorAll('button')].find((each) => each.textContent === 'Save as CSV').click()");
    List<String> lines = Files.readAllLines(browser.saved("ontogeny-features.csv"));
    List<String> header = List.of(lines.get(0).split(",", -1));
    List<Object[]> events = events();
    assertThat(lines).hasSize(TRACKS + 1);
    for (Object[] row : events) {
      // The only cells with commas stand behind these columns.
      String[] cells = lines.get(1 + (Integer) row[0]).split(",", -1);
      assertThat(cells[header.indexOf("series")]).isEqualTo(SERIES);
      assertThat(cells[header.indexOf("track")]).isEqualTo(row[0].toString());
      assertThat(cells[header.indexOf("birth")]).isEqualTo(row[1] == null ? "" : row[1].toString());
      assertThat(cells[header.indexOf("class")]).isEqualTo(row[3]);
      String confidence = cells[header.indexOf("confidence")];
      assertThat(confidence.isEmpty() ? null : Double.valueOf(confidence)).isEqualTo(row[4]);
    }

    browser.open(report, "#/feature/" + SERIES + "/5");
    click("figure-course-strength", "CSV");
    List<String> course = Files.readAllLines(browser.saved("ontogeny-course-strength.csv"));
    assertThat(course).hasSize(1 + 2 * ReportFixture.CHECKPOINTS.size());
    assertThat(course.get(0)).isEqualTo("series,track,checkpoint,strength");
    for (int at = 0; at < ReportFixture.CHECKPOINTS.size(); at++) {
      String[] cells = course.get(1 + at).split(",", -1);
      assertThat(cells[2]).isEqualTo(Long.toString(ReportFixture.CHECKPOINTS.get(at)));
      assertThat(Double.parseDouble(cells[3])).isEqualTo(fixture.strength(5, at));
    }

    click("figure-course-strength", "SVG");
    Path drawing = browser.saved("ontogeny-course-strength.svg");
    assertThat(
            DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(drawing.toFile())
                .getDocumentElement()
                .getTagName())
        .isEqualTo("svg");
    assertThat(Files.readString(drawing)).contains("strength").doesNotContain("var(", "class=");
    click("figure-course-strength", "PNG");
    assertThat(Files.readAllBytes(browser.saved("ontogeny-course-strength.png")))
        .startsWith(0x89, 'P', 'N', 'G');
  }

  @Test
  void whatIsMissingIsSaid() throws Exception {
    browser.open(report, "#/feature/" + SERIES + "/99999");
    assertThat(browser.text("document.querySelector('h1').textContent"))
        .isEqualTo("This page cannot be shown");
    assertThat(browser.text("document.querySelector('.error').textContent"))
        .isEqualTo("data/tracks/0/6249.js is missing from this report or cannot be read");
    browser.open(report, "#/feature/unknown/1");
    assertThat(browser.text("document.querySelector('.error').textContent"))
        .contains("no track 1 of a series unknown");
    browser.forgetComplaints();
  }

  private static void click(String figure, String button) throws Exception {
    browser.evaluate(
        "[...document.querySelectorAll('#%s button')].find((each) => each.textContent === '%s').click()"
            .formatted(figure, button));
  }

  /** The tracks of the list, in its order. */
  private static List<Integer> listed() throws Exception {
    JsonNode rows = browser.evaluate("ontogeny.views.features.csvRows().map((row) => row.track)");
    return StreamSupport.stream(rows.spliterator(), false).map(JsonNode::asInt).toList();
  }

  /** The tracks of the rows that are on the screen. */
  private static List<Integer> shown() throws Exception {
    JsonNode rows =
        browser.evaluate(
            "[...document.querySelectorAll('.track-row[aria-rowindex]:not(.track-head)')].map((row) => Number(row.firstChild.textContent))");
    return StreamSupport.stream(rows.spliterator(), false).map(JsonNode::asInt).toList();
  }

  /** Track, birth, emergence, class and confidence of the first series, from the Parquet table. */
  private static List<Object[]> events() throws Exception {
    List<Object[]> rows = new ArrayList<>();
    try (TableReader reader =
        TableReader.open(
            Folder.of(fixture.evolution().toString()),
            "events.parquet",
            "series",
            "track",
            "birth",
            "emergence",
            "class",
            "confidence")) {
      for (Object[] row = reader.next(); row != null; row = reader.next()) {
        if (row[0].equals(SERIES)) {
          rows.add(new Object[] {row[1], row[2], row[3], row[4], row[5]});
        }
      }
    }
    return rows;
  }
}
