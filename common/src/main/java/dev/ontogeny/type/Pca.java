package dev.ontogeny.type;

import dev.ontogeny.run.Problems;

/**
 * Principal components by Spark MLlib: latents 2i and 2i + 1 are component i and its opposite, so
 * that the positive part of both says the whole projection and their sum reconstructs as PCA does.
 *
 * @param rows that the covariance is of, at most
 */
public record Pca(int rows) implements Fitted {
  public static final DictionaryType TYPE =
      DictionaryType.fitted(
          "pca",
          "Baseline fitted by Spark MLlib: principal components, each as two latents of opposite directions, the largest first; width is twice their number.",
          Activation.POSITIVE,
          Pca.class);

  public Pca {
    new Problems().atLeast("rows", rows, 2).raise();
  }

  @Override
  public DictionaryType type() {
    return TYPE;
  }

  @Override
  public Selection selection() {
    return new Selection.Positive();
  }

  @Override
  public Reconstruction reconstruction(int width) {
    new Problems()
        .check(
            width % 2 == 0,
            "width",
            "must be even for type pca, which has two latents for each component, got %d",
            width)
        .raise();
    return new Reconstruction.Whole();
  }
}
