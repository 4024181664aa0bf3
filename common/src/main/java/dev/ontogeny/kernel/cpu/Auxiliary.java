package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.TrainingSpecification;

/**
 * The auxiliary loss: the dead latents of a batch, and how they reconstruct what the living leave
 * over. Its arrays come with the first latent that dies.
 */
final class Auxiliary {
  final DeadLatents silent;
  private final TrainingSpecification specification;
  private final Loops loops;
  private final CpuWeights weights;
  private final int maximumBatch;
  private final int blockRows;

  /** The first {@link #dead} are those of the batch. */
  final int[] latents;

  int dead;
  CpuReconstruction reconstruction;

  Auxiliary(
      TrainingSpecification specification,
      Loops loops,
      CpuWeights weights,
      int maximumBatch,
      int blockRows) {
    this.specification = specification;
    this.loops = loops;
    this.weights = weights;
    this.maximumBatch = maximumBatch;
    this.blockRows = blockRows;
    this.silent = new DeadLatents(weights.width, specification.deadWindow());
    this.latents = new int[weights.width];
  }

  /** Latents of a row that take part. */
  int k() {
    return specification.auxiliaryK();
  }

  /** Before a batch. */
  void prepare() {
    dead = 0;
    if (specification.auxiliaryK() == 0 || specification.auxiliaryCoefficient() == 0) {
      return;
    }
    for (int latent = 0; latent < weights.width; latent++) {
      if (silent.dead(latent)) {
        latents[dead++] = latent;
      }
    }
    if (dead > 0 && reconstruction == null) {
      reconstruction =
          new CpuReconstruction(
              loops, weights, maximumBatch, blockRows, specification.auxiliaryK(), 1);
    }
  }

  /** Of its loss, 0 where nothing is dead. */
  double weight() {
    return dead == 0
        ? 0
        : specification.auxiliaryCoefficient()
            * Math.min(1.0, (double) dead / specification.auxiliaryK());
  }

  /** Residual and gradients of a row, from what the main code leaves over; returns its square. */
  double decode(int worker, int row, float[] target) {
    int at = row * reconstruction.outputs;
    reconstruction.decode(worker, row);
    loops.subtract(
        target,
        at,
        reconstruction.residual,
        at,
        reconstruction.residual,
        at,
        reconstruction.outputs);
    return reconstruction.squares(row);
  }
}
