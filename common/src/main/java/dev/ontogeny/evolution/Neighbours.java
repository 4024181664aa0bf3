package dev.ontogeny.evolution;

import java.io.Serializable;
import java.util.Arrays;

/**
 * For each of {@code count} vectors the {@code each} nearest of others, nearest first, ties by the
 * lower index. Merges (associative, commutative, the empty one is the identity) when different
 * blocks of the others were looked at.
 */
public final class Neighbours implements Serializable {
  private static final long serialVersionUID = 1;

  private final int count;
  private final int each;
  private final int[] index;
  private final float[] score;
  private final float[] decoder;
  private final float[] encoder;

  /** Nothing seen yet. */
  public Neighbours(int count, int each) {
    this.count = count;
    this.each = each;
    index = new int[count * each];
    Arrays.fill(index, -1);
    score = new float[count * each];
    Arrays.fill(score, Float.NEGATIVE_INFINITY);
    decoder = new float[count * each];
    encoder = new float[count * each];
  }

  public int count() {
    return count;
  }

  public int each() {
    return each;
  }

  /** The neighbour of a vector at a rank from 0 on, -1 for none. */
  public int index(int of, int rank) {
    return index[of * each + rank];
  }

  /** What neighbours are ordered by, negative infinity for none. */
  public float score(int of, int rank) {
    return score[of * each + rank];
  }

  /** The decoders' cosine. */
  public float decoder(int of, int rank) {
    return decoder[of * each + rank];
  }

  /** The encoders' cosine. */
  public float encoder(int of, int rank) {
    return encoder[of * each + rank];
  }

  /** The least score that still enters. */
  float floor(int of) {
    return score[of * each + each - 1];
  }

  /** Takes a candidate in if it is near enough. */
  void offer(int of, int candidate, float itsScore, float itsDecoder, float itsEncoder) {
    int first = of * each;
    int at = first + each - 1;
    if (!before(itsScore, candidate, at)) {
      return;
    }
    while (at > first && before(itsScore, candidate, at - 1)) {
      index[at] = index[at - 1];
      score[at] = score[at - 1];
      decoder[at] = decoder[at - 1];
      encoder[at] = encoder[at - 1];
      at--;
    }
    index[at] = candidate;
    score[at] = itsScore;
    decoder[at] = itsDecoder;
    encoder[at] = itsEncoder;
  }

  private boolean before(float itsScore, int candidate, int at) {
    return itsScore > score[at] || (itsScore == score[at] && candidate < index[at]);
  }

  /** Takes in what another has seen. */
  public Neighbours merge(Neighbours other) {
    for (int i = 0; i < other.index.length; i++) {
      if (other.index[i] >= 0) {
        offer(i / each, other.index[i], other.score[i], other.decoder[i], other.encoder[i]);
      }
    }
    return this;
  }
}
