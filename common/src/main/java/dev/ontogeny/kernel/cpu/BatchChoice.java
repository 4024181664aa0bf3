package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Selection;
import java.util.Map;

/** The k·n largest of a batch: candidates of all rows, then the cut, then everything else. */
final class BatchChoice extends CpuSelection {
  private final Selection.LargestOfBatch part;
  private final CpuWeights weights;
  private final Workers workers;
  private final SelectionPass selection;
  private final ReconstructionPass reconstruction;
  private final BatchBudget budget;
  private final int perRow;

  /** The running mean of what was chosen last, times the weight of its latent. */
  private float runningThreshold;

  /**
   * @param perRow candidates of a row, where the whole batch's would be too many
   */
  BatchChoice(
      Selection.LargestOfBatch part,
      CpuWeights weights,
      Workers workers,
      SelectionPass selection,
      ReconstructionPass reconstruction,
      int perRow) {
    this.part = part;
    this.weights = weights;
    this.workers = workers;
    this.selection = selection;
    this.reconstruction = reconstruction;
    this.perRow = perRow;
    this.budget = new BatchBudget(weights.width);
  }

  @Override
  void choose(FloatMatrix batch, int blocks, StepSettings settings, long steps) {
    int rows = batch.rows();
    int wanted = Math.multiplyExact(rows, settings.k(part.k(), part.initialK()));
    BatchCodes arena = selection.codes();
    if (!weights.unitDecoder) {
      int latentBlocks = (weights.width + GradientPass.BLOCK - 1) / GradientPass.BLOCK;
      workers.run(latentBlocks, (worker, block) -> weigh(block * GradientPass.BLOCK));
    }
    if (budget.hasFloor()) {
      collect(batch, blocks);
    }
    if (!budget.hasFloor() || arena.total(rows) < wanted) {
      workers.run(blocks, (worker, block) -> selection.select(batch, worker, block, perRow));
      budget.floorFrom(arena, rows, wanted);
      collect(batch, blocks);
    }
    float smallest = budget.cut(arena, rows, wanted);
    // The step that is about to be made is number steps + 1.
    float decay = (float) Math.min(part.thresholdDecay(), (double) steps / (steps + 1));
    runningThreshold = decay * runningThreshold + (1 - decay) * smallest;
    workers.run(blocks, (worker, block) -> reconstruction.reconstruct(worker, block, rows));
  }

  private void weigh(int first) {
    int end = Math.min(weights.width, first + GradientPass.BLOCK);
    for (int latent = first; latent < end; latent++) {
      budget.weights()[latent] = weights.norm(latent);
    }
  }

  private void collect(FloatMatrix batch, int blocks) {
    selection.bounds(budget.bounds(), budget.lowest());
    workers.run(blocks, (worker, block) -> selection.select(batch, worker, block, 0));
  }

  @Override
  Map<String, float[]> tensors() {
    float[] threshold = new float[weights.width];
    for (int latent = 0; latent < threshold.length; latent++) {
      float weight = weights.unitDecoder ? 1 : weights.norm(latent);
      threshold[latent] = weight > 0 ? runningThreshold / weight : Float.MAX_VALUE;
    }
    return Map.of(FurtherTensor.THRESHOLD.name(), threshold);
  }

  @Override
  void save(Map<String, float[]> state) {
    state.put("running_threshold", new float[] {runningThreshold});
  }

  @Override
  void restore(Map<String, float[]> state) {
    runningThreshold = state.get("running_threshold")[0];
  }
}
