package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.evolution.BirthCheck;
import dev.ontogeny.evolution.EventRules;
import dev.ontogeny.evolution.LeadingTracks;
import dev.ontogeny.evolution.Lifecycle;
import dev.ontogeny.evolution.Population;
import dev.ontogeny.evolution.RelativeNorms;
import dev.ontogeny.evolution.Sensitivity;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.TimeAxis;
import dev.ontogeny.evolution.Track;
import dev.ontogeny.evolution.TrackEvents;
import dev.ontogeny.evolution.TrackStatistics;
import dev.ontogeny.evolution.Trajectories;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.spark.TableParts;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;

/** Follows a range of tracks: writes its trajectories and events, leaves its part of the sums. */
final class TrackTask implements VoidFunction<StatisticsTasks.Range> {
  private static final long serialVersionUID = 1;
  private final Broadcast<EvolveInputs> broadcast;
  private final Broadcast<Knowledge> knowledge;

  /**
   * What only all tracks together tell.
   *
   * @param confidences by series, [tracks]; null where there is no replica
   * @param strong by series, [T], strength of the strongest tracks
   */
  record Knowledge(List<float[]> confidences, List<double[]> strong) implements Serializable {}

  /**
   * Sums over tracks of a series.
   *
   * @param checkedBirths [T], births by presence of which latent scaling tells something
   * @param confirmedBirths [T], those that it confirms
   */
  record Sums(
      Population population,
      Sensitivity sensitivity,
      LeadingTracks leading,
      long[][] identity,
      long[] checkedBirths,
      long[] confirmedBirths) {

    static Sums none(EvolveInputs inputs, Series series) {
      EvolveSettings settings = inputs.settings();
      return new Sums(
          new Population(series.length(), settings.phases().bootstraps()),
          new Sensitivity(inputs.events(series), settings.sensitivityFactors()),
          new LeadingTracks(settings.formation().tracks()),
          new long[series.length() - 1][4],
          new long[series.length()],
          new long[series.length()]);
    }

    void write(EvolveInputs inputs, int s, int range) throws IOException {
      try (DataOutputStream out =
          new DataOutputStream(
              new BufferedOutputStream(
                  inputs.publication().folder().create(inputs.sumsPath(s, range)), 1 << 16))) {
        population.write(out);
        sensitivity.write(out);
        leading.write(out);
        for (long[] counts : counts()) {
          for (long each : counts) {
            out.writeLong(each);
          }
        }
      }
    }

    void mergeFrom(EvolveInputs inputs, int s, int range) throws IOException {
      try (DataInputStream in =
          new DataInputStream(
              new BufferedInputStream(
                  inputs.publication().folder().open(inputs.sumsPath(s, range)), 1 << 16))) {
        population.merge(Population.read(in));
        sensitivity.mergeFrom(in);
        leading.mergeFrom(in);
        for (long[] counts : counts()) {
          for (int i = 0; i < counts.length; i++) {
            counts[i] += in.readLong();
          }
        }
      }
    }

    private List<long[]> counts() {
      List<long[]> counts = new ArrayList<>(List.of(identity));
      counts.add(checkedBirths);
      counts.add(confirmedBirths);
      return counts;
    }
  }

  TrackTask(Broadcast<EvolveInputs> inputs, Broadcast<Knowledge> knowledge) {
    this.broadcast = inputs;
    this.knowledge = knowledge;
  }

  static String unit(EvolveInputs inputs, StatisticsTasks.Range range) {
    Series series = inputs.series().get(range.s());
    return "tracks/" + series.name() + "/" + range.number() + inputs.before().mark(series);
  }

  @Override
  public void call(StatisticsTasks.Range range) throws IOException {
    EvolveInputs inputs = broadcast.value();
    Series series = inputs.series().get(range.s());
    EventRules rules = inputs.events(series);
    TrackStatistics statistics = inputs.readStatistics(range.s(), range.number());
    Trajectories trajectories =
        new Trajectories(
            statistics,
            inputs.decoders(series, statistics),
            series.width(),
            rules.firstTrained(series.checkpoints()));
    Sums sums = Sums.none(inputs, series);
    List<PublishedFile> files = new ArrayList<>(write(inputs, series, range, trajectories, sums));
    if (series.crosscoder()) {
      files.addAll(writeCrosscoder(inputs, series, range, trajectories, sums));
    }
    if (series.chain()) {
      countIdentity(inputs, range.s(), statistics, sums.identity);
    }
    sums.write(inputs, range.s(), range.number());
    inputs.publication().finished(unit(inputs, range), files, Map.of());
  }

