package dev.ontogeny.stats;

import dev.ontogeny.data.VectorType;
import dev.ontogeny.kernel.CrossProducts;
import java.util.Arrays;

/**
 * Collects the moments of vectors that come one by one. Rows wait in blocks of {@value #BLOCK}; a
 * block is centred by a pilot mean (that of the first block) and its products are summed in fp32,
 * then added to sums in double: nearly as exact as doubles throughout and many times faster. Only
 * the order of the rows decides the result. Memory: 4·{@value #BLOCK}·d + 4·d² bytes.
 */
public final class MomentSums {
  /** Rows of a block. */
  public static final int BLOCK = 256;

  private static final int UNROLLED = 8;

  private final int width;
  private final int stride;
  private final CrossProducts kernel = CrossProducts.fastest();
  private final float[] tile = new float[CrossProducts.HEIGHT * kernel.width()];
  private final float[] block;
  private final float[] pilot;
  private final float[] line;
  private final double[] sums;
  private final double[] products;
  private final float[] minimum;
  private final float[] maximum;
  private final NormHistogram norms = new NormHistogram();
  private double normSum;
  private double squareSum;
  private long rows;
  private int filled;

  /** Of vectors with {@code width} numbers. */
  public MomentSums(int width) {
    this.width = width;
    stride = stride(width);
    block = new float[BLOCK * stride];
    pilot = new float[width];
    line = new float[width];
    sums = new double[width];
    products = new double[MomentState.packedLength(width)];
    minimum = new float[width];
    maximum = new float[width];
    Arrays.fill(minimum, Float.POSITIVE_INFINITY);
    Arrays.fill(maximum, Float.NEGATIVE_INFINITY);
  }

  /** Bytes that an instance keeps. */
  public static long memory(int width) {
    return 4L * BLOCK * stride(width) + 8L * MomentState.packedLength(width) + 32L * width;
  }

  /** Floats from row to row of a block: the columns beyond the width stay 0. */
  private static int stride(int width) {
    return (width + CrossProducts.ALIGNMENT - 1)
        / CrossProducts.ALIGNMENT
        * CrossProducts.ALIGNMENT;
  }

  /** Adds a vector from its stored bytes. */
  public void add(VectorType type, byte[] bytes, int from) {
    type.toFloats(bytes, from, block, filled * stride, width);
    added();
  }

  /** Adds a vector. */
  public void add(float[] values, int from) {
    System.arraycopy(values, from, block, filled * stride, width);
    added();
  }

  private void added() {
    filled++;
    if (filled == BLOCK) {
      flush();
    }
  }

  private void flush() {
    for (int row = 0; row < filled; row++) {
      double square = squareOf(block, row * stride, width);
      double norm = Math.sqrt(square);
      squareSum += square;
      normSum += norm;
      norms.add(norm);
    }
    if (rows == 0) {
      choosePilot();
    }
    for (int row = 0; row < filled; row++) {
      extremesAndCentre(row * stride);
    }
    addSums();
    addProducts();
    rows += filled;
    filled = 0;
  }

  /** Σx², in eight interleaved sums. */
  private static double squareOf(float[] x, int from, int width) {
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    float s4 = 0;
    float s5 = 0;
    float s6 = 0;
    float s7 = 0;
    int i = 0;
    for (; i + UNROLLED <= width; i += UNROLLED) {
      int at = from + i;
      s0 = Math.fma(x[at], x[at], s0);
      s1 = Math.fma(x[at + 1], x[at + 1], s1);
      s2 = Math.fma(x[at + 2], x[at + 2], s2);
      s3 = Math.fma(x[at + 3], x[at + 3], s3);
      s4 = Math.fma(x[at + 4], x[at + 4], s4);
      s5 = Math.fma(x[at + 5], x[at + 5], s5);
      s6 = Math.fma(x[at + 6], x[at + 6], s6);
      s7 = Math.fma(x[at + 7], x[at + 7], s7);
    }
    double rest = 0;
    for (; i < width; i++) {
      rest += (double) x[from + i] * x[from + i];
    }
    double sum = ((double) s0 + s1) + ((double) s2 + s3) + ((double) s4 + s5) + ((double) s6 + s7);
    // Beyond about 1e19 squares overflow in fp32, and are taken in double.
    return Double.isFinite(sum) ? sum + rest : squareInDouble(x, from, width);
  }

  private static double squareInDouble(float[] x, int from, int width) {
    double sum = 0;
    for (int i = 0; i < width; i++) {
      sum += (double) x[from + i] * x[from + i];
    }
    return sum;
  }

  private void choosePilot() {
    double[] mean = new double[width];
    for (int row = 0; row < filled; row++) {
      for (int i = 0; i < width; i++) {
        mean[i] += block[row * stride + i];
      }
    }
    for (int i = 0; i < width; i++) {
      pilot[i] = (float) (mean[i] / filled);
    }
  }

  private void extremesAndCentre(int from) {
    float[] x = block;
    for (int i = 0; i < width; i++) {
      minimum[i] = Math.min(minimum[i], x[from + i]);
    }
    for (int i = 0; i < width; i++) {
      maximum[i] = Math.max(maximum[i], x[from + i]);
    }
    for (int i = 0; i < width; i++) {
      x[from + i] -= pilot[i];
    }
  }

  private void addSums() {
    Arrays.fill(line, 0);
    for (int row = 0; row < filled; row++) {
      int from = row * stride;
      for (int i = 0; i < width; i++) {
        line[i] += block[from + i];
      }
    }
    for (int i = 0; i < width; i++) {
      sums[i] += line[i];
    }
  }

  private void addProducts() {
    for (int j = 0; j < stride; ) {
      int columns = j + kernel.width() <= stride ? kernel.width() : kernel.part();
      for (int i = 0; i < Math.min(width, j + columns); i += CrossProducts.HEIGHT) {
        kernel.tile(block, filled, stride, i, j, columns, tile);
        for (int a = 0; a < CrossProducts.HEIGHT && i + a < width; a++) {
          addTileRow(i + a, j, columns, a * kernel.width());
        }
      }
      j += columns;
    }
  }

  /** Adds a row of a tile to row {@code i} of the packed triangle. */
  private void addTileRow(int i, int j, int columns, int tileAt) {
    int rowAt = i * width - i * (i - 1) / 2 - i;
    int to = Math.min(width, j + columns);
    for (int column = Math.max(i, j); column < to; column++) {
      products[rowAt + column] += tile[tileAt + column - j];
    }
  }

  /** What was collected; rows may still be added afterwards to begin a new block. */
  public MomentState state() {
    if (filled > 0) {
      flush();
    }
    MomentState state = MomentState.none(width);
    if (rows == 0) {
      return state;
    }
    double[] mean = new double[width];
    double[] comoments = products.clone();
    int at = 0;
    for (int i = 0; i < width; i++) {
      mean[i] = pilot[i] + sums[i] / rows;
      for (int j = i; j < width; j++) {
        comoments[at++] -= sums[i] * sums[j] / rows;
      }
    }
    return new MomentState(
        rows,
        mean,
        comoments,
        normSum,
        squareSum,
        minimum.clone(),
        maximum.clone(),
        norms.counts());
  }
}
