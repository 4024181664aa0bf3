package dev.ontogeny.kernel.cpu;

import java.util.Arrays;

/**
 * The choice of BatchTopK: of all pre-activations of a batch, each times its latent's weight, the
 * k·n largest positive ones. Pre-activations are not kept, so candidates have to be told from the
 * rest while they pass by: those above a floor a little below the last batch's cut. When these turn
 * out too few, a pass that takes a bounded number from each row gives a floor that cannot be too
 * high, since the k·n-th largest of a part is never above that of the whole. Which codes are chosen
 * depends on neither. Of equal values the lower row comes first, then the lower latent.
 */
final class BatchBudget {
  /** The next floor, as a share of a cut. */
  private static final float MARGIN = 0.95f;

  /** Rounding of a weight and its reciprocal must not lift a bound above its candidate. */
  private static final float ROUNDING = 1 - 1e-6f;

  private final float[] weights;
  private final float[] bounds;
  private float lowest;
  private float floor = -1;
  private float[] scores = new float[0];

  BatchBudget(int width) {
    weights = new float[width];
    Arrays.fill(weights, 1);
    bounds = new float[width];
  }

  /** What pre-activations are multiplied by before they are compared, [F], none negative. */
  float[] weights() {
    return weights;
  }

  /** Whether there is a floor to try. */
  boolean hasFloor() {
    return floor >= 0;
  }

  /** Candidates are above these, [F]. */
  float[] bounds() {
    lowest = Float.POSITIVE_INFINITY;
    for (int latent = 0; latent < bounds.length; latent++) {
      // What has no weight is never chosen.
      bounds[latent] =
          weights[latent] > 0 ? floor / weights[latent] * ROUNDING : Float.POSITIVE_INFINITY;
      lowest = Math.min(lowest, bounds[latent]);
    }
    return bounds;
  }

  float lowest() {
    return lowest;
  }

  /** Takes the floor from a part of the batch. */
  void floorFrom(BatchCodes part, int rows, int budget) {
    int count = gather(part, rows);
    floor = count < budget ? 0 : largest(scores, count, budget) * ROUNDING;
  }

  /** Leaves the chosen candidates; returns the smallest product that was chosen, 0 for none. */
  float cut(BatchCodes candidates, int rows, int budget) {
    int count = gather(candidates, rows);
    if (count <= budget) {
      floor = 0;
      float smallest = Float.POSITIVE_INFINITY;
      for (int i = 0; i < count; i++) {
        smallest = Math.min(smallest, scores[i]);
      }
      return count == 0 ? 0 : smallest;
    }
    float cut = largest(scores, count, budget);
    floor = cut * MARGIN;
    int free = budget;
    for (int i = 0; i < count; i++) {
      free -= scores[i] > cut ? 1 : 0;
    }
    int from = 0;
    for (int row = 0; row < rows; row++) {
      // Rows move within their block, so the old end of one is the old beginning of the next.
      from = candidates.beginsBlock(row) ? 0 : from;
      int to = candidates.to(row);
      free -= keep(candidates, row, from, to, cut, free);
      from = to;
    }
    return cut;
  }

  private int gather(BatchCodes arena, int rows) {
    int count = arena.total(rows);
    if (scores.length < count) {
      scores = new float[Math.max(count, scores.length + (scores.length >> 2))];
    }
    int at = 0;
    for (int row = 0; row < rows; row++) {
      int block = arena.block(row);
      int to = arena.to(row);
      for (int slot = arena.from(row); slot < to; slot++) {
        scores[at++] = arena.values[block][slot] * weights[arena.latents[block][slot]];
      }
    }
    return count;
  }

  /** Compacts a row; returns how many equal the cut and stay, at most {@code free}. */
  private int keep(BatchCodes arena, int row, int from, int to, float cut, int free) {
    int block = arena.block(row);
    int[] latents = arena.latents[block];
    float[] values = arena.values[block];
    int last = lastOfEqual(latents, values, from, to, cut, free);
    int into = arena.from(row);
    int equal = 0;
    for (int slot = from; slot < to; slot++) {
      float score = values[slot] * weights[latents[slot]];
      boolean tie = score == cut && latents[slot] <= last;
      if (score > cut || tie) {
        latents[into] = latents[slot];
        values[into++] = values[slot];
        equal += tie ? 1 : 0;
      }
    }
    arena.end(row, into);
    return equal;
  }

  /** Among entries that equal the cut, the {@code free}-th latent from below; -1 for none free. */
  private int lastOfEqual(int[] latents, float[] values, int from, int to, float cut, int free) {
    int last = -1;
    for (int taken = 0; taken < free; taken++) {
      int next = Integer.MAX_VALUE;
      for (int slot = from; slot < to; slot++) {
        if (latents[slot] > last && values[slot] * weights[latents[slot]] == cut) {
          next = Math.min(next, latents[slot]);
        }
      }
      if (next == Integer.MAX_VALUE) {
        break;
      }
      last = next;
    }
    return last;
  }

  /** The k-th largest of the first n values, which change places. */
  private static float largest(float[] values, int n, int k) {
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
