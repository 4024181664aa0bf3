package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Map;

/**
 * A {@link dev.ontogeny.type.Selection} on the CPU: how the passes over rows follow each other, and
 * what it learns or estimates for the dictionary that comes out.
 */
abstract class CpuSelection {
  /** Room for the codes of a row where no k says how many there are. */
  static final int USUAL_ACTIVE = 64;

  /**
   * Leaves codes, residuals and gradients of the codes of a batch.
   *
   * @param blocks of its rows
   * @param steps made before
   */
  abstract void choose(FloatMatrix batch, int blocks, StepSettings settings, long steps);

  /** A step of what it learns itself, if anything. */
  void update(float factor, double learningRate, long steps, float average) {}

  /** Before the first batch, after each step, and after a restoration. */
  void prepare() {}

  /** The tensors that dictionaries have of it. */
  Map<String, float[]> tensors() {
    return Map.of();
  }

  void save(Map<String, float[]> state) {}

  void restore(Map<String, float[]> state) {}
}
