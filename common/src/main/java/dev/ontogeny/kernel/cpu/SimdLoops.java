package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.AdamStep;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The loops in vectors of the machine's preferred width. {@code reduceLanes} is avoided: its order
 * is not defined, and so it may change when the loop is compiled.
 */
final class SimdLoops extends Loops {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int STEP = SPECIES.length();

  /** Columns from which on it pays to read a row from end to end: 2 KiB. */
  private static final int LONG_ROW = 512;

  SimdLoops() {
    if (LANES % STEP != 0) {
      throw new UnsupportedOperationException(
          "vectors of " + SPECIES.vectorBitSize() + " bits are not supported");
    }
  }

  @Override
  String name() {
    return "SIMD " + SPECIES.vectorBitSize() + " bits";
  }

  @Override
  void centre(
      float[] x,
      int at,
      float[] mean,
      float[] scale,
      float[] bias,
      float[] into,
      int intoAt,
      int n) {
    int bound = SPECIES.loopBound(n);
    int i = 0;
    for (; i < bound; i += STEP) {
      FloatVector.fromArray(SPECIES, x, at + i)
          .sub(FloatVector.fromArray(SPECIES, mean, i))
          .mul(FloatVector.fromArray(SPECIES, scale, i))
          .sub(FloatVector.fromArray(SPECIES, bias, i))
          .intoArray(into, intoAt + i);
    }
    for (; i < n; i++) {
      into[intoAt + i] = (x[at + i] - mean[i]) * scale[i] - bias[i];
    }
  }

  @Override
  float dot(float[] x, int at, float[] y, int yAt, int n) {
    FloatVector a = FloatVector.zero(SPECIES);
    FloatVector b = FloatVector.zero(SPECIES);
    FloatVector c = FloatVector.zero(SPECIES);
    FloatVector d = FloatVector.zero(SPECIES);
    int i = 0;
    for (; i + 4 * STEP <= n; i += 4 * STEP) {
      a = fused(x, at + i, y, yAt + i, a);
      b = fused(x, at + i + STEP, y, yAt + i + STEP, b);
      c = fused(x, at + i + 2 * STEP, y, yAt + i + 2 * STEP, c);
      d = fused(x, at + i + 3 * STEP, y, yAt + i + 3 * STEP, d);
    }
    for (; i + STEP <= n; i += STEP) {
      a = fused(x, at + i, y, yAt + i, a);
    }
    float rest = 0;
    for (; i < n; i++) {
      rest += x[at + i] * y[yAt + i];
    }
    float[] sums = new float[STEP];
    a.add(b).add(c.add(d)).intoArray(sums, 0);
    return lanes(sums, 0) + rest;
  }

