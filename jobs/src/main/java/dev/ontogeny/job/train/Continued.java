package dev.ontogeny.job.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.train.TrainSettings.Mode;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.InitialDictionary;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is to be trained, and what of it an earlier publication has: dictionaries that are those of
 * the plan, byte for byte, and the weights of crosscoders over fewer checkpoints. A link of a chain
 * is the same wherever it comes from; a crosscoder that starts from weights that it had is another
 * one than from random weights, so that there the earlier publication is one of the inputs.
 *
 * @param plan in which crosscoders start from what was found
 * @param taken by id
 * @param starts of the crosscoders that are trained, each in a sentence; none if nothing is
 *     continued
 * @param inputs what decides the bytes of what is published
 */
record Continued(
    TrainPlan plan,
    Map<String, TrainTask.Reuse> taken,
    List<String> starts,
    List<Manifest.Input> inputs) {
  private static final Logger LOG = LoggerFactory.getLogger(Train.class);

  /** Reads what the settings name. */
  static Continued of(ShardedDataset dataset, TrainSettings settings) {
    TrainPlan plan = TrainPlan.of(dataset, settings);
    if (settings.continueFrom() == null) {
      return new Continued(plan, Map.of(), List.of(), List.of(dataset.asInput()));
    }
    Earlier earlier = Earlier.open(Folder.of(settings.continueFrom()));
    Map<String, TrainTask.Reuse> taken = new HashMap<>();
    Map<String, DictionaryPlan> crosscoders = new HashMap<>();
    List<String> starts = new ArrayList<>();
    for (TrainPlan.Lane lane : plan.lanes()) {
      for (DictionaryPlan each : lane.series().stream().flatMap(List::stream).toList()) {
        Optional<DictionaryMetadata> had = earlier.find(each.id());
        DictionaryPlan here = each;
        if (settings.mode() == Mode.CROSSCODER) {
          Optional<String> obstacle = obstacle(dataset, settings, lane, each, had.orElse(null));
          if (obstacle.isPresent()) {
            starts.add(
                String.format(
                    Locale.ROOT,
                    "%s starts from random weights: %s %s",
                    each.id(),
                    earlier.folder(),
                    obstacle.get()));
            continue;
          }
          boolean same = had.get().sources().equals(each.sources());
          String link = same ? had.get().parentLink() : had.get().link();
          here = TrainPlan.over(dataset, settings, lane, each, each.sources(), link);
          crosscoders.put(here.id(), here);
          if (!same) {
            starts.add(
                String.format(
                    Locale.ROOT,
                    "%s starts from the weights that it had over %d of its %d sources in %s (link %.12s)",
                    here.id(),
                    had.get().sources().size(),
                    here.sources().size(),
                    earlier.folder(),
                    link));
          }
        }
        if (had.isPresent() && here.link().equals(had.get().link())) {
          taken.put(here.id(), earlier.reuse(had.get()));
        }
      }
    }
    boolean decides = crosscoders.values().stream().anyMatch(each -> each.parentLink() != null);
    return new Continued(
        plan.with(crosscoders),
        taken,
        starts,
        decides ? List.of(dataset.asInput(), earlier.asInput()) : List.of(dataset.asInput()));
  }

  /** {@link #inputs} without a look at what does not decide them. */
  static List<Manifest.Input> inputs(ShardedDataset dataset, TrainSettings settings) {
    return settings.mode() == Mode.CROSSCODER
        ? of(dataset, settings).inputs
        : List.of(dataset.asInput());
  }

  /** Tells what was found. */
  void log(TrainSettings settings) {
    if (settings.continueFrom() != null) {
      LOG.info(
          "{} of {} dictionaries stand in {} already",
          taken.size(),
          plan.dictionaries().size(),
          settings.continueFrom());
      starts.forEach(LOG::info);
    }
  }

  /**
   * What there is in place of weights to go on from. What was published has to be, over the sources
   * that it had, what these settings make of this dataset.
   *
   * @param had null for none
   */
  private static Optional<String> obstacle(
      ShardedDataset dataset,
      TrainSettings settings,
      TrainPlan.Lane lane,
      DictionaryPlan crosscoder,
      DictionaryMetadata had) {
    if (had == null) {
      return Optional.of(
          "holds none of this name, which tells site, type, width and what differs from the type's settings");
    }
    for (Source each : had.sources()) {
      if (!crosscoder.sources().contains(each)) {
        return Optional.of(
            String.format(
                Locale.ROOT,
                "holds it over site %s of width %d at checkpoint %d, which is none of its sources here",
                each.site(),
                each.width(),
                each.checkpoint()));
      }
    }
    int[] origins = InitialDictionary.origins(had.sources(), crosscoder.sources());
    for (int s = 0; s < origins.length; s++) {
      if (origins[s] < 0) {
        Source source = crosscoder.sources().get(s);
        return Optional.of(
            String.format(
                Locale.ROOT,
                "holds it over no checkpoint of site %s up to %d",
                source.site(),
                source.checkpoint()));
      }
    }
    String type = crosscoder.specification().type().type(origins.length).key();
    if (!had.type().key().equals(type)) {
      return Optional.of(
          String.format(
              Locale.ROOT,
              "holds it as %s, over its sources here it is %s",
              had.type().key(),
              type));
    }
    DictionaryPlan before =
        TrainPlan.over(dataset, settings, lane, crosscoder, had.sources(), had.parentLink());
    List<String> differ =
        Identity.differences(
            weightless(had.training().settings()), weightless(Json.tree(before.settings())));
    if (!differ.isEmpty()) {
      return Optional.of("holds it of other settings: " + String.join(", ", differ));
    }
    return before.link().equals(had.link())
        ? Optional.empty()
        : Optional.of("holds it of other rows or shards, or of another seed, kernel or build");
  }

  /** Without what the weighting of the sources came to. */
  private static JsonNode weightless(JsonNode settings) {
    JsonNode copy = settings.deepCopy();
    if (copy.get("specification") instanceof ObjectNode specification) {
      specification.remove("source_weights");
    }
    return copy;
  }

  /** A publication of dictionaries. */
  private record Earlier(Folder folder, Manifest manifest) {
    static Earlier open(Folder folder) {
      return new Earlier(folder, Manifest.read(folder, "dictionaries"));
    }

    Manifest.Input asInput() {
      return manifest.asInput(folder.toString());
    }

    Optional<DictionaryMetadata> find(String id) {
      String description = id + "/dictionary.json";
      return manifest.files().stream().anyMatch(file -> file.path().equals(description))
          ? Optional.of(DictionaryFolder.metadata(folder, description))
          : Optional.empty();
    }

    TrainTask.Reuse reuse(DictionaryMetadata dictionary) {
      List<PublishedFile> files =
          manifest.files().stream()
              .filter(file -> dictionary.id().equals(file.dictionary()))
              .toList();
      return new TrainTask.Reuse(folder, files, dictionary.quality());
    }
  }
}
