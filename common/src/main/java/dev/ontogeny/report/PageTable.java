package dev.ontogeny.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A small table as the pages read it: the names of its columns, and rows as arrays of values.
 *
 * @param columns in the order of the values
 */
public record PageTable(List<String> columns, List<Object[]> values) {

  /** A table without rows. */
  public static PageTable of(String... columns) {
    return new PageTable(List.of(columns), new ArrayList<>());
  }

  public PageTable add(Object... row) {
    if (row.length != columns.size()) {
      throw new IllegalArgumentException(
          "a row of " + columns + " cannot have " + row.length + " values");
    }
    values.add(row);
    return this;
  }

  /** Where a column stands in a row. */
  public int indexOf(String column) {
    int index = columns.indexOf(column);
    if (index < 0) {
      throw new IllegalArgumentException("no column " + column + " among " + columns);
    }
    return index;
  }

  /** The same rows in the order of some columns. */
  public PageTable sorted(String... by) {
    List<Object[]> rows = new ArrayList<>(values);
    rows.sort(by(Arrays.stream(by).mapToInt(this::indexOf).toArray()));
    return new PageTable(columns, rows);
  }

  /** The order of rows by the values in some places; null comes first. */
  @SuppressWarnings("unchecked")
  public static Comparator<Object[]> by(int... places) {
    Comparator<Comparable<Object>> values = Comparator.nullsFirst(Comparator.naturalOrder());
    return (a, b) -> {
      int order = 0;
      for (int i = 0; i < places.length && order == 0; i++) {
        order =
            values.compare((Comparable<Object>) a[places[i]], (Comparable<Object>) b[places[i]]);
      }
      return order;
    };
  }

  Map<String, Object> asMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("columns", columns);
    map.put("rows", values);
    return map;
  }
}
