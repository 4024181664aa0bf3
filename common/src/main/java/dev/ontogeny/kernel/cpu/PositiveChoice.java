package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;

/** All positive pre-activations. */
final class PositiveChoice extends CpuSelection {
  private final Workers workers;
  private final SelectionPass selection;
  private final ReconstructionPass reconstruction;

  PositiveChoice(Workers workers, SelectionPass selection, ReconstructionPass reconstruction) {
    this.workers = workers;
    this.selection = selection;
    this.reconstruction = reconstruction;
  }

  @Override
  void choose(FloatMatrix batch, int blocks, StepSettings settings, long steps) {
    workers.run(blocks, (worker, block) -> selection.select(batch, worker, block, 0));
    reconstruction.chooseDense(batch.rows());
    workers.run(blocks, (worker, block) -> reconstruction.reconstruct(worker, block, batch.rows()));
  }
}
