package dev.ontogeny.kernel.cuda;

import dev.ontogeny.kernel.Optimiser;
import java.util.Map;

/** Values on a device with their gradient, Adam's two means, and the running mean if asked for. */
final class CudaParameter {
  private final CudaStream stream;
  private final String name;
  private final int count;
  final DeviceArray values;
  final DeviceArray gradient;
  final DeviceArray first;
  final DeviceArray second;

  /** Null where no running mean is kept. */
  final DeviceArray average;

  /**
   * @param name in saved states
   */
  CudaParameter(CudaStream stream, String name, float[] initial, Optimiser optimiser) {
    this.stream = stream;
    this.name = name;
    count = initial.length;
    values = stream.of(initial);
    gradient = stream.words(count);
    first = stream.words(count);
    second = stream.words(count);
    stream.clear(gradient);
    stream.clear(first);
    stream.clear(second);
    average = optimiser.averageDecay() > 0 ? stream.of(initial) : null;
  }

  /** What a dictionary gets: the running mean, or the values. */
  float[] result() {
    return stream.floats(average == null ? values : average, count);
  }

  float[] gradient() {
    return stream.floats(gradient, count);
  }

  /**
   * A step of Adam for a vector.
   *
   * @param times what its rate is of the others'
   */
  void update(DeviceArray settings, DeviceArray scalars, double times) {
    stream.launch(
        "adam_bias",
        stream.blocksOf(count),
        1,
        settings,
        scalars,
        times,
        count,
        values,
        gradient,
        first,
        second,
        average);
  }

  /** Some values start again: no means, and these values. */
  void restart(long at, float[] fresh) {
    stream.upload(fresh, fresh.length, values.from(4 * at));
    if (average != null) {
      stream.upload(fresh, fresh.length, average.from(4 * at));
    }
    for (DeviceArray means : new DeviceArray[] {first, second}) {
      stream.clear(new DeviceArray(means.from(4 * at).pointer(), 4L * fresh.length));
    }
  }

  void save(Map<String, float[]> state) {
    state.put(name, stream.floats(values, count));
    state.put(name + "_first", stream.floats(first, count));
    state.put(name + "_second", stream.floats(second, count));
    if (average != null) {
      state.put(name + "_average", stream.floats(average, count));
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

  private void restore(float[] from, DeviceArray to) {
    if (from.length != count) {
      throw new IllegalArgumentException(
          name + " has " + from.length + " values in a saved state, expected " + count);
    }
    stream.upload(from, count, to);
  }
}
