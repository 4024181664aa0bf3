package dev.ontogeny.type;

/**
 * Settings of a type that Spark MLlib fits at once instead of a kernel in steps: a baseline.
 * Nothing of {@code training} holds for it but what its own keys say; its selection is the rule of
 * what is published.
 */
public sealed interface Fitted extends TypeSettings permits Pca, KMeans, BisectingKMeans, Nmf {
  /** Rows that it is fitted on, at most: the first of the shards to train on. */
  int rows();

  @Override
  default boolean auxiliary() {
    return false;
  }
}
