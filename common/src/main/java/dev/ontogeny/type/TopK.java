package dev.ontogeny.type;

import dev.ontogeny.run.Problems;
import java.util.List;
import java.util.Optional;

/**
 * TopK (Gao et al., arXiv 2406.04093).
 *
 * @param initialK latents of a row at the start where k is annealed, 0 where it is not
 * @param multiK the code of this many latents shall reconstruct as well (multi-TopK), 0 for none
 * @param multiWeight weight of that reconstruction in the loss
 */
public record TopK(int k, int initialK, int multiK, double multiWeight) implements TypeSettings {
  public static final DictionaryType TYPE =
      new DictionaryType(
          "top-k",
          "The k largest positive pre-activations of each row (Gao et al., arXiv 2406.04093); multi-TopK with multi-k.",
          "",
          Activation.LARGEST_OF_ROW,
          TopK.class);

  /** For bounds. */
  static final String AT_LEAST_K = "must be 0 or at least k = %d, got %d";

  public TopK {
    new Problems()
        .atLeast("k", k, 1)
        .check(initialK == 0 || initialK >= k, "initial-k", AT_LEAST_K, k, initialK)
        .check(multiK == 0 || multiK >= k, "multi-k", AT_LEAST_K, k, multiK)
        .atLeast("multi-weight", multiWeight, 0)
        .raise();
  }

  /** Nothing but k. */
  public static TopK of(int k) {
    return new TopK(k, 0, 0, 0);
  }

  @Override
  public DictionaryType type() {
    return TYPE;
  }

  @Override
  public List<Target> targets() {
    return List.of(Target.values());
  }

  @Override
  public Selection selection() {
    return new Selection.LargestOfRow(k, initialK);
  }

  @Override
  public Optional<FurtherCode> furtherCode() {
    return multiK == 0 ? Optional.empty() : Optional.of(new FurtherCode(multiK, multiWeight));
  }
}
