package dev.ontogeny.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class PagesTest {
  @Test
  void everyFileIsInTheJarAndThePageNamesNoOther() throws Exception {
    for (String file : Pages.FILES) {
      assertThat(Pages.read(file)).as(file).isNotEmpty();
    }
    List<String> named = new ArrayList<>();
    Matcher reference = Pattern.compile("(?:src|href)=\"([a-z].*?)\"").matcher(text("index.html"));
    while (reference.find()) {
      named.add(reference.group(1));
    }
    named.remove("data:,");
    assertThat(named).contains("data/report.js");
    named.remove("data/report.js");
    assertThat(Pages.FILES).containsAll(named);
  }

  @Test
  void nothingIsAskedOfAServerAndNoTextBecomesMarkup() throws Exception {
    assertThat(text("index.html")).contains("default-src 'none'");
    for (String file : Pages.FILES) {
      if (file.startsWith("assets/") || file.equals("index.html")) {
        assertThat(text(file))
            .as(file)
            .doesNotContain("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write")
            .doesNotContain("eval(", "new Function", "fetch(", "XMLHttpRequest", ".html(")
            .doesNotContainPattern("https?://(?!www\\.w3\\.org/2000/svg)");
      }
    }
  }

  @Test
  void theLibraryTravelsWithItsLicence() throws Exception {
    assertThat(text("vendor/LICENSE")).contains("Mike Bostock", "Permission to use");
    assertThat(text("vendor/d3.min.js")).startsWith("// https://d3js.org v7.");
  }

  private static String text(String file) throws Exception {
    return new String(Pages.read(file), StandardCharsets.UTF_8);
  }
}
