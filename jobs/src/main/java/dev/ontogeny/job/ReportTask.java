package dev.ontogeny.job;

import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.report.Chunk;
import dev.ontogeny.report.TrackFiles;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Writes the chunks of tracks. Rows come ordered by series, group, track, table, checkpoint, rank
 * and payload, so that a task holds one file's tracks and one group's list entries. Pages find a
 * file by its number, so names carry no attempt: what is in a file follows from its name alone, and
 * a second attempt writes the same bytes.
 */
record ReportTask(Publication publication, int tracksPerFile)
    implements ForeachPartitionFunction<Row> {

  /** Rows of every table in one shape. */
  static final StructType TAGGED =
      new StructType()
          .add("series", DataTypes.IntegerType)
          .add("group", DataTypes.IntegerType)
          .add("track", DataTypes.IntegerType)
          .add("table", DataTypes.StringType)
          .add("checkpoint", DataTypes.LongType)
          .add("rank", DataTypes.IntegerType)
          .add("payload", DataTypes.StringType);

  /** The name of the unit of work that a group is. */
  static String unit(int series, int group) {
    return "tracks-" + series + "-" + group;
  }

  @Override
  public void call(Iterator<Row> rows) throws IOException {
    Group open = null;
    while (rows.hasNext()) {
      Row row = rows.next();
      if (open == null || open.series != row.getInt(0) || open.group != row.getInt(1)) {
        if (open != null) {
          open.finish();
        }
        open = new Group(publication, row.getInt(0), row.getInt(1), tracksPerFile);
      }
      open.files.add(row.getInt(2), row.getString(3), row.getString(6));
    }
    if (open != null) {
      open.finish();
    }
  }

  private static final class Group {
    private final Publication publication;
    private final int series;
    private final int group;
    private final TrackFiles files;
    private final List<PublishedFile> written = new ArrayList<>();

    Group(Publication publication, int series, int group, int tracksPerFile) {
      this.publication = publication;
      this.series = series;
      this.group = group;
      this.files = new TrackFiles(series, group, tracksPerFile, this::write);
    }

    private void write(String path, byte[] bytes) throws IOException {
      written.add(publication.folder().write(path, null, out -> out.write(bytes)));
    }

    void finish() throws IOException {
      files.finish();
      publication.finished(unit(series, group), written, Map.of());
    }
  }

  /**
   * Brings a table into the common shape: its first four columns are series, track, checkpoint and
   * rank, the others become the payload, a JSON array.
   */
  record Tag(String table, int tracksPerGroup) implements MapFunction<Row, Row> {
    @Override
    public Row call(Row row) {
      int track = row.getInt(1);
      return RowFactory.create(
          row.getInt(0),
          track / tracksPerGroup,
          track,
          table,
          row.isNullAt(2) ? -1L : row.getLong(2),
          row.getInt(3),
          Chunk.json(values(row, 4)));
    }
  }

  /** The values of a row from a column on, as {@link Chunk#json} takes them. */
  static Object[] values(Row row, int from) {
    Object[] values = new Object[row.size() - from];
    for (int i = 0; i < values.length; i++) {
      values[i] = value(row, from + i);
    }
    return values;
  }

  private static Object value(Row row, int index) {
    if (row.isNullAt(index)) {
      return null;
    }
    return row.schema().fields()[index].dataType() instanceof org.apache.spark.sql.types.ArrayType
        ? row.getList(index)
        : row.get(index);
  }
}
