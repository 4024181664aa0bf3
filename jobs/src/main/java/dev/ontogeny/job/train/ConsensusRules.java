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
 * Which features of replicas are merged into one more dictionary: {@code { share = 0.5, cosine =
 * 0.7 }}; none where the section is empty.
 */
public final class ConsensusRules implements SelfReading, Serializable {
  private static final long serialVersionUID = 1;

  private final TreeMap<String, Double> given;

  private ConsensusRules(Map<String, Double> given) {
    this.given = new TreeMap<>(given);
  }

  /** An empty section, or one with both keys. */
  public static ConsensusRules of(SettingsObject section) {
    List<String> known = List.of("share", "cosine");
    section.onlyKeys(known);
    Map<String, Double> given = new TreeMap<>();
    Problems problems = new Problems();
    for (String key : section.keys().isEmpty() ? List.<String>of() : known) {
      Double value = section.value(key, double.class);
      problems.check(
          value != null || section.keys().contains(key),
          key,
          "is required beside the other: consensus { share = 0.5, cosine = 0.7 }");
      if (value != null) {
        problems.check(
            value > 0 && value <= 1, key, "must be above 0 and at most 1, got %s", value);
        given.put(key, value);
      }
    }
    problems.raise();
    return new ConsensusRules(given);
  }

  boolean isEmpty() {
    return given.isEmpty();
  }

  /** Of so many replicas how many must have a feature: the share of them, and two at least. */
  int fewest(int replicas) {
    // A share of 0.55 of 20 is 11, whatever the product says in its last digit.
    return Math.max(2, (int) Math.ceil(given.get("share") * replicas - 1e-9));
  }

  /** Least cosine of decoders and of encoders of counterparts. */
  double cosine() {
    return given.get("cosine");
  }

  /** As a manifest writes it. */
  @JsonValue
  Map<String, Double> published() {
    return given;
  }
}
