package dev.ontogeny.evolution;

import java.util.Arrays;
import java.util.PriorityQueue;

/**
 * Maximum-weight matching of rows to columns where only some pairs are allowed, not all of them
 * needed: shortest augmenting paths with potentials (Jonker and Volgenant 1987, in the sparse form
 * with a heap). Rows may stay without a column. Exact; O(n · e log n) at worst for n rows and e
 * candidates in all: four thousand rows of eight random candidates take a tenth of a second.
 */
public final class SparseAssignment {
  private SparseAssignment() {}

  /**
   * Matches.
   *
   * @param rows number of rows
   * @param columns number of columns
   * @param starts [rows + 1], candidates of row i are {@code starts[i] .. starts[i+1])}
   * @param candidate column of each candidate
   * @param weight of each candidate; those that are not positive are never taken
   * @return the column of each row, -1 for none
   */
  public static int[] match(int rows, int columns, int[] starts, int[] candidate, float[] weight) {
    return new Search(rows, columns, starts, candidate, weight).run();
  }

  /** A column that waits to be reached, nearest first, ties by column. */
  private record Reach(double distance, int column) implements Comparable<Reach> {
    @Override
    public int compareTo(Reach other) {
      int byDistance = Double.compare(distance, other.distance);
      return byDistance != 0 ? byDistance : Integer.compare(column, other.column);
    }
  }

  private static final class Search {
    private final int rows;
    private final int columns;
    private final int[] starts;
    private final int[] candidate;
    private final float[] weight;

    /** Columns beyond the real ones: one for each row, of weight 0, to stay without a column. */
    private final int[] columnOf;

    private final int[] rowOf;
    private final double[] rowPrice;
    private final double[] columnPrice;
    private final double[] distance;
    private final int[] through;
    private final boolean[] settled;
    private final int[] touched;

    Search(int rows, int columns, int[] starts, int[] candidate, float[] weight) {
      this.rows = rows;
      this.columns = columns;
      this.starts = starts;
      this.candidate = candidate;
      this.weight = weight;
      columnOf = filled(rows, -1);
      rowOf = filled(columns + rows, -1);
      rowPrice = new double[rows];
      columnPrice = new double[columns + rows];
      distance = new double[columns + rows];
      Arrays.fill(distance, Double.POSITIVE_INFINITY);
      through = new int[columns + rows];
      settled = new boolean[columns + rows];
      touched = new int[columns + rows];
    }

    int[] run() {
      for (int row = 0; row < rows; row++) {
        augment(row);
      }
      for (int row = 0; row < rows; row++) {
        columnOf[row] = columnOf[row] >= columns ? -1 : columnOf[row];
      }
      return columnOf;
    }

    /** Costs are negated weights; reduced costs, cost − row price − column price, stay ≥ 0. */
    private void augment(int start) {
      PriorityQueue<Reach> queue = new PriorityQueue<>();
      int touchedCount = 0;
      rowPrice[start] = Math.min(0, -columnPrice[columns + start]);
      for (int c = starts[start]; c < starts[start + 1]; c++) {
        if (weight[c] > 0) {
          rowPrice[start] = Math.min(rowPrice[start], -weight[c] - columnPrice[candidate[c]]);
        }
      }
      int row = start;
      double base = 0;
      int end;
      while (true) {
        for (int c = starts[row]; c < starts[row + 1]; c++) {
          if (weight[c] > 0) {
            touchedCount = reach(queue, touchedCount, row, candidate[c], -weight[c], base);
          }
        }
        touchedCount = reach(queue, touchedCount, row, columns + row, 0, base);
        Reach next = queue.remove();
        while (settled[next.column]) {
          next = queue.remove();
        }
        settled[next.column] = true;
        base = next.distance;
        end = next.column;
        if (rowOf[end] < 0) {
          break;
        }
        row = rowOf[end];
      }
      for (int i = 0; i < touchedCount; i++) {
        int column = touched[i];
        if (settled[column] && column != end) {
          double change = base - distance[column];
          columnPrice[column] -= change;
          rowPrice[rowOf[column]] += change;
        }
      }
      rowPrice[start] += base;
      int column = end;
      while (true) {
        int by = through[column];
        int previous = columnOf[by];
        rowOf[column] = by;
        columnOf[by] = column;
        if (by == start) {
          break;
        }
        column = previous;
      }
      for (int i = 0; i < touchedCount; i++) {
        distance[touched[i]] = Double.POSITIVE_INFINITY;
        settled[touched[i]] = false;
      }
    }

    private int reach(
        PriorityQueue<Reach> queue,
        int touchedCount,
        int row,
        int column,
        double cost,
        double base) {
      double reached = base + cost - rowPrice[row] - columnPrice[column];
      int count = touchedCount;
      if (!settled[column] && reached < distance[column]) {
        if (distance[column] == Double.POSITIVE_INFINITY) {
          touched[count++] = column;
        }
        distance[column] = reached;
        through[column] = row;
        queue.add(new Reach(reached, column));
      }
      return count;
    }

    private static int[] filled(int size, int value) {
      int[] result = new int[size];
      Arrays.fill(result, value);
      return result;
    }
  }
}
