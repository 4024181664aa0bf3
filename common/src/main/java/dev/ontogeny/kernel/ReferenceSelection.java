package dev.ontogeny.kernel;

import java.util.Comparator;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** The rule of TopK, by sorting. */
final class ReferenceSelection {
  private ReferenceSelection() {}

  /**
   * Marks the {@code k} largest positive values among the eligible; of equal values the one with
   * the lower index comes first.
   */
  static boolean[] largest(float[] values, int k, IntPredicate eligible) {
    boolean[] chosen = new boolean[values.length];
    IntStream.range(0, values.length)
        .filter(i -> values[i] > 0 && eligible.test(i))
        .boxed()
        .sorted(Comparator.comparing((Integer i) -> -values[i]).thenComparing(i -> i))
        .limit(k)
        .forEach(i -> chosen[i] = true);
    return chosen;
  }
}
