package dev.ontogeny.kernel;

/** Looks through products for those that reach a bar: the inner loop of comparing all pairs. */
public abstract class BarScan {
  /** The fastest there is here. */
  public static BarScan fastest() {
    return SimdOrPlain.or(() -> new SimdBarScan(), () -> new ScalarBarScan());
  }

  /**
   * The first i from {@code from} on, below n, with {@code values[at + i] >= min(bar, bars[barsAt +
   * i])}; n if there is none. NaN reaches nothing.
   */
  public abstract int next(
      float[] values, int at, int from, int n, float bar, float[] bars, int barsAt);

  /** {@link #next} from one to the next, while bars rise. */
  public final void scan(
      float[] values,
      int at,
      int n,
      float[] rowBars,
      int row,
      float[] keptBars,
      int firstKept,
      ProductKernel.Pair pair) {
    int i = next(values, at, 0, n, rowBars[row], keptBars, firstKept);
    if (i == n) {
      return;
    }
    synchronized (pair) {
      for (; i < n; i = next(values, at, i + 1, n, rowBars[row], keptBars, firstKept)) {
        pair.take(row, firstKept + i, values[at + i]);
      }
    }
  }
}
