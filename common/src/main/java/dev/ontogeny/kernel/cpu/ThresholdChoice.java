package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Selection;
import java.util.Map;

/**
 * Pre-activations above a learnt threshold, and those a little below, which matter to it: these
 * stand behind the others of their row until the penalty has seen them.
 */
final class ThresholdChoice extends CpuSelection {
  private final Selection.AboveThreshold part;
  private final Thresholds thresholds;
  private final Optimiser optimiser;
  private final CpuMachine machine;
  private final SelectionPass selection;
  private final ReconstructionPass reconstruction;

  ThresholdChoice(
      Selection.AboveThreshold part,
      Thresholds thresholds,
      Optimiser optimiser,
      CpuMachine machine,
      SelectionPass selection,
      ReconstructionPass reconstruction) {
    this.part = part;
    this.thresholds = thresholds;
    this.optimiser = optimiser;
    this.machine = machine;
    this.selection = selection;
    this.reconstruction = reconstruction;
    selection.firingBars(thresholds.firing);
  }

  @Override
  void choose(FloatMatrix batch, int blocks, StepSettings settings, long steps) {
    Workers workers = machine.workers();
    workers.run(blocks, (worker, block) -> selection.select(batch, worker, block, 0));
    reconstruction.chooseDense(batch.rows());
    workers.run(blocks, (worker, block) -> reconstruction.reconstruct(worker, block, batch.rows()));
  }

  @Override
  void update(float factor, double learningRate, long steps, float average) {
    Loops loops = machine.loops();
    CpuParameter logarithms = thresholds.logarithms;
    AdamStep adam = AdamStep.of(optimiser, learningRate * part.rate(), steps);
    logarithms.update(loops, 0, logarithms.values.length, factor, 1, adam);
    logarithms.average(loops, 0, logarithms.values.length, average);
  }

  @Override
  void prepare() {
    selection.lowestBound = thresholds.prepare(selection.bounds);
  }

  @Override
  Map<String, float[]> tensors() {
    return Map.of(FurtherTensor.THRESHOLD.name(), thresholds.result());
  }
}
