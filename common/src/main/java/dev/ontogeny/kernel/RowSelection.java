package dev.ontogeny.kernel;

import java.util.Arrays;

/**
 * The k largest positive values of a row, without sorting it. A row is divided into groups whose
 * maxima are known (see {@link Loops#biasAndMaxima}); the k-th largest maximum is a lower bound of
 * the k-th largest value, and only the k groups that reach it are looked into. What is found there
 * is narrowed by quickselect. Of equal values the one with the lower index comes first. Where
 * values are only screened (see {@link Screen}), every bar is lowered by their slack, and what
 * passes is decided in fp32. Scratch space of one thread.
 */
final class RowSelection {
  private final int width;
  private final int depth;
  private final int groups;
  private final float[] maxima;
  private final float[] scratch;
  private final Screen.Block screen;
  private final int row;
  private long[] keys;
  private int found;

  /**
   * For values that are exact.
   *
   * @param width values in a row
   * @param k largest number that will be asked for
   */
  RowSelection(int width, int k) {
    this(width, k, null, 0);
  }

  /**
   * @param screen of the worker whose rows are screened; null where values are exact
   * @param row the number of the row in the worker's block
   */
  RowSelection(int width, int k, Screen.Block screen, int row) {
    this.width = width;
    this.screen = screen;
    this.row = row;
    this.depth = depth(width, k);
    this.groups = groups(width, depth);
    this.maxima = new float[groups];
    this.scratch = new float[groups];
    this.keys = new long[Math.min(width, 4 * k + 64)];
  }

  /** Values in a group: a power of two that leaves at least eight groups for each of the k. */
  static int depth(int width, int k) {
    int depth = 32;
    while (depth > 1 && width / depth < 8 * k) {
      depth /= 2;
    }
    return depth;
  }

  private static int groups(int width, int depth) {
    int block = depth * Loops.LANES;
    return (width + block - 1) / block * Loops.LANES;
  }

  int depth() {
    return depth;
  }

  /** Where {@link Loops#biasAndMaxima} puts the maxima of the row that is selected from next. */
  float[] maxima() {
    return maxima;
  }

  /** The place in {@link #maxima} of the first group of a latent that begins a block. */
  int groupAt(int latent) {
    return latent / depth;
  }

  /** Selects out of a row whose {@link #maxima} are up to date; returns how many there are. */
  int select(float[] values, int at, int k) {
    System.arraycopy(maxima, 0, scratch, 0, groups);
    float bound = groups >= k ? largest(scratch, groups, k) : Float.NEGATIVE_INFINITY;
    found = 0;
    if (screen == null) {
      // Zero and below never fire.
      addFrom(values, at, Math.max(bound, Float.MIN_VALUE));
    } else {
      // At least k values are above the bound less the slack: so is the k-th largest.
      float slack = screen.slack(row);
      int count = candidatesFrom(values, at, Math.max(bound - slack, 0), slack);
      decide(candidatesAmong(values, at, screen.candidates(), count, k), null);
    }
    return keep(k);
  }

  /**
   * Selects every value above the bound of its latent; returns how many there are.
   *
   * @param lowest of all bounds, none of which is negative
   */
  int above(float[] values, int at, float[] bounds, float lowest) {
    found = 0;
    if (screen == null) {
      int block = depth * Loops.LANES;
      for (int group = 0; group < groups; group++) {
        if (maxima[group] > lowest) {
          int start = group / Loops.LANES * block;
          int end = Math.min(start + block, width);
          for (int i = start + group % Loops.LANES; i < end; i += Loops.LANES) {
            if (values[at + i] > bounds[i]) {
              add(values[at + i], i);
            }
          }
        }
      }
    } else {
      decide(candidatesFrom(values, at, lowest, screen.slack(row)), bounds);
    }
    return found;
  }

  /** Selects among some latents only, without maxima. */
  int selectAmong(float[] values, int at, int[] latents, int count, int k) {
    found = 0;
    if (screen == null) {
      for (int j = 0; j < count; j++) {
        float value = values[at + latents[j]];
        if (value > 0) {
          add(value, latents[j]);
        }
      }
    } else {
      decide(candidatesAmong(values, at, latents, count, k), null);
    }
    return keep(k);
  }

  private void addFrom(float[] values, int at, float bound) {
    int block = depth * Loops.LANES;
    for (int group = 0; group < groups; group++) {
      if (maxima[group] >= bound) {
        int start = group / Loops.LANES * block;
        int end = Math.min(start + block, width);
        for (int i = start + group % Loops.LANES; i < end; i += Loops.LANES) {
          if (values[at + i] >= bound) {
            add(values[at + i], i);
          }
        }
      }
    }
  }

