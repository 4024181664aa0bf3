package dev.ontogeny.job.export;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.export.PeerFormat;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.export.SourceSlice;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What is written.
 *
 * @param items a folder each
 * @param largest bytes of the largest dictionary that is read
 * @param bytes of all of them
 */
record ExportPlan(List<Item> items, long largest, long bytes) {
  /** Told at once, of those that a format cannot say. */
  private static final int SHOWN = 5;

  /**
   * A folder of the export.
   *
   * @param dictionary its id
   * @param name of the folder
   * @param source the number of the one that is sliced out of a crosscoder, -1 for all
   */
  record Item(String dictionary, String name, int source) implements Serializable {}

  /**
   * Plans.
   *
   * @throws Failure of settings for ids that are not there, and for every dictionary that the
   *     format cannot say
   */
  static ExportPlan of(DictionaryFolder folder, ExportSettings settings) {
    PeerFormat format = PeerFormats.of(settings.format());
    List<Item> items = new ArrayList<>();
    List<String> refused = new ArrayList<>();
    long largest = 0;
    long bytes = 0;
    for (DictionaryMetadata each : wanted(folder, settings)) {
      long columns = each.sources().stream().mapToLong(Source::width).sum();
      long own = 2L * Float.BYTES * each.width() * columns;
      largest = Math.max(largest, own);
      bytes += own;
      boolean sliced =
          each.crosscoder() && settings.crosscoders() == ExportSettings.Crosscoders.SLICES;
      for (int source = sliced ? 0 : -1; source < (sliced ? each.sources().size() : 0); source++) {
        String refusal = format.refusal(sliced ? SourceSlice.of(each, source) : each);
        if (refusal != null) {
          refused.add(refusal);
        }
        items.add(new Item(each.id(), sliced ? name(each, source) : each.id(), source));
      }
    }
    if (!refused.isEmpty()) {
      throw Failure.settings(
          "format %s cannot say %d of what is to be written: %s%s. Name the others in only, or take another format",
          format.key(),
          refused.size(),
          refused.stream().distinct().limit(SHOWN).collect(Collectors.joining("; ")),
          refused.stream().distinct().count() > SHOWN ? "; …" : "");
    }
    if (items.isEmpty()) {
      throw Failure.data("%s holds no dictionaries", folder.folder());
    }
    return new ExportPlan(List.copyOf(items), largest, bytes);
  }

  private static List<DictionaryMetadata> wanted(DictionaryFolder folder, ExportSettings settings) {
    List<String> ids = folder.dictionaries().stream().map(DictionaryMetadata::id).toList();
    for (String each : settings.only()) {
      if (!ids.contains(each)) {
        throw Failure.settings(
            "only: %s has no dictionary '%s' (%s)",
            folder.folder(), each, SettingsReader.nearest(each, ids));
      }
    }
    return folder.dictionaries().stream()
        .filter(each -> settings.only().isEmpty() || settings.only().contains(each.id()))
        .toList();
  }

  /** A name that tells checkpoint and, where there are several, site. */
  private static String name(DictionaryMetadata crosscoder, int source) {
    Set<String> sites = new LinkedHashSet<>();
    crosscoder.sources().forEach(each -> sites.add(each.site()));
    Source own = crosscoder.sources().get(source);
    return crosscoder.id()
        + (sites.size() > 1 ? "-" + Source.nameOf(own.site(), sites) : "")
        + "-c"
        + own.checkpoint();
  }
}
