package dev.ontogeny.stats;

import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Every {@link RowStatistic}, and all of them at once: at a source, over one block or over all. */
public final class RowStatistics {
  /** In the order of their bytes; a new one is one more line. */
  static final List<RowStatistic<?>> ALL = List.of(new Geometry(), new LossEffects());

  private final List<One<?>> merging = new ArrayList<>();

  /** One of them and what it keeps. */
  private record One<S extends Mergeable<S>>(RowStatistic<S> statistic, S kept) {
    static <S extends Mergeable<S>> One<S> none(RowStatistic<S> statistic, RowStatistic.Of of) {
      return new One<>(statistic, statistic.none(of));
    }

    void publish(RowStatistic.Of of, RowStatistic.Tables into) throws IOException {
      statistic.publish(of, kept, into);
    }
  }

  /** Of no rows of a source. */
  public RowStatistics(RowStatistic.Of of) {
    of(of.dataset()).forEach(each -> merging.add(One.none(each, of)));
  }

  /** Those that have something to tell of the sources of a dataset. */
  private static List<RowStatistic<?>> of(ShardedDataset dataset) {
    return ALL.stream().filter(each -> each.applies(dataset)).toList();
  }

  /** The tables that are published of every source of a dataset. */
  public static List<TableSchema> tables(ShardedDataset dataset) {
    return of(dataset).stream().flatMap(each -> each.tables().stream()).toList();
  }

  /** Bytes in memory of a task that scans a source, as {@link RowStatistic#memory}. */
  public static long memory(int width, int batchRows, int classes) {
    return ALL.stream().mapToLong(each -> each.memory(width, batchRows, classes)).sum();
  }

  /** Takes in what {@link Scans} wrote. */
  public void mergeFrom(StatisticInput in) {
    merging.forEach(each -> each.kept().mergeFrom(in));
  }

  /** Writes what follows from what was merged. */
  public void publish(RowStatistic.Of of, RowStatistic.Tables into) throws IOException {
    for (One<?> each : merging) {
      each.publish(of, into);
    }
  }

  /** All of them at work on a block of rows of a source. */
  public static final class Scans implements AutoCloseable {
    private final List<RowStatistic.Scan<? extends Mergeable<?>>> scans = new ArrayList<>();
    private final boolean readsGradients;
    private final int column;
    private final RowAttributes block;

    /**
     * Begins a block.
     *
     * @param column of the source, among those that are read side by side
     * @param block as {@link RowStatistic.Rows}
     */
    public Scans(
        RowStatistic.Of of, int column, RowAttributes block, KernelProvider provider, int batchRows)
        throws IOException {
      this.column = column;
      this.block = block;
      List<RowStatistic<?>> statistics = of(of.dataset());
      readsGradients = statistics.stream().anyMatch(RowStatistic::readsGradients);
      for (RowStatistic<?> each : statistics) {
        scans.add(each.scan(of, provider, batchRows));
      }
    }

    boolean readsGradients() {
      return readsGradients;
    }

    void add(FloatMatrix values, FloatMatrix gradients, int first) {
      RowStatistic.Rows rows = new RowStatistic.Rows(values, gradients, column, block, first);
      scans.forEach(each -> each.add(rows));
    }

    /** Writes what was kept, in their order. */
    public void write(StatisticOutput out) {
      scans.forEach(each -> each.kept().write(out));
    }

    @Override
    public void close() {
      scans.forEach(RowStatistic.Scan::close);
    }
  }
}
