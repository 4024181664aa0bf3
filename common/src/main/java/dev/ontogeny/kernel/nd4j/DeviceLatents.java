package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.kernel.DeadLatents;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * {@link DeadLatents} on a device: what fired stays there, and how many are dead is all that is
 * asked for at a step.
 */
final class DeviceLatents {
  private final int width;
  private final long window;

  /** Tokens since each has fired, 64 bits, [1, F]. */
  private final INDArray silent;

  /** Ones where dead, [1, F]. */
  final INDArray dead;

  private int count;

  DeviceLatents(int width, long window) {
    this.width = width;
    this.window = window;
    silent = Nd4j.zeros(DataType.INT64, 1, width);
    dead = Nd4j.zeros(DataType.FLOAT, 1, width);
  }

  /** How many are dead. */
  int countDead() {
    return count;
  }

  /**
   * After a batch.
   *
   * @param firings how often each fired, [1, F]
   */
  void advance(INDArray firings, long rows) {
    silent.addi(rows);
    silent.muli(firings.lte(0).castTo(DataType.INT64));
    findDead();
  }

  private void findDead() {
    dead.assign(silent.gte(window));
    count = dead.sumNumber().intValue();
  }

  /** A copy for the host. */
  DeadLatents copy() {
    DeadLatents copy = new DeadLatents(width, window);
    copy.assign(silent.toLongVector());
    return copy;
  }

  void assign(DeadLatents latents) {
    try (INDArray fresh = Nd4j.create(latents.silent(), new long[] {1, width}, DataType.INT64)) {
      silent.assign(fresh);
    }
    findDead();
  }

  void close() {
    silent.close();
    dead.close();
  }
}
