package dev.ontogeny.report;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/** The files of a report that hold no data: the page, its style, its scripts and what they use. */
public final class Pages {
  /** Relative to the report, and to this package's resources. */
  public static final List<String> FILES =
      List.of(
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
          "assets/tokens.js",
          "assets/overview.js",
          "assets/formation.js",
          "assets/features.js",
          "assets/feature.js",
          "assets/lineage.js",
          "assets/compare.js",
          "assets/reference.js",
          "assets/router.js",
          "vendor/d3.min.js",
          "vendor/LICENSE");

  private Pages() {}

  /** The bytes of one of {@link #FILES}. */
  public static byte[] read(String file) throws IOException {
    try (InputStream in = Pages.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks the report's " + file);
      }
      return in.readAllBytes();
    }
  }
}