  /** Latents whose value may reach the bar; returns how many. */
  private int candidatesFrom(float[] values, int at, float bar, float slack) {
    int[] candidates = screen.candidates();
    int count = 0;
    float lowered = bar - slack;
    int block = depth * Loops.LANES;
    for (int group = 0; group < groups; group++) {
      if (maxima[group] >= lowered) {
        int start = group / Loops.LANES * block;
        int end = Math.min(start + block, width);
        for (int i = start + group % Loops.LANES; i < end; i += Loops.LANES) {
          // First by the slack of the row, then by that of the latent, which is smaller.
          if (values[at + i] >= lowered && values[at + i] + screen.slack(row, i) >= bar) {
            candidates[count++] = i;
          }
        }
      }
    }
    return count;
  }

  /** Of the latents named, those that may be positive and among the k largest; how many. */
  private int candidatesAmong(float[] values, int at, int[] latents, int count, int k) {
    int[] candidates = screen.candidates();
    float bar = 0;
    if (count > k) {
      float[] least = screen.lowerEnds();
      for (int j = 0; j < count; j++) {
        least[j] = values[at + latents[j]] - screen.slack(row, latents[j]);
      }
      bar = Math.max(0, largest(least, count, k));
    }
    int kept = 0;
    for (int j = 0; j < count; j++) {
      if (values[at + latents[j]] + screen.slack(row, latents[j]) >= bar) {
        candidates[kept++] = latents[j];
      }
    }
    return kept;
  }

  /** Takes those candidates that are above their bounds in fp32, or above zero without bounds. */
  private void decide(int count, float[] bounds) {
    int[] candidates = screen.candidates();
    float[] exact = screen.decide(row, count);
    for (int j = 0; j < count; j++) {
      if (exact[j] > (bounds == null ? 0 : bounds[candidates[j]])) {
        add(exact[j], candidates[j]);
      }
    }
  }

  /** Writes what was selected; ascending by latent if {@code sorted}. */
  void write(boolean sorted, int[] latents, float[] codes, int at) {
    for (int j = 0; j < found; j++) {
      long key = keys[j];
      if (sorted) {
        // Index first, value last; the index was stored as its complement.
        keys[j] = (~key & 0xffffffffL) << 32 | key >>> 32;
      }
    }
    if (sorted) {
      Arrays.sort(keys, 0, found);
    }
    for (int j = 0; j < found; j++) {
      long key = keys[j];
      latents[at + j] = sorted ? (int) (key >>> 32) : (int) ~key;
      codes[at + j] = Float.intBitsToFloat(sorted ? (int) key : (int) (key >>> 32));
    }
  }

  /** Positive floats order as their bits do; below them the complement of the index breaks ties. */
  private void add(float value, int index) {
    if (found == keys.length) {
      keys = Arrays.copyOf(keys, Math.min(width, 2 * keys.length));
    }
    keys[found++] = (long) Float.floatToRawIntBits(value) << 32 | (~index & 0xffffffffL);
  }

  private int keep(int k) {
    if (found > k) {
      quickselect(k);
      found = k;
    }
    return found;
  }

  /** Brings the k largest keys to the front. */
  private void quickselect(int k) {
    int low = 0;
    int high = found - 1;
    while (low < high) {
      long pivot = median(keys[low], keys[(low + high) >>> 1], keys[high]);
      int i = low;
      int j = high;
      while (i <= j) {
        while (keys[i] > pivot) {
          i++;
        }
        while (keys[j] < pivot) {
          j--;
        }
        if (i <= j) {
          long swap = keys[i];
          keys[i++] = keys[j];
          keys[j--] = swap;
        }
      }
      if (k - 1 <= j) {
        high = j;
      } else if (k - 1 >= i) {
        low = i;
      } else {
        return;
      }
    }
  }

  private static long median(long a, long b, long c) {
    return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }

  /** The k-th largest of the first n values, which change places. */
  static float largest(float[] values, int n, int k) {
    int low = 0;
    int high = n - 1;
    while (low < high) {
      float a = values[low];
      float b = values[(low + high) >>> 1];
      float c = values[high];
      float pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
      int i = low;
      int j = high;
      while (i <= j) {
        while (values[i] > pivot) {
          i++;
        }
        while (values[j] < pivot) {
          j--;
        }
        if (i <= j) {
          float swap = values[i];
          values[i++] = values[j];
          values[j--] = swap;
        }
      }
      if (k - 1 <= j) {
        high = j;
      } else if (k - 1 >= i) {
        low = i;
      } else {
        return values[k - 1];
      }
    }
    return values[k - 1];
  }
}
