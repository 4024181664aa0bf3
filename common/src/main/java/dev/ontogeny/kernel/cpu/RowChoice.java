package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.Selection;

/** The k largest of a row: known as soon as its block is multiplied, so one pass does it all. */
final class RowChoice extends CpuSelection {
  private final Selection.LargestOfRow part;
  private final Workers workers;
  private final SelectionPass selection;
  private final ReconstructionPass reconstruction;

  RowChoice(
      Selection.LargestOfRow part,
      Workers workers,
      SelectionPass selection,
      ReconstructionPass reconstruction) {
    this.part = part;
    this.workers = workers;
    this.selection = selection;
    this.reconstruction = reconstruction;
  }

  @Override
  void choose(FloatMatrix batch, int blocks, StepSettings settings, long steps) {
    int k = settings.k(part.k(), part.initialK());
    workers.run(
        blocks,
        (worker, block) -> {
          selection.select(batch, worker, block, k);
          reconstruction.reconstruct(worker, block, batch.rows());
        });
  }
}
