package dev.ontogeny.job.evolve;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.PublishedTables;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.evolution.EventRules;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.evolution.SeriesPlaces;
import dev.ontogeny.evolution.TrackStatistics;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.run.Failure;
import dev.ontogeny.spark.Gpus;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.TaskContext;

/** What every task of {@link Evolve} needs to know: where the inputs lie and how they are cut. */
final class EvolveInputs implements Serializable {
  private static final long serialVersionUID = 1;

  /** Features that are read at a time. */
  static final int BLOCK = 1024;

  /** Features of a block of the earlier checkpoint at most: enough blocks for every core. */
  private static final int LARGEST_BLOCK = 8192;

  /** Tracks of a range at most: the product of two ranges stays at 32 MiB. */
  private static final int LARGEST_RANGE = 2048;

  private static final int SMALLEST_RANGE = 16;

  /**
   * Rows that are encoded with one dictionary before the next one is read: enough to be worth the
   * reading.
   */
  private static final int FEWEST_ROWS = 1024;

  private static final int MOST_ROWS = 65_536;

  private final EvolveSettings settings;
  private final Publication publication;
  private final ShardedDataset dataset;
  private final Folder dictionaries;
  private final Folder features;

  /** On the driver only. */
  private final transient List<Manifest.Input> inputs;

  /** On the driver only. */
  private final transient Map<String, String> dictionaryContents;

  private EvolvedBefore before = EvolvedBefore.nothing();

  private final ArrayList<Series> series;
  private final SeriesPlaces places;
  private final HashMap<String, ArrayList<PublishedFile>> featureFiles = new HashMap<>();

