package dev.ontogeny.type;

import dev.ontogeny.run.Problems;

/**
 * Non-negative matrix factorisation by the alternating least squares of Spark MLlib: rows of W_dec
 * are factors at unit norm. MLlib gives codes of the rows that it saw alone; the encoder, which is
 * ours, is the ridge regression of a row on the factors, of which the positive part is the code.
 *
 * @param rows that are factorised, at most
 * @param iterations of alternating least squares
 * @param regularisation MLlib's, of both sides
 */
public record Nmf(int rows, int iterations, double regularisation) implements Fitted {
  public static final DictionaryType TYPE =
      DictionaryType.fitted(
          "nmf",
          "Baseline fitted by Spark MLlib: non-negative factors by alternating least squares, for activations without negative numbers; the encoder (ours) is a ridge regression on them.",
          Activation.POSITIVE,
          Nmf.class);

  public Nmf {
    new Problems()
        .atLeast("rows", rows, 2)
        .atLeast("iterations", iterations, 1)
        .atLeast("regularisation", regularisation, 0)
        .raise();
  }

  @Override
  public DictionaryType type() {
    return TYPE;
  }

  @Override
  public Selection selection() {
    return new Selection.Positive();
  }
}
