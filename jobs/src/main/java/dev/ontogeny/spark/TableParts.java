package dev.ontogeny.spark;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The files that one task writes, one per table, each begun with its first row. Memory: a row group
 * per table.
 */
public final class TableParts implements Closeable {
  private static final long ROW_GROUP = 4L << 20;

  private final Folder folder;
  private final String name;
  private final Map<String, TableWriter> writers = new LinkedHashMap<>();

  /**
   * @param name of the files within their tables' folders, without its ending; it carries the task
   *     attempt
   */
  public TableParts(Folder folder, String name) {
    this.folder = folder;
    this.name = name;
  }

  public void write(TableSchema table, Object... row) throws IOException {
    TableWriter writer = writers.get(table.name());
    if (writer == null) {
      writer = TableWriter.open(folder, table.name() + "/" + name + ".parquet", table, ROW_GROUP);
      writers.put(table.name(), writer);
    }
    writer.write(row);
  }

  /** Closes all files and describes them. */
  public List<PublishedFile> finish() throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    for (TableWriter writer : writers.values()) {
      files.add(writer.finish());
    }
    return files;
  }

  @Override
  public void close() throws IOException {
    for (TableWriter writer : writers.values()) {
      writer.close();
    }
  }
}
