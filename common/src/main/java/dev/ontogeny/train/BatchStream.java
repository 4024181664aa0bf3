package dev.ontogeny.train;

import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import java.io.Closeable;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * Batches without end out of a dataset's shards: epoch after epoch, each with its own order of the
 * shards. Batches cross the borders of shards and epochs, so every batch is full. Which rows batch
 * n holds follows from the seed alone, so a stream can begin anywhere. A thread of its own reads
 * ahead, into a few buffers that go round.
 */
public final class BatchStream implements Closeable {
  private static final int BUFFERS = 3;

  private final ShardedDataset dataset;
  private final Order order;
  private final int batch;
  private final BlockingQueue<FloatMatrix> empty = new ArrayBlockingQueue<>(BUFFERS);
  private final BlockingQueue<Filled> filled = new ArrayBlockingQueue<>(BUFFERS + 1);
  private final Thread reader;
  private FloatMatrix lent;

  /** Taken by {@link #ahead} and not yet by {@link #next}; null for none. */
  private Filled taken;

  /**
   * What is read.
   *
   * @param sources side by side in the columns of a batch; row by row the same tokens
   * @param shards in any order
   * @param seed of the order of shards in each epoch
   */
  public record Order(List<Source> sources, List<Integer> shards, long seed)
      implements Serializable {
    public Order {
      sources = List.copyOf(sources);
      shards = List.copyOf(shards);
    }

    /** Of several that read disjoint shards, as many each as can be, what one reads. */
    Order of(int worker, int workers) {
      List<Integer> mine = new ArrayList<>();
      for (int i = worker; i < shards.size(); i += workers) {
        mine.add(shards.get(i));
      }
      return new Order(sources, mine, seed);
    }

    /** Columns of a batch. */
    int columns() {
      return sources.stream().mapToInt(Source::width).sum();
    }

    /** The shards as they come in an epoch. */
    List<Integer> ofEpoch(long epoch) {
      long hash = Seeds.of(seed, "order of shards in epoch", epoch);
      List<Integer> order = new ArrayList<>(shards);
      order.sort(Comparator.comparingLong(shard -> Seeds.mix(hash, shard)));
      return order;
    }
  }

  /** A batch, or why there is none. */
  private record Filled(FloatMatrix batch, Throwable failure) {}

  /**
   * Begins to read ahead.
   *
   * @param first number of the first batch that {@link #next} gives
   */
  public BatchStream(ShardedDataset dataset, Order order, int batch, long first) {
    this.dataset = dataset;
    this.order = order;
    this.batch = batch;
    long rows = order.shards().stream().mapToLong(dataset::rows).sum();
    if (rows == 0) {
      throw Failure.data(
          "dataset %s has no rows in the shards %s to train on", dataset.folder(), order.shards());
    }
    for (int i = 0; i < BUFFERS; i++) {
      empty.add(FloatMatrix.zeros(batch, order.columns()));
    }
    reader = new Thread(() -> read(Math.multiplyExact(first, (long) batch), rows), "batches");
    reader.setDaemon(true);
    reader.start();
  }

  /** The next batch; it may be overwritten after the next call. */
  public FloatMatrix next() throws IOException {
    try {
      if (lent != null) {
        empty.put(lent);
        lent = null;
      }
      Filled next = taken == null ? filled.take() : taken;
      taken = null;
      if (next.failure() != null) {
        if (next.failure() instanceof Failure failure) {
          throw failure;
        } else if (next.failure() instanceof IOException io) {
          throw io;
        }
        throw new IllegalStateException("reading ahead failed", next.failure());
      }
      lent = next.batch();
      return lent;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for a batch", e);
    }
  }

  /**
   * The batch that {@link #next} gives next, if it has been read; null if it has not been. Neither
   * it nor the last one is overwritten before the call after that.
   */
  public FloatMatrix ahead() {
    if (taken == null) {
      taken = filled.poll();
    }
    return taken == null ? null : taken.batch();
  }

  private void read(long position, long rowsOfEpoch) {
    long epoch = position / rowsOfEpoch;
    long skip = position % rowsOfEpoch;
    FloatMatrix into = null;
    int at = 0;
    try {
      while (true) {
        for (int shard : order.ofEpoch(epoch)) {
          long rows = dataset.rows(shard);
          if (skip >= rows) {
            skip -= rows;
            continue;
          }
          try (SourceRows vectors = new SourceRows(dataset, order.sources(), shard)) {
            vectors.skip(skip);
            long left = rows - skip;
            skip = 0;
            while (left > 0) {
              if (into == null) {
                into = empty.take();
                at = 0;
              }
              int wanted = (int) Math.min(batch - at, left);
              vectors.read(into, at, wanted);
              at += wanted;
              left -= wanted;
              if (at == batch) {
                filled.put(new Filled(into, null));
                into = null;
              }
            }
          }
        }
        epoch++;
      }
    } catch (InterruptedException closed) {
      // Nobody waits for more.
      Thread.currentThread().interrupt();
    } catch (Throwable failed) {
      var unused = filled.offer(new Filled(null, failed));
    }
  }

  @Override
  public void close() {
    reader.interrupt();
    try {
      reader.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
