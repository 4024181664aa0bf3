package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.StepProfile.Part;
import java.util.Arrays;

/** The pass over blocks of rows: residuals of all codes, and the gradients of the codes. */
final class ReconstructionPass implements AutoCloseable {
  private final CpuMachine machine;
  private final Loops loops;
  private final CpuEncoder encoder;
  private final CpuWeights weights;
  private final CentredRows rows;
  private final CpuReconstruction main;

  /** Of a further code, else null. */
  private final CpuReconstruction further;

  private final Auxiliary auxiliary;

  /** Of codes that are gated by source, else null. */
  private final SourceGates gates;

  private final int maximumBatch;
  private final int latentBlock;
  private final double[] active;

  // Sums over the rows of a block.
  private final float[] mainSums;
  private final float[] furtherSums;

  /** Null until a batch is not sparse. */
  private DenseCodes dense;

  private double denseFrom = DenseCodes.BREAK_EVEN;

  /** Whether the gradients of this batch's codes come from dense products. */
  private boolean densePullBack;

  /** Whether its reconstructions and the gradients of the weights do. */
  private boolean denseWeights;

  StepProfile profile = StepProfile.OFF;

  ReconstructionPass(
      CpuMachine machine,
      CpuEncoder encoder,
      CpuWeights weights,
      CentredRows rows,
      CpuReconstruction main,
      CpuReconstruction further,
      Auxiliary auxiliary,
      SourceGates gates,
      int maximumBatch,
      int latentBlock) {
    this.machine = machine;
    this.loops = machine.loops();
    this.encoder = encoder;
    this.weights = weights;
    this.rows = rows;
    this.main = main;
    this.further = further;
    this.auxiliary = auxiliary;
    this.gates = gates;
    this.maximumBatch = maximumBatch;
    this.latentBlock = latentBlock;
    int blocks = encoder.blocks(maximumBatch);
    this.active = new double[blocks];
    this.mainSums = new float[blocks * weights.outputs];
    this.furtherSums = new float[further == null ? 0 : blocks * weights.outputs];
  }

  /** The active share of a batch from which it is not taken for sparse. */
  void denseFrom(double share) {
    denseFrom = share;
  }

  /** Before the reconstructions of a batch without a k: whether it is sparse, by the data alone. */
  void chooseDense(int count) {
    if (!main.denseToo()) {
      return;
    }
    long firing = 0;
    for (int row = 0; row < count; row++) {
      firing += main.codes.firing(row);
    }
    double all = (double) count * weights.width;
    densePullBack = main.codes.arena().total(count) >= denseFrom * all;
    denseWeights = firing >= denseFrom * all;
    if (densePullBack && dense == null) {
      dense =
          new DenseCodes(machine, gates, weights, maximumBatch, encoder.blockRows(), latentBlock);
    }
    long time = profile.now();
    if (densePullBack) {
      dense.preparePullBack(weights.decoder.values);
      time = profile.add(Part.GRADIENTS, time);
    }
    if (denseWeights) {
      dense.prepareDecoding(weights.decoder.values);
      profile.add(Part.DECODE, time);
    }
  }

  /** Where the gradients of the weights come from dense products, else null. */
  DenseCodes denseWeights() {
    return denseWeights ? dense : null;
  }

  /** Does a block. */
  void reconstruct(int worker, int block, int batchRows) {
    int first = block * encoder.blockRows();
    int end = Math.min(first + encoder.blockRows(), batchRows);
    int outputs = weights.outputs;
    int sums = block * outputs;
    Arrays.fill(mainSums, sums, sums + outputs, 0);
    if (further != null) {
      Arrays.fill(furtherSums, sums, sums + outputs, 0);
    }
    double error = 0;
    double furtherError = 0;
    double auxiliaryError = 0;
    long firing = 0;
    if (denseWeights) {
      long time = profile.now();
      dense.decode(
          worker, main.codes, first, end - first, gates, encoder.values(worker), main.residual);
      profile.add(Part.DECODE, time);
    }
    main.beginBlock(block);
    for (int row = first; row < end; row++) {
      firing += main.codes.firing(row);
      error += row(main, worker, row, denseWeights, densePullBack);
      loops.add(1, main.upstream(), row * outputs, mainSums, sums, outputs);
      if (further != null) {
        furtherError += row(further, worker, row, false, false);
        loops.add(1, further.upstream(), row * outputs, furtherSums, sums, outputs);
      }
      if (auxiliary.dead > 0) {
        auxiliaryError += auxiliary(worker, row);
      }
    }
    if (densePullBack) {
      long time = profile.now();
      dense.pullBack(worker, main.codes, first, end - first, main.residual, encoder.values(worker));
      profile.add(Part.GRADIENTS, time);
    }
    active[block] = firing;
    main.squares[block] = error;
    if (further != null) {
      further.squares[block] = furtherError;
    }
    if (auxiliary.dead > 0) {
      auxiliary.reconstruction.squares[block] = auxiliaryError;
    }
  }

  /** Residual of a row and gradients of its code; returns its weighted square. */
  private double row(
      CpuReconstruction reconstruction, int worker, int row, boolean decoded, boolean pulledBack) {
    long time = profile.now();
    if (!decoded) {
      reconstruction.decode(worker, row);
    }
    double square = reconstruction.subtract(row, rows);
    time = profile.add(Part.DECODE, time);
    if (!pulledBack) {
      reconstruction.pullBack(worker, row);
      profile.add(Part.GRADIENTS, time);
    }
    return square;
  }

  private double auxiliary(int worker, int row) {
    long time = profile.now();
    double square = auxiliary.decode(worker, row, main.residual);
    time = profile.add(Part.DECODE, time);
    auxiliary.reconstruction.pullBack(worker, row);
    profile.add(Part.GRADIENTS, time);
    return square;
  }

  /** Entries that fire in the first blocks. */
  double active(int blocks) {
    return CentredRows.sum(active, blocks);
  }

  /** Adds to the gradient of b_dec what the residuals of the first blocks say. */
  void addToBias(int blocks, float mainFactor, float furtherFactor, float[] gradient) {
    int outputs = weights.outputs;
    for (int block = 0; block < blocks; block++) {
      loops.add(mainFactor, mainSums, block * outputs, gradient, 0, outputs);
      if (further != null) {
        loops.add(furtherFactor, furtherSums, block * outputs, gradient, 0, outputs);
      }
    }
  }

  @Override
  public void close() {
    if (dense != null) {
      dense.close();
    }
  }
}
