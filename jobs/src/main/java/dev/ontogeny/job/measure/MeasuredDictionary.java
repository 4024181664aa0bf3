package dev.ontogeny.job.measure;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.run.Failure;
import dev.ontogeny.spark.TableParts;
import dev.ontogeny.stats.DictionaryStatistics;
import dev.ontogeny.stats.FeatureStatistic;
import dev.ontogeny.stats.StatisticInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** What is published of a dictionary as a whole, at one of its sources. */
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
      double normRatio,
      Quality quality) {}

  /** What {@link FeatureTables#QUALITY} tells of a split; what is no number is told as none. */
  record Quality(
      double mse,
      double explainedVariance,
      double explainedVarianceLegacy,
      double normIn,
      double normOut,
      double bias,
      double l1) {

    static Quality of(DictionaryStatistics of) {
      return new Quality(
          of.meanSquaredError(),
          of.explainedVarianceOfSaeBench(),
          of.explainedShare(),
          of.normIn(),
          of.normOut(),
          of.relativeReconstructionBias(),
          of.l1());
    }
  }

  /** A statistic of the population with its bootstrap replicates. */
  record Statistic(String name, double value, double[] replicates) {}

  /** The dictionaries of a unit, at each of their places, out of the accounts of their features. */
  static List<MeasuredDictionary> of(
      MeasureUnit unit, MeasureSettings settings, List<MeasureReduction.Part> parts) {
    List<MeasuredDictionary> result = new ArrayList<>();
    for (int number = 0; number < unit.dictionaries().size(); number++) {
      int wanted = number;
      MeasureUnit.Measured dictionary = unit.dictionaries().get(number);
      if (!dictionary.forOverlapsOnly()) {
        result.addAll(
            of(
                dictionary,
                settings,
                parts.stream().filter(part -> part.dictionary() == wanted).toList()));
      }
    }
    return result;
  }

  private static List<MeasuredDictionary> of(
      MeasureUnit.Measured dictionary,
      MeasureSettings settings,
      List<MeasureReduction.Part> parts) {
    List<DictionaryStatistics> trained = none(dictionary, settings);
    List<DictionaryStatistics> heldOut = none(dictionary, settings);
    long activeTrained = 0;
    long activeHeldOut = 0;
    long active = 0;
    double[] activeReplicates = new double[settings.replicates()];
    for (MeasureReduction.Part part : parts) {
      if (part.trained() != null) {
        StatisticInput ofTrained = new StatisticInput(part.trained());
        trained.forEach(each -> each.mergeFrom(ofTrained));
        StatisticInput ofHeldOut = new StatisticInput(part.heldOut());
        heldOut.forEach(each -> each.mergeFrom(ofHeldOut));
      }
      activeTrained += part.activeTrained();
      activeHeldOut += part.activeHeldOut();
      active += part.active();
      for (int b = 0; b < activeReplicates.length; b++) {
        activeReplicates[b] += (double) part.activeReplicates()[b] / dictionary.width();
      }
    }
    List<MeasuredDictionary> result = new ArrayList<>();
    List<DictionaryStatistics> all = none(dictionary, settings);
    for (int p = 0; p < all.size(); p++) {
      List<Split> splits = new ArrayList<>();
      if (trained.get(p).rows() > 0) {
        splits.add(split("train", trained.get(p), activeTrained, dictionary.width()));
      }
      if (heldOut.get(p).rows() > 0) {
        splits.add(split("held_out", heldOut.get(p), activeHeldOut, dictionary.width()));
      }
      all.get(p).merge(trained.get(p));
      all.get(p).merge(heldOut.get(p));
      DictionaryStatistics unseen = heldOut.get(p).rows() > 0 ? heldOut.get(p) : trained.get(p);
      FeatureStatistic.Place place = dictionary.places().get(p);
      result.add(
          new MeasuredDictionary(
              dictionary.id(),
              place.site(),
              place.checkpoint(),
              splits,
              statistics(
                  all.get(p), unseen, (double) active / dictionary.width(), activeReplicates)));
    }
    return result;
  }

  private static List<Statistic> statistics(
      DictionaryStatistics all, DictionaryStatistics unseen, double alive, double[] replicates) {
    return List.of(
        new Statistic("fvu", unseen.fvu(), unseen.fvuReplicates()),
        new Statistic("cosine", unseen.cosine(), unseen.cosineReplicates()),
        new Statistic("norm_ratio", unseen.normRatio(), unseen.normRatioReplicates()),
        new Statistic("l0", all.l0(), all.l0Replicates()),
        new Statistic("mean_activation", all.meanActivation(), all.meanActivationReplicates()),
        new Statistic("alive_share", alive, replicates));
  }

  /** Statistics of each of a dictionary's places that have seen nothing yet. */
  static List<DictionaryStatistics> none(
      MeasureUnit.Measured dictionary, MeasureSettings settings) {
    return dictionary.places().stream()
        .map(place -> new DictionaryStatistics(place.width(), settings.replicates()))
        .toList();
  }

  private static Split split(String name, DictionaryStatistics of, long active, int width) {
    return new Split(
        name,
        of.rows(),
        of.fvu(),
        of.l0(),
        1 - (double) active / width,
        of.cosine(),
        of.normRatio(),
        Quality.of(of));
  }

  /** Writes the tables {@code dictionaries}, {@code quality} and {@code bootstrap}. */
  static List<PublishedFile> write(Publication publication, List<MeasuredDictionary> dictionaries) {
    List<MeasuredDictionary> sorted = new ArrayList<>(dictionaries);
    sorted.sort(
        Comparator.comparing(MeasuredDictionary::id)
            .thenComparing(MeasuredDictionary::site)
            .thenComparing(MeasuredDictionary::checkpoint));
    try (TableParts tables = new TableParts(publication.folder(), "all-" + publication.attempt())) {
      for (MeasuredDictionary each : sorted) {
        for (Split split : each.splits()) {
          tables.write(
              FeatureTables.DICTIONARIES,
              each.id(),
              each.site(),
              each.checkpoint(),
              split.name(),
              split.rows(),
              TableWriter.finite(split.fvu()),
              TableWriter.finite(split.l0()),
              split.deadShare(),
              TableWriter.finite(split.cosine()),
              TableWriter.finite(split.normRatio()));
          Quality quality = split.quality();
          tables.write(
              FeatureTables.QUALITY,
              each.id(),
              each.site(),
              each.checkpoint(),
              split.name(),
              split.rows(),
              quality.mse(),
              TableWriter.finite(quality.explainedVariance()),
              TableWriter.finite(quality.explainedVarianceLegacy()),
              quality.normIn(),
              quality.normOut(),
              TableWriter.finite(quality.bias()),
              quality.l1());
        }
        for (Statistic statistic : each.statistics()) {
          tables.write(
              FeatureTables.BOOTSTRAP,
              each.id(),
              each.site(),
              each.checkpoint(),
              statistic.name(),
              TableWriter.finite(statistic.value()),
              Arrays.stream(statistic.replicates()).filter(Double::isFinite).toArray());
        }
      }
      return tables.finish();
    } catch (IOException e) {
      throw Failure.resources(
              "output %s cannot be written to: %s", publication.folder(), e.getMessage())
          .causedBy(e);
    }
  }
}
