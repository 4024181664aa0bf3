package dev.ontogeny.job.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.train.DictionaryPlan;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One dictionary to be merged out of replicas.
 *
 * @param replicas plans that differ by their replica alone, in order of it
 */
record ConsensusPlan(ConsensusRules rules, List<DictionaryPlan> replicas) implements Serializable {
  ConsensusPlan {
    replicas = replicas.stream().sorted(Comparator.comparingInt(DictionaryPlan::replica)).toList();
  }

  /** One for each dictionary specification at each of its sources; none where none are wanted. */
  static List<ConsensusPlan> of(TrainPlan plan, TrainSettings settings) {
    if (settings.consensus().isEmpty()) {
      return List.of();
    }
    Map<List<Object>, List<DictionaryPlan>> groups = new LinkedHashMap<>();
    for (DictionaryPlan each : plan.dictionaries()) {
      groups
          .computeIfAbsent(List.of(each.family(), each.seriesIndex()), group -> new ArrayList<>())
          .add(each);
    }
    return groups.values().stream()
        .map(group -> new ConsensusPlan(settings.consensus(), group))
        .toList();
  }

  /** What those of all checkpoints share. */
  String family() {
    return replicas.get(0).family() + "-consensus";
  }

  /** As ids of replicas are made: theirs differ after the family. */
  String id() {
    DictionaryPlan first = replicas.get(0);
    return family() + first.id().substring(first.family().length());
  }

  /** Hash of everything that decides its bytes. */
  String link() {
    return Identity.sha256(Json.line(settings()).getBytes(StandardCharsets.UTF_8));
  }

  /** How it is made, as {@code dictionary.json} states it. */
  ObjectNode settings() {
    ObjectNode node = Json.object();
    node.set("consensus", Json.tree(rules));
    ObjectNode links = node.putObject("replicas");
    replicas.forEach(each -> links.put(each.id(), each.link()));
    return node;
  }

  private long weights() {
    DictionaryPlan first = replicas.get(0);
    long columns = first.sources().stream().mapToLong(each -> each.width()).sum();
    return 2L * first.specification().width() * columns;
  }

  /** Of the comparison of all pairs of replicas. */
  double operations() {
    double pairs = replicas.size() * (replicas.size() - 1) / 2.0;
    return 2 * pairs * weights() * replicas.get(0).specification().width();
  }

  /**
   * Memory of the task, in bytes: while replicas are compared the directions of two of them and one
   * that is being read, with its encoder turned; while they are merged two matrices of sums, the
   * dictionary that they become, and one replica. Features that are merged are as many as half the
   * features of all replicas together, at most, or as the share allows.
   */
  long bytes() {
    double merged = (double) replicas.size() / rules.fewest(replicas.size());
    return (long) (Float.BYTES * weights() * Math.max(4, 1 + 3 * merged));
  }
}
