package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import java.util.List;

/**
 * The gates of a crosscoder that has one for every latent and source: how long a decoder row is in
 * the columns of a source, and the bar that a code has to exceed to count there.
 */
final class SourceGates {
  /** Where the columns of a source begin, and the end of the last. */
  private final int[] starts;

  private final int inputs;

  /** ‖d^s‖, [F, S]. */
  private final float[] norms;

  /** θ/‖d^s‖, [F, S]; infinite where the norm is zero. */
  private final float[] bars;

  SourceGates(List<Source> sources, int width) {
    starts = new int[sources.size() + 1];
    for (int s = 0; s < sources.size(); s++) {
      starts[s + 1] = starts[s] + sources.get(s).width();
    }
    inputs = starts[sources.size()];
    norms = new float[Math.multiplyExact(width, sources.size())];
    bars = new float[norms.length];
  }

  /** Of a dictionary as it is. */
  static SourceGates of(Dictionary dictionary) {
    int sources = dictionary.sources().size();
    SourceGates gates = new SourceGates(dictionary.sources(), dictionary.width());
    for (int s = 0; s < sources; s++) {
      float[] bars = dictionary.sourceThreshold(s);
      for (int latent = 0; latent < bars.length; latent++) {
        gates.bars[latent * sources + s] = bars[latent];
      }
    }
    return gates;
  }

  int sources() {
    return starts.length - 1;
  }

  /** First column of a source. */
  int first(int source) {
    return starts[source];
  }

  /** Columns of a source. */
  int columns(int source) {
    return starts[source + 1] - starts[source];
  }

  /** ‖d^s‖ of the last {@link #update}. */
  float norm(int latent, int source) {
    return norms[latent * sources() + source];
  }

  /** What a code has to exceed to count at a source. */
  float bar(int latent, int source) {
    return bars[latent * sources() + source];
  }

  /**
   * Takes over a latent's norms and bars.
   *
   * @return the lowest bar of all sources
   */
  float update(Loops loops, int latent, float[] decoder, float threshold) {
    float lowest = Float.POSITIVE_INFINITY;
    for (int s = 0; s < sources(); s++) {
      int at = latent * inputs + starts[s];
      double norm = Math.sqrt(loops.dot(decoder, at, decoder, at, columns(s)));
      norms[latent * sources() + s] = (float) norm;
      float bar = norm > 0 ? (float) (threshold / norm) : Float.POSITIVE_INFINITY;
      bars[latent * sources() + s] = bar;
      lowest = Math.min(lowest, bar);
    }
    return lowest;
  }

  /** A row out of its codes: at each source those that are above their bar, times W_dec. */
  void decode(
      Loops loops,
      float[] decoder,
      int[] latents,
      float[] values,
      int from,
      int to,
      EntriesOfPart open,
      float[] into,
      int intoAt) {
    for (int s = 0; s < sources(); s++) {
      open.clear();
      for (int j = from; j < to; j++) {
        if (values[j] > bars[latents[j] * sources() + s]) {
          open.add(latents[j], values[j], j);
        }
      }
      open.weightedSum(loops, decoder, inputs, starts[s], columns(s), into, intoAt + starts[s]);
    }
  }
}