  /** Reads manifests and the dictionaries' descriptions; writes nothing. */
  static EvolveInputs read(EvolveSettings settings) {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(settings.dataset()));
    DictionaryFolder dictionaries = DictionaryFolder.open(Folder.of(settings.dictionaries()));
    Folder features = Folder.of(settings.features());
    Manifest featuresManifest = Manifest.read(features, "features");
    List<Manifest.Input> inputs =
        List.of(
            dataset.asInput(),
            dictionaries.asInput(),
            featuresManifest.asInput(settings.features()));
    requireMeasuredFrom(featuresManifest, features, inputs.get(0), inputs.get(1));
    if (dictionaries.dictionaries().isEmpty()) {
      throw Failure.data("%s holds no dictionary", dictionaries.folder());
    }
    Publication publication =
        Publication.of(Folder.of(settings.output()), "evolution", settings, inputs);
    return new EvolveInputs(
        settings,
        publication,
        dataset,
        dictionaries,
        features,
        featuresManifest,
        inputs,
        Series.of(dictionaries.dictionaries()));
  }

  private EvolveInputs(
      EvolveSettings settings,
      Publication publication,
      ShardedDataset dataset,
      DictionaryFolder dictionaries,
      Folder features,
      Manifest featuresManifest,
      List<Manifest.Input> inputs,
      List<Series> series) {
    this.settings = settings;
    this.publication = publication;
    this.dataset = dataset;
    this.dictionaries = dictionaries.folder();
    this.dictionaryContents = dictionaries.contents();
    this.features = features;
    this.inputs = inputs;
    this.series = new ArrayList<>(series);
    this.places = new SeriesPlaces(series);
    for (PublishedFile file : featuresManifest.files()) {
      if (file.table() != null) {
        featureFiles.computeIfAbsent(file.table(), key -> new ArrayList<>()).add(file);
      }
    }
  }

  private static void requireMeasuredFrom(
      Manifest features, Folder folder, Manifest.Input... wanted) {
    for (Manifest.Input each : wanted) {
      for (Manifest.Input used : features.inputs()) {
        if (used.kind().equals(each.kind()) && !used.same(each)) {
          throw Failure.settings(
              "features %s were measured with the %s of identity %s (%s), but %s has identity %s",
              folder, each.kind(), used.shortened(), used.path(), each.path(), each.shortened());
        }
      }
    }
  }

  EvolveSettings settings() {
    return settings;
  }

  Publication publication() {
    return publication;
  }

  ShardedDataset dataset() {
    return dataset;
  }

  Folder features() {
    return features;
  }

  List<Manifest.Input> inputs() {
    return inputs;
  }

  /** By id digests of the dictionaries' files. */
  Map<String, String> dictionaryContents() {
    return dictionaryContents;
  }

  /** The same with what was evolved before, which what is published is found without. */
  EvolveInputs continued() {
    before = EvolvedBefore.of(settings, dataset, dictionaryContents, series);
    return this;
  }

  /** What of an earlier evolution is taken. */
  EvolvedBefore before() {
    return before;
  }

  List<Series> series() {
    return series;
  }

  /** Files of a table of the features folder; none if it has no such table. */
  List<PublishedFile> featureFiles(String table) {
    return featureFiles.getOrDefault(table, new ArrayList<>());
  }

  /** Tracks of a range: as many as keep their directions at all checkpoints within range-memory. */
  int rangeSize(Series of) {
    long bytes = 4L * of.length() * of.width();
    long fitting = settings.rangeMemory().bytes() / bytes;
    return (int) Math.max(SMALLEST_RANGE, Math.min(LARGEST_RANGE, fitting));
  }

  /**
   * How many features of a checkpoint are compared at a time with all of the next: the more, the
   * less often the next is read. Directions of a block take three times range-memory at most.
   */
  int blockSize(Series of) {
    long fitting =
        settings.rangeMemory().bytes() / ((long) Float.BYTES * (of.width() + of.readWidth()));
    return (int) Math.max(SMALLEST_RANGE, Math.min(LARGEST_BLOCK, fitting));
  }

  /**
   * How many rows' codes at two neighbouring checkpoints fit into range-memory: 26 bytes for each
   * code while codes are sorted by feature, and 8 for each of the checkpoint before.
   */
  int rowsOfCodes(Series of) {
    int codes = 1;
    for (String id : of.dictionaries()) {
      codes =
          Math.max(
              codes,
              DictionaryFolder.metadata(dictionaries, id + "/dictionary.json").codesPerRow());
    }
    long fitting = settings.rangeMemory().bytes() / (34L * codes);
    return (int) Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, fitting));
  }

  /** The provider of arithmetic for the thread of a task. */
  KernelProvider provider() {
    return Gpus.provider(settings.kernel(), TaskContext.get().cpus());
  }

  /** The tensors of a series' dictionary at its t-th checkpoint. */
  SourceTensors tensors(Series of, int t) throws IOException {
    return new SourceTensors(dictionaries, of, t);
  }

  /** When tracks of a series are born, at their peak, dead. */
  EventRules events(Series of) {
    return of.crosscoder()
        ? settings.events().ofCrosscoder(settings.crosscoder().aliveNorm())
        : settings.events();
  }

  /** A whole dictionary of a series. */
  Dictionary dictionary(Series of, int t) throws IOException {
    return DictionaryFolder.read(dictionaries, of.dictionaries()[t]);
  }

  /** Decoder rows of a range of tracks at every checkpoint, zeros where a track is absent. */
  float[][] decoders(Series of, TrackStatistics tracks) throws IOException {
    float[][] decoders = new float[of.length()][];
    for (int t = 0; t < decoders.length; t++) {
      try (SourceTensors tensors = tensors(of, t)) {
        decoders[t] = tensors.decoders(tracks.features(t)).values();
      }
    }
    return decoders;
  }

  private String statisticsPath(int s, int range) {
    return publication.scratchPath("statistics-" + s + "-" + range);
  }

  void writeStatistics(int s, int range, TrackStatistics statistics) throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(
            new BufferedOutputStream(
                publication.folder().create(statisticsPath(s, range)), 1 << 16))) {
      statistics.write(out);
    }
  }

  TrackStatistics readStatistics(int s, int range) throws IOException {
    String path = statisticsPath(s, range);
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(publication.folder().open(path), 1 << 16))) {
      return TrackStatistics.read(in, publication.folder().resolve(path));
    }
  }

  /** The file in which lineage leaves who continues whom between checkpoints t and t + 1. */
  String successorsPath(int s, int t) {
    return publication.scratchPath(
        "successors-" + s + "-" + t + (before.isLineageKnown(series.get(s), t) ? "-taken" : ""));
  }

  /** The file in which a range of tracks leaves its part of the population's sums. */
  String sumsPath(int s, int range) {
    return publication.scratchPath("sums-" + s + "-" + range + before.mark(series.get(s)));
  }

  /**
   * Of the features of checkpoint t: successors, mutual nearest neighbours (-1 throughout where
   * lineage was taken over) and, for chains, 1 where the latent of the same index has turned away
   * at t + 1; [3][features].
   */
  int[][] readSuccessors(int s, int t) throws IOException {
    int[][] result = new int[3][series.get(s).features()[t]];
    try (DataInputStream in =
        new DataInputStream(publication.folder().open(successorsPath(s, t)))) {
      byte[] bytes = new byte[Integer.BYTES * result[0].length];
      for (int[] each : result) {
        in.readFully(bytes);
        ByteBuffer.wrap(bytes).asIntBuffer().get(each);
      }
    }
    return result;
  }

  /** Takes a row of a table of features. */
  interface RowConsumer {
    /**
     * Takes it.
     *
     * @param s number of the series
     * @param t place of its checkpoint
     * @param row values of the columns that were asked for
     */
    void take(int s, int t, Object[] row);
  }

  /**
   * Reads a file of a table with the columns {@code dictionary}, {@code site} and {@code
   * checkpoint}: those of its rows that a series has a place for.
   *
   * @param columns beside those three
   */
  void eachRow(PublishedFile file, RowConsumer into, String... columns) throws IOException {
    List<String> all = new ArrayList<>(List.of(columns));
    all.addAll(List.of("dictionary", "site", "checkpoint"));
    int own = columns.length;
    TableSchema declared = PublishedTables.find("features", file.table()).orElseThrow();
    try (TableReader reader =
        TableReader.open(features, declared, file.path(), all.toArray(String[]::new))) {
      for (Object[] row = reader.next(); row != null; row = reader.next()) {
        SeriesPlaces.Place place =
            places.of((String) row[own], (String) row[own + 1], (Long) row[own + 2]);
        if (place != null) {
          into.take(place.s(), place.t(), row);
        }
      }
    }
  }

  /** The files of a finished unit of work. */
  List<PublishedFile> filesOf(String unit) {
    return publication()
        .unit(unit)
        .orElseThrow(() -> new IllegalStateException("unit " + unit + " was not finished"))
        .files();
  }
}