  private List<PublishedFile> write(
      EvolveInputs inputs,
      Series series,
      StatisticsTasks.Range range,
      Trajectories trajectories,
      Sums sums)
      throws IOException {
    EvolveSettings settings = inputs.settings();
    EventRules rules = inputs.events(series);
    float[] confidences = knowledge.value().confidences.get(range.s());
    double[] strong = knowledge.value().strong.get(range.s());
    double[] time = TimeAxis.LOG.unit(series.checkpoints());
    long seed = Seeds.of(settings.seed(), "track-bootstrap", series.name());
    TrackStatistics statistics = trajectories.statistics();
    String name = fileName(series, range, inputs.publication().attempt());
    try (TableWriter trajectoryWriter =
            TableWriter.open(
                inputs.publication().folder(),
                "trajectories/" + name,
                EvolutionTables.TRAJECTORIES);
        TableWriter eventWriter =
            TableWriter.open(
                inputs.publication().folder(), "events/" + name, EvolutionTables.EVENTS)) {
      for (int i = 0; i < statistics.size(); i++) {
        Track track = trajectories.track(i);
        TrackEvents events = rules.events(track, time);
        boolean[] alive = rules.alive(track);
        int number = statistics.first() + i;
        Double confidence = confidences == null ? null : (double) confidences[number];
        sums.population.add(trajectories, i, track, events, alive, strong, seed);
        if (events.lifecycle() != Lifecycle.INACTIVE) {
          sums.sensitivity.add(track, time, events);
          int last = statistics.feature(i, series.length() - 1);
          if (last >= 0) {
            sums.leading.offer(
                new LeadingTracks.Leader(
                    number,
                    last,
                    confidence == null ? 0 : confidence,
                    track.strength()[track.strongest()]));
          }
        }
        writeTrajectory(trajectoryWriter, series, trajectories, i, track, alive);
        writeEvents(eventWriter, series, number, track, events, confidence);
      }
      return List.of(trajectoryWriter.finish(), eventWriter.finish());
    }
  }

  private static String fileName(Series series, StatisticsTasks.Range range, String attempt) {
    return String.format(Locale.ROOT, "%s/%05d-%s.parquet", series.name(), range.number(), attempt);
  }

  /** What is told of features of crosscoders alone. */
  private static List<PublishedFile> writeCrosscoder(
      EvolveInputs inputs,
      Series series,
      StatisticsTasks.Range range,
      Trajectories trajectories,
      Sums sums)
      throws IOException {
    EventRules rules = inputs.events(series);
    double[] time = TimeAxis.LOG.unit(series.checkpoints());
    boolean few = series.length() == 2 || series.length() == 3;
    List<PublishedFile> files = new ArrayList<>();
    try (TableParts tables =
        new TableParts(
            inputs.publication().folder(),
            fileName(series, range, inputs.publication().attempt()).replace(".parquet", ""))) {
      for (int i = 0; i < trajectories.statistics().size(); i++) {
        TrackEvents events = rules.events(trajectories.track(i), time);
        if (events.birth() >= 0) {
          writeBirthCheck(
              tables, inputs, series, trajectories.statistics(), i, events.birth(), sums);
        }
        if (few && events.lifecycle() != Lifecycle.INACTIVE) {
          writeRelativeNorms(tables, inputs, series, trajectories.statistics(), i);
        }
      }
      files.addAll(tables.finish());
    }
    return files;
  }

  private static void writeBirthCheck(
      TableParts tables,
      EvolveInputs inputs,
      Series series,
      TrackStatistics statistics,
      int i,
      int birth,
      Sums sums)
      throws IOException {
    BirthCheck check = BirthCheck.of(statistics, i, birth);
    boolean confirmed = check.confirmed(inputs.settings().crosscoder().birthCheck());
    sums.checkedBirths[birth] += check.possible() ? 1 : 0;
    sums.confirmedBirths[birth] += confirmed ? 1 : 0;
    tables.write(
        EvolutionTables.BIRTH_CHECKS,
        series.name(),
        statistics.first() + i,
        series.checkpoints()[birth],
        ColumnValue.number(check.errorBefore()),
        ColumnValue.number(check.othersBefore()),
        ColumnValue.number(check.errorAtBirth()),
        ColumnValue.number(check.othersAtBirth()),
        check.possible() ? confirmed : null);
  }

