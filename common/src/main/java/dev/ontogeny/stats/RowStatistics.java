package dev.ontogeny.stats;

import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Every {@link RowStatistic}, and all of them at once: at a source, over one block or over all. */
public final class RowStatistics {
  /** In the order of their bytes; a new one is one more line. */
  private static final List<RowStatistic<?>> ALL = List.of(new Geometry());

  private final List<One<?>> merging = new ArrayList<>();

  /** One of them and what it keeps. */
  private record One<S extends Mergeable<S>>(RowStatistic<S> statistic, S kept) {
    static <S extends Mergeable<S>> One<S> none(RowStatistic<S> statistic, Source source) {
      return new One<>(statistic, statistic.none(source));
    }

    void publish(RowStatistic.Of of, RowStatistic.Tables into) throws IOException {
      statistic.publish(of, kept, into);
    }
  }

  /** Of no rows of a source. */
  public RowStatistics(Source source) {
    ALL.forEach(each -> merging.add(One.none(each, source)));
  }

  /** Bytes in memory of a task that scans a source of this width. */
  public static long memory(int width, int batchRows) {
    return ALL.stream().mapToLong(each -> each.memory(width, batchRows)).sum();
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
    private final int column;
    private final long[] documents;

    /**
     * Begins a block.
     *
     * @param column of the source, among those that are read side by side
     * @param documents as {@link RowStatistic.Rows}
     */
    public Scans(
        RowStatistic.Of of, int column, long[] documents, KernelProvider provider, int batchRows)
        throws IOException {
      this.column = column;
      this.documents = documents;
      for (RowStatistic<?> each : ALL) {
        scans.add(each.scan(of, provider, batchRows));
      }
    }

    void add(FloatMatrix values, int first) {
      RowStatistic.Rows rows = new RowStatistic.Rows(values, column, documents, first);
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
