package dev.ontogeny.job.measure;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.measure.MeasuredDictionary.Quality;
import dev.ontogeny.job.measure.MeasuredDictionary.Split;
import dev.ontogeny.job.measure.MeasuredDictionary.Statistic;
import dev.ontogeny.run.Failure;
import dev.ontogeny.stats.RowStatistics;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an earlier folder of features holds that measuring anew would give byte for byte: all of a
 * dictionary whose files are the same, where the dataset is the same or has at most gained
 * checkpoints, and the settings are the same.
 *
 * @param folder null for none
 * @param known ids of dictionaries
 * @param files theirs, and those of sources that they read
 */
record MeasuredBefore(Folder folder, Set<String> known, List<PublishedFile> files) {

  private static final Logger LOG = LoggerFactory.getLogger(Measure.class);
  private static final MeasuredBefore NOTHING = new MeasuredBefore(null, Set.of(), List.of());

  /** Of the folder that settings name. */
  static MeasuredBefore of(
      MeasureSettings settings, ShardedDataset dataset, DictionaryFolder dictionaries) {
    if (settings.continueFrom() == null) {
      return NOTHING;
    }
    Folder folder = Folder.of(settings.continueFrom());
    Manifest manifest = Manifest.read(folder, "features");
    if (manifest.table(FeatureTables.QUALITY.name()).findAny().isEmpty()) {
      LOG.warn(
          "continue-from {} has no table {}: an earlier release measured less, so that nothing is taken and everything is measured again",
          folder,
          FeatureTables.QUALITY.name());
      return NOTHING;
    }
    dataset.requireContinues(folder, manifest, settings, "measured", "on");
    for (TableSchema table : RowStatistics.tables(dataset)) {
      if (manifest.table(table.name()).findAny().isEmpty()) {
        throw Failure.settings(
            "continue-from %s has no table %s, which is measured today: nothing of it can be taken",
            folder, table.name());
      }
    }
    Set<String> known = known(manifest, dictionaries);
    List<PublishedFile> files =
        manifest.files().stream()
            .filter(file -> file.dictionary() != null && known.contains(file.dictionary()))
            .toList();
    Set<Place> read = new HashSet<>();
    for (DictionaryMetadata each : dictionaries.dictionaries()) {
      if (known.contains(each.id())) {
        each.reconstructedSources().forEach(source -> read.add(Place.of(source)));
      }
    }
    List<PublishedFile> all = new ArrayList<>(files);
    manifest.files().stream()
        .filter(file -> file.dictionary() == null && read.contains(Place.of(file)))
        .forEach(all::add);
    return new MeasuredBefore(folder, known, List.copyOf(all));
  }

  /** Where rows are from; both null for a file of no source. */
  private record Place(String site, Long checkpoint) {
    static Place of(Source source) {
      return new Place(source.site(), source.checkpoint());
    }

    static Place of(PublishedFile file) {
      return new Place(file.site(), file.checkpoint());
    }
  }

  /**
   * Dictionaries that are what they were. What is told of one of a chain depends on the one before
   * it, so that of a chain only the beginning is taken.
   */
  private static Set<String> known(Manifest manifest, DictionaryFolder dictionaries) {
    JsonNode before = manifest.summary().get(Measure.CONTENTS);
    Set<String> known = new TreeSet<>();
    Map<String, List<DictionaryMetadata>> bySeries = new TreeMap<>();
    for (DictionaryMetadata each : dictionaries.dictionaries()) {
      bySeries
          .computeIfAbsent(
              each.series() == null ? each.id() : each.series(), none -> new ArrayList<>())
          .add(each);
    }
    for (List<DictionaryMetadata> series : bySeries.values()) {
      series.sort(Comparator.comparing(each -> each.sources().get(0).checkpoint()));
      for (DictionaryMetadata each : series) {
        String content = dictionaries.contents().get(each.id());
        if (before == null
            || before.get(each.id()) == null
            || !before.get(each.id()).asText().equals(content)) {
          break;
        }
        known.add(each.id());
      }
    }
    return known;
  }

