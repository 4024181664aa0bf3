package dev.ontogeny.evolution;

import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Target;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Dictionaries of one site over checkpoints: a chain, whose features keep their index,
 * independently trained ones, or one crosscoder, which reads all checkpoints at once. The site is
 * the one that they reconstruct: transcoders read another.
 *
 * @param name family and replica
 * @param family what replicas share
 * @param site what all of them reconstruct, where their features are
 * @param width d, dimensions of an activation there
 * @param readSite what all of them read; the same but for transcoders
 * @param readWidth dimensions of an activation there
 * @param checkpoints [T], ascending
 * @param dictionaries [T], their ids; the same throughout for a crosscoder
 * @param columns [T], where the columns of the site at that checkpoint begin among those of the
 *     dictionary's sources; 0 where there is one source
 * @param features [T], their numbers of latents
 */
public record Series(
    String name,
    String family,
    int replica,
    Kind kind,
    String site,
    int width,
    String readSite,
    int readWidth,
    long[] checkpoints,
    String[] dictionaries,
    int[] columns,
    int[] features)
    implements Serializable {

  /** How features are told to be the same. */
  public enum Kind {
    /** By index, unless another feature took a latent over. */
    CHAIN,
    /** By matching. */
    INDEPENDENTS,
    /** By index: one code has a decoder for each checkpoint. */
    CROSSCODER
  }

  /** A dictionary at one of the sources that it reconstructs. */
  private record Member(DictionaryMetadata dictionary, int number) {
    Source source() {
      return dictionary.sources().get(number);
    }

    int column() {
      return dictionary.sources().stream().limit(number).mapToInt(Source::width).sum();
    }

    /** What is read for it. */
    Source read() {
      return dictionary.target() == Target.AUTOENCODER ? source() : dictionary.sources().get(0);
    }
  }

  /**
   * Sorts dictionaries into series, by name. A crosscoder is a series for each of its sites, with
   * the checkpoints at which it reads it.
   */
  public static List<Series> of(List<DictionaryMetadata> dictionaries) {
    Map<String, List<Member>> byName = new TreeMap<>();
    for (DictionaryMetadata each : dictionaries) {
      for (int number : each.reconstructed()) {
        byName
            .computeIfAbsent(
                name(each, each.sources().get(number).site()), key -> new ArrayList<>())
            .add(new Member(each, number));
      }
    }
    return byName.entrySet().stream().map(each -> of(each.getKey(), each.getValue())).toList();
  }

  /** The name of the series that a dictionary belongs to at one of its sites. */
  public static String name(DictionaryMetadata dictionary, String site) {
    String name =
        dictionary.series() != null
            ? dictionary.series()
            : dictionary.family() + "-r" + dictionary.replica();
    return name + ofSite(dictionary, site);
  }

  /** Crosscoders over several sites are several series. */
  private static String ofSite(DictionaryMetadata dictionary, String site) {
    Set<String> sites =
        dictionary.reconstructedSources().stream().map(Source::site).collect(Collectors.toSet());
    return sites.size() > 1 ? "-" + Source.nameOf(site, sites) : "";
  }

  private static Series of(String name, List<Member> members) {
    List<Member> sorted =
        members.stream()
            .sorted(Comparator.comparingLong(each -> each.source().checkpoint()))
            .toList();
    Member first = sorted.get(0);
    Source source = first.source();
    Source read = first.read();
    Kind kind =
        first.dictionary().crosscoder()
            ? Kind.CROSSCODER
            : first.dictionary().series() != null ? Kind.CHAIN : Kind.INDEPENDENTS;
    for (int t = 1; t < sorted.size(); t++) {
      DictionaryMetadata each = sorted.get(t).dictionary();
      Source its = sorted.get(t).source();
      if (its.checkpoint() == sorted.get(t - 1).source().checkpoint()) {
        throw Failure.data(
            "series %s has two dictionaries of checkpoint %d: %s and %s",
            name, its.checkpoint(), sorted.get(t - 1).dictionary().id(), each.id());
      }
      if (kind == Kind.CROSSCODER && !each.id().equals(first.dictionary().id())) {
        throw Failure.data(
            "series %s should be one crosscoder, and is %s and %s",
            name, first.dictionary().id(), each.id());
      }
      if (!its.site().equals(source.site()) || its.width() != source.width()) {
        throw Failure.data(
            "series %s should stay at site %s of width %d, dictionary %s reads %s of width %d",
            name, source.site(), source.width(), each.id(), its.site(), its.width());
      }
      Source itsRead = sorted.get(t).read();
      if (!itsRead.site().equals(read.site()) || itsRead.width() != read.width()) {
        throw Failure.data(
            "series %s should read site %s of width %d throughout, dictionary %s reads %s of width %d",
            name, read.site(), read.width(), each.id(), itsRead.site(), itsRead.width());
      }
      if (kind == Kind.CHAIN && each.width() != first.dictionary().width()) {
        throw Failure.data(
            "chain %s should keep its %d features, dictionary %s has %d",
            name, first.dictionary().width(), each.id(), each.width());
      }
    }
    return new Series(
        name,
        first.dictionary().family() + ofSite(first.dictionary(), source.site()),
        first.dictionary().replica(),
        kind,
        source.site(),
        source.width(),
        read.site(),
        read.width(),
        sorted.stream().mapToLong(each -> each.source().checkpoint()).toArray(),
        sorted.stream().map(each -> each.dictionary().id()).toArray(String[]::new),
        sorted.stream().mapToInt(Member::column).toArray(),
        sorted.stream().mapToInt(each -> each.dictionary().width()).toArray());
  }

  /** Whether latents may be taken over by other features. */
  public boolean chain() {
    return kind == Kind.CHAIN;
  }

  /** Whether one code is shared by all checkpoints. */
  public boolean crosscoder() {
    return kind == Kind.CROSSCODER;
  }

  /** Whether it writes to another site than it reads. */
  public boolean transcoder() {
    return !readSite.equals(site);
  }

  /** What rows hold that can be encoded at the t-th checkpoint. */
  public Source read(int t) {
    return new Source(readSite, checkpoints[t], readWidth);
  }

  /** What is read at the t-th checkpoint, and what is reconstructed if that is another source. */
  public List<Source> sources(int t) {
    Source own = new Source(site, checkpoints[t], width);
    return transcoder() ? List.of(read(t), own) : List.of(own);
  }

  /** Where the columns that {@link #read} has begin among those of the dictionary's sources. */
  public int readColumn(int t) {
    return transcoder() ? 0 : columns[t];
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
