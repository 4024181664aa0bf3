package dev.ontogeny.job;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.run.Failure;
import dev.ontogeny.stats.DictionaryStatistics;
import dev.ontogeny.stats.StatisticInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** What is published of a dictionary as a whole. */
record MeasuredDictionary(
    String id, String site, long checkpoint, List<Split> splits, List<Statistic> statistics) {

  /** The rows that training may have seen, or the held-out ones. */
  record Split(
      String name,
      long rows,
      double fvu,
      double l0,
      double deadShare,
      double cosine,
      double normRatio) {}

  /** A statistic of the population with its bootstrap replicates. */
  record Statistic(String name, double value, double[] replicates) {}

  /** The dictionaries of a unit out of the accounts of their ranges of features. */
  static List<MeasuredDictionary> of(
      MeasureUnit unit, MeasureSettings settings, List<MeasureReduction.Part> parts) {
    List<MeasuredDictionary> result = new ArrayList<>();
    for (int number = 0; number < unit.dictionaries().size(); number++) {
      int wanted = number;
      MeasureUnit.Measured dictionary = unit.dictionaries().get(number);
      if (!dictionary.forOverlapsOnly()) {
        result.add(
            of(
                unit.site(),
                dictionary,
                settings,
                parts.stream().filter(part -> part.dictionary() == wanted).toList()));
      }
    }
    return result;
  }

  private static MeasuredDictionary of(
      String site,
      MeasureUnit.Measured dictionary,
      MeasureSettings settings,
      List<MeasureReduction.Part> parts) {
    DictionaryStatistics trained = statistics(dictionary, settings);
    DictionaryStatistics heldOut = statistics(dictionary, settings);
    long activeTrained = 0;
    long activeHeldOut = 0;
    long active = 0;
    double[] activeReplicates = new double[settings.replicates()];
    for (MeasureReduction.Part part : parts) {
      if (part.trained() != null) {
        trained.mergeFrom(new StatisticInput(part.trained()));
        heldOut.mergeFrom(new StatisticInput(part.heldOut()));
      }
      activeTrained += part.activeTrained();
      activeHeldOut += part.activeHeldOut();
      active += part.active();
      for (int b = 0; b < activeReplicates.length; b++) {
        activeReplicates[b] += (double) part.activeReplicates()[b] / dictionary.width();
      }
    }
    List<Split> splits = new ArrayList<>();
    if (trained.rows() > 0) {
      splits.add(split("train", trained, activeTrained, dictionary.width()));
    }
    if (heldOut.rows() > 0) {
      splits.add(split("held_out", heldOut, activeHeldOut, dictionary.width()));
    }
    DictionaryStatistics all = statistics(dictionary, settings);
    all.merge(trained);
    all.merge(heldOut);
    DictionaryStatistics unseen = heldOut.rows() > 0 ? heldOut : trained;
    return new MeasuredDictionary(
        dictionary.id(),
        site,
        dictionary.checkpoint(),
        splits,
        List.of(
            new Statistic("fvu", unseen.fvu(), unseen.fvuReplicates()),
            new Statistic("cosine", unseen.cosine(), unseen.cosineReplicates()),
            new Statistic("norm_ratio", unseen.normRatio(), unseen.normRatioReplicates()),
            new Statistic("l0", all.l0(), all.l0Replicates()),
            new Statistic("mean_activation", all.meanActivation(), all.meanActivationReplicates()),
            new Statistic("alive_share", (double) active / dictionary.width(), activeReplicates)));
  }

  private static DictionaryStatistics statistics(
      MeasureUnit.Measured dictionary, MeasureSettings settings) {
    return new DictionaryStatistics(dictionary.inputs(), settings.replicates());
  }

  private static Split split(String name, DictionaryStatistics of, long active, int width) {
    return new Split(
        name,
        of.rows(),
        of.fvu(),
        of.l0(),
        1 - (double) active / width,
        of.cosine(),
        of.normRatio());
  }

  /** Writes the tables {@code dictionaries} and {@code bootstrap}. */
  static List<PublishedFile> write(Folder folder, List<MeasuredDictionary> dictionaries) {
    List<MeasuredDictionary> sorted = new ArrayList<>(dictionaries);
    sorted.sort(Comparator.comparing(MeasuredDictionary::id));
    try (TableParts tables = new TableParts(folder, "all")) {
      for (MeasuredDictionary each : sorted) {
        for (Split split : each.splits()) {
          tables.write(
              MeasureTables.DICTIONARIES,
              each.id(),
              each.site(),
              each.checkpoint(),
              split.name(),
              split.rows(),
              finite(split.fvu()),
              finite(split.l0()),
              split.deadShare(),
              finite(split.cosine()),
              finite(split.normRatio()));
        }
        for (Statistic statistic : each.statistics()) {
          tables.write(
              MeasureTables.BOOTSTRAP,
              each.id(),
              each.site(),
              each.checkpoint(),
              statistic.name(),
              finite(statistic.value()),
              Arrays.stream(statistic.replicates()).filter(Double::isFinite).toArray());
        }
      }
      return tables.finish();
    } catch (IOException e) {
      throw Failure.resources("output %s cannot be written to: %s", folder, e.getMessage())
          .causedBy(e);
    }
  }

  /** Null where a ratio has nothing below it. */
  private static Double finite(double value) {
    return Double.isFinite(value) ? (Double) value : null;
  }
}
