package dev.ontogeny.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** {@link BarScan} in vectors of the machine's preferred width. */
final class SimdBarScan extends BarScan {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int STEP = SPECIES.length();

  @Override
  public int next(float[] values, int at, int from, int n, float bar, float[] bars, int barsAt) {
    FloatVector all = FloatVector.broadcast(SPECIES, bar);
    int i = from;
    for (; i + 4 * STEP <= n; i += 4 * STEP) {
      VectorMask<Float> any =
          reaches(values, at + i, all, bars, barsAt + i)
              .or(reaches(values, at + i + STEP, all, bars, barsAt + i + STEP))
              .or(reaches(values, at + i + 2 * STEP, all, bars, barsAt + i + 2 * STEP))
              .or(reaches(values, at + i + 3 * STEP, all, bars, barsAt + i + 3 * STEP));
      if (any.anyTrue()) {
        break;
      }
    }
    for (; i + STEP <= n; i += STEP) {
      VectorMask<Float> found = reaches(values, at + i, all, bars, barsAt + i);
      if (found.anyTrue()) {
        return i + found.firstTrue();
      }
    }
    for (; i < n; i++) {
      if (values[at + i] >= bar || values[at + i] >= bars[barsAt + i]) {
        return i;
      }
    }
    return n;
  }

  private static VectorMask<Float> reaches(
      float[] values, int at, FloatVector bar, float[] bars, int barsAt) {
    return FloatVector.fromArray(SPECIES, values, at)
        .compare(VectorOperators.GE, bar.min(FloatVector.fromArray(SPECIES, bars, barsAt)));
  }
}
