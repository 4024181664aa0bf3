package dev.ontogeny.kernel.cpu;

import dev.ontogeny.type.Reconstruction.Prefixes;
import java.util.Arrays;

/**
 * The input by each of several prefixes of the code. With r_m the residual of prefix m, a latent is
 * part of all prefixes from its own on, so its gradients see Σ_{j ≥ m} w_j r_j: the residuals are
 * made one from the other, row by row, and summed from behind. So it costs what one reconstruction
 * does, and a few additions of rows.
 */
final class PrefixReconstruction extends CpuReconstruction {
  /** Of each prefix. */
  private final float[] weightOf;

  /** The first prefix that has the latent, [F]. */
  private final int[] prefixOf;

  /** By prefix m: r_m, and then Σ_{j ≥ m} w_j r_j, [n, D]. */
  private final float[][] planes;

  /** By worker. */
  private final EntriesOfPart[] entries;

  /** Σ_m w_m ‖r_m‖² by block of rows. */
  private final double[] losses;

  private final int blockRows;

  PrefixReconstruction(
      Prefixes part,
      Loops loops,
      CpuWeights weights,
      int rows,
      int blockRows,
      int perRow,
      int workers) {
    super(loops, weights, rows, blockRows, perRow, 1);
    this.blockRows = blockRows;
    int count = part.ends().size();
    this.weightOf = new float[count];
    this.prefixOf = new int[weights.width];
    int from = 0;
    for (int m = 0; m < count; m++) {
      weightOf[m] = part.weights().get(m).floatValue();
      Arrays.fill(prefixOf, from, part.ends().get(m), m);
      from = part.ends().get(m);
    }
    this.planes = new float[count][Math.multiplyExact(rows, outputs)];
    this.entries = new EntriesOfPart[workers];
    for (int worker = 0; worker < workers; worker++) {
      entries[worker] = new EntriesOfPart(weights.width);
    }
    this.losses = new double[squares.length];
  }

  @Override
  boolean denseToo() {
    return false;
  }

  @Override
  void beginBlock(int block) {
    losses[block] = 0;
  }

  /** Leaves the codes of each prefix alone in its plane. */
  @Override
  void decode(int worker, int row) {
    EntriesOfPart own = entries[worker];
    for (int m = 0; m < planes.length; m++) {
      codes.firingOf(row, prefixOf, m, own);
      own.weightedSum(loops, decoder, outputs, 0, outputs, planes[m], row * outputs);
    }
  }

  @Override
  double subtract(int row, CentredRows rows) {
    int at = row * outputs;
    float[] before = rows.values;
    double loss = 0;
    double square = 0;
    for (int m = 0; m < planes.length; m++) {
      loops.subtract(before, at, planes[m], at, planes[m], at, outputs);
      before = planes[m];
      square = rows.weightedSquares(before, at);
      loss += weightOf[m] * square;
    }
    losses[row / blockRows] += loss;
    System.arraycopy(before, at, residual, at, outputs);
    rows.weigh(residual, at);
    for (int m = planes.length - 1; m >= 0; m--) {
      rows.weigh(planes[m], at);
      loops.multiply(weightOf[m], planes[m], at, outputs);
      if (m < planes.length - 1) {
        loops.add(1, planes[m + 1], at, planes[m], at, outputs);
      }
    }
    return square;
  }

  @Override
  void pullBack(int worker, int row) {
    EntriesOfPart own = entries[worker];
    for (int m = 0; m < planes.length; m++) {
      codes.pullBack(loops, row, decoder, outputs, prefixOf, m, own, planes[m]);
    }
  }

  @Override
  float[] upstream() {
    return planes[0];
  }

  @Override
  double loss(int blocks) {
    return CentredRows.sum(losses, blocks);
  }

  @Override
  void decoderGradient(int worker, int latent, boolean fresh, float[] into) {
    codes.weightGradient(loops, latent, planes[prefixOf[latent]], outputs, fresh, into);
  }
}
