package dev.ontogeny.job.report;

import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.RowBytes;
import dev.ontogeny.report.PopulationTables;
import dev.ontogeny.report.TrackFiles;
import dev.ontogeny.report.TrackTable;
import dev.ontogeny.report.TrackTables;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Writes the chunks of a group of tracks. Rows come file by file, so that a task holds the rows of
 * one file's tracks and one group's list entries. Pages find a file by its number, so names carry
 * no attempt: what is in a file follows from its name alone, and a second attempt writes the same
 * bytes.
 */
final class ReportTask implements VoidFunction<Iterator<Tuple2<Integer, byte[]>>> {
  private static final long serialVersionUID = 1;

  private final Publication publication;
  private final Broadcast<ReportTracks> tracks;
  private final TrackTables tables;
  private final Layout layout;

  ReportTask(
      Publication publication, Broadcast<ReportTracks> tracks, TrackTables tables, Layout layout) {
    this.publication = publication;
    this.tracks = tracks;
    this.tables = tables;
    this.layout = layout;
  }

  /** A range of tracks whose list entries share a file: what one task writes. */
  record Group(int series, int number) implements Serializable {
    /** The name of its unit of work. */
    String unit() {
      return "tracks-" + series + "-" + number;
    }
  }

  /**
   * Where tracks go: parts are groups, their slices are the files of these.
   *
   * @param groups by part
   * @param partOf their numbers, by series and group; -1 for those that are not to be written
   * @param slices of each part
   */
  record Layout(
      ArrayList<Group> groups,
      ArrayList<int[]> partOf,
      int tracksPerFile,
      int tracksPerGroup,
      int slices)
      implements Serializable {

    /** All groups of some series. */
    static Layout of(List<PopulationTables.Series> series, ReportSettings settings) {
      ArrayList<Group> groups = new ArrayList<>();
      ArrayList<int[]> partOf = new ArrayList<>();
      int slices = 1;
      for (int s = 0; s < series.size(); s++) {
        int tracks = series.get(s).tracks();
        int most = Math.min(tracks, settings.tracksPerGroup());
        slices = Math.max(slices, (most + settings.tracksPerFile() - 1) / settings.tracksPerFile());
        int[] parts = new int[(tracks + settings.tracksPerGroup() - 1) / settings.tracksPerGroup()];
        for (int group = 0; group < parts.length; group++) {
          parts[group] = groups.size();
          groups.add(new Group(s, group));
        }
        partOf.add(parts);
      }
      return new Layout(
          groups, partOf, settings.tracksPerFile(), settings.tracksPerGroup(), slices);
    }

    /** Without the groups that are written. */
    Layout missing(Publication publication) {
      ArrayList<Group> missing = new ArrayList<>();
      ArrayList<int[]> parts = new ArrayList<>();
      partOf.forEach(each -> parts.add(new int[each.length]));
      for (Group group : groups) {
        boolean written = publication.unit(group.unit()).isPresent();
        parts.get(group.series())[group.number()] = written ? -1 : missing.size();
        if (!written) {
          missing.add(group);
        }
      }
      return new Layout(missing, parts, tracksPerFile, tracksPerGroup, slices);
    }

    /** Where a track goes; negative if its group is not to be written. */
    int slice(int series, int track) {
      int part = partOf.get(series)[track / tracksPerGroup];
      return part < 0 ? -1 : part * slices + track % tracksPerGroup / tracksPerFile;
    }
  }

  @Override
  public void call(Iterator<Tuple2<Integer, byte[]>> rows) throws IOException {
    Group group = layout.groups().get(TaskContext.getPartitionId());
    List<PublishedFile> written = new ArrayList<>();
    TrackFiles files =
        new TrackFiles(
            group.series(),
            group.number(),
            layout.tracksPerFile(),
            (path, bytes) ->
                written.add(publication.folder().write(path, null, out -> out.write(bytes))));
    Map<Integer, List<byte[]>> ofFile = new TreeMap<>();
    int file = -1;
    while (rows.hasNext()) {
      byte[] row = rows.next()._2();
      int track = RowBytes.to(row);
      if (track / layout.tracksPerFile() != file) {
        write(files, group, ofFile);
        ofFile.clear();
        file = track / layout.tracksPerFile();
      }
      ofFile.computeIfAbsent(track, none -> new ArrayList<>()).add(row);
    }
    write(files, group, ofFile);
    files.finish();
    publication.finished(group.unit(), written, Map.of());
  }

  private void write(TrackFiles files, Group group, Map<Integer, List<byte[]>> ofFile)
      throws IOException {
    for (Map.Entry<Integer, List<byte[]>> track : ofFile.entrySet()) {
      Map<TrackTable, List<Object[]>> rows = new EnumMap<>(TrackTable.class);
      for (byte[] row : track.getValue()) {
        rows.computeIfAbsent(tables.tables().get(RowBytes.kind(row)), none -> new ArrayList<>())
            .add(RowBytes.row(row));
      }
      tables.write(files, track.getKey(), tracks.value().checkpoints(group.series()), rows);
    }
  }
}
