package dev.ontogeny.report;

import java.util.List;

/**
 * A page of the report: one script {@code assets/<name>.js} that sets {@code
 * ontogeny.views.<name>}, and the tables that it reads whole, which come as the chunk of that name.
 * Where one of them is missing or empty the page is left out.
 *
 * @param name in addresses, of the script and of the chunk
 * @param tables as {@code folder/table}; none that grows with features. A page without any draws
 *     from the chunks of {@code Report}
 */
public record Page(String name, List<String> tables) {
  /** All pages in the order of the navigation; a new one is one more line. */
  public static final List<Page> ALL =
      List.of(
          page("overview"),
          page("geometry", "features/geometry"),
          page("effects", "features/loss_effects"),
          page("formation"),
          page("features"),
          page("feature"),
          page("lineage"),
          page("compare"),
          page("pareto"),
          page("reference"));

  public Page {
    tables = List.copyOf(tables);
  }

  private static Page page(String name, String... tables) {
    return new Page(name, List.of(tables));
  }

  String script() {
    return "assets/" + name + ".js";
  }
}
