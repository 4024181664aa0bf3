package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.AdamStep;
import java.util.Arrays;

/** Plain loops: the slow twin of the vector form, and what runs where there is none. */
final class ScalarLoops extends Loops {
  @Override
  String name() {
    return "scalar";
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
    for (int i = 0; i < n; i++) {
      into[intoAt + i] = (x[at + i] - mean[i]) * scale[i] - bias[i];
    }
  }

  @Override
  float dot(float[] x, int at, float[] y, int yAt, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) {
      sum += x[at + i] * y[yAt + i];
    }
    return sum;
  }

  @Override
  float lostToBf16(float[] x, int at, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) {
      float lost = x[at + i] - toBf16(x[at + i]);
      sum += lost * lost;
    }
    return sum;
  }

  @Override
  void add(float factor, float[] x, int at, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      y[yAt + i] += factor * x[at + i];
    }
  }

  @Override
  void multiply(float factor, float[] x, int at, int n) {
    for (int i = 0; i < n; i++) {
      x[at + i] *= factor;
    }
  }

  @Override
  void subtract(float[] x, int at, float[] y, int yAt, float[] into, int intoAt, int n) {
    for (int i = 0; i < n; i++) {
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
    Arrays.fill(
        maxima, maximaAt, maximaAt + (n + block - 1) / block * LANES, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i++) {
      float value = values[at + i] + bias[biasAt + i];
      values[at + i] = value;
      int group = maximaAt + i / block * LANES + i % LANES;
      maxima[group] = Math.max(maxima[group], value);
    }
  }

  @Override
  int reaching(float[] values, int at, int n, float bar, int[] into) {
    int count = 0;
    for (int i = 0; i < n; i++) {
      if (values[at + i] >= bar) {
        into[count++] = i;
      }
    }
    return count;
  }

  @Override
  int countReaching(float[] values, int n, float bar) {
    int count = 0;
    for (int i = 0; i < n; i++) {
      if (values[i] >= bar) {
        count++;
      }
    }
    return count;
  }

  @Override
  float greatest(float[] values, int n) {
    float greatest = 0;
    for (int i = 0; i < n; i++) {
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
    if (fresh) {
      Arrays.fill(into, intoAt, intoAt + columns, 0);
    }
    for (int j = from; j < to; j++) {
      add(weights[j], matrix, rows[j] * stride + first, into, intoAt, columns);
    }
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
    for (int j = from; j < to; j++) {
      into[j] = dot(matrix, rows[j] * stride + first, vector, vectorAt, columns);
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
    float firstRest = 1 - adam.firstDecay();
    float secondRest = 1 - adam.secondDecay();
    for (int i = 0; i < n; i++) {
      float g = gradient[gradientAt + i] * factor;
      float m = adam.firstDecay() * first[at + i] + firstRest * g;
      float v = adam.secondDecay() * second[at + i] + secondRest * g * g;
      first[at + i] = m;
      second[at + i] = v;
      values[at + i] -= adam.rate() * m / ((float) Math.sqrt(v) * adam.root() + adam.epsilon());
    }
  }
}