  @Override
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
    FloatVector error = FloatVector.zero(SPECIES);
    FloatVector square = error;
    FloatVector product = error;
    FloatVector squareX = error;
    FloatVector squareY = error;
    int bound = first + SPECIES.loopBound(n);
    for (int i = first; i < bound; i += STEP) {
      FloatVector a = FloatVector.fromArray(SPECIES, x, at + i);
      FloatVector b = FloatVector.fromArray(SPECIES, y, at + i);
      FloatVector by = FloatVector.fromArray(SPECIES, scale, i);
      FloatVector c = a.sub(FloatVector.fromArray(SPECIES, mean, i)).mul(by);
      FloatVector r = a.sub(b).mul(by);
      c.intoArray(centred, i);
      r.intoArray(residual, i);
      error = r.fma(r, error);
      square = c.fma(c, square);
      product = a.fma(b, product);
      squareX = a.fma(a, squareX);
      squareY = b.fma(b, squareY);
    }
    super.compare(x, y, at, mean, scale, bound, first + n - bound, centred, residual, sums);
    float[] all = new float[COMPARED * STEP];
    error.intoArray(all, ERROR * STEP);
    square.intoArray(all, SQUARE * STEP);
    product.intoArray(all, PRODUCT * STEP);
    squareX.intoArray(all, SQUARE_X * STEP);
    squareY.intoArray(all, SQUARE_Y * STEP);
    for (int sum = 0; sum < COMPARED; sum++) {
      sums[sum] += lanes(all, sum * STEP);
    }
  }

  @Override
  float lostToBf16(float[] x, int at, int n) {
    FloatVector sum = FloatVector.zero(SPECIES);
    int bound = SPECIES.loopBound(n);
    int i = 0;
    for (; i < bound; i += STEP) {
      FloatVector values = FloatVector.fromArray(SPECIES, x, at + i);
      IntVector bits = values.reinterpretAsInts();
      IntVector even = bits.lanewise(VectorOperators.LSHR, 16).and(1);
      IntVector rounded = bits.add(0x7fff).add(even).and(0xffff0000);
      FloatVector lost = values.sub(rounded.reinterpretAsFloats());
      sum = lost.fma(lost, sum);
    }
    float rest = 0;
    for (; i < n; i++) {
      float lost = x[at + i] - toBf16(x[at + i]);
      rest += lost * lost;
    }
    float[] sums = new float[STEP];
    sum.intoArray(sums, 0);
    return lanes(sums, 0) + rest;
  }

  private static FloatVector fused(float[] x, int at, float[] y, int yAt, FloatVector sum) {
    return FloatVector.fromArray(SPECIES, x, at).fma(FloatVector.fromArray(SPECIES, y, yAt), sum);
  }

  /** The lanes of one sum, from a place on, added pairwise. */
  private static float lanes(float[] sums, int at) {
    for (int half = STEP / 2; half > 0; half /= 2) {
      for (int i = at; i < at + half; i++) {
        sums[i] += sums[i + half];
      }
    }
    return sums[at];
  }

  @Override
  void add(float factor, float[] x, int at, float[] y, int yAt, int n) {
    FloatVector by = FloatVector.broadcast(SPECIES, factor);
    int bound = SPECIES.loopBound(n);
    int i = 0;
    for (; i < bound; i += STEP) {
      FloatVector.fromArray(SPECIES, x, at + i)
          .fma(by, FloatVector.fromArray(SPECIES, y, yAt + i))
          .intoArray(y, yAt + i);
    }
    for (; i < n; i++) {
      y[yAt + i] = Math.fma(x[at + i], factor, y[yAt + i]);
    }
  }

  @Override
  void multiply(float factor, float[] x, int at, int n) {
    int bound = SPECIES.loopBound(n);
    int i = 0;
    for (; i < bound; i += STEP) {
      FloatVector.fromArray(SPECIES, x, at + i).mul(factor).intoArray(x, at + i);
    }
    for (; i < n; i++) {
      x[at + i] *= factor;
    }
  }

  @Override
  void subtract(float[] x, int at, float[] y, int yAt, float[] into, int intoAt, int n) {
    int bound = SPECIES.loopBound(n);
    int i = 0;
    for (; i < bound; i += STEP) {
      FloatVector.fromArray(SPECIES, x, at + i)
          .sub(FloatVector.fromArray(SPECIES, y, yAt + i))
          .intoArray(into, intoAt + i);
    }
    for (; i < n; i++) {
      into[intoAt + i] = x[at + i] - y[yAt + i];
    }
  }

  @Override
  void biasAndMaxima(
      float[] values,
      int at,
      float[] bias,
      int biasAt,
      int n,
      int depth,
      float[] maxima,
      int maximaAt) {
    int block = depth * LANES;
    int i = 0;
    int into = maximaAt;
    for (; i + block <= n; i += block, into += LANES) {
      for (int lane = 0; lane < LANES; lane += STEP) {
        FloatVector maximum = biased(values, at + i + lane, bias, biasAt + i + lane);
        for (int j = 1; j < depth; j++) {
          int offset = i + lane + j * LANES;
          maximum = maximum.max(biased(values, at + offset, bias, biasAt + offset));
        }
        maximum.intoArray(maxima, into + lane);
      }
    }
    if (i < n) {
      for (int lane = 0; lane < LANES; lane++) {
        maxima[into + lane] = Float.NEGATIVE_INFINITY;
      }
      for (int j = i; j < n; j++) {
        float value = values[at + j] + bias[biasAt + j];
        values[at + j] = value;
        int group = into + (j - i) % LANES;
        maxima[group] = Math.max(maxima[group], value);
      }
    }
  }

  private static FloatVector biased(float[] values, int at, float[] bias, int biasAt) {
    FloatVector value =
        FloatVector.fromArray(SPECIES, values, at)
            .add(FloatVector.fromArray(SPECIES, bias, biasAt));
    value.intoArray(values, at);
    return value;
  }

  @Override
  int reaching(float[] values, int at, int n, float bar, int[] into) {
    FloatVector bars = FloatVector.broadcast(SPECIES, bar);
    int count = 0;
    int i = 0;
    for (; i + STEP <= n; i += STEP) {
      FloatVector value = FloatVector.fromArray(SPECIES, values, at + i);
      if (value.compare(VectorOperators.GE, bars).anyTrue()) {
        for (int j = i; j < i + STEP; j++) {
          // Written in any case: a branch would be a matter of chance.
          into[count] = j;
          count += values[at + j] >= bar ? 1 : 0;
        }
      }
    }
    for (; i < n; i++) {
      into[count] = i;
      count += values[at + i] >= bar ? 1 : 0;
    }
    return count;
  }

  @Override
  int countReaching(float[] values, int n, float bar) {
    FloatVector bars = FloatVector.broadcast(SPECIES, bar);
    int count = 0;
    int i = 0;
    for (; i + STEP <= n; i += STEP) {
      FloatVector value = FloatVector.fromArray(SPECIES, values, i);
      count += value.compare(VectorOperators.GE, bars).trueCount();
    }
    for (; i < n; i++) {
      count += values[i] >= bar ? 1 : 0;
    }
    return count;
  }

  @Override
  float greatest(float[] values, int n) {
    FloatVector all = FloatVector.zero(SPECIES);
    int i = 0;
    for (; i + STEP <= n; i += STEP) {
      all = all.max(FloatVector.fromArray(SPECIES, values, i));
    }
    float greatest = all.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      greatest = Math.max(greatest, values[i]);
    }
    return greatest;
  }

  @Override
  void weightedSum(
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
      int intoAt) {
    int column = 0;
    if (columns >= LONG_ROW) {
      column = columns / STEP * STEP;
      longWeightedSum(matrix, stride, first, column, rows, weights, from, to, fresh, into, intoAt);
    }
    // Eight sums stay in registers while the rows go by.
    for (; column + 8 * STEP <= columns; column += 8 * STEP) {
      int out = intoAt + column;
      FloatVector a = start(fresh, into, out);
      FloatVector b = start(fresh, into, out + STEP);
      FloatVector c = start(fresh, into, out + 2 * STEP);
      FloatVector d = start(fresh, into, out + 3 * STEP);
      FloatVector e = start(fresh, into, out + 4 * STEP);
      FloatVector f = start(fresh, into, out + 5 * STEP);
      FloatVector g = start(fresh, into, out + 6 * STEP);
      FloatVector h = start(fresh, into, out + 7 * STEP);
      for (int j = from; j < to; j++) {
        int at = rows[j] * stride + first + column;
        FloatVector by = FloatVector.broadcast(SPECIES, weights[j]);
        a = FloatVector.fromArray(SPECIES, matrix, at).fma(by, a);
        b = FloatVector.fromArray(SPECIES, matrix, at + STEP).fma(by, b);
        c = FloatVector.fromArray(SPECIES, matrix, at + 2 * STEP).fma(by, c);
        d = FloatVector.fromArray(SPECIES, matrix, at + 3 * STEP).fma(by, d);
        e = FloatVector.fromArray(SPECIES, matrix, at + 4 * STEP).fma(by, e);
        f = FloatVector.fromArray(SPECIES, matrix, at + 5 * STEP).fma(by, f);
        g = FloatVector.fromArray(SPECIES, matrix, at + 6 * STEP).fma(by, g);
        h = FloatVector.fromArray(SPECIES, matrix, at + 7 * STEP).fma(by, h);
      }
      a.intoArray(into, out);
      b.intoArray(into, out + STEP);
      c.intoArray(into, out + 2 * STEP);
      d.intoArray(into, out + 3 * STEP);
      e.intoArray(into, out + 4 * STEP);
      f.intoArray(into, out + 5 * STEP);
      g.intoArray(into, out + 6 * STEP);
      h.intoArray(into, out + 7 * STEP);
    }
    for (; column + STEP <= columns; column += STEP) {
      FloatVector sum = start(fresh, into, intoAt + column);
      for (int j = from; j < to; j++) {
        FloatVector by = FloatVector.broadcast(SPECIES, weights[j]);
        sum =
            FloatVector.fromArray(SPECIES, matrix, rows[j] * stride + first + column).fma(by, sum);
      }
      sum.intoArray(into, intoAt + column);
    }
    for (; column < columns; column++) {
      float sum = fresh ? 0 : into[intoAt + column];
      for (int j = from; j < to; j++) {
        sum = Math.fma(matrix[rows[j] * stride + first + column], weights[j], sum);
      }
      into[intoAt + column] = sum;
    }
  }

  /**
   * Four rows at a time from end to end, so that each is read as one stream, and the sums stay in
   * the first cache. Every sum has its terms in the same order as in the other form.
   */
  private static void longWeightedSum(
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
      int intoAt) {
    if (fresh) {
      Arrays.fill(into, intoAt, intoAt + columns, 0);
    }
    int j = from;
    for (; j + 4 <= to; j += 4) {
      int p = rows[j] * stride + first;
      int q = rows[j + 1] * stride + first;
      int r = rows[j + 2] * stride + first;
      int s = rows[j + 3] * stride + first;
      FloatVector byP = FloatVector.broadcast(SPECIES, weights[j]);
      FloatVector byQ = FloatVector.broadcast(SPECIES, weights[j + 1]);
      FloatVector byR = FloatVector.broadcast(SPECIES, weights[j + 2]);
      FloatVector byS = FloatVector.broadcast(SPECIES, weights[j + 3]);
      for (int column = 0; column < columns; column += STEP) {
        FloatVector sum = FloatVector.fromArray(SPECIES, into, intoAt + column);
        sum = FloatVector.fromArray(SPECIES, matrix, p + column).fma(byP, sum);
        sum = FloatVector.fromArray(SPECIES, matrix, q + column).fma(byQ, sum);
        sum = FloatVector.fromArray(SPECIES, matrix, r + column).fma(byR, sum);
        sum = FloatVector.fromArray(SPECIES, matrix, s + column).fma(byS, sum);
        sum.intoArray(into, intoAt + column);
      }
    }
    for (; j < to; j++) {
      int p = rows[j] * stride + first;
      FloatVector by = FloatVector.broadcast(SPECIES, weights[j]);
      for (int column = 0; column < columns; column += STEP) {
        FloatVector.fromArray(SPECIES, matrix, p + column)
            .fma(by, FloatVector.fromArray(SPECIES, into, intoAt + column))
            .intoArray(into, intoAt + column);
      }
    }
  }

  private static FloatVector start(boolean fresh, float[] into, int at) {
    return fresh ? FloatVector.zero(SPECIES) : FloatVector.fromArray(SPECIES, into, at);
  }

  @Override
  void dots(
      float[] matrix,
      int stride,
      int first,
      int columns,
      int[] rows,
      int from,
      int to,
      float[] vector,
      int vectorAt,
      float[] into) {
    float[] sums = new float[4 * STEP];
    // Four rows at a time: they are far apart in memory, and so their loads overlap. The last row
    // is
    // repeated to make four, so that the order of a sum is the same wherever its row stands.
    for (int j = from; j < to; j += 4) {
      int p = rows[j] * stride + first;
      int q = rows[Math.min(j + 1, to - 1)] * stride + first;
      int r = rows[Math.min(j + 2, to - 1)] * stride + first;
      int s = rows[Math.min(j + 3, to - 1)] * stride + first;
      fourDots(matrix, columns, p, q, r, s, vector, vectorAt, sums);
      for (int row = 0; row < Math.min(4, to - j); row++) {
        into[j + row] = sums[row * STEP];
      }
    }
  }

  /** Leaves four dot products at the places 0, STEP, 2 STEP and 3 STEP of {@code sums}. */
  private static void fourDots(
      float[] matrix,
      int columns,
      int p,
      int q,
      int r,
      int s,
      float[] vector,
      int vectorAt,
      float[] sums) {
    FloatVector a = FloatVector.zero(SPECIES);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    FloatVector e = a;
    FloatVector f = a;
    FloatVector g = a;
    FloatVector h = a;
    int i = 0;
    for (; i + 2 * STEP <= columns; i += 2 * STEP) {
      FloatVector x = FloatVector.fromArray(SPECIES, vector, vectorAt + i);
      FloatVector y = FloatVector.fromArray(SPECIES, vector, vectorAt + i + STEP);
      a = FloatVector.fromArray(SPECIES, matrix, p + i).fma(x, a);
      b = FloatVector.fromArray(SPECIES, matrix, q + i).fma(x, b);
      c = FloatVector.fromArray(SPECIES, matrix, r + i).fma(x, c);
      d = FloatVector.fromArray(SPECIES, matrix, s + i).fma(x, d);
      e = FloatVector.fromArray(SPECIES, matrix, p + i + STEP).fma(y, e);
      f = FloatVector.fromArray(SPECIES, matrix, q + i + STEP).fma(y, f);
      g = FloatVector.fromArray(SPECIES, matrix, r + i + STEP).fma(y, g);
      h = FloatVector.fromArray(SPECIES, matrix, s + i + STEP).fma(y, h);
    }
    a.add(e).intoArray(sums, 0);
    b.add(f).intoArray(sums, STEP);
    c.add(g).intoArray(sums, 2 * STEP);
    d.add(h).intoArray(sums, 3 * STEP);
    for (int half = STEP / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; lane++) {
        sums[lane] += sums[lane + half];
        sums[STEP + lane] += sums[STEP + lane + half];
        sums[2 * STEP + lane] += sums[2 * STEP + lane + half];
        sums[3 * STEP + lane] += sums[3 * STEP + lane + half];
      }
    }
    for (; i < columns; i++) {
      float x = vector[vectorAt + i];
      sums[0] += matrix[p + i] * x;
      sums[STEP] += matrix[q + i] * x;
      sums[2 * STEP] += matrix[r + i] * x;
      sums[3 * STEP] += matrix[s + i] * x;
    }
  }

  @Override
  void adam(
      float[] values,
      float[] first,
      float[] second,
      int at,
      float[] gradient,
      int gradientAt,
      int n,
      float factor,
      AdamStep adam) {
    float firstDecay = adam.firstDecay();
    float secondDecay = adam.secondDecay();
    float firstRest = 1 - firstDecay;
    float secondRest = 1 - secondDecay;
    int bound = SPECIES.loopBound(n);
    int i = 0;
    for (; i < bound; i += STEP) {
      FloatVector g = FloatVector.fromArray(SPECIES, gradient, gradientAt + i).mul(factor);
      FloatVector m =
          FloatVector.fromArray(SPECIES, first, at + i).mul(firstDecay).add(g.mul(firstRest));
      FloatVector v =
          FloatVector.fromArray(SPECIES, second, at + i)
              .mul(secondDecay)
              .add(g.mul(g).mul(secondRest));
      m.intoArray(first, at + i);
      v.intoArray(second, at + i);
      FloatVector below = v.lanewise(VectorOperators.SQRT).mul(adam.root()).add(adam.epsilon());
      FloatVector.fromArray(SPECIES, values, at + i)
          .sub(m.mul(adam.rate()).div(below))
          .intoArray(values, at + i);
    }
    for (; i < n; i++) {
      float g = gradient[gradientAt + i] * factor;
      float m = firstDecay * first[at + i] + firstRest * g;
      float v = secondDecay * second[at + i] + g * g * secondRest;
      first[at + i] = m;
      second[at + i] = v;
      values[at + i] -= adam.rate() * m / ((float) Math.sqrt(v) * adam.root() + adam.epsilon());
    }
  }
}
