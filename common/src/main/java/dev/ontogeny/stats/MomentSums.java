package dev.ontogeny.stats;

import dev.ontogeny.data.VectorType;
import dev.ontogeny.kernel.cpu.BlockMoments;
import java.util.Arrays;

/**
 * Collects the moments of vectors that come one by one. Rows wait in blocks of {@value #BLOCK}; a
 * block is centred by a pilot mean (that of the first block) and its products are summed in fp32,
 * then added to sums in double: nearly as exact as doubles throughout and many times faster. Only
 * the order of the rows decides the result. Memory: {@link #memory}.
 */
public final class MomentSums {
  /** Rows of a block. */
  public static final int BLOCK = 256;

  private final int width;
  private final BlockMoments kernel = BlockMoments.fastest();
  private final float[] block;
  private final float[] pilot;
  private final float[] line;
  private final float[] minimum;
  private final float[] maximum;
  private final double[] squares = new double[BLOCK];
  private final double[] sums;
  private final double[] products;
  private final NormHistogram norms = new NormHistogram();
  private double normSum;
  private double squareSum;
  private long rows;
  private int filled;

  /** Of vectors with {@code width} numbers. */
  public MomentSums(int width) {
    this.width = width;
    int padded = BlockMoments.padded(width);
    block = new float[BLOCK * padded];
    pilot = new float[padded];
    line = new float[padded];
    minimum = new float[padded];
    maximum = new float[padded];
    sums = new double[width];
    products = new double[BlockMoments.triangle(width)];
    Arrays.fill(minimum, Float.POSITIVE_INFINITY);
    Arrays.fill(maximum, Float.NEGATIVE_INFINITY);
  }

  /** Bytes that an instance keeps. */
  public static long memory(int width) {
    return 4L * (BLOCK + 4) * BlockMoments.padded(width)
        + 8L * BlockMoments.triangle(width)
        + 8L * (width + BLOCK);
  }

  /** Adds a vector from its stored bytes. */
  public void add(VectorType type, byte[] bytes, int from) {
    for (int i = 0; i < width; i += BlockMoments.PANEL) {
      int count = Math.min(BlockMoments.PANEL, width - i);
      type.toFloats(
          bytes, from + i * type.bytes(), block, BlockMoments.at(BLOCK, filled, i), count);
    }
    added();
  }

  /** Adds a vector. */
  public void add(float[] values, int from) {
    for (int i = 0; i < width; i += BlockMoments.PANEL) {
      int count = Math.min(BlockMoments.PANEL, width - i);
      System.arraycopy(values, from + i, block, BlockMoments.at(BLOCK, filled, i), count);
    }
    added();
  }

  private void added() {
    filled++;
    if (filled == BLOCK) {
      flush();
    }
  }

  private void flush() {
    kernel.squares(block, BLOCK, filled, width, squares);
    for (int row = 0; row < filled; row++) {
      // Beyond about 1e19 squares overflow in fp32, and are taken in double.
      double square = Double.isFinite(squares[row]) ? squares[row] : squareInDouble(row);
      double norm = Math.sqrt(square);
      squareSum += square;
      normSum += norm;
      norms.add(norm);
    }
    if (rows == 0) {
      choosePilot();
    }
    kernel.centre(block, BLOCK, filled, pilot, minimum, maximum, line);
    for (int i = 0; i < width; i++) {
      sums[i] += line[i];
    }
    kernel.addProducts(block, BLOCK, filled, width, products);
    rows += filled;
    filled = 0;
  }

  private double squareInDouble(int row) {
    double sum = 0;
    for (int i = 0; i < width; i++) {
      double value = block[BlockMoments.at(BLOCK, row, i)];
      sum += value * value;
    }
    return sum;
  }

  private void choosePilot() {
    for (int i = 0; i < width; i++) {
      double sum = 0;
      for (int row = 0; row < filled; row++) {
        sum += block[BlockMoments.at(BLOCK, row, i)];
      }
      pilot[i] = (float) (sum / filled);
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
        Arrays.copyOf(minimum, width),
        Arrays.copyOf(maximum, width),
        norms.counts());
  }
}
