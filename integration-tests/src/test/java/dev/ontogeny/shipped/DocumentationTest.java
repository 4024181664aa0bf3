package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.ontogeny.job.Main;
import dev.ontogeny.job.Pipeline;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the pages for people promise of each other. */
class DocumentationTest {
  private static final Path ROOT = Documents.ROOT;
  private static final String RUN_IN_CI = ".ci/documents.py runs those of these pages";
  private static final Pattern COMMAND = Pattern.compile("^(?:deploy/)?ontogeny ([a-z]+)");
  private static final Pattern OPTION = Pattern.compile("(?:^| )(--[a-z][a-z-]*[a-z])");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#]*)(#[^)]*)?\\)");

  @Test
  void everyLinkLeadsSomewhere() throws IOException {
    int links = 0;
    for (Path page : pages()) {
      Matcher link = LINK.matcher(Files.readString(page));
      while (link.find()) {
        links++;
        String target = link.group(1);
        if (target.startsWith("http")) {
          continue;
        }
        Path file = target.isEmpty() ? page : page.resolveSibling(target);
        assertThat(file).as("%s links to %s", page, link.group()).exists();
        if (link.group(2) != null) {
          assertThat(headings(file))
              .as("%s links to %s", page, link.group())
              .contains(link.group(2));
        }
      }
    }
    assertThat(links).isGreaterThan(10);
  }

  @Test
  void everyPageIsFoundFromTheFirst() throws IOException {
    String first = Files.readString(ROOT.resolve("README.md"));
    try (Stream<Path> pages = Files.list(ROOT.resolve(".github/docs"))) {
      assertThat(pages.map(page -> "(.github/docs/" + page.getFileName() + ")").toList())
          .isNotEmpty()
          .allSatisfy(page -> assertThat(first).contains(page));
    }
  }

  @Test
  void theFirstPageIsShort() throws IOException {
    assertThat(Files.readAllLines(ROOT.resolve("README.md"))).hasSizeLessThanOrEqualTo(150);
  }

  /** The table of types is what the registry says; what this prints is what should stand there. */
  @Test
  void typesOfDictionariesAreThoseThatThereAre() throws IOException {
    StringBuilder table =
        new StringBuilder(
            "| `type` | code of a published dictionary | how it is trained | keys of an entry of `dictionaries`, beside `width` |\n|---|---|---|---|\n");
    for (DictionaryType type : DictionaryTypes.all()) {
      table.append(
          String.format(
              "| `%s` | %s | %s | %s |%n",
              type.key(),
              type.activation().code(),
              type.summary(),
              type.offered() ? "`" + String.join("`, `", type.keys()) + "`" : ""));
    }
    assertThat(Files.readString(ROOT.resolve(".github/docs/dictionaries.md"))).contains(table);
  }

  /**
   * Blocks are of these languages and no other, and each of them is run: a pipeline is read here,
   * and where the rest is run stands beside it.
   */
  @Test
  void everyBlockIsRun() throws IOException {
    String ci = Files.readString(ROOT.resolve(".ci/run"));
    assertThat(ci).contains(".ci/documents.py");
    List<String> shell = new ArrayList<>();
    for (Documents.Block block : Documents.blocks()) {
      switch (block.language()) {
        case "text" -> assertThat(block.text()).as(block.place()).doesNotContain("ontogeny ");
        case "hocon" -> isPipeline(block.text(), block.place());
        case "sh" -> shell.add(block.place());
        case "java" -> assertThat(written(block)).as(block.place()).contains(block.text());
        case "python" -> assertThat(block.page().toString()).as(RUN_IN_CI).contains(".github/docs");
        case "sql" ->
            // CommandsIT runs those of Spark, .ci/documents.py those of DuckDB.
            assertThat(block.text()).as(block.place()).containsPattern("^-- (Spark SQL|DuckDB)");
        default ->
            throw new AssertionError(
                block.place() + ": nothing runs a block of '" + block.language() + "'");
      }
    }
    assertThat(shell)
        .as("CommandsIT runs the last four, DemoIT the demo of the first, .ci/run the second")
        .containsExactly(
            "README.md, Two commands",
            "README.md, From a model to a report",
            "README.md, Your own data",
            "README.md, Your own data",
            "README.md, On a cluster",
            "exchange.md, Both ways");
    assertThat(ci).contains("## From a model to a report", "mvn -B -ntp verify");
    assertThat(Documents.readme("Two commands", "sh").get(0).text().lines())
        .as("what runs this test, and what DemoIT runs")
        .satisfiesExactly(
            line -> assertThat(line).startsWith("mvn verify "),
            line -> assertThat(line).startsWith("deploy/ontogeny demo "));
  }

