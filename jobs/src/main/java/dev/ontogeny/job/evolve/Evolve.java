package dev.ontogeny.job.evolve;

import dev.ontogeny.data.Claim;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.evolution.Curve;
import dev.ontogeny.evolution.LeadingTracks;
import dev.ontogeny.evolution.Lifecycle;
import dev.ontogeny.evolution.Matches;
import dev.ontogeny.evolution.Phase;
import dev.ontogeny.evolution.Population;
import dev.ontogeny.evolution.Sensitivity;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.StrengthLevels;
import dev.ontogeny.evolution.TrackIndex;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.evolve.CounterpartsTask.Replicas;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

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
  private static final Logger LOG = LoggerFactory.getLogger(Evolve.class);

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

  /** {@code summary} of the manifest. */
  record Summary(List<SeriesSummary> series) {}

  /**
   * One series in short.
   *
   * @param replicas how many series of its family confirm each other, itself included
   * @param births by presence, per checkpoint; the other two definitions likewise
   * @param checkedBirths of a crosscoder, births by presence that latent scaling tells something
   *     of; confirmedBirths those that it confirms; null for others
   * @param classes tracks by class
   */
  record SeriesSummary(
      String series,
      String kind,
      boolean chain,
      int replicas,
      long tracks,
      long active,
      Map<String, Long> classes,
      Map<Long, Long> births,
      Map<Long, Long> checkedBirths,
      Map<Long, Long> confirmedBirths,
      Map<Long, Long> emergences,
      Map<Long, Long> directionBirths,
      Map<Long, Long> deaths) {}

  @Override
  public Plan plan(SparkSession spark, EvolveSettings settings) {
    EvolveInputs inputs = EvolveInputs.read(settings);
    long rows = 0;
    long bytes = 0;
    for (StatisticsTasks.Table table : StatisticsTasks.Table.values()) {
      for (PublishedFile file : inputs.featureFiles(table.key())) {
        rows += file.rows();
        bytes += file.bytes();
      }
    }
    long blocks = 0;
    long ranges = 0;
    double operations = 0;
    long memory = 0;
    for (Series series : inputs.series()) {
      long size = inputs.rangeSize(series);
      for (int t = 0; t + 1 < series.length(); t++) {
        double pairs = (double) series.features()[t] * series.features()[t + 1];
        operations += 4 * pairs * series.width();
        blocks += ceilingOf(series.features()[t], inputs.blockSize(series));
      }
      ranges += ceilingOf(series.features()[0], size);
      memory = Math.max(memory, 8L * size * series.length() * series.width() + 8 * size * size);
      memory = Math.max(memory, 24L * inputs.blockSize(series) * series.width());
      if (series.kind() == Series.Kind.INDEPENDENTS && series.length() > 1) {
        long latents = Arrays.stream(series.features()).asLongStream().sum();
        operations += 2.0 * inputs.dataset().summary().rows() * latents * series.width();
        long most = Arrays.stream(series.features()).max().orElse(0);
        long codes = inputs.settings().rangeMemory().bytes();
        memory = Math.max(memory, 16 * most * series.width() + 24 * most + codes);
      }
      if (series.crosscoder()) {
        memory = Math.max(memory, 8L * series.features()[0] * series.length() * series.width());
      } else if (readsAgain(inputs)) {
        long most = Arrays.stream(series.features()).max().orElse(0);
        long read =
            Math.min(inputs.dataset().summary().rows(), inputs.settings().readings().rows() * most);
        operations += 2.0 * read * most * series.width() * series.length();
        int together =
            Math.min(inputs.series().size(), inputs.settings().readings().dictionariesPerScan());
        memory = Math.max(memory, 8 * most * series.width() * together);
      }
    }
    for (Replicas each : replicas(inputs)) {
      Series series = inputs.series().get(each.from());
      double features = Arrays.stream(series.features()).max().orElse(0);
      operations += 2 * features * features * series.width() * series.length();
    }
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "series",
        String.join(
            ", ",
            inputs.series().stream()
                .map(each -> each.name() + " (" + each.length() + " checkpoints)")
                .toList()));
    lines.put("rows", String.format(Locale.ROOT, "%,d of statistics", rows));
    lines.put("bytes", new ByteSize(bytes) + " of statistics");
    lines.put(
        "tasks",
        String.format(Locale.ROOT, "%,d blocks to match, %,d ranges of tracks", blocks, ranges));
    lines.put("FLOPs", String.format(Locale.ROOT, "%.2e", operations));
    lines.put("memory per task", new ByteSize(memory).toString());
    return new Plan(lines);
  }

  private static long ceilingOf(long count, long size) {
    return (count + size - 1) / size;
  }

  @Override
  public Result run(SparkSession spark, EvolveSettings settings) {
    EvolveInputs inputs = EvolveInputs.read(settings);
    Optional<Manifest> published = inputs.publication().checked(settings).published();
    if (published.isPresent()) {
      return result(inputs, published.get(), true);
    }
    try (Claim claim = inputs.publication().claim()) {
      return result(
          inputs, evolve(new JavaSparkContext(spark.sparkContext()), inputs, claim), false);
    } catch (IOException e) {
      throw Failure.resources("%s", e.getMessage()).causedBy(e);
    }
  }

  private static Manifest evolve(JavaSparkContext spark, EvolveInputs inputs, Claim claim)
      throws IOException {
    Broadcast<EvolveInputs> shared = spark.broadcast(inputs);
    matchCheckpoints(spark, shared);
    List<TrackIndex> tracks = tracks(spark, shared);
    countOverlaps(spark, shared, tracks);
    List<StrengthLevels> levels = collectStatistics(spark, shared, tracks);
    List<float[]> confidences = confidences(spark, shared, tracks);
    followTracks(spark, shared, tracks, levels, confidences);
    List<TrackTask.Sums> sums = sums(inputs, tracks);
    form(spark, shared, sums);
    readAgain(spark, shared, tracks);
    return publish(spark, inputs, claim, tracks, sums);
  }

  /** Lineage of every pair of neighbouring checkpoints, where it is not there yet. */
  private static void matchCheckpoints(JavaSparkContext spark, Broadcast<EvolveInputs> shared) {
    EvolveInputs inputs = shared.value();
    List<LineageTasks.Block> blocks = new ArrayList<>();
    int pairs = 0;
    for (int s = 0; s < inputs.series().size(); s++) {
      Series series = inputs.series().get(s);
      for (int t = 0; t + 1 < series.length(); t++) {
        LineageTasks.Pair pair = new LineageTasks.Pair(s, t);
        if (inputs.publication().unit(pair.unit(inputs)).isEmpty()) {
          pairs++;
          int size = inputs.blockSize(series);
          for (int first = 0; first < series.features()[t]; first += size) {
            blocks.add(new LineageTasks.Block(pair, first));
          }
        }
      }
    }
    if (blocks.isEmpty()) {
      return;
    }
    spark.sc().setJobDescription("Match features of " + pairs + " pairs of checkpoints");
    spark
        .parallelize(blocks, blocks.size())
        .mapToPair(new LineageTasks.Compare(shared))
        .reduceByKey(Matches::merge, pairs)
        .foreach(new LineageTasks.Write(shared));
    LOG.info("Matched features of {} pairs of checkpoints in {} blocks", pairs, blocks.size());
  }

  /**
   * Who is the same from checkpoint to checkpoint: in a chain the feature of the same index, unless
   * its latent was taken over; in a crosscoder the feature itself; among independents what matching
   * continues.
   */
  private static List<TrackIndex> tracks(JavaSparkContext spark, Broadcast<EvolveInputs> shared)
      throws IOException {
    EvolveInputs inputs = shared.value();
    BitSet[][] handovers = handovers(spark, shared);
    List<TrackIndex> tracks = new ArrayList<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      Series series = inputs.series().get(s);
      int number = s;
      tracks.add(
          TrackIndex.following(
              series.features(),
              t ->
                  switch (series.kind()) {
                    case CHAIN -> successors(series.features()[t], handovers[number][t + 1]);
                    case CROSSCODER -> successors(series.features()[t], new BitSet());
                    case INDEPENDENTS -> inputs.readSuccessors(number, t)[0];
                  }));
    }
    return tracks;
  }

  private static int[] successors(int features, BitSet handedOver) {
    int[] successors = new int[features];
    Arrays.setAll(successors, feature -> handedOver.get(feature) ? -1 : feature);
    return successors;
  }

  /**
   * Latents of chains that are another feature's from a checkpoint on: they point elsewhere than at
   * the checkpoint before and do not fire where they did. By series and checkpoint; null for a
   * series that is no chain.
   */
  private static BitSet[][] handovers(JavaSparkContext spark, Broadcast<EvolveInputs> shared)
      throws IOException {
    EvolveInputs inputs = shared.value();
    BitSet[][] turned = new BitSet[inputs.series().size()][];
    long count = 0;
    for (int s = 0; s < turned.length; s++) {
      Series series = inputs.series().get(s);
      if (series.chain()) {
        turned[s] = new BitSet[series.length()];
        for (int t = 0; t + 1 < series.length(); t++) {
          int[] flags = inputs.readSuccessors(s, t)[2];
          turned[s][t + 1] = new BitSet(flags.length);
          for (int feature = 0; feature < flags.length; feature++) {
            turned[s][t + 1].set(feature, flags[feature] != 0);
          }
          count += turned[s][t + 1].cardinality();
        }
      }
    }
    List<PublishedFile> files = inputs.featureFiles("overlaps");
    if (count == 0 || files.isEmpty()) {
      return turned;
    }
    spark.sc().setJobDescription("Look where " + count + " turned latents fire");
    Broadcast<BitSet[][]> sharedTurned = spark.broadcast(turned);
    for (StatisticsTasks.Kept kept :
        spark
            .parallelize(files, files.size())
            .flatMap(new StatisticsTasks.FindKept(shared, sharedTurned))
            .collect()) {
      for (int feature : kept.features()) {
        turned[kept.s()][kept.t()].clear(feature);
        count--;
      }
    }
    LOG.info("{} times a latent of a chain was taken over by another feature", count);
    return turned;
  }

  /** Rows on which tracks of independent dictionaries fire, where they are not counted yet. */
  private static void countOverlaps(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks) {
    EvolveInputs inputs = shared.value();
    List<OverlapTasks.Moment> missing =
        OverlapTasks.moments(inputs).stream()
            .filter(each -> inputs.publication().unit(each.unit(inputs)).isEmpty())
            .toList();
    if (missing.isEmpty()) {
      return;
    }
    List<OverlapTasks.Part> parts = OverlapTasks.parts(inputs, missing);
    // Counts of the blocks of a task are added up before they are sent.
    int tasks = Math.min(parts.size(), Math.max(16, 4 * spark.defaultParallelism()));
    spark
        .sc()
        .setJobDescription(
            "Count where tracks fire at " + missing.size() + " pairs of checkpoints");
    spark
        .parallelize(parts, tasks)
        .flatMapToPair(new OverlapTasks.Count(shared))
        .reduceByKey(OverlapTasks::merge, missing.size())
        .foreach(new OverlapTasks.Write(shared, spark.broadcast(tracks)));
    LOG.info(
        "Counted where tracks fire at {} pairs of checkpoints in {} blocks of rows",
        missing.size(),
        parts.size());
  }

  /** Brings statistics into ranges of tracks; tells how strengths are distributed. */
  private static List<StrengthLevels> collectStatistics(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks) {
    EvolveInputs inputs = shared.value();
    List<PublishedFile> files = new ArrayList<>();
    for (StatisticsTasks.Table table : StatisticsTasks.Table.values()) {
      files.addAll(inputs.featureFiles(table.key()));
    }
    if (inputs.featureFiles("features").isEmpty()) {
      throw Failure.data("features %s have no table features", inputs.features());
    }
    files.addAll(overlaps(inputs));
    Broadcast<List<TrackIndex>> sharedTracks = spark.broadcast(tracks);
    spark.sc().setJobDescription("Sort statistics of " + files.size() + " files by track");
    List<StrengthLevels> levels = new ArrayList<>();
    for (Series series : inputs.series()) {
      levels.add(new StrengthLevels(series.length()));
    }
    JavaPairRDD<Integer, StrengthLevels> found =
        spark
            .parallelize(files, files.size())
            .flatMapToPair(new StatisticsTasks.Read(shared, sharedTracks))
            .groupByKey(Math.max(1, ranges(inputs, tracks).size()))
            .mapToPair(new StatisticsTasks.Assemble(shared, sharedTracks))
            .reduceByKey(StrengthLevels::merge, inputs.series().size());
    for (Tuple2<Integer, StrengthLevels> each : found.collect()) {
      levels.get(each._1()).merge(each._2());
    }
    LOG.info("Sorted statistics of {} files into tracks", files.size());
    return levels;
  }

  private static List<PublishedFile> overlaps(EvolveInputs inputs) {
    return OverlapTasks.moments(inputs).stream()
        .flatMap(each -> filesOf(inputs, each.unit(inputs)).stream())
        .toList();
  }

  private static List<StatisticsTasks.Range> ranges(EvolveInputs inputs, List<TrackIndex> tracks) {
    List<StatisticsTasks.Range> ranges = new ArrayList<>();
    for (int s = 0; s < tracks.size(); s++) {
      int size = inputs.rangeSize(inputs.series().get(s));
      for (int number = 0; (long) number * size < tracks.get(s).count(); number++) {
        ranges.add(new StatisticsTasks.Range(s, number));
      }
    }
    return ranges;
  }

  private static List<Replicas> replicas(EvolveInputs inputs) {
    List<Replicas> pairs = new ArrayList<>();
    List<Series> series = inputs.series();
    for (int a = 0; a < series.size(); a++) {
      for (int b = a + 1; b < series.size(); b++) {
        if (series.get(a).family().equals(series.get(b).family())
            && Arrays.equals(series.get(a).checkpoints(), series.get(b).checkpoints())) {
          pairs.add(new Replicas(a, b));
        }
      }
    }
    return pairs;
  }

  /**
   * How far each track is confirmed by the other replicas: the mean over them of the cosine to its
   * mutual nearest neighbour by whole trajectory, 0 where it has none; null for a series without
   * replica.
   */
  private static List<float[]> confidences(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks) {
    EvolveInputs inputs = shared.value();
    List<float[]> confidences = new ArrayList<>();
    int[] others = new int[tracks.size()];
    tracks.forEach(each -> confidences.add(null));
    List<Replicas> pairs = replicas(inputs);
    List<ReplicationTask.Range> work = new ArrayList<>();
    for (int p = 0; p < pairs.size(); p++) {
      int from = pairs.get(p).from();
      int to = pairs.get(p).to();
      others[from]++;
      others[to]++;
      int size = inputs.rangeSize(inputs.series().get(from));
      for (int number = 0; (long) number * size < tracks.get(from).count(); number++) {
        work.add(new ReplicationTask.Range(p, from, number, to, tracks.get(to).count()));
      }
    }
    if (work.isEmpty()) {
      return confidences;
    }
    spark.sc().setJobDescription("Compare trajectories of " + pairs.size() + " pairs of replicas");
    Map<Integer, float[][]> found =
        spark
            .parallelize(work, work.size())
            .mapToPair(new ReplicationTask(shared))
            .reduceByKey(Matches::merge, pairs.size())
            .mapToPair(new CounterpartsTask(shared, pairs))
            .collectAsMap();
    for (int p = 0; p < pairs.size(); p++) {
      add(confidences, pairs.get(p).from(), found.get(p)[0], others);
      add(confidences, pairs.get(p).to(), found.get(p)[1], others);
    }
    LOG.info("Compared trajectories of {} pairs of replicas", pairs.size());
    return confidences;
  }

  private static void add(List<float[]> confidences, int s, float[] values, int[] others) {
    if (confidences.get(s) == null) {
      confidences.set(s, new float[values.length]);
    }
    for (int i = 0; i < values.length; i++) {
      confidences.get(s)[i] += values[i] / others[s];
    }
  }

  /** Trajectories, events and sums of every range of tracks, where they are not there yet. */
  private static void followTracks(
      JavaSparkContext spark,
      Broadcast<EvolveInputs> shared,
      List<TrackIndex> tracks,
      List<StrengthLevels> levels,
      List<float[]> confidences) {
    EvolveInputs inputs = shared.value();
    List<StatisticsTasks.Range> missing =
        ranges(inputs, tracks).stream()
            .filter(each -> inputs.publication().unit(TrackTask.unit(inputs, each)).isEmpty())
            .toList();
    if (missing.isEmpty()) {
      return;
    }
    List<double[]> strong = new ArrayList<>();
    levels.forEach(each -> strong.add(each.reachedBy(inputs.settings().phases().strongShare())));
    Broadcast<TrackTask.Knowledge> knowledge =
        spark.broadcast(new TrackTask.Knowledge(confidences, strong));
    spark.sc().setJobDescription("Follow " + missing.size() + " ranges of tracks");
    spark.parallelize(missing, missing.size()).foreach(new TrackTask(shared, knowledge));
    LOG.info("Followed {} ranges of tracks", missing.size());
  }

  private static List<TrackTask.Sums> sums(EvolveInputs inputs, List<TrackIndex> tracks)
      throws IOException {
    List<TrackTask.Sums> sums = new ArrayList<>();
    for (Series series : inputs.series()) {
      sums.add(TrackTask.Sums.none(inputs, series));
    }
    for (StatisticsTasks.Range range : ranges(inputs, tracks)) {
      sums.get(range.s()).mergeFrom(inputs, range.s(), range.number());
    }
    return sums;
  }

  /** Formation of the leading tracks, where it is not there yet. */
  private static void form(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackTask.Sums> sums) {
    EvolveInputs inputs = shared.value();
    List<FormationTasks.Moment> missing = formationMoments(inputs, true);
    if (missing.isEmpty()) {
      return;
    }
    List<Map<Integer, Integer>> leaders = new ArrayList<>();
    for (TrackTask.Sums each : sums) {
      Map<Integer, Integer> trackOfFeature = new HashMap<>();
      for (LeadingTracks.Leader leader : each.leading().leaders()) {
        trackOfFeature.put(leader.finalFeature(), leader.track());
      }
      leaders.add(trackOfFeature);
    }
    List<PublishedFile> files = inputs.featureFiles("examples");
    spark.sc().setJobDescription("Find examples of the leading tracks");
    Map<Integer, List<FormationTasks.Example>> examples = new HashMap<>();
    for (FormationTasks.Example each :
        spark
            .parallelize(files, files.size())
            .flatMap(new FormationTasks.FindExamples(shared, leaders))
            .collect()) {
      examples.computeIfAbsent(each.s(), key -> new ArrayList<>()).add(each);
    }
    List<FormationTasks.Tokens> tokens = new ArrayList<>();
    for (int s = 0; s < sums.size(); s++) {
      tokens.add(
          FormationTasks.Tokens.of(
              inputs.series().get(s),
              examples.getOrDefault(s, List.of()),
              inputs.dataset(),
              inputs.settings()));
    }
    List<FormationTasks.Shard> shards = new ArrayList<>();
    for (FormationTasks.Moment moment : missing) {
      for (int shard = 0; shard < inputs.dataset().summary().shards(); shard++) {
        int[] places = tokens.get(moment.s()).ofShard(shard);
        if (places[1] > places[0]) {
          shards.add(new FormationTasks.Shard(moment, shard));
        }
      }
    }
    Broadcast<List<FormationTasks.Tokens>> sharedTokens = spark.broadcast(tokens);
    spark.sc().setJobDescription("See tracks form at " + missing.size() + " checkpoints");
    spark
        .parallelize(shards, shards.size())
        .flatMapToPair(new FormationTasks.ReadRows(shared, sharedTokens))
        .groupByKey(missing.size())
        .foreach(new FormationTasks.Write(shared, sharedTokens));
    LOG.info("Saw tracks form at {} checkpoints from {} shards", missing.size(), shards.size());
  }

  private static List<FormationTasks.Moment> formationMoments(
      EvolveInputs inputs, boolean onlyMissing) {
    List<FormationTasks.Moment> moments = new ArrayList<>();
    if (inputs.settings().formation().tracks() == 0 || inputs.featureFiles("examples").isEmpty()) {
      return moments;
    }
    for (int s = 0; s < inputs.series().size(); s++) {
      for (int t = 0; t < inputs.series().get(s).length(); t++) {
        FormationTasks.Moment moment = new FormationTasks.Moment(s, t);
        if (!onlyMissing || inputs.publication().unit(moment.unit(inputs)).isEmpty()) {
          moments.add(moment);
        }
      }
    }
    return moments;
  }

  /** What tracks read on the rows of their top examples, where it is not there yet. */
  private static void readAgain(
      JavaSparkContext spark, Broadcast<EvolveInputs> shared, List<TrackIndex> tracks)
      throws IOException {
    EvolveInputs inputs = shared.value();
    if (!readsAgain(inputs)) {
      return;
    }
    List<ReadingsTasks.Scan> scans =
        ReadingsTasks.scans(inputs, inputs.settings().readings().dictionariesPerScan());
    List<ReadingsTasks.Moment> crosscoders = ReadingsTasks.crosscoders(inputs);
    if (scans.isEmpty() && crosscoders.isEmpty()) {
      return;
    }
    Broadcast<ReadingsTasks.Homes> homes =
        spark.broadcast(new ReadingsTasks.Homes(tracks, peaks(inputs, tracks)));
    List<PublishedFile> files = inputs.featureFiles("examples");
    spark.sc().setJobDescription("Find the rows of top examples");
    spark
        .parallelize(files, files.size())
        .flatMapToPair(new ReadingsTasks.FindRows(shared, homes))
        .groupByKey(files.size())
        .foreach(new ReadingsTasks.Keep(shared));
    spark.sc().setJobDescription("Read top examples again in " + scans.size() + " scans");
    if (!scans.isEmpty()) {
      spark.parallelize(scans, scans.size()).foreach(new ReadingsTasks.Read(shared, homes));
    }
    if (!crosscoders.isEmpty()) {
      spark.parallelize(crosscoders, crosscoders.size()).foreach(new ReadingsTasks.Share(shared));
    }
    LOG.info("Read top examples again in {} scans", scans.size());
  }

  private static boolean readsAgain(EvolveInputs inputs) {
    return inputs.settings().readings().rows() > 0 && !inputs.featureFiles("examples").isEmpty();
  }

  /** Places of the checkpoints at which tracks are strongest, as their events tell. */
  private static List<int[]> peaks(EvolveInputs inputs, List<TrackIndex> tracks)
      throws IOException {
    List<int[]> peaks = new ArrayList<>();
    for (TrackIndex each : tracks) {
      int[] none = new int[each.count()];
      Arrays.fill(none, -1);
      peaks.add(none);
    }
    for (StatisticsTasks.Range range : ranges(inputs, tracks)) {
      long[] checkpoints = inputs.series().get(range.s()).checkpoints();
      for (PublishedFile file : filesOf(inputs, TrackTask.unit(inputs, range))) {
        if (!EvolveTables.EVENTS.name().equals(file.table())) {
          continue;
        }
        try (TableReader reader =
            TableReader.open(inputs.publication().folder(), file.path(), "track", "peak")) {
          for (Object[] row = reader.next(); row != null; row = reader.next()) {
            if (row[1] != null) {
              peaks.get(range.s())[(Integer) row[0]] =
                  Arrays.binarySearch(checkpoints, (Long) row[1]);
            }
          }
        }
      }
    }
    return peaks;
  }

  private static Manifest publish(
      JavaSparkContext spark,
      EvolveInputs inputs,
      Claim claim,
      List<TrackIndex> tracks,
      List<TrackTask.Sums> sums)
      throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    for (int s = 0; s < inputs.series().size(); s++) {
      for (int t = 0; t + 1 < inputs.series().get(s).length(); t++) {
        files.addAll(filesOf(inputs, new LineageTasks.Pair(s, t).unit(inputs)));
      }
    }
    for (StatisticsTasks.Range range : ranges(inputs, tracks)) {
      files.addAll(filesOf(inputs, TrackTask.unit(inputs, range)));
    }
    files.addAll(overlaps(inputs));
    for (FormationTasks.Moment moment : formationMoments(inputs, false)) {
      files.addAll(filesOf(inputs, moment.unit(inputs)));
    }
    for (Replicas pair : replicas(inputs)) {
      files.addAll(filesOf(inputs, pair.unit(inputs)));
    }
    for (int s = 0; s < inputs.series().size() && readsAgain(inputs); s++) {
      for (int t = 0; t < inputs.series().get(s).length(); t++) {
        files.addAll(filesOf(inputs, ReadingsTasks.unit(inputs, s, t)));
      }
    }
    List<List<Curve>> curves = curves(inputs, sums);
    files.add(writeCurves(inputs, curves));
    files.add(writePhases(inputs, curves, sums));
    files.add(writeSensitivity(inputs, sums));
    files.add(writeIdentity(inputs, tracks, sums));
    return inputs
        .publication()
        .publish(
            claim,
            inputs.settings(),
            inputs.inputs(),
            files,
            Provenance.here(spark.version(), null),
            summary(inputs, sums));
  }

  private static List<PublishedFile> filesOf(EvolveInputs inputs, String unit) {
    return inputs
        .publication()
        .unit(unit)
        .orElseThrow(() -> new IllegalStateException("unit " + unit + " was not finished"))
        .files();
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
            EvolveTables.CURVES)) {
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
                  curve.low() == null ? null : EvolveTables.known(curve.low()[t]),
                  curve.high() == null ? null : EvolveTables.known(curve.high()[t]));
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
            EvolveTables.PHASES)) {
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
              EvolveTables.known(phase.support()));
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
            EvolveTables.SENSITIVITY)) {
      for (int s = 0; s < sums.size(); s++) {
        long active = active(sums.get(s).population());
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
            EvolveTables.IDENTITY)) {
      for (int s = 0; s < sums.size(); s++) {
        Series series = inputs.series().get(s);
        for (int t = 0; t + 1 < series.length() && series.chain(); t++) {
          long[] counts = sums.get(s).identity()[t];
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

  private static long active(Population population) {
    return population.tracks() - population.tracks(Lifecycle.INACTIVE);
  }

  private static Summary summary(EvolveInputs inputs, List<TrackTask.Sums> sums) {
    List<SeriesSummary> summaries = new ArrayList<>();
    List<Replicas> replicas = replicas(inputs);
    for (int s = 0; s < sums.size(); s++) {
      Series series = inputs.series().get(s);
      Population population = sums.get(s).population();
      Map<String, Long> classes = new TreeMap<>();
      for (Lifecycle each : Lifecycle.values()) {
        classes.put(each.key(), population.tracks(each));
      }
      int which = s;
      summaries.add(
          new SeriesSummary(
              series.name(),
              SettingsReader.constantName(series.kind()),
              series.chain(),
              1 + (int) replicas.stream().filter(r -> r.from() == which || r.to() == which).count(),
              population.tracks(),
              active(population),
              classes,
              byCheckpoint(series, population.births()),
              series.crosscoder() ? byCheckpoint(series, sums.get(s).checkedBirths()) : null,
              series.crosscoder() ? byCheckpoint(series, sums.get(s).confirmedBirths()) : null,
              byCheckpoint(series, population.emergences()),
              byCheckpoint(series, population.directionBirths()),
              byCheckpoint(series, population.deaths())));
    }
    return new Summary(summaries);
  }

  private static Map<Long, Long> byCheckpoint(Series series, long[] counts) {
    Map<Long, Long> result = new TreeMap<>();
    for (int t = 0; t < counts.length; t++) {
      result.put(series.checkpoints()[t], counts[t]);
    }
    return result;
  }

  private static Result result(EvolveInputs inputs, Manifest manifest, boolean alreadyDone) {
    List<String> lines = new ArrayList<>();
    for (SeriesSummary each : manifest.summary(Summary.class).series()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%s: %,d of %,d tracks active, %s",
              each.series,
              each.active,
              each.tracks,
              each.replicas > 1
                  ? "confirmed by " + (each.replicas - 1) + " other replica(s)"
                  : "no confidence: it has no replica"));
      lines.add("  births by presence   " + counts(each.births));
      if (each.confirmedBirths != null) {
        lines.add("    that could be checked " + counts(each.checkedBirths));
        lines.add("    and were confirmed   " + counts(each.confirmedBirths));
      }
      lines.add("  births by strength   " + counts(each.emergences));
      lines.add("  births by direction  " + counts(each.directionBirths));
      lines.add("  deaths               " + counts(each.deaths));
    }
    lines.addAll(windows(inputs, manifest));
    return new Result(manifest, inputs.publication().folder().toString(), alreadyDone, lines);
  }

  private static String counts(Map<Long, Long> counts) {
    return String.join(
        "  ", counts.entrySet().stream().map(e -> e.getKey() + ": " + e.getValue()).toList());
  }

  private static List<String> windows(EvolveInputs inputs, Manifest manifest) {
    List<String> lines = new ArrayList<>();
    for (PublishedFile file : manifest.table("phases").toList()) {
      try (TableReader reader =
          TableReader.open(
              inputs.publication().folder(),
              file.path(),
              "series",
              "method",
              "start",
              "end",
              "confidence")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          if (row[1].equals("window")) {
            lines.add(
                String.format(
                    Locale.ROOT,
                    "%s: features change most between steps %d and %d (%.0f %% of shifted series stay below)",
                    row[0],
                    (Long) row[2],
                    (Long) row[3],
                    100 * (Double) row[4]));
          }
        }
      } catch (IOException e) {
        throw Failure.resources("%s cannot be read: %s", file.path(), e.getMessage()).causedBy(e);
      }
    }
    return lines;
  }
}
