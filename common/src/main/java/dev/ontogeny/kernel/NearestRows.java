package dev.ontogeny.kernel;

import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;

/**
 * Rows of unit length and the nearest other row found so far, for those {@code from .. to}. Cosines
 * arrive as blocks of products; rows must be offered ascending, so that of equal cosines the lower
 * row stays.
 */
public final class NearestRows {
  private final int from;
  private final int[] index;
  private final float[] cosine;
  private final float[] units;
  private final boolean[] zero;

  public NearestRows(FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    this.from = from;
    this.index = index;
    this.cosine = cosine;
    int count = vectors.rows();
    int depth = vectors.columns();
    units = new float[count * depth];
    zero = new boolean[count];
    for (int row = 0; row < count; row++) {
      double square = 0;
      for (int i = row * depth; i < (row + 1) * depth; i++) {
        square += (double) vectors.values()[i] * vectors.values()[i];
      }
      zero[row] = square == 0;
      float scale = square == 0 ? 0 : (float) (1 / Math.sqrt(square));
      for (int i = row * depth; i < (row + 1) * depth; i++) {
        units[i] = vectors.values()[i] * scale;
      }
    }
    Arrays.fill(index, 0, to - from, -1);
    Arrays.fill(cosine, 0, to - from, Float.NaN);
  }

  /** [n, d], row-major; zeros stay zeros. */
  public float[] units() {
    return units;
  }

  /** Cosines of {@code row} with the rows {@code first .. first + count}. */
  public void offer(int row, int first, int count, float[] products, int at) {
    if (zero[row]) {
      return;
    }
    int place = row - from;
    float best = index[place] < 0 ? Float.NEGATIVE_INFINITY : cosine[place];
    for (int i = 0; i < count; i++) {
      float found = products[at + i];
      if (found > best && first + i != row && !zero[first + i]) {
        best = found;
        index[place] = first + i;
        cosine[place] = found;
      }
    }
  }
}
