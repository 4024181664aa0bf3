package dev.ontogeny.kernel.reference;

import java.util.Comparator;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** The rules of TopK and BatchTopK, by sorting. */
public final class ReferenceSelection {
  private ReferenceSelection() {}

  /**
   * Marks the {@code k} largest positive values among the eligible; of equal values the one with
   * the lower index comes first.
   */
  public static boolean[] largest(float[] values, int k, IntPredicate eligible) {
    boolean[] chosen = new boolean[values.length];
    IntStream.range(0, values.length)
        .filter(i -> values[i] > 0 && eligible.test(i))
        .boxed()
        .sorted(Comparator.comparing((Integer i) -> -values[i]).thenComparing(i -> i))
        .limit(k)
        .forEach(i -> chosen[i] = true);
    return chosen;
  }

  /**
   * Marks the {@code budget} largest positive products of value and weight in a batch; of equal
   * ones the lower row comes first, then the lower index.
   */
  public static boolean[][] largest(float[][] values, float[] weights, int budget) {
    record Place(int row, int index, float score) {}
    boolean[][] chosen = new boolean[values.length][weights.length];
    IntStream.range(0, values.length)
        .boxed()
        .flatMap(
            row ->
                IntStream.range(0, weights.length)
                    .mapToObj(i -> new Place(row, i, values[row][i] * weights[i])))
        .filter(place -> place.score > 0)
        .sorted(
            Comparator.comparing((Place place) -> -place.score)
                .thenComparing(Place::row)
                .thenComparing(Place::index))
        .limit(budget)
        .forEach(place -> chosen[place.row][place.index] = true);
    return chosen;
  }
}
