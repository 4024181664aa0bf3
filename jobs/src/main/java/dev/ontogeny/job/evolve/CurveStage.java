package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.evolution.Curve;
import dev.ontogeny.evolution.Phase;
import dev.ontogeny.evolution.Population;
import dev.ontogeny.evolution.Sensitivity;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.run.Seeds;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What whole populations do over checkpoints: curves, phases, how far thresholds matter, who stays
 * who.
 */
final class CurveStage {
  private CurveStage() {}

  /** Writes the four tables, one file each. */
  static List<PublishedFile> write(
      EvolveInputs inputs, List<TrackIndex> tracks, List<TrackTask.Sums> sums) throws IOException {
    List<List<Curve>> curves = curves(inputs, sums);
    return List.of(
        writeCurves(inputs, curves),
        writePhases(inputs, curves, sums),
        writeSensitivity(inputs, sums),
        writeIdentity(inputs, tracks, sums));
  }

  /** Curves from tracks, then one for every statistic that was bootstrapped by document. */
  private static List<List<Curve>> curves(EvolveInputs inputs, List<TrackTask.Sums> sums)
      throws IOException {
    List<List<Curve>> curves = new ArrayList<>();
    for (int s = 0; s < sums.size(); s++) {
      curves.add(new ArrayList<>(Curve.of(sums.get(s).population())));
      if (inputs.series().get(s).crosscoder()) {
        double[] confirmed =
            Arrays.stream(sums.get(s).confirmedBirths()).mapToDouble(count -> count).toArray();
        curves.get(s).add(Curve.of("births_presence_confirmed", confirmed));
      }
    }
    List<Map<String, double[]>> values = new ArrayList<>();
    List<Map<String, double[][]>> replicates = new ArrayList<>();
    for (int s = 0; s < sums.size(); s++) {
      values.add(new TreeMap<>());
      replicates.add(new TreeMap<>());
    }
    for (PublishedFile file : inputs.featureFiles("bootstrap")) {
      inputs.eachRow(
          file,
          (s, t, row) -> {
            int length = inputs.series().get(s).length();
            String statistic = (String) row[0];
            values.get(s).computeIfAbsent(statistic, key -> unknown(length))[t] =
                row[1] == null ? Double.NaN : (Double) row[1];
            replicates.get(s).computeIfAbsent(statistic, key -> new double[length][0])[t] =
                (double[]) row[2];
          },
          "statistic",
          "value",
          "replicates");
    }
    for (int s = 0; s < sums.size(); s++) {
      for (Map.Entry<String, double[]> each : values.get(s).entrySet()) {
        curves
            .get(s)
            .add(Curve.of(each.getKey(), each.getValue(), replicates.get(s).get(each.getKey())));
      }
    }
    return curves;
  }

  private static double[] unknown(int size) {
    double[] result = new double[size];
    Arrays.fill(result, Double.NaN);
    return result;
  }

  private static PublishedFile writeCurves(EvolveInputs inputs, List<List<Curve>> curves)
      throws IOException {
    try (TableWriter writer =
        TableWriter.open(
            inputs.publication().folder(),
            "curves/all-" + inputs.publication().attempt() + ".parquet",
            EvolutionTables.CURVES)) {
      for (int s = 0; s < curves.size(); s++) {
        Series series = inputs.series().get(s);
        for (Curve curve : curves.get(s)) {
          for (int t = 0; t < series.length(); t++) {
            if (Double.isFinite(curve.values()[t])) {
              writer.write(
                  series.name(),
                  curve.name(),
                  series.checkpoints()[t],
                  curve.values()[t],
                  curve.low() == null ? null : ColumnValue.number(curve.low()[t]),
                  curve.high() == null ? null : ColumnValue.number(curve.high()[t]));
            }
          }
        }
      }
      return writer.finish();
    }
  }

  private static PublishedFile writePhases(
      EvolveInputs inputs, List<List<Curve>> curves, List<TrackTask.Sums> sums) throws IOException {
    try (TableWriter writer =
        TableWriter.open(
            inputs.publication().folder(),
            "phases/all-" + inputs.publication().attempt() + ".parquet",
            EvolutionTables.PHASES)) {
      for (int s = 0; s < curves.size(); s++) {
        Series series = inputs.series().get(s);
        for (Phase phase : phases(inputs, series, curves.get(s), sums.get(s).population())) {
          writer.write(
              series.name(),
              phase.curve(),
              series.checkpoints()[phase.start()],
              series.checkpoints()[phase.end()],
              phase.score(),
              phase.confidence(),
              phase.method(),
              phase.axis().key(),
              ColumnValue.number(phase.support()));
        }
      }
      return writer.finish();
    }
  }

  private static List<Phase> phases(
      EvolveInputs inputs, Series series, List<Curve> curves, Population population) {
    Phase.Rules rules = inputs.settings().phases();
    List<Phase> phases =
        new ArrayList<>(
            Phase.reorganisation(
                series.checkpoints(),
                population,
                rules,
                Seeds.of(inputs.settings().seed(), "phases", series.name())));
    for (Curve curve : curves) {
      phases.addAll(Phase.segments(series.checkpoints(), curve, rules));
    }
    return phases;
  }

  private static PublishedFile writeSensitivity(EvolveInputs inputs, List<TrackTask.Sums> sums)
      throws IOException {
    try (TableWriter writer =
        TableWriter.open(
            inputs.publication().folder(),
            "sensitivity/all-" + inputs.publication().attempt() + ".parquet",
            EvolutionTables.SENSITIVITY)) {
      for (int s = 0; s < sums.size(); s++) {
        long active = EvolveSummary.active(sums.get(s).population());
        for (Sensitivity.Changed each : sums.get(s).sensitivity().changed()) {
          writer.write(
              inputs.series().get(s).name(),
              each.threshold(),
              each.value(),
              active,
              each.births(),
              each.emergences(),
              each.directionBirths(),
              each.deaths(),
              each.classes());
        }
      }
      return writer.finish();
    }
  }

  private static PublishedFile writeIdentity(
      EvolveInputs inputs, List<TrackIndex> tracks, List<TrackTask.Sums> sums) throws IOException {
    try (TableWriter writer =
        TableWriter.open(
            inputs.publication().folder(),
            "identity/all-" + inputs.publication().attempt() + ".parquet",
            EvolutionTables.IDENTITY)) {
      for (int s = 0; s < sums.size(); s++) {
        Series series = inputs.series().get(s);
        long[][] before = inputs.before().identity(series);
        for (int t = 0; t + 1 < series.length() && series.chain(); t++) {
          long[] counts = before[t] == null ? sums.get(s).identity()[t] : before[t];
          writer.write(
              series.name(),
              series.checkpoints()[t],
              series.checkpoints()[t + 1],
              counts[0],
              counts[1],
              counts[2],
              counts[3],
              counts[0] == 0 ? null : (double) counts[1] / counts[0],
              handedOver(tracks.get(s), series, t));
        }
      }
      return writer.finish();
    }
  }

  private static long handedOver(TrackIndex tracks, Series series, int t) {
    long count = 0;
    for (int feature = 0; feature < series.features()[t]; feature++) {
      count += tracks.trackOf(t, feature) == tracks.trackOf(t + 1, feature) ? 0 : 1;
    }
    return count;
  }
}
