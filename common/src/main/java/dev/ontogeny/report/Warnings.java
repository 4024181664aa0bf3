package dev.ontogeny.report;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import dev.ontogeny.data.CaptureFindings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** What a reader should know before believing a figure, in plain words. */
public final class Warnings {
  private static final long FEW_ROWS = 1_000_000;
  private static final double MANY_DEAD = 0.1;
  private static final double POOR_FVU = 0.3;
  private static final double OVERFIT = 0.05;

  private final List<Map<String, Object>> found = new ArrayList<>();

  /**
   * Everything that is worth a warning.
   *
   * @param rows of the dataset
   * @param capture what was found odd about the capture; null where nobody looked
   * @param quality rows with the columns {@code dictionary}, {@code split}, {@code fvu}, {@code
   *     dead_share} of the table {@code dictionaries} of the features
   * @param events rows as {@link PopulationTables#alive} takes them
   * @param confident threshold of confidence
   */
  public static List<Map<String, Object>> of(
      long rows,
      CaptureFindings capture,
      PageTable quality,
      List<PopulationTables.Series> series,
      PageTable events,
      double confident) {
    Warnings warnings = new Warnings();
    if (capture != null) {
      capture.notes().forEach(note -> warnings.add(note.name(), "%s", note.text()));
    }
    if (rows < FEW_ROWS) {
      warnings.add(
          "few rows",
          "Every number here comes from %,d tokens. Below a million, curves over many features can be"
              + " trusted further than any single feature.",
          rows);
    }
    warnings.quality(quality);
    warnings.confidence(series, events, confident);
    warnings.births(series, events);
    return warnings.found;
  }

  private void quality(PageTable quality) {
    Map<String, double[]> heldOut = new TreeMap<>();
    Map<String, Double> trained = new HashMap<>();
    for (Object[] row : quality.values()) {
      String dictionary = (String) row[quality.indexOf("dictionary")];
      double fvu = number(row[quality.indexOf("fvu")]);
      if ("held_out".equals(row[quality.indexOf("split")])) {
        heldOut.put(dictionary, new double[] {fvu, number(row[quality.indexOf("dead_share")])});
      } else {
        trained.put(dictionary, fvu);
      }
    }
    if (heldOut.isEmpty() && !trained.isEmpty()) {
      add("nothing held out", "No rows were held out: quality is known on training rows only.");
    }
    long poor = heldOut.values().stream().filter(each -> each[0] > POOR_FVU).count();
    if (poor > 0) {
      add(
          "poor reconstruction",
          "%d of %d dictionaries leave more than %.0f%% of the variance of held-out rows unexplained:"
              + " they may miss features, or merge them.",
          poor,
          heldOut.size(),
          100 * POOR_FVU);
    }
    long dead = heldOut.values().stream().filter(each -> each[1] > MANY_DEAD).count();
    if (dead > 0) {
      add(
          "many dead features",
          "In %d of %d dictionaries more than %.0f%% of the features fire on no held-out row.",
          dead,
          heldOut.size(),
          100 * MANY_DEAD);
    }
    long overfit =
        heldOut.entrySet().stream()
            .filter(
                each ->
                    each.getValue()[0] - trained.getOrDefault(each.getKey(), Double.NaN) > OVERFIT)
            .count();
    if (overfit > 0) {
      add(
          "overfitted",
          "%d of %d dictionaries are worse on held-out rows than on training rows by more than %.2f"
              + " of the variance: more rows, or fewer features, would help.",
          overfit,
          heldOut.size(),
          OVERFIT);
    }
  }

  private void confidence(
      List<PopulationTables.Series> series, PageTable events, double confident) {
    long tracks = 0;
    long judged = 0;
    long kept = 0;
    for (Object[] row : events.values()) {
      // Every track has exactly one row under this name, whether the event happened or not.
      if (row[1].equals("birth")) {
        long count = ((Number) row[5]).longValue();
        tracks += count;
        judged += row[4] == null ? 0 : count;
        kept += Boolean.TRUE.equals(row[4]) ? count : 0;
      }
    }
    if (tracks > 0 && judged == 0) {
      add(
          "one replica",
          "There is no second replica, so nothing tells a feature of the network from an accident of"
              + " one training run: no track has a confidence.");
    } else if (judged > 0 && kept * 2 < judged) {
      add(
          "low replication",
          "Only %.0f%% of the tracks have a confidence of at least %.2f. The others have no"
              + " counterpart in another replica, or one that is not like them, and may be accidents of"
              + " one training run.",
          100.0 * kept / judged,
          confident);
    }
    for (PopulationTables.Series each : series) {
      if (each.name().startsWith("independent")) {
        add(
            "identity by matching",
            "Some series are made of independently trained dictionaries: a track there is a chain of"
                + " best matches, and a break in it may be a failed match rather than a death.");
        return;
      }
    }
  }

  private void births(List<PopulationTables.Series> series, PageTable events) {
    Map<String, NavigableMap<Long, Long>> births = new TreeMap<>();
    for (Object[] row : events.values()) {
      if (row[2] != null) {
        births
            .computeIfAbsent((String) row[1], none -> new TreeMap<>())
            .merge(((Number) row[2]).longValue(), ((Number) row[5]).longValue(), Long::sum);
      }
    }
    Long presence = median(births.get("birth"));
    Long strength = median(births.get("emergence"));
    Long direction = median(births.get("direction_birth"));
    if (presence != null
        && strength != null
        && direction != null
        && !(presence.equals(strength) && strength.equals(direction))
        && series.stream().anyMatch(each -> each.checkpoints().size() > 2)) {
      add(
          "thresholds matter",
          "The three definitions of birth disagree: the median track is present from step %,d, reaches"
              + " half its strength at step %,d and has its final direction from step %,d. Each is true"
              + " of something else; say which one you quote.",
          presence,
          strength,
          direction);
    }
  }

  private static Long median(NavigableMap<Long, Long> counts) {
    if (counts == null) {
      return null;
    }
    long total = counts.values().stream().mapToLong(Long::longValue).sum();
    long before = 0;
    for (Map.Entry<Long, Long> each : counts.entrySet()) {
      before += each.getValue();
      if (2 * before >= total) {
        return each.getKey();
      }
    }
    return null;
  }

  private static double number(Object value) {
    return value == null ? Double.NaN : ((Number) value).doubleValue();
  }

  @FormatMethod
  private void add(String name, @FormatString String format, Object... arguments) {
    Map<String, Object> warning = new LinkedHashMap<>();
    warning.put("name", name);
    warning.put("text", String.format(Locale.ROOT, format, arguments));
    found.add(warning);
  }
}
