package dev.ontogeny.evolution;

import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Dictionaries of one site over checkpoints: a chain, whose features keep their index, or
 * independently trained ones.
 *
 * @param name family and replica
 * @param family what replicas share
 * @param chain whether features are the same by index
 * @param site where all of them read
 * @param width D, dimensions of an activation
 * @param checkpoints [T], ascending
 * @param dictionaries [T], their ids
 * @param features [T], their numbers of latents
 */
public record Series(
    String name,
    String family,
    int replica,
    boolean chain,
    String site,
    int width,
    long[] checkpoints,
    String[] dictionaries,
    int[] features)
    implements Serializable {

  /** Sorts dictionaries into series, by name. */
  public static List<Series> of(List<DictionaryMetadata> dictionaries) {
    Map<String, List<DictionaryMetadata>> byName = new TreeMap<>();
    for (DictionaryMetadata each : dictionaries) {
      if (each.sources().size() != 1) {
        throw Failure.data(
            "dictionary %s reads %d sources; a series is followed through dictionaries of one",
            each.id(), each.sources().size());
      }
      String name = each.series() != null ? each.series() : each.family() + "-r" + each.replica();
      byName.computeIfAbsent(name, key -> new ArrayList<>()).add(each);
    }
    return byName.entrySet().stream().map(each -> of(each.getKey(), each.getValue())).toList();
  }

  private static Series of(String name, List<DictionaryMetadata> members) {
    List<DictionaryMetadata> sorted =
        members.stream()
            .sorted(Comparator.comparingLong(each -> each.sources().get(0).checkpoint()))
            .toList();
    DictionaryMetadata first = sorted.get(0);
    Source source = first.sources().get(0);
    boolean chain = first.series() != null;
    for (int t = 1; t < sorted.size(); t++) {
      DictionaryMetadata each = sorted.get(t);
      Source its = each.sources().get(0);
      if (its.checkpoint() == sorted.get(t - 1).sources().get(0).checkpoint()) {
        throw Failure.data(
            "series %s has two dictionaries of checkpoint %d: %s and %s",
            name, its.checkpoint(), sorted.get(t - 1).id(), each.id());
      }
      if (!its.site().equals(source.site()) || its.width() != source.width()) {
        throw Failure.data(
            "series %s should stay at site %s of width %d, dictionary %s reads %s of width %d",
            name, source.site(), source.width(), each.id(), its.site(), its.width());
      }
      if (chain && each.width() != first.width()) {
        throw Failure.data(
            "chain %s should keep its %d features, dictionary %s has %d",
            name, first.width(), each.id(), each.width());
      }
    }
    return new Series(
        name,
        first.family(),
        first.replica(),
        chain,
        source.site(),
        source.width(),
        sorted.stream().mapToLong(each -> each.sources().get(0).checkpoint()).toArray(),
        sorted.stream().map(DictionaryMetadata::id).toArray(String[]::new),
        sorted.stream().mapToInt(DictionaryMetadata::width).toArray());
  }

  /**
   * The place among the checkpoints of what was measured with a dictionary at a site and
   * checkpoint; -1 unless that is where the dictionary learnt, for it may be measured elsewhere
   * too.
   */
  public int place(String dictionary, String measuredSite, long checkpoint) {
    int t = Arrays.binarySearch(checkpoints, checkpoint);
    return t >= 0 && dictionaries[t].equals(dictionary) && site.equals(measuredSite) ? t : -1;
  }

  /** T, how many checkpoints. */
  public int length() {
    return checkpoints.length;
  }
}
