package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the pages for people promise of each other. */
class DocumentationTest {
  private static final Path ROOT = Path.of("..");
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
              type.trainable() ? "`" + String.join("`, `", type.keys()) + "`" : ""));
    }
    assertThat(Files.readString(ROOT.resolve(".github/docs/dictionaries.md"))).contains(table);
  }

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    pages.add(ROOT.resolve("README.md"));
    pages.add(ROOT.resolve("deploy/capture/README.md"));
    try (Stream<Path> others = Files.walk(ROOT.resolve(".github"))) {
      others.filter(page -> page.toString().endsWith(".md")).forEach(pages::add);
    }
    return pages;
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
