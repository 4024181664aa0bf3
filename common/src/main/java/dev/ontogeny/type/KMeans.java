package dev.ontogeny.type;

import dev.ontogeny.run.Problems;

/**
 * Spherical k-means by Spark MLlib (cosine distance): a latent's direction is the centroid of a
 * cluster at unit norm, and a row is the projection on the one that it is nearest to by cosine.
 *
 * @param rows that are clustered, at most
 * @param iterations at most
 */
public record KMeans(int rows, int iterations) implements Fitted {
  public static final DictionaryType TYPE =
      DictionaryType.fitted(
          "k-means",
          "Baseline fitted by Spark MLlib: spherical k-means; a row is its projection on the centroid that is nearest by cosine, so that k is 1.",
          Activation.LARGEST_OF_ROW,
          KMeans.class);

  public KMeans {
    new Problems().atLeast("rows", rows, 2).atLeast("iterations", iterations, 1).raise();
  }

  @Override
  public DictionaryType type() {
    return TYPE;
  }

  @Override
  public Selection selection() {
    return new Selection.LargestOfRow(1, 0);
  }
}
