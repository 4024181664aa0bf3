package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.kernel.AdamStep;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.floating.Sqrt;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Values with their gradient, Adam's two means and, where it is asked for, their mean over steps.
 */
final class DeviceParameter {
  final INDArray values;
  final INDArray gradient;
  final INDArray first;
  final INDArray second;

  /** Null where no mean is kept. */
  final INDArray average;

  /** Room for one more. */
  final INDArray spare;

  DeviceParameter(INDArray values, boolean averaged) {
    this.values = values;
    gradient = like(values);
    first = like(values).assign(0);
    second = like(values).assign(0);
    spare = like(values);
    average = averaged ? like(values).assign(values) : null;
  }

  private static INDArray like(INDArray values) {
    return DeviceMatrix.allocate(values.rows(), values.columns());
  }

  /** What a dictionary gets. */
  INDArray result() {
    return average == null ? values : average;
  }

  double squares() {
    return DeviceMatrix.squares(gradient);
  }

  /**
   * A step of Adam. Overwrites the gradient.
   *
   * @param factor multiplies the gradient
   * @param rate multiplies the learning rate
   */
  void adam(double factor, double rate, AdamStep adam) {
    gradient.muli(factor);
    spare.assign(gradient).muli(1 - adam.firstDecay());
    first.muli(adam.firstDecay()).addi(spare);
    gradient.muli(gradient).muli(1 - adam.secondDecay());
    second.muli(adam.secondDecay()).addi(gradient);
    Nd4j.getExecutioner().exec(new Sqrt(second, spare));
    spare.muli(adam.root()).addi(adam.epsilon());
    gradient.assign(first).muli(rate * adam.rate()).divi(spare);
    values.subi(gradient);
  }

  /** Takes the values into their mean, which keeps that weight. */
  void average(float keep) {
    if (average != null) {
      spare.assign(values).muli(1 - keep);
      average.muli(keep).addi(spare);
    }
  }

  /** All that the next step depends on, in the order of {@link #SUFFIXES}. */
  List<INDArray> kept() {
    List<INDArray> all = new ArrayList<>(List.of(values, first, second));
    if (average != null) {
      all.add(average);
    }
    return all;
  }

  /** What the names of {@link #kept} end with. */
  static final List<String> SUFFIXES = List.of("", ".first", ".second", ".average");

  void close() {
    kept().forEach(INDArray::close);
    gradient.close();
    spare.close();
  }
}
