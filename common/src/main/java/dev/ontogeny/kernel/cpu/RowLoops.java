package dev.ontogeny.kernel.cpu;

/** Those loops of the {@code cpu} provider that others use too, over parts of float arrays. */
public final class RowLoops {
  private static final Loops LOOPS = Loops.fastest();

  private RowLoops() {}

  /** Σ x[at + i] · y[yAt + i] over i below {@code n}, in fp32. */
  public static float dot(float[] x, int at, float[] y, int yAt, int n) {
    return LOOPS.dot(x, at, y, yAt, n);
  }

  /**
   * A bar that at least k of the first n values reach and hardly more do; 0 where fewer than k are
   * above 0.
   */
  public static float barOfLargest(float[] values, int n, int k) {
    return LOOPS.barOfLargest(values, n, k);
  }

  /** Sums over the columns of a row beside its reconstruction, in fp32. */
  public static final class Comparison {
    private final float[] sums = new float[Loops.COMPARED];

    /**
     * The {@code n} columns from {@code first} on of a row x that begins at {@code x[at]}, and of
     * its reconstruction y, at the same place of its array.
     *
     * @param centred takes (x − mean) · scale
     * @param residual takes (x − y) · scale
     */
    public void of(
        float[] x,
        float[] y,
        int at,
        float[] mean,
        float[] scale,
        int first,
        int n,
        float[] centred,
        float[] residual) {
      LOOPS.compare(x, y, at, mean, scale, first, n, centred, residual, sums);
    }

    /** Σ residual². */
    public double error() {
      return sums[Loops.ERROR];
    }

    /** Σ centred². */
    public double square() {
      return sums[Loops.SQUARE];
    }

    /** Σ x · y. */
    public double product() {
      return sums[Loops.PRODUCT];
    }

    /** Σ x². */
    public double squareX() {
      return sums[Loops.SQUARE_X];
    }

    /** Σ y². */
    public double squareY() {
      return sums[Loops.SQUARE_Y];
    }
  }
}
