package dev.ontogeny.job;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What is measured together and written before the next begins: some dictionaries of one site at
 * neighbouring checkpoints.
 *
 * @param name of the unit of work
 * @param dictionaries by checkpoint; a dictionary's place is its number
 */
record MeasureUnit(String name, String site, List<Measured> dictionaries) implements Serializable {
  MeasureUnit {
    dictionaries = List.copyOf(dictionaries);
  }

  /**
   * A dictionary to measure.
   *
   * @param series the chain it belongs to, null for none
   * @param codesPerRow latents that fire in a row, for plans of memory: k, or without one as many
   *     as fired on the held-out rows in the mean
   * @param previous the number of the chain's dictionary at the checkpoint before, -1 for none
   * @param forOverlapsOnly it was measured by the unit before; only its codes are needed
   */
  record Measured(
      String id,
      String series,
      long checkpoint,
      int inputs,
      int width,
      int codesPerRow,
      int previous,
      boolean forOverlapsOnly)
      implements Serializable {}

  /**
   * Divides dictionaries into units. Those of one chain stay together; a chain that goes on in a
   * unit begins there with its last dictionary of the unit before.
   */
  static List<MeasureUnit> divide(
      ShardedDataset dataset, DictionaryFolder folder, int perScan, int checkpointsPerUnit) {
    Map<String, Map<String, List<DictionaryMetadata>>> bySite = new TreeMap<>();
    for (DictionaryMetadata metadata : folder.dictionaries()) {
      Source source = sourceOf(dataset, metadata);
      String line =
          metadata.series() == null
              ? metadata.family() + "-r" + metadata.replica()
              : metadata.series();
      bySite
          .computeIfAbsent(source.site(), none -> new TreeMap<>())
          .computeIfAbsent(line, none -> new ArrayList<>())
          .add(metadata);
    }
    List<MeasureUnit> units = new ArrayList<>();
    bySite.forEach(
        (site, lines) -> {
          List<List<DictionaryMetadata>> all = new ArrayList<>(lines.values());
          for (int first = 0; first < all.size(); first += perScan) {
            divide(
                site,
                all.subList(first, Math.min(all.size(), first + perScan)),
                checkpointsPerUnit,
                units);
          }
        });
    return units;
  }

  private static void divide(
      String site,
      List<List<DictionaryMetadata>> lines,
      int checkpointsPerUnit,
      List<MeasureUnit> units) {
    TreeMap<Long, Map<String, DictionaryMetadata>> byCheckpoint = new TreeMap<>();
    for (List<DictionaryMetadata> line : lines) {
      for (DictionaryMetadata metadata : line) {
        byCheckpoint
            .computeIfAbsent(checkpoint(metadata), none -> new TreeMap<>())
            .put(metadata.id(), metadata);
      }
    }
    List<Long> checkpoints = new ArrayList<>(byCheckpoint.keySet());
    for (int first = 0; first < checkpoints.size(); first += checkpointsPerUnit) {
      int end = Math.min(checkpoints.size(), first + checkpointsPerUnit);
      List<Measured> measured = new ArrayList<>();
      Map<String, Integer> latest = new LinkedHashMap<>();
      for (DictionaryMetadata before : beforeUnit(byCheckpoint, checkpoints.subList(first, end))) {
        latest.put(before.series(), measured.size());
        measured.add(measured(before, -1, true));
      }
      for (long checkpoint : checkpoints.subList(first, end)) {
        for (DictionaryMetadata metadata : byCheckpoint.get(checkpoint).values()) {
          Integer previous =
              metadata.series() == null ? null : latest.put(metadata.series(), measured.size());
          measured.add(measured(metadata, previous == null ? -1 : previous, false));
        }
      }
      // Named by what it holds, so that a resumed run with other divisions finds only what fits.
      String ids = String.join(" ", measured.stream().map(Measured::id).toList());
      String hash = Identity.sha256(ids.getBytes(StandardCharsets.UTF_8)).substring(0, 12);
      units.add(new MeasureUnit(site + "/" + hash, site, measured));
    }
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

  private static Measured measured(DictionaryMetadata metadata, int previous, boolean codesOnly) {
    return new Measured(
        metadata.id(),
        metadata.series(),
        checkpoint(metadata),
        metadata.sources().get(0).width(),
        metadata.width(),
        metadata.k() > 0 ? metadata.k() : (int) Math.ceil(metadata.quality().l0()),
        previous,
        codesOnly);
  }

  private static long checkpoint(DictionaryMetadata metadata) {
    return metadata.sources().get(0).checkpoint();
  }

  private static Source sourceOf(ShardedDataset dataset, DictionaryMetadata metadata) {
    if (metadata.sources().size() != 1) {
      throw Failure.settings(
          "dictionary %s reads %d sources; measure takes dictionaries of one source",
          metadata.id(), metadata.sources().size());
    }
    Source source = metadata.sources().get(0);
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
    return source;
  }

  /** Dictionaries that are measured here. */
  List<Measured> measured() {
    return dictionaries.stream().filter(each -> !each.forOverlapsOnly()).toList();
  }

  /** Numbers of the dictionaries by checkpoint, in order. */
  List<List<Integer>> scans() {
    List<List<Integer>> scans = new ArrayList<>();
    for (int i = 0; i < dictionaries.size(); i++) {
      if (i == 0 || dictionaries.get(i).checkpoint() != dictionaries.get(i - 1).checkpoint()) {
        scans.add(new ArrayList<>());
      }
      scans.get(scans.size() - 1).add(i);
    }
    return scans;
  }

  /** The first partition of each dictionary in the reduction, and their number at the end. */
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
