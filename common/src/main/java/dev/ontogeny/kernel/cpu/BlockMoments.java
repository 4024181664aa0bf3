package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.SimdOrPlain;

/**
 * What a block of rows adds to the moments of its columns: extremes, sums, squares of norms, and
 * the sums of products of columns that a covariance is made of. A block lies in panels of {@value
 * #PANEL} columns, row after row within a panel (see {@link #at}), so that the products read memory
 * from end to end; its columns beyond the width are 0.
 *
 * <p>Every sum is taken in an order that only the shape decides, so that all implementations give
 * the same bits.
 */
public abstract class BlockMoments {
  /** Columns of a panel. */
  public static final int PANEL = 64;

  /** The squares of a row are summed by column modulo this. */
  static final int INTERLEAVED = 16;

  BlockMoments() {}

  /** The fastest there is here. */
  public static BlockMoments fastest() {
    return SimdOrPlain.or(() -> new SimdBlockMoments(), () -> new ScalarBlockMoments());
  }

  /** The plain twin. */
  static BlockMoments scalar() {
    return new ScalarBlockMoments();
  }

  /** Columns with those that fill the last panel. */
  public static int padded(int width) {
    return (width + PANEL - 1) / PANEL * PANEL;
  }

  /** Where a number of a block of {@code rows} rows stands. */
  public static int at(int rows, int row, int column) {
    return (column / PANEL * rows + row) * PANEL + column % PANEL;
  }

  /** Numbers of the triangle that {@link #addProducts} adds to. */
  public static int triangle(int width) {
    return Math.toIntExact((long) width * (width + 1) / 2);
  }

  /** Where row {@code i} of a triangle would have column 0; it begins at column i. */
  static int triangleRow(int i, int width) {
    return (int) ((long) i * (2L * width - i - 1) / 2);
  }

  /**
   * Σ_i x[r, i]² of each of the first rows, each square and partial sum in fp32; infinite or no
   * number where that is too small.
   *
   * @param x a block of {@code rows} rows
   * @param filled rows of it to look at
   */
  public final void squares(float[] x, int rows, int filled, int width, double[] into) {
    float[] sums = new float[INTERLEAVED];
    for (int row = 0; row < filled; row++) {
      squaresOf(x, rows, row, width, sums);
      double square = 0;
      for (float sum : sums) {
        square += sum;
      }
      into[row] = square;
    }
  }

  /** {@code sums[m]} = Σ x[row, i]² over the columns i that are m modulo {@link #INTERLEAVED}. */
  abstract void squaresOf(float[] x, int rows, int row, int width, float[] sums);

  /**
   * Takes the extremes of each column, then subtracts its pilot, then sums it.
   *
   * @param pilot [padded width] numbers to subtract, as {@code minimum}, {@code maximum} and {@code
   *     sums}; 0 beyond the width
   */
  public abstract void centre(
      float[] x,
      int rows,
      int filled,
      float[] pilot,
      float[] minimum,
      float[] maximum,
      float[] sums);

  /**
   * Adds Σ_r x[r, i] · x[r, j], summed over the first rows in fp32, to the triangle's (i, j) for i
   * ≤ j, row after row.
   */
  public abstract void addProducts(float[] x, int rows, int filled, int width, double[] triangle);
}
