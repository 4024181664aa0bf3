package dev.ontogeny.job.train;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.train.TrainSettings.Mode;
import dev.ontogeny.job.train.TrainSettings.ReplicasBy;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.Rounds;
import dev.ontogeny.train.Weighting;
import dev.ontogeny.type.DictionarySettings;
import dev.ontogeny.type.Target;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The grid, spelled out: series of dictionaries, and which of them can share a stream of batches.
 * Everything that decides a dictionary's bytes goes into its link: settings, seed, checksums of the
 * rows, and the link of its parent.
 *
 * @param fitted those that Spark MLlib fits instead, each by itself
 * @param leftOut sources of which there is nothing to learn, since all their vectors are the same
 */
record TrainPlan(List<Lane> lanes, List<FittedPlan> fitted, List<CaptureFindings.Source> leftOut) {
  /** In place of a site's name. */
  private static final String ALL_SITES = "all-sites";

  /**
   * Series that read the same rows in the same order, side by side.
   *
   * @param shards those that they are trained on
   * @param series each a list of dictionaries over the same checkpoints
   */
  record Lane(String site, List<Integer> shards, List<List<DictionaryPlan>> series)
      implements Serializable {
    Lane {
      shards = List.copyOf(shards);
      series = series.stream().map(List::copyOf).toList();
    }

    /** What is read for the dictionaries of a checkpoint. */
    BatchStream.Order order(int checkpoint, long seed) {
      return new BatchStream.Order(
          series.get(0).get(checkpoint).sources(), shards, Seeds.of(seed, "batches", site));
    }
  }

