package dev.ontogeny.job.report;

import dev.ontogeny.data.RowBytes;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.evolution.SeriesPlaces;
import dev.ontogeny.job.report.ReportInputs.Source;
import dev.ontogeny.report.TrackTable;
import dev.ontogeny.report.TrackTables;
import dev.ontogeny.spark.Batched;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Sends the rows of published files to where the tracks that they tell of are written, without
 * those that would not be shown. Keeps a thousand rows in memory beside Parquet's row group.
 */
final class TrackRows implements PairFlatMapFunction<List<Source>, Integer, byte[]> {
  private static final long serialVersionUID = 1;
  private static final int BATCH = 1000;

  private final Broadcast<ReportTracks> broadcast;
  private final TrackTables tables;
  private final ReportTask.Layout layout;

  TrackRows(Broadcast<ReportTracks> tracks, TrackTables tables, ReportTask.Layout layout) {
    this.broadcast = tracks;
    this.tables = tables;
    this.layout = layout;
  }

  @Override
  public Iterator<Tuple2<Integer, byte[]>> call(List<Source> files) {
    Iterator<Source> left = files.iterator();
    return new Batched<>() {
      private OfFile open;

      @Override
      protected List<Tuple2<Integer, byte[]>> batch() throws IOException {
        if (open == null) {
          if (!left.hasNext()) {
            return null;
          }
          open = new OfFile(left.next());
        }
        List<Tuple2<Integer, byte[]>> rows = new ArrayList<>();
        if (!open.read(rows)) {
          open = null;
        }
        return rows;
      }
    };
  }

  /** A file that is being read. */
  private final class OfFile {
    private final ReportTracks tracks = broadcast.value();
    private final TrackTable table;
    private final int number;
    private final TableReader reader;
    private final int keys;
    private final List<String> columns;
    private final int dictionary;
    private final int site;
    private final int checkpoint;
    private final int feature;

    OfFile(Source file) throws IOException {
      table = file.table();
      number = tables.tables().indexOf(table);
      keys = table.keys().size();
      columns = tables.columns(table);
      dictionary = columns.indexOf("dictionary");
      site = columns.indexOf("site");
      checkpoint = columns.indexOf("checkpoint");
      feature = columns.indexOf("feature");
      List<String> read = new ArrayList<>(table.keys());
      read.addAll(columns);
      read.removeAll(TrackTables.DERIVED);
      reader = file.open(read);
    }

    /** Reads some rows; false after the last. */
    boolean read(List<Tuple2<Integer, byte[]>> into) throws IOException {
      Object[] row = null;
      try {
        for (int i = 0; i < BATCH; i++) {
          row = reader.next();
          if (row == null) {
            break;
          }
          add(row, into);
        }
        return row != null;
      } finally {
        if (row == null) {
          reader.close();
        }
      }
    }

    private void add(Object[] row, List<Tuple2<Integer, byte[]>> into) {
      Object[] shown = Arrays.copyOfRange(row, keys, keys + columns.size());
      if (table.ofFeatures()) {
        addFeature(shown, into);
      } else if (table == TrackTable.LINEAGE) {
        int s = tracks.number(row[0]);
        Integer from = track(s, shown, "checkpoint_from", "feature_from");
        Integer to = track(s, shown, "checkpoint_to", "feature_to");
        shown[columns.indexOf("track_from")] = from;
        shown[columns.indexOf("track_to")] = to;
        if (from != null) {
          send(s, from, shown, into);
        }
        if (to != null && !Objects.equals(from, to)) {
          send(s, to, shown, into);
        }
      } else {
        send(tracks.number(row[0]), (Integer) row[1], shown, into);
      }
    }

    private void addFeature(Object[] row, List<Tuple2<Integer, byte[]>> into) {
      SeriesPlaces.Place place = tracks.place(row[dictionary], row[site], row[checkpoint]);
      Integer track = place == null ? null : tracks.track(place.s(), place.t(), row[feature]);
      if (track == null
          || !tables.maybeShown(table, row, tracks.home(place.s(), track, place.t()))) {
        return;
      }
      if (table == TrackTable.FEATURES) {
        row[columns.indexOf("nearest_track")] =
            tracks.track(place.s(), place.t(), row[columns.indexOf("nearest_feature")]);
      }
      send(place.s(), track, row, into);
    }

    private Integer track(int s, Object[] row, String at, String itsFeature) {
      int t = tracks.place(s, row[columns.indexOf(at)]);
      return tracks.track(s, t, row[columns.indexOf(itsFeature)]);
    }

    private void send(int s, int track, Object[] row, List<Tuple2<Integer, byte[]>> into) {
      int slice = layout.slice(s, track);
      if (slice >= 0) {
        into.add(new Tuple2<>(slice, RowBytes.of(track, number, row)));
      }
    }
  }
}
