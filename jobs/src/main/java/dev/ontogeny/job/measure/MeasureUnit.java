package dev.ontogeny.job.measure;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.stats.FeatureStatistic.Place;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What is measured together and written before the next begins: some dictionaries of one site at
 * neighbouring checkpoints, or one dictionary of several sources.
 *
 * @param name of the unit of work
 * @param sources whose rows are measured here, whatever the dictionary: those that no unit before
 *     reads. Which they are does not depend on how many dictionaries a scan has
 * @param dictionaries by checkpoint; a dictionary's place is its number. One whose sources have
 *     gates of their own stands here once for each source, with the codes that this one sees
 */
record MeasureUnit(String name, List<Measured> dictionaries, List<Source> sources)
    implements Serializable {
  MeasureUnit {
    dictionaries = List.copyOf(dictionaries);
    sources = List.copyOf(sources);
  }

  /**
   * A dictionary to measure.
   *
   * @param places the sources that it reconstructs, or one of them; all see the same codes
   * @param checkpoints of all those sources
   * @param inputs D, columns of all its sources, those that it reads alone included
   * @param codesPerRow as {@link DictionaryMetadata#codesPerRow}
   * @param previous the number of the series' dictionary at the checkpoint before, -1 for none
   * @param forOverlapsOnly it was measured by the unit before; only its codes are needed
   */
  record Measured(
      String id,
      List<Place> places,
      List<Long> checkpoints,
      int inputs,
      int width,
      int codesPerRow,
      int previous,
      boolean forOverlapsOnly)
      implements Serializable {

    int sources() {
      return checkpoints.size();
    }

    /** The first of its places, of several or one. */
    Place place() {
      return places.get(0);
    }
  }

  /**
   * Divides dictionaries into units. Those of one chain stay together; a chain that goes on in a
   * unit begins there with its last dictionary of the unit before. One of several sources is a unit
   * of its own.
   *
   * @param known dictionaries that need not be measured
   * @param knownSources whose rows need not be
   */
  static List<MeasureUnit> divide(
      ShardedDataset dataset,
      DictionaryFolder folder,
      int perScan,
      int checkpointsPerUnit,
      Set<String> known,
      Set<Source> knownSources) {
    Map<String, Map<String, List<DictionaryMetadata>>> bySite = new TreeMap<>();
    List<MeasureUnit> units = new ArrayList<>();
    for (DictionaryMetadata metadata : folder.dictionaries()) {
      metadata.sources().forEach(source -> requireSource(dataset, metadata, source));
      if (metadata.crosscoder()) {
        if (!known.contains(metadata.id())) {
          units.add(ofSeveralSources(metadata));
        }
        continue;
      }
      String line =
          metadata.series() == null
              ? metadata.family() + "-r" + metadata.replica()
              : metadata.series();
      bySite
          .computeIfAbsent(read(metadata), none -> new TreeMap<>())
          .computeIfAbsent(line, none -> new ArrayList<>())
          .add(metadata);
    }
    bySite.forEach(
        (site, lines) -> {
          List<List<DictionaryMetadata>> all = new ArrayList<>(lines.values());
          for (int first = 0; first < all.size(); first += perScan) {
            divide(
                site,
                all.subList(first, Math.min(all.size(), first + perScan)),
                checkpointsPerUnit,
                known,
                units);
          }
        });
    Set<Source> read = new HashSet<>(knownSources);
    return units.stream()
        .map(
            unit ->
                new MeasureUnit(
                    unit.name(),
                    unit.dictionaries(),
                    unit.dictionaries().stream()
                        .flatMap(each -> each.places().stream())
                        .map(Place::read)
                        .filter(read::add)
                        .toList()))
        .toList();
  }

  private static void divide(
      String site,
      List<List<DictionaryMetadata>> lines,
      int checkpointsPerUnit,
      Set<String> known,
      List<MeasureUnit> units) {
    TreeMap<Long, Map<String, DictionaryMetadata>> byCheckpoint = new TreeMap<>();
    for (List<DictionaryMetadata> line : lines) {
      for (DictionaryMetadata metadata : line) {
        byCheckpoint
            .computeIfAbsent(checkpoint(metadata), none -> new TreeMap<>())
            .put(metadata.id(), metadata);
      }
    }
    List<Long> checkpoints =
        new ArrayList<>(
            byCheckpoint.keySet().stream()
                .filter(each -> !known.containsAll(byCheckpoint.get(each).keySet()))
                .toList());
    for (int first = 0; first < checkpoints.size(); first += checkpointsPerUnit) {
      int end = Math.min(checkpoints.size(), first + checkpointsPerUnit);
      List<Measured> measured = new ArrayList<>();
      Map<String, Integer> latest = new LinkedHashMap<>();
      for (DictionaryMetadata before : beforeUnit(byCheckpoint, checkpoints.subList(first, end))) {
        latest.put(before.series(), measured.size());
        measured.add(measured(before, List.of(place(before)), -1, true));
      }
      for (long checkpoint : checkpoints.subList(first, end)) {
        for (DictionaryMetadata metadata : byCheckpoint.get(checkpoint).values()) {
          if (known.contains(metadata.id())) {
            // Its codes are needed where the next of its series is measured with it.
            if (goesOn(metadata, byCheckpoint, checkpoints.subList(first, end), known)) {
              latest.put(metadata.series(), measured.size());
              measured.add(measured(metadata, List.of(place(metadata)), -1, true));
            }
            continue;
          }
          Integer previous =
              metadata.series() == null ? null : latest.put(metadata.series(), measured.size());
          measured.add(
              measured(
                  metadata, List.of(place(metadata)), previous == null ? -1 : previous, false));
        }
      }
      units.add(named(site, measured));
    }
  }

  /** Named by what it holds, so that a resumed run with other divisions finds only what fits. */
  private static MeasureUnit named(String site, List<Measured> measured) {
    String ids = String.join(" ", measured.stream().map(Measured::id).toList());
    String hash = Identity.sha256(ids.getBytes(StandardCharsets.UTF_8)).substring(0, 12);
    return new MeasureUnit(site + "/" + hash, measured, List.of());
  }

  private static MeasureUnit ofSeveralSources(DictionaryMetadata metadata) {
    List<Place> places = new ArrayList<>();
    for (int source = 0; source < metadata.sources().size(); source++) {
      places.add(place(metadata, source));
    }
    List<Measured> views = new ArrayList<>();
    if (metadata.type().activation().bySource()) {
      for (int i = 0; i < places.size(); i++) {
        boolean follows = i > 0 && places.get(i).follows(places.get(i - 1));
        views.add(measured(metadata, List.of(places.get(i)), follows ? i - 1 : -1, false));
      }
    } else {
      views.add(measured(metadata, places, -1, false));
    }
    return named(places.get(0).site(), views);
  }

  /** Whether the next dictionary of a series is measured in a unit. */
  private static boolean goesOn(
      DictionaryMetadata metadata,
      TreeMap<Long, Map<String, DictionaryMetadata>> byCheckpoint,
      List<Long> unit,
      Set<String> known) {
    if (metadata.series() == null) {
      return false;
    }
    for (Map.Entry<Long, Map<String, DictionaryMetadata>> at :
        byCheckpoint.tailMap(checkpoint(metadata), false).entrySet()) {
      for (DictionaryMetadata each : at.getValue().values()) {
        if (metadata.series().equals(each.series())) {
          return unit.contains(at.getKey()) && !known.contains(each.id());
        }
      }
    }
    return false;
  }

  /** The last dictionary before a unit of every chain that goes on in it, by checkpoint. */
  private static List<DictionaryMetadata> beforeUnit(
      TreeMap<Long, Map<String, DictionaryMetadata>> byCheckpoint, List<Long> unit) {
    Map<String, DictionaryMetadata> last = new TreeMap<>();
    for (Map<String, DictionaryMetadata> at : byCheckpoint.headMap(unit.get(0)).values()) {
      for (DictionaryMetadata metadata : at.values()) {
        if (metadata.series() != null) {
          last.put(metadata.series(), metadata);
        }
      }
    }
    last.keySet()
        .removeIf(
            series ->
                unit.stream()
                    .flatMap(checkpoint -> byCheckpoint.get(checkpoint).values().stream())
                    .noneMatch(metadata -> series.equals(metadata.series())));
    return last.values().stream()
        .sorted((a, b) -> Long.compare(checkpoint(a), checkpoint(b)))
        .toList();
  }

  /**
   * What dictionaries have in common that share a scan: their sites, which differ by checkpoint.
   */
  private static String read(DictionaryMetadata metadata) {
    return String.join("-to-", metadata.sources().stream().map(Source::site).toList());
  }

  /** Of a dictionary that reconstructs one source. */
  private static Place place(DictionaryMetadata metadata) {
    return place(metadata, metadata.reconstructed().get(0));
  }

  private static Place place(DictionaryMetadata metadata, int number) {
    Source source = metadata.sources().get(number);
    return new Place(
        number,
        source.site(),
        source.checkpoint(),
        source.width(),
        metadata.series() == null ? null : Series.name(metadata, source.site()));
  }

  private static Measured measured(
      DictionaryMetadata metadata, List<Place> places, int previous, boolean codesOnly) {
    return new Measured(
        metadata.id(),
        new ArrayList<>(places),
        metadata.reconstructedSources().stream().map(Source::checkpoint).toList(),
        metadata.sources().stream().mapToInt(Source::width).sum(),
        metadata.width(),
        metadata.codesPerRow(),
        previous,
        codesOnly);
  }

  private static long checkpoint(DictionaryMetadata metadata) {
    return metadata.sources().get(0).checkpoint();
  }

  private static void requireSource(
      ShardedDataset dataset, DictionaryMetadata metadata, Source source) {
    ShardedDataset.Site site = dataset.site(source.site());
    if (site.width() != source.width() || !site.checkpoints().contains(source.checkpoint())) {
      throw Failure.settings(
          "dictionary %s reads site %s of width %d at checkpoint %d; the dataset has it with width %d at checkpoints %s",
          metadata.id(),
          source.site(),
          source.width(),
          source.checkpoint(),
          site.width(),
          site.checkpoints());
    }
  }

  /** Dictionaries that are measured here. */
  List<Measured> measured() {
    return dictionaries.stream().filter(each -> !each.forOverlapsOnly()).toList();
  }

  /** Numbers of the dictionaries that read the same sources, in order. */
  List<List<Integer>> scans() {
    List<List<Integer>> scans = new ArrayList<>();
    for (int i = 0; i < dictionaries.size(); i++) {
      Measured each = dictionaries.get(i);
      boolean otherSource =
          i > 0 && each.place().checkpoint() != dictionaries.get(i - 1).place().checkpoint();
      // Views of one dictionary of several sources are read together.
      if (i == 0 || (each.sources() == 1 && otherSource)) {
        scans.add(new ArrayList<>());
      }
      scans.get(scans.size() - 1).add(i);
    }
    return scans;
  }

  /**
   * The first partition of each dictionary in the reduction, and their number at the end, from
   * where on {@link #sources} have one each.
   */
  int[] partitions(int featuresPerFile) {
    int[] first = new int[dictionaries.size() + 1];
    for (int i = 0; i < dictionaries.size(); i++) {
      Measured each = dictionaries.get(i);
      int files = (each.width() + featuresPerFile - 1) / featuresPerFile;
      first[i + 1] = first[i] + (each.forOverlapsOnly() ? 0 : files);
    }
    return first;
  }
}
