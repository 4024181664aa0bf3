package dev.ontogeny.type;

import dev.ontogeny.run.Problems;
import java.util.List;

/**
 * BatchTopK (Bussmann et al., arXiv 2412.06410). With several sources, pre-activations are compared
 * times ‖d‖.
 *
 * @param initialK as with {@link TopK}
 * @param thresholdDecay of the running mean of the smallest that is chosen; at first it is the
 *     plain mean
 */
public record BatchTopK(int k, int initialK, double thresholdDecay) implements TypeSettings {
  public static final DictionaryType TYPE =
      new DictionaryType(
          "batch-top-k",
          "In training the k·n largest positive pre-activations of a batch of n rows (Bussmann et al., arXiv 2412.06410); afterwards those above a threshold that was estimated meanwhile.",
          "batch-top-k",
          Activation.ABOVE_THRESHOLD,
          BatchTopK.class);

  public BatchTopK {
    problems(k, initialK, thresholdDecay).raise();
  }

  /** Bounds of these keys, for every type that chooses over a batch. */
  static Problems problems(int k, int initialK, double thresholdDecay) {
    return new Problems()
        .atLeast("k", k, 1)
        .check(initialK == 0 || initialK >= k, "initial-k", TopK.AT_LEAST_K, k, initialK)
        .check(
            thresholdDecay >= 0 && thresholdDecay < 1,
            "threshold-decay",
            "must be in [0, 1), got %s",
            thresholdDecay);
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
    return new Selection.LargestOfBatch(k, initialK, thresholdDecay);
  }

  @Override
  public Norms norms() {
    return Norms.UNIT_ALONE;
  }
}
