package dev.ontogeny.job.evolve;

import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.evolution.Series;
import java.io.IOException;

/**
 * What an earlier evolution tells of the tracks of a series at a checkpoint, on tokens that are
 * asked for in the order in which they were written: by shard, row and track. One row is in memory
 * at a time.
 */
final class ReadingsBefore implements AutoCloseable {
  private final TableReader reader;

  /** Track, shard, row, value; null at the end. */
  private Object[] next;

  private ReadingsBefore(TableReader reader) throws IOException {
    this.reader = reader;
    advance();
  }

  /** Of the t-th checkpoint; knows nothing where there is no such file. */
  static ReadingsBefore open(EvolvedBefore before, Series series, int t) throws IOException {
    PublishedFile file = before.readings(series, t);
    return new ReadingsBefore(
        file == null
            ? null
            : TableReader.open(
                before.folder(),
                EvolutionTables.READINGS,
                file.path(),
                "track",
                "shard",
                "row",
                "value"));
  }

  private void advance() throws IOException {
    next = reader == null ? null : reader.next();
  }

  /** What is told of a track on a token; NaN if nothing is. */
  double value(int shard, int row, int track) throws IOException {
    int comparison = compare(shard, row, track);
    while (comparison < 0) {
      advance();
      comparison = compare(shard, row, track);
    }
    return comparison > 0 ? Double.NaN : (Double) next[3];
  }

  /** Where the next row stands to a token and a track; after it at the end. */
  private int compare(int shard, int row, int track) {
    if (next == null) {
      return 1;
    }
    int comparison = Integer.compare((Integer) next[1], shard);
    if (comparison == 0) {
      comparison = Integer.compare((Integer) next[2], row);
    }
    return comparison == 0 ? Integer.compare((Integer) next[0], track) : comparison;
  }

  @Override
  public void close() throws IOException {
    if (reader != null) {
      reader.close();
    }
  }
}
