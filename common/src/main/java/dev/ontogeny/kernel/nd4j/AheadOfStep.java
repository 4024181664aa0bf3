package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.matrix.FloatMatrix;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

/**
 * Brings the batch of the next step to the device while one is computed, by a thread of its own: on
 * ND4J's CUDA backend a thread has a stream of its own.
 */
final class AheadOfStep {
  private final List<DeviceSource> sources;
  private ExecutorService thread;
  private Future<?> coming;
  private FloatMatrix batch;

  AheadOfStep(List<DeviceSource> sources) {
    this.sources = sources;
  }

  /** Begins to bring a batch; it has to stay as it is until {@link #take}. */
  void bring(FloatMatrix next) {
    if (thread == null) {
      int device = Nd4j.getAffinityManager().getDeviceForCurrentThread();
      thread =
          Executors.newSingleThreadExecutor(
              work -> {
                Thread made =
                    new Thread(
                        () -> {
                          Nd4j.getAffinityManager().unsafeSetDevice(device);
                          NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);
                          work.run();
                        },
                        "next batch");
                made.setDaemon(true);
                return made;
              });
    }
    batch = next;
    coming =
        thread.submit(
            () -> {
              sources.forEach(source -> source.allocateAhead(next.rows()));
              // What an upload takes beside lies in memory that each uses again.
              MemoryWorkspace room =
                  Nd4j.getWorkspaceManager()
                      .getAndActivateWorkspace(Nd4jTraining.TEMPORARY, "ontogeny-next-batch");
              try {
                sources.forEach(source -> source.loadAhead(next));
                Nd4j.getExecutioner().commit();
              } finally {
                room.close();
              }
            });
  }

  /** Waits for what is coming, and tells whether it is this batch. */
  boolean take(FloatMatrix wanted) {
    if (coming == null) {
      return false;
    }
    try {
      coming.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a batch came to the device", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("a batch did not come to the device", e.getCause());
    } finally {
      coming = null;
    }
    return batch.values() == wanted.values() && batch.rows() == wanted.rows();
  }

  void close() {
    if (thread != null) {
      var unused =
          thread.submit(() -> Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread());
      // Arrays are not to go while they are filled.
      thread.shutdown();
      try {
        // Only a copy of a batch is left to do.
        thread.awaitTermination(1, TimeUnit.MINUTES);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
