package dev.ontogeny.kernel.cpu;

/** Those entries of a list that count for one source, or one prefix. Scratch of one thread. */
final class EntriesOfPart {
  private final int[] rows;
  private final float[] weights;
  private final int[] slots;
  private final float[] products;
  private int count;

  /**
   * @param most entries of a list
   */
  EntriesOfPart(int most) {
    rows = new int[most];
    weights = new float[most];
    slots = new int[most];
    products = new float[most];
  }

  void clear() {
    count = 0;
  }

  /**
   * Takes an entry.
   *
   * @param row of the matrix that belongs to it
   * @param slot its place in the list
   */
  void add(int row, float weight, int slot) {
    rows[count] = row;
    weights[count] = weight;
    slots[count++] = slot;
  }

  int count() {
    return count;
  }

  /** The place in the list of the entry that was taken as number {@code j}. */
  int slot(int j) {
    return slots[j];
  }

  /** {@code into} = Σ weight · columns {@code first … first + columns} of its row. */
  void weightedSum(
      Loops loops, float[] matrix, int stride, int first, int columns, float[] into, int intoAt) {
    loops.weightedSum(matrix, stride, first, columns, rows, weights, 0, count, true, into, intoAt);
  }

  /** For every entry, those columns of its row · {@code vector}, in the order they were taken. */
  float[] dots(
      Loops loops,
      float[] matrix,
      int stride,
      int first,
      int columns,
      float[] vector,
      int vectorAt) {
    loops.dots(matrix, stride, first, columns, rows, 0, count, vector, vectorAt, products);
    return products;
  }
}