  /** Each checkpoint against all others, and of three also against each one of them. */
  private static void writeRelativeNorms(
      TableParts tables, EvolveInputs inputs, Series series, TrackStatistics statistics, int i)
      throws IOException {
    for (int t = 0; t < series.length(); t++) {
      double norm = statistics.decoderNorm(i, t);
      double all = 0;
      for (int u = 0; u < series.length(); u++) {
        all += statistics.decoderNorm(i, u);
      }
      writeRelativeNorm(tables, inputs, series, statistics.first() + i, t, -1, norm, all - norm);
      for (int u = 0; series.length() == 3 && u < 3; u++) {
        if (u != t) {
          double other = statistics.decoderNorm(i, u);
          writeRelativeNorm(tables, inputs, series, statistics.first() + i, t, u, norm, other);
        }
      }
    }
  }

  private static void writeRelativeNorm(
      TableParts tables,
      EvolveInputs inputs,
      Series series,
      int track,
      int t,
      int other,
      double norm,
      double others)
      throws IOException {
    double share = RelativeNorms.share(norm, others);
    if (Double.isNaN(share)) {
      return;
    }
    tables.write(
        EvolutionTables.RELATIVE_NORMS,
        series.name(),
        track,
        series.checkpoints()[t],
        ColumnValue.checkpoint(series.checkpoints(), other),
        share,
        RelativeNorms.difference(norm, others),
        inputs.settings().crosscoder().relativeNorms().kind(share));
  }

  private static void writeTrajectory(
      TableWriter writer,
      Series series,
      Trajectories trajectories,
      int i,
      Track track,
      boolean[] alive)
      throws IOException {
    TrackStatistics statistics = trajectories.statistics();
    boolean present = false;
    for (int t = 0; t < series.length(); t++) {
      int feature = statistics.feature(i, t);
      // A track that ends has one more row, of feature -1 and no strength: there it is dead.
      if (feature < 0 && !present) {
        continue;
      }
      present = feature >= 0;
      writer.write(
          series.name(),
          statistics.first() + i,
          series.checkpoints()[t],
          series.dictionaries()[t],
          feature,
          statistics.firingRate(i, t),
          statistics.strength(i, t),
          statistics.decoderNorm(i, t),
          trajectories.relativeNorm(i, t),
          ColumnValue.number(trajectories.cosinePrevious(i, t)),
          ColumnValue.number(trajectories.cosineFirst(i, t)),
          ColumnValue.number(trajectories.cosineFinal(i, t)),
          ColumnValue.number(statistics.jaccardPrevious(i, t)),
          track.relativeStrength(t),
          ColumnValue.number(trajectories.cosineStrongest(i, t)),
          alive[t]);
    }
  }

  private static void writeEvents(
      TableWriter writer,
      Series series,
      int number,
      Track track,
      TrackEvents events,
      Double confidence)
      throws IOException {
    long[] checkpoints = series.checkpoints();
    writer.write(
        series.name(),
        number,
        ColumnValue.checkpoint(checkpoints, events.birth()),
        ColumnValue.checkpoint(checkpoints, events.emergence()),
        ColumnValue.checkpoint(checkpoints, events.directionBirth()),
        ColumnValue.checkpoint(checkpoints, events.peak()),
        ColumnValue.checkpoint(checkpoints, events.death()),
        events.lifecycle().key(),
        confidence,
        track.strength()[track.strongest()],
        track.firingRate()[track.strongest()]);
  }

  /**
   * Of the features that fire at two neighbouring checkpoints, and so are the same by index: those
   * that are each other's nearest, those whose mutual nearest is another, those that have none.
   */
  private static void countIdentity(
      EvolveInputs inputs, int s, TrackStatistics statistics, long[][] identity)
      throws IOException {
    for (int t = 0; t < identity.length; t++) {
      if (inputs.before().isLineageKnown(inputs.series().get(s), t)) {
        continue;
      }
      int[] nearest = inputs.readSuccessors(s, t)[1];
      for (int i = 0; i < statistics.size(); i++) {
        if (statistics.firingRate(i, t) > 0 && statistics.firingRate(i, t + 1) > 0) {
          int feature = statistics.feature(i, t);
          identity[t][0]++;
          identity[t][nearest[feature] == feature ? 1 : nearest[feature] >= 0 ? 2 : 3]++;
        }
      }
    }
  }
}
