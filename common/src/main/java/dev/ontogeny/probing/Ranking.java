package dev.ontogeny.probing;

import java.io.Serializable;
import java.util.Arrays;

/** The features with the greatest scores, the greatest first; of equals the lower number first. */
final class Ranking implements Serializable {
  private static final long serialVersionUID = 1;

  private final int[] features;
  private final double[] scores;
  private int size;

  Ranking(int most) {
    features = new int[most];
    scores = new double[most];
  }

  /** A feature that was not given before; without a score it is passed over. */
  void add(int feature, double score) {
    int at = size;
    while (at > 0
        && (scores[at - 1] < score || (scores[at - 1] == score && features[at - 1] > feature))) {
      at--;
    }
    if (!(score > 0) || at == features.length) {
      return;
    }
    size = Math.min(size + 1, features.length);
    System.arraycopy(features, at, features, at + 1, size - 1 - at);
    System.arraycopy(scores, at, scores, at + 1, size - 1 - at);
    features[at] = feature;
    scores[at] = score;
  }

  /** Takes in the ranking of other features. */
  void merge(Ranking other) {
    for (int i = 0; i < other.size; i++) {
      add(other.features[i], other.scores[i]);
    }
  }

  /** In order. */
  int[] features() {
    return Arrays.copyOf(features, size);
  }
}
