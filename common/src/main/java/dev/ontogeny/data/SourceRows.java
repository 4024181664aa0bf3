package dev.ontogeny.data;

import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The rows of one shard from several sources, side by side: row i of every vectors file belongs to
 * token i of the shard, so they are zipped and never joined. Memory: one row group of each source.
 */
public final class SourceRows implements Closeable {
  private final ShardedDataset dataset;
  private final List<Source> sources;
  private final int shard;
  private final List<VectorReader> readers = new ArrayList<>();

  /** Opens the vectors of a shard. */
  public SourceRows(ShardedDataset dataset, List<Source> sources, int shard) throws IOException {
    this(dataset, sources, shard, false);
  }

  /** Opens the gradients at the vectors of a shard, of a dataset that has them. */
  public static SourceRows gradients(ShardedDataset dataset, List<Source> sources, int shard)
      throws IOException {
    return new SourceRows(dataset, sources, shard, true);
  }

  private SourceRows(ShardedDataset dataset, List<Source> sources, int shard, boolean gradients)
      throws IOException {
    this.dataset = dataset;
    this.sources = sources;
    this.shard = shard;
    try {
      for (Source source : sources) {
        readers.add(
            gradients
                ? dataset.gradients(source.site(), source.checkpoint(), shard)
                : dataset.vectors(source.site(), source.checkpoint(), shard));
      }
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Passes over rows that are there. */
  public void skip(long rows) throws IOException {
    for (int i = 0; i < readers.size(); i++) {
      expect(i, rows, readers.get(i).skip(rows));
    }
  }

  /** Fills so many rows of {@code into}, which has the columns of all sources. */
  public void read(FloatMatrix into, int first, int rows) throws IOException {
    int column = 0;
    for (int i = 0; i < readers.size(); i++) {
      int done = 0;
      for (int got = 1; done < rows && got > 0; done += got) {
        got = readers.get(i).read(into, first + done, rows - done, column);
      }
      expect(i, rows, done);
      column += sources.get(i).width();
    }
  }

  private void expect(int source, long wanted, long got) {
    if (got < wanted) {
      throw Failure.data(
          "dataset %s: the vectors of site %s, checkpoint %d, shard %d end %d rows before its tokens do",
          dataset.folder(),
          sources.get(source).site(),
          sources.get(source).checkpoint(),
          shard,
          wanted - got);
    }
  }

  @Override
  public void close() throws IOException {
    for (VectorReader reader : readers) {
      reader.close();
    }
  }
}
