package dev.ontogeny.report;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Writes the chunks of one group of tracks out of rows that come ordered by track and, within a
 * track, by table. A few tracks share a file, which a browser loads when one of them is opened; the
 * rows of {@link #INDEX} go into one file for the whole group. Keeps one file's tracks and the
 * group's index in memory.
 */
public final class TrackFiles {
  /** The table that is shown as a list: one row per track. */
  public static final String INDEX = "index";

  private final int series;
  private final int group;
  private final int tracksPerFile;
  private final Sink sink;
  private final List<Object> index = new ArrayList<>();
  private final Map<Integer, Map<String, List<Object>>> tracks = new LinkedHashMap<>();
  private int file = -1;
  private int lastTrack = -1;

  /** Where a chunk goes. */
  @FunctionalInterface
  public interface Sink {
    void write(String path, byte[] bytes) throws IOException;
  }

  /**
   * @param series its number among the report's series
   * @param group the number of the range of tracks
   */
  public TrackFiles(int series, int group, int tracksPerFile, Sink sink) {
    this.series = series;
    this.group = group;
    this.tracksPerFile = tracksPerFile;
    this.sink = sink;
  }

  /** The name of the chunk of a track's file; the pages compute the same. */
  public static String chunkOfFile(int series, int file) {
    return String.format(Locale.ROOT, "tracks/%d/%d", series, file);
  }

  /** The name of the chunk of a group's index. */
  public static String chunkOfIndex(int series, int group) {
    return String.format(Locale.ROOT, "index/%d/%d", series, group);
  }

  /** The path of a chunk in the report's folder. */
  public static String pathOf(String chunk) {
    return "data/" + chunk + ".js";
  }

  /** A row of a table, as a JSON array. */
  public void add(int track, String table, String json) throws IOException {
    if (track < lastTrack) {
      throw new IllegalArgumentException("track " + track + " came after track " + lastTrack);
    }
    lastTrack = track;
    if (track / tracksPerFile != file) {
      flush();
      file = track / tracksPerFile;
    }
    Chunk.Verbatim row = new Chunk.Verbatim(json);
    if (table.equals(INDEX)) {
      index.add(row);
    }
    tracks
        .computeIfAbsent(track, none -> new LinkedHashMap<>())
        .computeIfAbsent(table, none -> new ArrayList<>())
        .add(row);
  }

  /** Writes what is left. */
  public void finish() throws IOException {
    flush();
    put(chunkOfIndex(series, group), index);
  }

  private void flush() throws IOException {
    if (!tracks.isEmpty()) {
      put(chunkOfFile(series, file), tracks);
      tracks.clear();
    }
  }

  private void put(String chunk, Object value) throws IOException {
    sink.write(pathOf(chunk), Chunk.script(chunk, value));
  }
}
