package dev.ontogeny.stats;

import dev.ontogeny.data.Moments;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;

/**
 * A statistic of the rows of a dataset at a source, whatever dictionaries there are: one class that
 * says what it keeps, how rows are added, what is published of it and what that takes. Rows come
 * once, in the scan that encodes them. What was kept of each block of rows is merged in the order
 * of the blocks, so that sums of doubles do not depend on the cluster.
 *
 * @param <S> what is kept of rows: merges, and has bytes
 */
public interface RowStatistic<S extends Mergeable<S>> extends Serializable {

  /**
   * Where rows were captured, and what is known of all of them beforehand.
   *
   * @param source with its width d
   * @param labels those whose values are counted, by which {@link RowAttributes#labels} numbers
   */
  record Of(ShardedDataset dataset, Source source, List<LabelValues> labels) {
    /** Exact, over all rows. */
    public Moments moments() throws IOException {
      return dataset.moments(source.site(), source.checkpoint());
    }
  }

  /**
   * Some rows of a block, as they were read.
   *
   * @param values [n, D]: several sources side by side
   * @param gradients at the values, likewise; null unless some statistic {@link #readsGradients}
   * @param column the first of the source's columns
   * @param block what is known of all rows of the block
   * @param first the place of the first of these rows in the block
   */
  record Rows(
      FloatMatrix values, FloatMatrix gradients, int column, RowAttributes block, int first) {
    int count() {
      return values.rows();
    }

    /** Where a row begins in the array of values. */
    int at(int row) {
      return row * values.columns() + column;
    }

    long document(int row) {
      return block.documents()[first + row];
    }

    /** The place of a row's value of a label among the values of all labels; -1 for none. */
    int label(int label, int row) {
      return block.labels()[label][first + row];
    }
  }

  /** Takes in the rows of one block. */
  interface Scan<S> extends AutoCloseable {
    void add(Rows rows);

    /** What was kept of them. */
    S kept();

    @Override
    void close();
  }

  /** Takes rows of tables. */
  interface Tables {
    void write(TableSchema table, Object... row) throws IOException;
  }

  /** The tables that it publishes; declared in {@code FeatureTables}. */
  List<TableSchema> tables();

  /** Whether there is anything to tell of the sources of a dataset. */
  default boolean applies(ShardedDataset dataset) {
    return true;
  }

  /** Whether it asks for gradients, which are read for those that do. */
  default boolean readsGradients() {
    return false;
  }

  /** Of no rows. */
  S none(Of of);

  /**
   * Begins a block of rows.
   *
   * @param batchRows the most that are added at once
   */
  Scan<S> scan(Of of, KernelProvider provider, int batchRows) throws IOException;

  /**
   * Bytes in memory of a task that scans, the greatest; a merging one has two of what is kept.
   *
   * @param classes values of all labels, at most
   */
  long memory(int width, int batchRows, int classes);

  /** Writes what follows from all rows of a source. */
  void publish(Of of, S merged, Tables into) throws IOException;
}
