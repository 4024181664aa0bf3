package dev.ontogeny.kernel.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A fixed number of threads that take numbered blocks of work as they become free. Who does which
 * block is left to chance, so blocks write only what is theirs and sums over blocks are made
 * afterwards, in the blocks' order: results do not depend on the number of threads.
 */
final class Workers {
  private final int count;
  private final ThreadPoolExecutor threads;

  /** What to do with a block. */
  @FunctionalInterface
  interface Work {
    /**
     * Does a block.
     *
     * @param worker 0 … {@link #count} − 1; no two blocks run at once under one number
     */
    void run(int worker, int block);
  }

  Workers(int count) {
    this.count = count;
    this.threads =
        new ThreadPoolExecutor(
            count,
            count,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "kernel");
              thread.setDaemon(true);
              return thread;
            });
    // Idle threads end by themselves, so that nobody has to close a provider.
    threads.allowCoreThreadTimeOut(true);
  }

  int count() {
    return count;
  }

  /** Runs every block and returns when all are done. */
  void run(int blocks, Work work) {
    int parallel = Math.min(count, blocks);
    AtomicInteger next = new AtomicInteger();
    if (parallel <= 1) {
      drain(0, blocks, next, work);
      return;
    }
    List<Future<?>> running = new ArrayList<>(parallel);
    for (int worker = 0; worker < parallel; worker++) {
      int number = worker;
      running.add(threads.submit(() -> drain(number, blocks, next, work)));
    }
    RuntimeException failed = null;
    for (Future<?> each : running) {
      try {
        each.get();
      } catch (ExecutionException e) {
        next.set(blocks);
        failed =
            e.getCause() instanceof RuntimeException cause
                ? cause
                : new IllegalStateException("a kernel's thread failed", e.getCause());
      } catch (InterruptedException e) {
        next.set(blocks);
        Thread.currentThread().interrupt();
        failed = new IllegalStateException("interrupted while a kernel was at work", e);
      }
    }
    if (failed != null) {
      throw failed;
    }
  }

  private static void drain(int worker, int blocks, AtomicInteger next, Work work) {
    for (int block = next.getAndIncrement(); block < blocks; block = next.getAndIncrement()) {
      work.run(worker, block);
    }
  }
}