  /** Sources whose rows were measured. */
  Set<Source> sources(DictionaryFolder dictionaries) {
    Set<Place> there = new HashSet<>();
    files.stream()
        .filter(file -> file.dictionary() == null)
        .forEach(file -> there.add(Place.of(file)));
    Set<Source> sources = new HashSet<>();
    for (DictionaryMetadata each : dictionaries.dictionaries()) {
      each.reconstructedSources().stream()
          .filter(source -> there.contains(Place.of(source)))
          .forEach(sources::add);
    }
    return sources;
  }

  /** Copies the files, whose names no other run has, and tells of it. */
  void copyTo(Folder output, JavaSparkContext spark) {
    if (!files.isEmpty()) {
      LOG.info("{} dictionaries are measured in {} already", known.size(), folder);
      spark.setJobDescription("measure: take " + files.size() + " files from " + folder);
      spark
          .parallelize(files, Math.min(files.size(), 4 * spark.defaultParallelism()))
          .foreach(new Copy(folder, output));
    }
  }

  private static final class Copy implements VoidFunction<PublishedFile> {
    private static final long serialVersionUID = 1;

    private final Folder from;
    private final Folder to;

    Copy(Folder from, Folder to) {
      this.from = from;
      this.to = to;
    }

    @Override
    public void call(PublishedFile file) throws IOException {
      to.copy(from, file);
    }
  }

  /** All of a table of the dictionaries as wholes. */
  private List<Object[]> rows(Manifest manifest, TableSchema table) throws IOException {
    List<Object[]> rows = new ArrayList<>();
    for (PublishedFile file : manifest.table(table.name()).toList()) {
      try (TableReader reader =
          TableReader.open(folder, table, file.path(), table.names().toArray(String[]::new))) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          rows.add(row);
        }
      }
    }
    return rows;
  }

  /** What was published of the dictionaries as a whole. */
  List<MeasuredDictionary> dictionaries() throws IOException {
    Map<String, MeasuredDictionary> found = new LinkedHashMap<>();
    if (folder == null) {
      return List.of();
    }
    Manifest manifest = Manifest.read(folder, "features");
    Map<List<Object>, Quality> qualities = new HashMap<>();
    for (Object[] row : rows(manifest, FeatureTables.QUALITY)) {
      qualities.put(
          Arrays.asList(row).subList(0, 4),
          new Quality(
              number(row[5]),
              number(row[6]),
              number(row[7]),
              number(row[8]),
              number(row[9]),
              number(row[10]),
              number(row[11])));
    }
    for (Object[] row : rows(manifest, FeatureTables.DICTIONARIES)) {
      of(found, row)
          .splits()
          .add(
              new Split(
                  (String) row[3],
                  (Long) row[4],
                  number(row[5]),
                  number(row[6]),
                  number(row[7]),
                  number(row[8]),
                  number(row[9]),
                  qualities.get(Arrays.asList(row).subList(0, 4))));
    }
    for (Object[] row : rows(manifest, FeatureTables.BOOTSTRAP)) {
      of(found, row)
          .statistics()
          .add(new Statistic((String) row[3], number(row[4]), (double[]) row[5]));
    }
    return found.values().stream().filter(each -> known.contains(each.id())).toList();
  }

  private static MeasuredDictionary of(Map<String, MeasuredDictionary> found, Object[] row) {
    return found.computeIfAbsent(
        row[0] + "\0" + row[1] + "\0" + row[2],
        none ->
            new MeasuredDictionary(
                (String) row[0],
                (String) row[1],
                (Long) row[2],
                new ArrayList<>(),
                new ArrayList<>()));
  }

  /** Where there is none, none was finite. */
  private static double number(Object value) {
    return value == null ? Double.NaN : (Double) value;
  }
}
