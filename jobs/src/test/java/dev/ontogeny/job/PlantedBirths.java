package dev.ontogeny.job;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedComparison;
import dev.ontogeny.demo.PlantedComparison.Recovered;
import dev.ontogeny.demo.PlantedComparison.Result;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What was evolved of planted features against the truth, for any series of whatever mode. */
final class PlantedBirths {
  private PlantedBirths() {}

  /**
   * Compares the tracks of a series.
   *
   * @param confidence the least of a track that counts; 0 for all
   */
  static Result compare(
      PlantedActivations planted,
      Folder dictionaries,
      Folder evolution,
      String name,
      double confidence)
      throws IOException {
    List<Long> checkpoints = planted.plan().checkpoints();
    Series series =
        Series.of(DictionaryFolder.open(dictionaries).dictionaries()).stream()
            .filter(each -> each.name().equals(name))
            .findFirst()
            .orElseThrow();
    List<FloatMatrix> decoders = new ArrayList<>();
    for (long checkpoint : checkpoints) {
      int t = Arrays.binarySearch(series.checkpoints(), checkpoint);
      // A series of merged dictionaries has none where replicas agree on nothing.
      FloatMatrix none = FloatMatrix.zeros(0, planted.plan().width());
      decoders.add(t < 0 ? none : decoder(dictionaries, series, t));
    }
    return new PlantedComparison(planted, decoders)
        .compare(tracks(evolution, name, checkpoints), confidence);
  }

  private static FloatMatrix decoder(Folder dictionaries, Series series, int t) throws IOException {
    Dictionary dictionary = DictionaryFolder.read(dictionaries, series.dictionaries()[t]);
    return series.crosscoder() ? dictionary.decoderOf(t) : dictionary.decoder();
  }

  private static List<Recovered> tracks(Folder evolution, String name, List<Long> checkpoints)
      throws IOException {
    Map<Object, int[]> features = new TreeMap<>();
    for (Object[] row :
        rows(evolution, "trajectories", "series", "track", "checkpoint", "feature")) {
      if (row[0].equals(name) && row[3] != null) {
        features.computeIfAbsent(row[1], track -> absent(checkpoints))[index(checkpoints, row[2])] =
            (Integer) row[3];
      }
    }
    List<Recovered> tracks = new ArrayList<>();
    for (Object[] row :
        rows(evolution, "events", "series", "track", "birth", "peak", "death", "confidence")) {
      if (row[0].equals(name)) {
        tracks.add(
            new Recovered(
                features.getOrDefault(row[1], absent(checkpoints)),
                index(checkpoints, row[2]),
                index(checkpoints, row[3]),
                index(checkpoints, row[4]),
                row[5] == null ? Double.NaN : (Double) row[5]));
      }
    }
    return tracks;
  }

  /** Rows of a table of an evolution. */
  private static List<Object[]> rows(Folder evolution, String table, String... columns)
      throws IOException {
    List<Object[]> rows = new ArrayList<>();
    for (PublishedFile file : Manifest.read(evolution, "evolution").table(table).toList()) {
      try (TableReader reader = TableReader.open(evolution, file.path(), columns)) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          rows.add(row.clone());
        }
      }
    }
    return rows;
  }

  private static int index(List<Long> checkpoints, Object checkpoint) {
    return checkpoint == null ? -1 : checkpoints.indexOf((Long) checkpoint);
  }

  private static int[] absent(List<Long> checkpoints) {
    int[] features = new int[checkpoints.size()];
    Arrays.fill(features, -1);
    return features;
  }
}
