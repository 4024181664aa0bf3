package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.SimdOrPlain;
import java.util.Arrays;

/**
 * The inner loops of the {@code cpu} provider over parts of float arrays: {@code x, at, n} are the
 * {@code n} floats of {@code x} from {@code at} on. Each loop has a scalar form and a vector form;
 * the order of every sum is fixed within a form.
 */
abstract class Loops {
  /** Latents of a row that share a lane in {@link #biasAndMaxima}, whatever the vector's width. */
  static final int LANES = 16;

  // What compare sums up: places in its sums.
  static final int ERROR = 0;
  static final int SQUARE = 1;
  static final int PRODUCT = 2;
  static final int SQUARE_X = 3;
  static final int SQUARE_Y = 4;
  static final int COMPARED = 5;

  /** Enough to tell the k-th of a few hundred values from the next ones. */
  private static final int BISECTIONS = 14;

  /** The fastest there are here. */
  static Loops fastest() {
    return SimdOrPlain.or(() -> new SimdLoops(), () -> new ScalarLoops());
  }

  /** For people: {@code SIMD 512 bits} or {@code scalar}. */
  abstract String name();

  /** into = (x − mean) · scale − bias. */
  abstract void centre(
      float[] x,
      int at,
      float[] mean,
      float[] scale,
      float[] bias,
      float[] into,
      int intoAt,
      int n);

  /** Σ x · y. */
  abstract float dot(float[] x, int at, float[] y, int yAt, int n);

  /**
   * A row beside its reconstruction, in n columns from {@code first} on: centred = (x − mean) ·
   * scale, residual = (x − y) · scale, and their squares' sums, Σ x·y, Σ x² and Σ y². The first
   * column of the row is {@code x[at]} and {@code y[at]}.
   *
   * <p>This is the scalar form; the vector form leaves the last columns to it.
   *
   * @param sums {@link #COMPARED} places to overwrite
   */
  void compare(
      float[] x,
      float[] y,
      int at,
      float[] mean,
      float[] scale,
      int first,
      int n,
      float[] centred,
      float[] residual,
      float[] sums) {
    Arrays.fill(sums, 0);
    for (int i = first; i < first + n; i++) {
      float a = x[at + i];
      float b = y[at + i];
      float c = (a - mean[i]) * scale[i];
      float r = (a - b) * scale[i];
      centred[i] = c;
      residual[i] = r;
      sums[ERROR] += r * r;
      sums[SQUARE] += c * c;
      sums[PRODUCT] += a * b;
      sums[SQUARE_X] += a * a;
      sums[SQUARE_Y] += b * b;
    }
  }

  /** A number rounded to bf16, to nearest and to even between two. */
  static float toBf16(float x) {
    int bits = Float.floatToRawIntBits(x);
    return Float.intBitsToFloat((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
  }

  /** Σ (x − x̂)², x̂ as {@link #toBf16} has it. */
  abstract float lostToBf16(float[] x, int at, int n);

  /** y += factor · x. */
  abstract void add(float factor, float[] x, int at, float[] y, int yAt, int n);

  /** x *= factor. */
  abstract void multiply(float factor, float[] x, int at, int n);

  /** into = x − y. */
  abstract void subtract(float[] x, int at, float[] y, int yAt, float[] into, int intoAt, int n);

  /**
   * values += bias, and the maximum of every group: a block of {@code depth · LANES} values holds
   * {@code LANES} groups, value i of the block belongs to group i mod LANES. A last, shorter block
   * leaves the groups without a value at −∞.
   *
   * @param maxima LANES for each block
   */
  abstract void biasAndMaxima(
      float[] values,
      int at,
      float[] bias,
      int biasAt,
      int n,
      int depth,
      float[] maxima,
      int maximaAt);

  /**
   * Which of the n values reach a bar, ascending, from 0 for {@code values[at]}; NaN does not.
   *
   * @param into room for n
   * @return how many
   */
  abstract int reaching(float[] values, int at, int n, float bar, int[] into);

  /** How many of the first n values reach a bar; NaN does not. */
  abstract int countReaching(float[] values, int n, float bar);

  /** The greatest of the first n values, and of 0; NaN if one of them is. */
  abstract float greatest(float[] values, int n);

  /**
   * A bar that at least k of the first n values reach and hardly more do; 0 where fewer than k are
   * above 0. Bisection: without sorting, and branches that nothing could predict.
   */
  final float barOfLargest(float[] values, int n, int k) {
    float low = 0;
    float high = greatest(values, n);
    for (int halved = 0; halved < BISECTIONS && n >= k && high > low; halved++) {
      float middle = low + (high - low) / 2;
      int count = countReaching(values, n, middle);
      if (count < k) {
        high = middle;
      } else {
        low = middle;
        if (count == k) {
          break;
        }
      }
    }
    return low;
  }

  /**
   * into += Σ_j weights[j] · row rows[j] of a matrix, j in [from, to), or = if {@code fresh}.
   *
   * @param columns of the matrix, and the length of {@code into}
   */
  final void weightedSum(
      float[] matrix,
      int columns,
      int[] rows,
      float[] weights,
      int from,
      int to,
      boolean fresh,
      float[] into,
      int intoAt) {
    weightedSum(matrix, columns, 0, columns, rows, weights, from, to, fresh, into, intoAt);
  }

  /**
   * The same for some columns of a matrix.
   *
   * @param stride columns of the whole matrix
   * @param first of the columns that take part
   * @param columns that take part, and the length of {@code into}
   */
  abstract void weightedSum(
      float[] matrix,
      int stride,
      int first,
      int columns,
      int[] rows,
      float[] weights,
      int from,
      int to,
      boolean fresh,
      float[] into,
      int intoAt);

  /** into[j] = row rows[j] of a matrix · vector, j in [from, to). */
  final void dots(
      float[] matrix,
      int columns,
      int[] rows,
      int from,
      int to,
      float[] vector,
      int vectorAt,
      float[] into) {
    dots(matrix, columns, 0, columns, rows, from, to, vector, vectorAt, into);
  }

  /** The same for some columns of a matrix, as {@link #weightedSum} has them. */
  abstract void dots(
      float[] matrix,
      int stride,
      int first,
      int columns,
      int[] rows,
      int from,
      int to,
      float[] vector,
      int vectorAt,
      float[] into);

  /**
   * One step of Adam on values, first and second means, all from {@code at} on.
   *
   * @param factor multiplies the gradient
   */
  abstract void adam(
      float[] values,
      float[] first,
      float[] second,
      int at,
      float[] gradient,
      int gradientAt,
      int n,
      float factor,
      AdamStep adam);
}