  /** What stands between the lines: commands that there are, with options that there are. */
  @Test
  void commandsAndOptionsWithinSentencesAreThose() throws IOException {
    String help = said("--help");
    List<String> commands =
        help.lines()
            .filter(line -> line.matches("  [a-z]+ +.*"))
            .map(line -> line.strip().split(" ")[0])
            .toList();
    assertThat(commands).contains("shard", "describe", "benchmark");
    StringBuilder known = new StringBuilder(help);
    commands.forEach(command -> known.append(said(command, "--help")));
    known.append(Files.readString(ROOT.resolve("deploy/ontogeny")));
    known.append(Files.readString(ROOT.resolve("deploy/capture/src/ontogeny_capture/command.py")));
    for (String span : Documents.spans()) {
      Matcher command = COMMAND.matcher(span);
      if (command.find()) {
        assertThat(commands).as(span).contains(command.group(1));
      }
      Matcher option = OPTION.matcher(span);
      while (option.find()) {
        assertThat(known).as(span).containsPattern(option.group(1) + "\\b");
      }
      if (span.matches("(shard|train|measure|evolve|report) \\{.*")) {
        isPipeline(span, span);
      }
    }
  }

  /** Versions and properties of the build that pages name. */
  @Test
  void whatPagesSayOfTheBuildIsSo() throws IOException {
    String pom = Files.readString(ROOT.resolve("pom.xml"));
    Matcher hadoop =
        Pattern.compile("hadoop-aws:([0-9.]+[0-9])").matcher(String.join("\n", Documents.spans()));
    assertThat(hadoop.find()).isTrue();
    assertThat(pom).contains("<hadoop.version>" + hadoop.group(1) + "<", "<native.platform>");
    assertThat(Documents.readme("On a cluster", "sh").get(0).text())
        .contains("ontogeny-jobs-" + version(pom) + "-spark.jar");
  }

  private static String version(String pom) {
    Matcher version = Pattern.compile("\\n  <version>(.*)</version>").matcher(pom);
    assertThat(version.find()).isTrue();
    return version.group(1);
  }

  /** A pipeline file, or sections of one, that {@code ontogeny run} would take. */
  private static void isPipeline(String text, String place) {
    Config config =
        ConfigFactory.parseString(text)
            .withFallback(ConfigFactory.parseString("work = /work, shard.input = /capture"));
    assertThat(Pipeline.of(Main.jobs(), config.resolve(), place).steps()).isNotEmpty();
  }

  private static List<Path> pages() {
    List<Path> pages = new ArrayList<>(Documents.pages());
    pages.add(ROOT.resolve("deploy/capture/README.md"));
    pages.add(ROOT.resolve("deploy/airflow/README.md"));
    pages.add(ROOT.resolve("deploy/python/README.md"));
    return pages;
  }

  /** The test that runs the Java of a page, with the folders that the page has. */
  private static String written(Documents.Block block) throws IOException {
    String page = block.page().getFileName().toString().replace(".md", "");
    Path test = ROOT.resolve("jobs/src/test/java/dev/ontogeny/ml/PageTest.java");
    assertThat(page).as(block.place()).isEqualTo("mllib");
    return Files.readString(test)
        .replace("folder + \"/", "\"/data/")
        .lines()
        .map(line -> line.replaceFirst("^ {4}", "") + "\n")
        .collect(Collectors.joining());
  }

  /** Every line of a program's output, both streams. */
  private static String said(String... arguments) {
    PrintStream before = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      Main.main(arguments);
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** As links name them. */
  private static List<String> headings(Path page) throws IOException {
    return Files.readAllLines(page).stream()
        .filter(line -> line.startsWith("#"))
        .map(
            line ->
                "#"
                    + line.replaceFirst("^#+ ", "")
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^a-z0-9 -]", "")
                        .replace(' ', '-'))
        .toList();
  }
}
