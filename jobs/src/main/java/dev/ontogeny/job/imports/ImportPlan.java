package dev.ontogeny.job.imports;

import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is published, series by series and by checkpoint within each. */
record ImportPlan(List<Item> items) {
  /**
   * A dictionary that is published.
   *
   * @param id of it
   * @param series null where features of different checkpoints have nothing to do with one another
   * @param seriesIndex place of the checkpoint within those of the series
   * @param parent the one of the checkpoint before in a chain, null for none
   */
  record Item(
      Found found,
      List<Source> sources,
      String id,
      String family,
      int replica,
      String series,
      int seriesIndex,
      String parent)
      implements Serializable {
    /** Hash of everything that decides its bytes. */
    String link() {
      return Identity.sha256(
          String.join("\n", found.content(), id, String.valueOf(parent), sources.toString())
              .getBytes(StandardCharsets.UTF_8));
    }
  }

  /**
   * Says of each where it belongs.
   *
   * @throws Failure of data, or of settings, that names the folder and what is missing or does not
   *     fit the dataset
   */
  static ImportPlan of(List<Found> all, ShardedDataset dataset, ImportSettings settings) {
    Map<String, List<Item>> groups = new LinkedHashMap<>();
    for (Found each : all) {
      List<Source> sources = sources(each, dataset);
      boolean crosscoder = !each.transcoder() && sources.size() > 1;
      String family = family(each, sources);
      int replica =
          each.entry().replica() != null
              ? each.entry().replica()
              : each.replica() == null ? 0 : each.replica();
      String name = family + "-r" + replica;
      Item item =
          new Item(
              each,
              sources,
              crosscoder ? name : name + "-c" + sources.get(0).checkpoint(),
              family,
              replica,
              crosscoder || settings.chain() ? name : null,
              0,
              null);
      groups.computeIfAbsent(name, key -> new ArrayList<>()).add(item);
    }
    List<Item> items = new ArrayList<>();
    groups.values().forEach(group -> items.addAll(series(group, settings)));
    items.sort(Comparator.comparing(Item::id));
    return new ImportPlan(List.copyOf(items));
  }

  private static List<Item> series(List<Item> group, ImportSettings settings) {
    List<Item> ordered =
        group.stream()
            .sorted(Comparator.comparingLong(each -> each.sources().get(0).checkpoint()))
            .toList();
    List<Item> series = new ArrayList<>();
    for (Item each : ordered) {
      Item before = series.isEmpty() ? null : series.get(series.size() - 1);
      if (before != null && before.id().equals(each.id())) {
        throw Failure.settings(
            "'%s' and '%s' would both be %s: give one of them another replica or name in dictionaries",
            before.found().entry().path(), each.found().entry().path(), each.id());
      }
      if (before != null && settings.chain() && before.found().width() != each.found().width()) {
        throw Failure.settings(
            "chain: '%s' has %d features and '%s' has %d, so that these cannot be the same ones: set chain = false",
            before.found().entry().path(),
            before.found().width(),
            each.found().entry().path(),
            each.found().width());
      }
      series.add(
          new Item(
              each.found(),
              each.sources(),
              each.id(),
              each.family(),
              each.replica(),
              each.series(),
              series.size(),
              settings.chain() && before != null ? before.id() : null));
    }
    return series;
  }

  private static String family(Found found, List<Source> sources) {
    if (found.entry().name() != null) {
      return found.entry().name();
    }
    List<String> sites = sources.stream().map(Source::site).distinct().toList();
    String described =
        sites.size() == 1
            ? sites.get(0)
            : found.transcoder() ? sites.get(0) + "-to-" + sites.get(1) : "all-sites";
    return "imported-"
        + Source.nameOf(described, List.of(described))
        + "-"
        + found.type()
        + "-w"
        + found.width();
  }

  private static List<Source> sources(Found found, ShardedDataset dataset) {
    ImportSettings.Entry entry = found.entry();
    int count = found.widths().size();
    List<String> sites = new ArrayList<>(found.sites());
    List<Long> checkpoints = new ArrayList<>(found.checkpoints());
    if (entry.target() != null && !found.transcoder()) {
      throw Failure.settings(
          "dictionaries: target is of transcoders, and '%s' writes what it reads", entry.path());
    }
    if (entry.site() != null) {
      String target = found.transcoder() ? sites.get(1) : null;
      sites = new ArrayList<>(Collections.nCopies(count, entry.site()));
      if (found.transcoder()) {
        sites.set(1, target);
      }
    }
    if (entry.target() != null) {
      sites.set(1, entry.target());
    }
    if (entry.checkpoint() != null && (count == 1 || found.transcoder())) {
      checkpoints = Collections.nCopies(count, entry.checkpoint());
    } else if (entry.checkpoint() != null) {
      throw Failure.settings(
          "dictionaries: '%s' has %d sources: give the checkpoint of each in checkpoints",
          entry.path(), count);
    }
    if (entry.checkpoints() != null) {
      if (entry.checkpoints().size() != count || found.transcoder()) {
        throw Failure.settings(
            "dictionaries: '%s' has %d sources, and checkpoints names %d",
            entry.path(), found.transcoder() ? 1 : count, entry.checkpoints().size());
      }
      checkpoints = entry.checkpoints();
    }
    List<Source> sources = new ArrayList<>();
    for (int s = 0; s < count; s++) {
      sources.add(source(found, s, sites.get(s), checkpoints.get(s), dataset));
    }
    return sources;
  }

  private static Source source(
      Found found, int number, String site, Long checkpoint, ShardedDataset dataset) {
    String path = found.entry().path();
    boolean written = found.transcoder() && number == 1;
    if (site == null) {
      throw Failure.settings(
          "the files of '%s' do not say which site it %s: give it as %s in dictionaries",
          path, written ? "writes" : "reads", written ? "target" : "site");
    }
    if (checkpoint == null) {
      throw Failure.settings(
          "the files of '%s' do not say of which checkpoint of the network it is: give it in dictionaries, { path = \"%s\", checkpoint = … }",
          path, path);
    }
    ShardedDataset.Site captured =
        dataset.summary().sites().stream()
            .filter(each -> each.site().equals(site))
            .findFirst()
            .orElseThrow(
                () ->
                    Failure.settings(
                        "'%s' is of site %s, which dataset %s does not have; it has %s: give the name that it has there as %s in dictionaries",
                        path,
                        site,
                        dataset.folder(),
                        dataset.summary().sites().stream().map(ShardedDataset.Site::site).toList(),
                        written ? "target" : "site"));
    if (!captured.checkpoints().contains(checkpoint)) {
      throw Failure.settings(
          "'%s' is of checkpoint %d, of which dataset %s has no rows at site %s; it has %s",
          path, checkpoint, dataset.folder(), site, captured.checkpoints());
    }
    int width = found.widths().get(number);
    if (captured.width() != width) {
      throw Failure.data(
          "'%s' %s %d columns, and site %s of dataset %s has %d",
          path, written ? "writes" : "reads", width, site, dataset.folder(), captured.width());
    }
    if (dataset.summary().isConstant(site, checkpoint)) {
      throw Failure.data(
          "'%s' is of site %s at checkpoint %d, where the vectors of dataset %s do not vary: nothing can be told of it",
          path, site, checkpoint, dataset.folder());
    }
    return new Source(site, checkpoint, width);
  }
}
