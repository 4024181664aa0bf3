package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The pages for people, and the blocks of code in them. */
final class Documents {
  static final Path ROOT = Path.of("..");

  private static final Pattern FENCE = Pattern.compile("```(\\S*)");
  private static final Pattern SPAN = Pattern.compile("`([^`]+)`");

  private Documents() {}

  /**
   * Lines between fences.
   *
   * @param heading the nearest one above, empty for none
   * @param language what stands behind the opening fence, empty for nothing
   */
  record Block(Path page, String heading, String language, String text) {
    /** Where it stands, for people. */
    String place() {
      return page.getFileName() + ", " + (heading.isEmpty() ? "at the top" : heading);
    }
  }

  /** README.md and what it leads to in {@code .github}; the Python package tests its own. */
  static List<Path> pages() {
    List<Path> pages = new ArrayList<>();
    pages.add(ROOT.resolve("README.md"));
    try (Stream<Path> others = Files.walk(ROOT.resolve(".github"))) {
      others.filter(page -> page.toString().endsWith(".md")).sorted().forEach(pages::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return pages;
  }

  static List<Block> blocks() {
    List<Block> blocks = new ArrayList<>();
    for (Path page : pages()) {
      walk(page, blocks, new StringBuilder());
    }
    return blocks;
  }

  /** Blocks of a language below a heading of the README. */
  static List<Block> readme(String heading, String language) {
    return of("README.md", heading, language);
  }

  /** Likewise of any page. */
  static List<Block> of(String page, String heading, String language) {
    List<Block> found =
        blocks().stream()
            .filter(block -> block.page().endsWith(page))
            .filter(block -> block.heading().equals(heading) && block.language().equals(language))
            .toList();
    assertThat(found).as("%s blocks of %s below '%s'", language, page, heading).isNotEmpty();
    return found;
  }

  /** Code within the lines of all pages, blocks apart. */
  static List<String> spans() {
    List<String> spans = new ArrayList<>();
    for (Path page : pages()) {
      StringBuilder prose = new StringBuilder();
      walk(page, new ArrayList<>(), prose);
      Matcher span = SPAN.matcher(prose);
      while (span.find()) {
        spans.add(span.group(1).replace('\n', ' '));
      }
    }
    return spans;
  }

  private static void walk(Path page, List<Block> blocks, StringBuilder prose) {
    String heading = "";
    String language = null;
    StringBuilder text = new StringBuilder();
    for (String line : read(page).lines().toList()) {
      Matcher fence = FENCE.matcher(line);
      if (language != null && line.equals("```")) {
        blocks.add(new Block(page, heading, language, text.toString()));
        language = null;
      } else if (language != null) {
        text.append(line).append('\n');
      } else if (fence.matches()) {
        language = fence.group(1);
        text.setLength(0);
      } else {
        heading = line.startsWith("#") ? line.replaceFirst("^#+ ", "") : heading;
        prose.append(line).append('\n');
      }
    }
    assertThat(language).as("a block that does not end in %s", page).isNull();
  }

  private static String read(Path page) {
    try {
      return Files.readString(page);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
