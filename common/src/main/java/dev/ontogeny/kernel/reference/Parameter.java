package dev.ontogeny.kernel.reference;

import dev.ontogeny.kernel.Optimiser;
import java.util.Map;

/** Values with their gradient, Adam's two means, and the mean of the values over steps. */
final class Parameter {
  final float[] values;
  final double[] gradient;
  private final float[] first;
  private final float[] second;
  private final float[] average;

  Parameter(float[] initial) {
    values = initial.clone();
    average = initial.clone();
    gradient = new double[initial.length];
    first = new float[initial.length];
    second = new float[initial.length];
  }

  /**
   * A step of Adam.
   *
   * @param factor multiplies the gradient
   */
  void adam(Optimiser optimiser, double factor, double learningRate, long steps) {
    double firstCorrection = 1 - Math.pow(optimiser.firstDecay(), (double) steps);
    double secondCorrection = 1 - Math.pow(optimiser.secondDecay(), (double) steps);
    for (int i = 0; i < values.length; i++) {
      double scaled = gradient[i] * factor;
      double mean = optimiser.firstDecay() * first[i] + (1 - optimiser.firstDecay()) * scaled;
      double square =
          optimiser.secondDecay() * second[i] + (1 - optimiser.secondDecay()) * scaled * scaled;
      first[i] = (float) mean;
      second[i] = (float) square;
      values[i] -=
          (float)
              (learningRate
                  * (mean / firstCorrection)
                  / (Math.sqrt(square / secondCorrection) + optimiser.epsilon()));
    }
  }

  /** Takes the values into their mean, which keeps that weight. */
  void average(float keep) {
    for (int i = 0; i < values.length; i++) {
      average[i] = keep * average[i] + (1 - keep) * values[i];
    }
  }

  /** A value starts again. */
  void restart(int at, float value) {
    values[at] = value;
    average[at] = value;
    first[at] = 0;
    second[at] = 0;
  }

  /** What a dictionary gets. */
  float[] result(Optimiser optimiser) {
    return (optimiser.averageDecay() > 0 ? average : values).clone();
  }

  void save(String name, Map<String, float[]> state) {
    state.put(name, values.clone());
    state.put(name + ".first", first.clone());
    state.put(name + ".second", second.clone());
    state.put(name + ".average", average.clone());
  }

  void restore(String name, Map<String, float[]> state) {
    restore(state.get(name), values);
    restore(state.get(name + ".first"), first);
    restore(state.get(name + ".second"), second);
    restore(state.get(name + ".average"), average);
  }

  private static void restore(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, to.length);
  }
}
