package dev.ontogeny.type;

import java.util.List;

/**
 * A tensor that dictionaries of some types have beside those of all.
 *
 * @param name in {@code dictionary.safetensors}
 * @param axes its shape
 */
public record FurtherTensor(String name, List<Axis> axes) {
  /** What a pre-activation has to exceed, [F]. */
  public static final FurtherTensor THRESHOLD = new FurtherTensor("threshold", Axis.LATENTS);

  /** An axis of a tensor. */
  public enum Axis {
    /** F, the width. */
    LATENTS,
    /** D, the columns of all sources. */
    INPUTS
  }

  private FurtherTensor(String name, Axis... axes) {
    this(name, List.of(axes));
  }

  /** Of a dictionary of that width over that many columns. */
  public int[] shape(int width, int inputs) {
    return axes.stream().mapToInt(axis -> axis == Axis.LATENTS ? width : inputs).toArray();
  }
}
