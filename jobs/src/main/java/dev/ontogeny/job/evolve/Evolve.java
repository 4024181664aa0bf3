package dev.ontogeny.job.evolve;

import dev.ontogeny.data.Claim;
import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.evolution.StrengthLevels;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.job.Estimate;
import dev.ontogeny.job.Job;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;

/**
 * Follows features through checkpoints: {@code dictionaries} and {@code features} become {@code
 * evolution}.
 *
 * <p>The work is cut by pairs of neighbouring checkpoints (lineage), by ranges of tracks
 * (trajectories, events, sums), by checkpoints (formation, readings) and, for independent
 * dictionaries, by blocks of rows (overlaps). The driver keeps, for each series, the continuation
 * of every feature between checkpoints (4 bytes each), a confidence and a peak per track and one
 * set of sums; all else stays on executors and in files.
 */
public final class Evolve implements Job<EvolveSettings> {
  @Override
  public String name() {
    return "evolve";
  }

  @Override
  public String description() {
    return "Follow features through training checkpoints: births, peaks, deaths, lineage, phases.";
  }

  @Override
  public Class<EvolveSettings> settingsType() {
    return EvolveSettings.class;
  }

  @Override
  public Plan plan(SparkSession spark, EvolveSettings settings) {
    EvolvePlan plan = EvolvePlan.of(EvolveInputs.read(settings).continued());
    return Plan.of(spark, plan.lines(), plan.work());
  }

  @Override
  public Result run(SparkSession spark, EvolveSettings settings) {
    EvolveInputs inputs = EvolveInputs.read(settings);
    Optional<Manifest> published = inputs.publication().checked(settings).published();
    if (published.isPresent()) {
      return result(inputs, published.get(), true);
    }
    inputs.continued();
    try (Claim claim = inputs.publication().claim()) {
      return result(inputs, evolve(spark, inputs, claim), false);
    } catch (IOException e) {
      throw Failure.resources("%s", e.getMessage()).causedBy(e);
    }
  }

  private static Manifest evolve(SparkSession session, EvolveInputs inputs, Claim claim)
      throws IOException {
    JavaSparkContext spark = new JavaSparkContext(session.sparkContext());
    Broadcast<EvolveInputs> shared = spark.broadcast(inputs);
    LineageStage.match(spark, shared);
    List<TrackIndex> tracks = LineageStage.tracks(spark, shared);
    OverlapStage.count(spark, shared, tracks);
    List<StrengthLevels> levels = StatisticsStage.collect(spark, shared, tracks);
    List<float[]> confidences = ReplicationStage.confidences(spark, shared, tracks);
    TrackStage.follow(spark, shared, tracks, levels, confidences);
    List<TrackTask.Sums> sums = TrackStage.sums(inputs, tracks);
    FormationStage.form(spark, shared, sums);
    ReadingsStage.read(spark, shared, tracks);
    return publish(session, inputs, claim, tracks, sums);
  }

  private static Manifest publish(
      SparkSession session,
      EvolveInputs inputs,
      Claim claim,
      List<TrackIndex> tracks,
      List<TrackTask.Sums> sums)
      throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    files.addAll(LineageStage.files(inputs));
    files.addAll(TrackStage.files(inputs, tracks));
    files.addAll(OverlapStage.files(inputs));
    files.addAll(FormationStage.files(inputs));
    files.addAll(ReplicationStage.files(inputs));
    files.addAll(ReadingsStage.files(inputs));
    files.addAll(CurveStage.write(inputs, tracks, sums));
    return inputs
        .publication()
        .publish(
            claim,
            inputs.settings(),
            inputs.inputs(),
            files,
            EvolutionTables.ALL,
            Provenance.here(session.version(), null)
                .with(Estimate.of(session, EvolvePlan.of(inputs).work()).took(claim)),
            EvolveSummary.of(inputs, sums));
  }

  private static Result result(EvolveInputs inputs, Manifest manifest, boolean alreadyDone) {
    return new Result(
        manifest,
        inputs.publication().folder().toString(),
        alreadyDone,
        EvolveSummary.lines(inputs, manifest));
  }
}
