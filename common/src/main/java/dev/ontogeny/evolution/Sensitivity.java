package dev.ontogeny.evolution;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.run.Json;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * How many tracks another choice of a threshold would judge otherwise: each threshold of {@link
 * EventRules} in turn multiplied by each factor, all others left. A value that the rules do not
 * allow is left out. Merges by adding counts (associative, commutative; no tracks is the identity).
 *
 * <p>Byte form, big-endian: the counts as longs.
 */
public final class Sensitivity {
  private static final int COUNTS = 5;

  private final List<Variant> variants = new ArrayList<>();

  /** [variants × COUNTS]. */
  private final long[] changed;

  private record Variant(String threshold, double value, EventRules rules) {}

  /**
   * Tracks that another value judges otherwise.
   *
   * @param threshold the setting, for instance {@code lifecycle.early-until}
   * @param value the other value
   * @param births by presence
   * @param emergences births by strength
   * @param directionBirths births by direction
   */
  public record Changed(
      String threshold,
      double value,
      long births,
      long emergences,
      long directionBirths,
      long deaths,
      long classes) {}

  /** No tracks judged yet. */
  public Sensitivity(EventRules rules, List<Double> factors) {
    ObjectNode all = (ObjectNode) Json.tree(rules);
    vary(all, all, "", factors);
    vary(all, (ObjectNode) all.get("lifecycle"), "lifecycle.", factors);
    changed = new long[variants.size() * COUNTS];
  }

  private void vary(ObjectNode all, ObjectNode of, String prefix, List<Double> factors) {
    for (Map.Entry<String, JsonNode> entry : List.copyOf(of.properties())) {
      if (!entry.getValue().isDouble()) {
        continue;
      }
      for (double factor : factors) {
        double value = factor * entry.getValue().doubleValue();
        of.put(entry.getKey(), value);
        try {
          EventRules rules = Json.fromTree(all, EventRules.class);
          variants.add(new Variant(prefix + entry.getKey().replace('_', '-'), value, rules));
        } catch (IllegalArgumentException notAllowed) {
          // 0.95 · 1.1 is no cosine: there is nothing to compare with.
        } finally {
          of.set(entry.getKey(), entry.getValue());
        }
      }
    }
  }

  /**
   * Judges a track by all variants.
   *
   * @param time as for {@link EventRules#events}
   * @param events by the rules themselves
   */
  public void add(Track track, double[] time, TrackEvents events) {
    for (int v = 0; v < variants.size(); v++) {
      TrackEvents other = variants.get(v).rules.events(track, time);
      int at = v * COUNTS;
      changed[at] += other.birth() != events.birth() ? 1 : 0;
      changed[at + 1] += other.emergence() != events.emergence() ? 1 : 0;
      changed[at + 2] += other.directionBirth() != events.directionBirth() ? 1 : 0;
      changed[at + 3] += other.death() != events.death() ? 1 : 0;
      changed[at + 4] += other.lifecycle() != events.lifecycle() ? 1 : 0;
    }
  }

  /** Adds the counts of other tracks, judged by the same variants. */
  public Sensitivity merge(Sensitivity other) {
    for (int i = 0; i < changed.length; i++) {
      changed[i] += other.changed[i];
    }
    return this;
  }

  /** What was found, in the order of the rules' thresholds. */
  public List<Changed> changed() {
    List<Changed> result = new ArrayList<>();
    for (int v = 0; v < variants.size(); v++) {
      int at = v * COUNTS;
      result.add(
          new Changed(
              variants.get(v).threshold,
              variants.get(v).value,
              changed[at],
              changed[at + 1],
              changed[at + 2],
              changed[at + 3],
              changed[at + 4]));
    }
    return result;
  }

  /** Writes the byte form. */
  public void write(DataOutput out) throws IOException {
    for (long each : changed) {
      out.writeLong(each);
    }
  }

  /** Adds counts in byte form, of the same variants. */
  public Sensitivity mergeFrom(DataInput in) throws IOException {
    for (int i = 0; i < changed.length; i++) {
      changed[i] += in.readLong();
    }
    return this;
  }
}
