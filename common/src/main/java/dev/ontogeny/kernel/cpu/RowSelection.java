package dev.ontogeny.kernel.cpu;

import java.util.Arrays;

/**
 * The k largest positive values of a row, without sorting it. A row is divided into groups whose
 * maxima are known (see {@link Loops#biasAndMaxima}); what k of the maxima reach is a lower bound
 * of the k-th largest value, and whatever reaches that is narrowed by quickselect. Of equal values
 * the one with the lower index comes first. Where values are only screened (see {@link Screen}),
 * every bar is lowered by their slack, and what passes is decided in fp32. Scratch space of one
 * thread.
 */
final class RowSelection {
  private final Loops loops;
  private final int width;
  private final int depth;
  private final int groups;
  private final float[] maxima;
  private final int[] candidates;
  private final Screen.Block screen;
  private final int row;
  private long[] keys;
  private int found;

  /**
   * @param width values in a row
   * @param k largest number that will be asked for
   * @param candidates scratch space, [width], which the rows of one thread may share
   * @param screen of the worker whose rows are screened; null where values are exact
   * @param row the number of the row in the worker's block
   */
  RowSelection(Loops loops, int width, int k, int[] candidates, Screen.Block screen, int row) {
    this.loops = loops;
    this.width = width;
    this.screen = screen;
    this.row = row;
    this.depth = depth(width, k);
    this.groups = groups(width, depth);
    this.maxima = new float[groups];
    this.candidates = candidates;
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
    float bound = loops.barOfLargest(maxima, groups, k);
    if (screen == null) {
      // Zero and below never fire.
      int count = loops.reaching(values, at, width, Math.max(bound, Float.MIN_VALUE), candidates);
      addAll(values, at, count, null);
    } else {
      // At least k values are above the bound less the slack: so is the k-th largest.
      float slack = screen.slack(row);
      int count = loops.reaching(values, at, width, bound - slack - slack, candidates);
      decide(narrow(values, at, count, k), null);
    }
    return keep(k);
  }

  /**
   * Selects every value above the bound of its latent; returns how many there are.
   *
   * @param lowest of all bounds, none of which is negative
   */
  int above(float[] values, int at, float[] bounds, float lowest) {
    if (screen == null) {
      addAll(values, at, loops.reaching(values, at, width, lowest, candidates), bounds);
    } else {
      int count = loops.reaching(values, at, width, lowest - screen.slack(row), candidates);
      decide(keepReachable(values, at, count, bounds, lowest), bounds);
    }
    return found;
  }

  /** Selects among some latents only, without maxima. */
  int selectAmong(float[] values, int at, int[] latents, int count, int k) {
    System.arraycopy(latents, 0, candidates, 0, count);
    if (screen == null) {
      addAll(values, at, count, null);
    } else {
      decide(narrow(values, at, count, k), null);
    }
    return keep(k);
  }

  /** Of the first candidates, keeps those that may be positive and among the k largest. */
  private int narrow(float[] values, int at, int count, int k) {
    float[] least = screen.lowerEnds();
    for (int j = 0; j < count; j++) {
      least[j] = values[at + candidates[j]] - screen.slack(row, candidates[j]);
    }
    return keepReachable(values, at, count, null, loops.barOfLargest(least, count, k));
  }

  /** Of the first candidates, keeps those that may reach their bound, or the bar without bounds. */
  private int keepReachable(float[] values, int at, int count, float[] bounds, float bar) {
    int kept = 0;
    for (int j = 0; j < count; j++) {
      int latent = candidates[j];
      float least = bounds == null ? bar : bounds[latent];
      // Written in any case: a branch would be a matter of chance.
      candidates[kept] = latent;
      kept += values[at + latent] + screen.slack(row, latent) >= least ? 1 : 0;
    }
    return kept;
  }

  /** Takes those of the first candidates that are above their bounds, or zero without bounds. */
  private void addAll(float[] values, int at, int count, float[] bounds) {
    found = 0;
    for (int j = 0; j < count; j++) {
      int latent = candidates[j];
      if (values[at + latent] > (bounds == null ? 0 : bounds[latent])) {
        add(values[at + latent], latent);
      }
    }
  }

  /** Takes those candidates that are above their bounds in fp32, or above zero without bounds. */
  private void decide(int count, float[] bounds) {
    float[] exact = screen.decide(row, candidates, count);
    found = 0;
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
}
