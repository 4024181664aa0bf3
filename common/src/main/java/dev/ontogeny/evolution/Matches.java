package dev.ontogeny.evolution;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * How near the features of one checkpoint are to those of another: for blocks of the former their
 * nearest, for all of the latter the nearest two among these blocks, and how near shuffled
 * directions come. Merges when blocks differ (associative, commutative).
 */
public final class Matches implements Serializable {
  private static final long serialVersionUID = 1;

  /** By the block's first feature. */
  private final TreeMap<Integer, Neighbours> forward;

  private final Neighbours backward;
  private float[] nulls;

  Matches(int first, Neighbours forward, Neighbours backward, float[] nulls) {
    this.forward = new TreeMap<>(Map.of(first, forward));
    this.backward = backward;
    this.nulls = nulls;
    Arrays.sort(this.nulls);
  }

  /** Takes in other blocks. */
  public Matches merge(Matches other) {
    forward.putAll(other.forward);
    backward.merge(other.backward);
    int own = nulls.length;
    nulls = Arrays.copyOf(nulls, own + other.nulls.length);
    System.arraycopy(other.nulls, 0, nulls, own, other.nulls.length);
    Arrays.sort(nulls);
    return this;
  }

  /** Nearest of the later checkpoint for every feature of the earlier, all blocks together. */
  Neighbours forward() {
    int count = forward.isEmpty() ? 0 : forward.lastKey() + forward.lastEntry().getValue().count();
    int each = forward.isEmpty() ? 1 : forward.firstEntry().getValue().each();
    Neighbours all = new Neighbours(count, each);
    forward.forEach(
        (first, block) -> {
          for (int i = 0; i < block.count(); i++) {
            for (int rank = 0; rank < each && block.index(i, rank) >= 0; rank++) {
              all.offer(
                  first + i,
                  block.index(i, rank),
                  block.score(i, rank),
                  block.decoder(i, rank),
                  block.encoder(i, rank));
            }
          }
        });
    return all;
  }

  /** Nearest two of the earlier checkpoint for every feature of the later. */
  Neighbours backward() {
    return backward;
  }

  /** Share of shuffled directions whose nearest feature is less near than {@code score}. */
  double aboveChance(float score) {
    if (nulls.length == 0) {
      return 0;
    }
    int low = 0;
    int high = nulls.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (nulls[middle] < score) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return (double) low / nulls.length;
  }
}
