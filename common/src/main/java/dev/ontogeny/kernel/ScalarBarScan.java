package dev.ontogeny.kernel;

/** {@link BarScan} in plain Java. */
public final class ScalarBarScan extends BarScan {
  @Override
  public int next(float[] values, int at, int from, int n, float bar, float[] bars, int barsAt) {
    for (int i = from; i < n; i++) {
      if (values[at + i] >= bar || values[at + i] >= bars[barsAt + i]) {
        return i;
      }
    }
    return n;
  }
}
