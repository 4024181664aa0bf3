package dev.ontogeny.type;

import dev.ontogeny.run.Problems;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * BatchTopK whose code reconstructs with nested prefixes (Bussmann et al., arXiv 2503.17547): the
 * loss is Σ over prefixes m of ‖x̃ − x̂_{0:m}‖², unweighted, as SAELens has it, x̂_{0:m} made of
 * the latents below m alone. So the first latents learn what is general, and later ones cannot take
 * it over piece by piece. Prefixes are fixed and halve from the whole width on: with five levels
 * 1/16, 1/8, 1/4, 1/2 and all of it, which are the shares of its authors.
 *
 * @param initialK as with {@link TopK}
 * @param thresholdDecay as with {@link BatchTopK}
 * @param levels how many prefixes, the whole code included
 */
public record MatryoshkaBatchTopK(int k, int initialK, double thresholdDecay, int levels)
    implements TypeSettings {
  public static final DictionaryType TYPE =
      new DictionaryType(
          "matryoshka-batch-top-k",
          "BatchTopK whose code reconstructs with each of several nested prefixes as well, 1/16, 1/8, 1/4, 1/2 and all of the latents with five levels (Bussmann et al., arXiv 2503.17547).",
          "matryoshka-batch-top-k",
          Activation.ABOVE_THRESHOLD,
          MatryoshkaBatchTopK.class);

  public MatryoshkaBatchTopK {
    BatchTopK.problems(k, initialK, thresholdDecay).between("levels", levels, 1, 30).raise();
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
  public Reconstruction reconstruction(int width) {
    int most = 32 - Integer.numberOfLeadingZeros(width);
    new Problems()
        .check(
            levels <= most,
            "levels",
            "must leave a latent to the smallest prefix, so it is at most %d for width %d, got %d",
            most,
            width,
            levels)
        .raise();
    List<Integer> ends = new ArrayList<>();
    for (int level = levels - 1; level >= 0; level--) {
      ends.add(width >> level);
    }
    return new Reconstruction.Prefixes(ends, Collections.nCopies(levels, 1.0));
  }

  @Override
  public Norms norms() {
    return Norms.UNIT_ALONE;
  }
}
