package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.Optimiser;
import java.util.Arrays;
import java.util.Map;

/** Values with their gradient, Adam's two means, and the running mean where one is asked for. */
final class CpuParameter {
  private final String name;
  final float[] values;
  final float[] gradient;
  private final float[] first;
  private final float[] second;
  private final float[] average;

  /**
   * @param name in saved states
   * @param values taken over
   */
  CpuParameter(String name, float[] values, Optimiser optimiser) {
    this.name = name;
    this.values = values;
    this.gradient = new float[values.length];
    this.first = new float[values.length];
    this.second = new float[values.length];
    this.average = optimiser.averageDecay() > 0 ? values.clone() : null;
  }

  /**
   * A step of Adam on a part.
   *
   * @param factor multiplies the gradient
   * @param keep what weight decay leaves of the values
   */
  void update(Loops loops, int at, int n, float factor, float keep, AdamStep adam) {
    if (keep != 1) {
      loops.multiply(keep, values, at, n);
    }
    loops.adam(values, first, second, at, gradient, at, n, factor, adam);
  }

  /** Takes the values of a part into the running mean, which keeps the weight {@code decay}. */
  void average(Loops loops, int at, int n, float decay) {
    if (average != null) {
      loops.multiply(decay, average, at, n);
      loops.add(1 - decay, values, at, average, at, n);
    }
  }

  /** A part starts again: no means, and the values as they are now. */
  void forget(int at, int n) {
    Arrays.fill(first, at, at + n, 0);
    Arrays.fill(second, at, at + n, 0);
    if (average != null) {
      System.arraycopy(values, at, average, at, n);
    }
  }

  /** What a dictionary gets: a copy of the running mean, or of the values. */
  float[] result() {
    return average == null ? values.clone() : average.clone();
  }

  String name() {
    return name;
  }

  void save(Map<String, float[]> state) {
    state.put(name, values.clone());
    state.put(name + "_first", first.clone());
    state.put(name + "_second", second.clone());
    if (average != null) {
      state.put(name + "_average", average.clone());
    }
  }

  void restore(Map<String, float[]> state) {
    restore(state.get(name), values);
    restore(state.get(name + "_first"), first);
    restore(state.get(name + "_second"), second);
    if (average != null) {
      restore(state.get(name + "_average"), average);
    }
  }

  private static void restore(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, to.length);
  }
}
