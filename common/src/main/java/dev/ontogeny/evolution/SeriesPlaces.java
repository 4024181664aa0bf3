package dev.ontogeny.evolution;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;

/** Where several series have a place for what was measured; memory grows with dictionaries. */
public final class SeriesPlaces implements Serializable {
  private static final long serialVersionUID = 1;

  private final ArrayList<Series> series;

  /** Numbers of series; a crosscoder over several sites belongs to several. */
  private final HashMap<String, ArrayList<Integer>> byDictionary = new HashMap<>();

  /**
   * A series at the place of one of its checkpoints.
   *
   * @param s number of the series
   * @param t place of the checkpoint
   */
  public record Place(int s, int t) {}

  /** Numbers the series in their order. */
  public SeriesPlaces(List<Series> series) {
    this.series = new ArrayList<>(series);
    for (int s = 0; s < series.size(); s++) {
      for (String dictionary : series.get(s).dictionaries()) {
        List<Integer> numbers = byDictionary.computeIfAbsent(dictionary, none -> new ArrayList<>());
        if (!numbers.contains(s)) {
          numbers.add(s);
        }
      }
    }
  }

  /** The place for a dictionary measured at a site and checkpoint; null if no series has one. */
  public Place of(String dictionary, String site, long checkpoint) {
    for (int s : byDictionary.getOrDefault(dictionary, new ArrayList<>())) {
      int t = series.get(s).place(dictionary, site, checkpoint);
      if (t >= 0) {
        return new Place(s, t);
      }
    }
    return null;
  }
}