  static TrainPlan of(ShardedDataset dataset, TrainSettings settings) {
    List<Integer> training = new ArrayList<>();
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      if (!dataset.heldOut(shard)) {
        training.add(shard);
      }
    }
    int parts = settings.replicasBy() == ReplicasBy.SHARDS ? settings.replicas() : 1;
    if (training.size() < parts) {
      throw Failure.settings(
          "replicas %d by shards need as many shards to train on, dataset %s has %d: shard it into more, or set replicas-by = seed",
          parts, dataset.folder(), training.size());
    }
    if (dataset.summary().heldOutShards().isEmpty()) {
      throw Failure.data(
          "dataset %s holds no shard out, so nothing would tell how good a dictionary is: shard it with at least one",
          dataset.folder());
    }
    List<CaptureFindings.Source> leftOut = new ArrayList<>();
    List<Lane> lanes = new ArrayList<>();
    List<FittedPlan> fitted = new ArrayList<>();
    for (Grid grid : grids(dataset, settings, leftOut)) {
      Map<Integer, List<List<DictionaryPlan>>> byPart = new LinkedHashMap<>();
      for (DictionarySettings specification : settings.dictionaries()) {
        for (int replica = 0; replica < settings.replicas(); replica++) {
          int part = replica % parts;
          if (!specification.type().trainable()) {
            for (int at = 0; at < grid.sources().size(); at++) {
              fitted.add(
                  FittedPlan.of(
                      dataset,
                      settings,
                      grid.name(),
                      specification,
                      replica,
                      at,
                      grid.sources().get(at).get(0),
                      part(training, part, parts)));
            }
            continue;
          }
          byPart
              .computeIfAbsent(part, any -> new ArrayList<>())
              .add(
                  series(
                      dataset,
                      settings,
                      grid,
                      specification,
                      replica,
                      part(training, part, parts)));
        }
      }
      byPart.forEach(
          (part, series) -> lanes.add(new Lane(grid.name(), part(training, part, parts), series)));
    }
    return new TrainPlan(lanes, fitted, leftOut);
  }

  /**
   * What one dictionary specification becomes series of.
   *
   * @param name as names of dictionaries tell the site, or all of them
   * @param target of all of them
   * @param sources of each dictionary of a series, in order
   */
  private record Grid(String name, Target target, List<List<Source>> sources) {}

  private static List<Grid> grids(
      ShardedDataset dataset, TrainSettings settings, List<CaptureFindings.Source> leftOut) {
    List<Grid> grids = new ArrayList<>();
    List<Source> all = new ArrayList<>();
    List<ShardedDataset.Site> trained = sites(dataset, settings);
    Set<String> known = new TreeSet<>();
    dataset.summary().sites().forEach(site -> known.add(site.site()));
    trained.forEach(site -> known.add(described(site, settings)));
    for (ShardedDataset.Site site : trained) {
      List<ShardedDataset.Site> rows = new ArrayList<>(List.of(site));
      if (settings.targets().of(site.site()) != null) {
        rows.add(target(dataset, settings, site));
      }
      List<List<Source>> sources = new ArrayList<>();
      for (long checkpoint : checkpoints(dataset, settings, site)) {
        List<CaptureFindings.Source> constant =
            rows.stream()
                .map(each -> new CaptureFindings.Source(each.site(), checkpoint))
                .filter(each -> dataset.summary().isConstant(each.site(), each.checkpoint()))
                .toList();
        constant.stream().filter(each -> !leftOut.contains(each)).forEach(leftOut::add);
        if (constant.isEmpty()) {
          sources.add(
              rows.stream()
                  .map(each -> new Source(each.site(), checkpoint, each.width()))
                  .toList());
        }
      }
      if (sources.isEmpty()) {
        continue;
      }
      List<Source> side = sources.stream().flatMap(List::stream).toList();
      all.addAll(side);
      grids.add(
          new Grid(
              Source.nameOf(described(site, settings), known),
              rows.size() > 1 ? Target.TRANSCODER : Target.AUTOENCODER,
              settings.mode() == Mode.CROSSCODER ? List.of(side) : sources));
    }
    if (all.isEmpty()) {
      throw Failure.data(
          "dataset %s has nothing to learn from: the vectors do not vary in %s",
          dataset.folder(), leftOut);
    }
    return settings.mode() == Mode.CROSSCODER && settings.crosscoder().acrossSites()
        ? List.of(new Grid(ALL_SITES, Target.AUTOENCODER, List.of(all)))
        : grids;
  }

  /** What a site's dictionaries are about. */
  private static String described(ShardedDataset.Site site, TrainSettings settings) {
    String target = settings.targets().of(site.site());
    return target == null ? site.site() : site.site() + "-to-" + target;
  }

  /** The site that is reconstructed out of another, which must have been captured with it. */
  private static ShardedDataset.Site target(
      ShardedDataset dataset, TrainSettings settings, ShardedDataset.Site site) {
    String name = settings.targets().of(site.site());
    ShardedDataset.Site target =
        dataset.summary().sites().stream()
            .filter(each -> each.site().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    Failure.settings(
                        "targets.%s: dataset %s has no site %s; it has %s",
                        site.site(),
                        dataset.folder(),
                        name,
                        dataset.summary().sites().stream()
                            .map(ShardedDataset.Site::site)
                            .toList()));
    List<Long> wanted = checkpoints(dataset, settings, site);
    if (!target.checkpoints().containsAll(wanted)) {
      throw Failure.settings(
          "targets.%s: dataset %s has site %s at the checkpoints %s, of which site %s has %s: name those that both have in checkpoints",
          site.site(), dataset.folder(), site.site(), wanted, name, target.checkpoints());
    }
    return target;
  }

  private static List<ShardedDataset.Site> sites(ShardedDataset dataset, TrainSettings settings) {
    for (String site : settings.targets().sites()) {
      if (dataset.summary().sites().stream().noneMatch(each -> each.site().equals(site))) {
        throw Failure.settings(
            "targets.%s: dataset %s has no such site; it has %s",
            site,
            dataset.folder(),
            dataset.summary().sites().stream().map(ShardedDataset.Site::site).toList());
      }
    }
    return settings.sites().isEmpty()
        ? dataset.summary().sites()
        : settings.sites().stream().map(dataset::site).toList();
  }

  private static List<Long> checkpoints(
      ShardedDataset dataset, TrainSettings settings, ShardedDataset.Site site) {
    if (settings.checkpoints().isEmpty()) {
      return site.checkpoints();
    }
    for (long wanted : settings.checkpoints()) {
      if (!site.checkpoints().contains(wanted)) {
        throw Failure.settings(
            "checkpoints: dataset %s has no checkpoint %d of site %s; it has %s",
            dataset.folder(), wanted, site.site(), site.checkpoints());
      }
    }
    return List.copyOf(new TreeSet<>(settings.checkpoints()));
  }

  private static List<Integer> part(List<Integer> shards, int part, int parts) {
    List<Integer> mine = new ArrayList<>();
    for (int i = part; i < shards.size(); i += parts) {
      mine.add(shards.get(i));
    }
    return mine;
  }

  private static List<DictionaryPlan> series(
      ShardedDataset dataset,
      TrainSettings settings,
      Grid grid,
      DictionarySettings specification,
      int replica,
      List<Integer> shards) {
    boolean chain = settings.mode() == Mode.CHAIN;
    boolean crosscoder = settings.mode() == Mode.CROSSCODER;
    Weighting weighting = crosscoder ? settings.crosscoder().weights() : Weighting.UNIFORM;
    String family =
        settings.mode().key()
            + "-"
            + grid.name()
            + "-"
            + specification.label()
            + (weighting == Weighting.UNIFORM ? "" : "-" + weighting.key());
    List<DictionaryPlan> series = new ArrayList<>();
    for (List<Source> sources : grid.sources()) {
      DictionaryPlan parent = chain && !series.isEmpty() ? series.get(series.size() - 1) : null;
      String name = family + "-r" + replica;
      int widest =
          grid.target().reconstructed(sources).stream().mapToInt(Source::width).max().orElseThrow();
      DictionaryPlan unlinked =
          new DictionaryPlan(
              crosscoder ? name : name + "-c" + sources.get(0).checkpoint(),
              family,
              replica,
              chain || crosscoder ? name : null,
              series.size(),
              parent == null ? null : parent.id(),
              null,
              sources,
              grid.target(),
              weighting,
              settings.training().of(specification.with(settings.types()), specification, widest),
              settings.training().schedule(specification.width(), parent != null),
              settings.training().steps(parent != null),
              settings.training().workerBatch(),
              // Replicas of one number start from the same directions at every checkpoint and
              // width.
              Seeds.of(settings.seed(), name),
              settings.training().rounds(),
              null);
      String parentLink = parent == null ? null : parent.link();
      series.add(linked(dataset, settings, unlinked, parentLink, shards));
    }
    return series;
  }

  /** Fails where rounds are of more workers than have shards, or longer than all training. */
  private static void requireRounds(
      ShardedDataset dataset, DictionaryPlan plan, List<Integer> shards) {
    Rounds rounds = plan.rounds();
    if (rounds == null) {
      return;
    }
    if (rounds.workers() > shards.size()) {
      throw Failure.settings(
          "training.rounds.workers %d need a shard each to train on, %s has %d of dataset %s: shard it into more, or take fewer workers",
          rounds.workers(), plan.id(), shards.size(), dataset.folder());
    }
    if (plan.steps() < rounds.steps()) {
      throw Failure.settings(
          "training.%s are %d steps of %d rows for each of %d workers, fewer than the training.rounds.steps %d of one round: take more tokens, or fewer steps or rows of a batch",
          plan.parent() == null ? "tokens" : "link-tokens",
          plan.steps(),
          plan.batch(),
          rounds.workers(),
          rounds.steps());
    }
  }

  private static DictionaryPlan linked(
      ShardedDataset dataset,
      TrainSettings settings,
      DictionaryPlan plan,
      String parentLink,
      List<Integer> shards) {
    requireRounds(dataset, plan, shards);
    ObjectNode node = Json.object();
    node.set("plan", Json.tree(plan));
    if (plan.target() != Target.AUTOENCODER) {
      // What goes without saying is not said, so that links are those of before there were others.
      node.put("target", plan.target().key());
    }
    node.put("run_seed", settings.seed());
    node.put("kernel", settings.kernel());
    node.put("record_rates", settings.recordRates());
    node.put("parent", parentLink);
    node.set("shards", Json.tree(shards));
    node.set("held_out", Json.tree(dataset.summary().heldOutShards()));
    ArrayNode rows = node.putArray("rows");
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      for (Source source : plan.sources()) {
        rows.add(dataset.vectorsFile(source.site(), source.checkpoint(), shard).sha256());
      }
    }
    return plan.linked(Identity.sha256(Json.line(node).getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * A crosscoder of a lane over some of its sources.
   *
   * @param had its link over fewer of them, with whose weights it starts; null for none
   */
  static DictionaryPlan over(
      ShardedDataset dataset,
      TrainSettings settings,
      Lane lane,
      DictionaryPlan crosscoder,
      List<Source> sources,
      String had) {
    boolean link = had != null;
    int width = crosscoder.specification().width();
    return linked(
        dataset,
        settings,
        crosscoder.over(
            sources,
            had,
            settings.training().schedule(width, link),
            settings.training().steps(link)),
        had,
        lane.shards());
  }

  /** The same with other plans of dictionaries in the place of those of their id. */
  TrainPlan with(Map<String, DictionaryPlan> others) {
    return new TrainPlan(
        lanes.stream()
            .map(
                lane ->
                    new Lane(
                        lane.site(),
                        lane.shards(),
                        lane.series().stream()
                            .map(
                                series ->
                                    series.stream()
                                        .map(each -> others.getOrDefault(each.id(), each))
                                        .toList())
                            .toList()))
            .toList(),
        fitted,
        leftOut);
  }

  /** Tasks that train one dictionary at once. */
  int workers() {
    return lanes.isEmpty() ? 1 : lanes.get(0).series().get(0).get(0).workers();
  }

  /** Those that are trained. */
  List<DictionaryPlan> dictionaries() {
    return lanes.stream().flatMap(lane -> lane.series().stream()).flatMap(List::stream).toList();
  }

  /**
   * The units of work that one task each does: whole series of a chain; for independents, single
   * checkpoints.
   *
   * @param bundle largest number of series side by side
   */
  List<Lane> tasks(Mode mode, int bundle) {
    List<Lane> tasks = new ArrayList<>();
    for (Lane lane : lanes) {
      for (int from = 0; from < lane.series().size(); from += bundle) {
        List<List<DictionaryPlan>> members =
            lane.series().subList(from, Math.min(from + bundle, lane.series().size()));
        if (mode == Mode.CHAIN) {
          tasks.add(new Lane(lane.site(), lane.shards(), members));
          continue;
        }
        for (int checkpoint = 0; checkpoint < members.get(0).size(); checkpoint++) {
          int at = checkpoint;
          tasks.add(
              new Lane(
                  lane.site(),
                  lane.shards(),
                  members.stream().map(series -> List.of(series.get(at))).toList()));
        }
      }
    }
    return tasks;
  }

  /** The largest bundle that still gives every slot a task, and keeps bundles of a lane equal. */
  int bundle(Mode mode, int slots) {
    int largest = lanes.stream().mapToInt(lane -> lane.series().size()).max().orElse(1);
    for (int bundle = largest; bundle > 1; bundle--) {
      if (tasks(mode, bundle).size() >= slots) {
        return bundle;
      }
    }
    return 1;
  }
}
