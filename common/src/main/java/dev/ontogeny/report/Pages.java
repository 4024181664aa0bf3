package dev.ontogeny.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

/** The files of a report that hold no data: the page, its style, its scripts and what they use. */
public final class Pages {
  /** Where the page names the scripts of {@link Page#ALL}. */
  private static final String PAGES = "<!-- pages -->\n";

  /** Relative to the report, and to this package's resources. */
  public static final List<String> FILES =
      Stream.of(
              Stream.of(
                  "index.html",
                  "assets/style.css",
                  "assets/theme.js",
                  "assets/data.js",
                  "assets/page.js",
                  "assets/guide.js",
                  "assets/steps.js",
                  "assets/figure.js",
                  "assets/charts.js",
                  "assets/table.js",
                  "assets/tokens.js"),
              Page.ALL.stream().map(Page::script),
              Stream.of("assets/router.js", "vendor/d3.min.js", "vendor/LICENSE"))
          .flatMap(each -> each)
          .toList();

  private Pages() {}

  /** The bytes of one of {@link #FILES}. */
  public static byte[] read(String file) throws IOException {
    try (InputStream in = Pages.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks the report's " + file);
      }
      byte[] bytes = in.readAllBytes();
      return file.equals("index.html") ? withScripts(bytes) : bytes;
    }
  }

  private static byte[] withScripts(byte[] page) {
    StringBuilder scripts = new StringBuilder();
    for (Page each : Page.ALL) {
      scripts.append("<script defer src=\"").append(each.script()).append("\"></script>\n");
    }
    return new String(page, StandardCharsets.UTF_8)
        .replace(PAGES, scripts)
        .getBytes(StandardCharsets.UTF_8);
  }
}
