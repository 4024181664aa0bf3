package dev.ontogeny.kernel;

/**
 * Sums of products of columns over the rows of a block, tile by tile: the inner loop of a
 * covariance. Every sum runs over the rows in their order with fused multiply-adds, so that all
 * implementations give the same bits.
 */
public abstract class CrossProducts {
  /** First columns of a tile; rows of a block have a stride that is a multiple of it. */
  public static final int HEIGHT = 4;

  /** Strides of blocks are multiples of this. */
  public static final int ALIGNMENT = 16;

  private static final CrossProducts FASTEST = detect();

  CrossProducts() {}

  /** The fastest there is here. */
  public static CrossProducts fastest() {
    return FASTEST;
  }

  private static CrossProducts detect() {
    try {
      return new SimdCrossProducts();
    } catch (LinkageError | UnsupportedOperationException e) {
      // Without jdk.incubator.vector.
      return new ScalarCrossProducts();
    }
  }

  /** The plain twin. */
  static CrossProducts scalar() {
    return new ScalarCrossProducts();
  }

  /** Second columns of a full tile, a multiple of {@link #part}. */
  public abstract int width();

  /** Second columns of a narrow tile. */
  public abstract int part();

  /**
   * One tile: {@code into[a · width + b] = Σ_r x[r, i + a] · x[r, j + b]} for a below {@link
   * #HEIGHT} and b below {@code columns}.
   *
   * @param x [rows, stride] row-major
   * @param columns {@link #width} or {@link #part}
   */
  public abstract void tile(
      float[] x, int rows, int stride, int i, int j, int columns, float[] into);
}
