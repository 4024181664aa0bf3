package dev.ontogeny.job.train;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SelfReading;
import dev.ontogeny.run.SettingsObject;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which sites reconstruct another one than themselves: {@code { "site that is read" = "site that is
 * reconstructed" }}.
 */
public final class Targets implements SelfReading, Serializable {
  private static final long serialVersionUID = 1;

  private final TreeMap<String, String> bySite;

  private Targets(Map<String, String> bySite) {
    this.bySite = new TreeMap<>(bySite);
  }

  /** A section with a text for every site. */
  public static Targets of(SettingsObject section) {
    Map<String, String> bySite = new TreeMap<>();
    Problems problems = new Problems();
    for (String site : section.keys().stream().sorted().toList()) {
      String target = section.value(site, String.class);
      if (target == null) {
        section.problem(
            site,
            "must name the site that is reconstructed out of it; names with dots stand in quotes: \"blocks.0.hook_mlp_in\" = \"blocks.0.hook_mlp_out\"");
        continue;
      }
      problems
          .check(
              !target.equals(site),
              site,
              "must be another site, got itself: sites that targets does not name reconstruct themselves")
          .check(
              !bySite.containsValue(target),
              site,
              "must be a site that is no other's target, got %s, which %s has",
              target,
              bySite.entrySet().stream()
                  .filter(each -> each.getValue().equals(target))
                  .map(Map.Entry::getKey)
                  .toList());
      bySite.put(site, target);
    }
    problems.raise();
    return new Targets(bySite);
  }

  boolean isEmpty() {
    return bySite.isEmpty();
  }

  /** The sites that reconstruct another one, ascending. */
  List<String> sites() {
    return List.copyOf(bySite.keySet());
  }

  /** The site that is reconstructed out of one; null if that is itself. */
  String of(String site) {
    return bySite.get(site);
  }

  /** As a manifest writes it. */
  @JsonValue
  Map<String, String> published() {
    return bySite;
  }

  @Override
  public String toString() {
    return String.join(
        ", ",
        bySite.entrySet().stream().map(each -> each.getKey() + " → " + each.getValue()).toList());
  }
}
