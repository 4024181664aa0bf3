package dev.ontogeny.type;

import java.util.List;

/**
 * Settings as tests make them: the k largest of a row, the first third of whose latents shall
 * reconstruct as well. Open, so that a test can put in another part.
 */
public class PrefixTopK implements TypeSettings {
  private static final DictionaryType TYPE =
      new DictionaryType(
          "prefix-top-k", "Of tests alone.", "", Activation.LARGEST_OF_ROW, TopK.class);

  private final int k;

  public PrefixTopK(int k) {
    this.k = k;
  }

  @Override
  public DictionaryType type() {
    return TYPE;
  }

  @Override
  public Selection selection() {
    return new Selection.LargestOfRow(k, 0);
  }

  @Override
  public Reconstruction reconstruction(int width) {
    return width < 3
        ? new Reconstruction.Prefixes(List.of(width), List.of(1.0))
        : new Reconstruction.Prefixes(List.of(width / 3, width), List.of(0.7, 1.2));
  }

  @Override
  public String toString() {
    return "PrefixTopK[" + k + "]";
  }
}
