package dev.ontogeny.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A small table as the pages read it: the names of its columns, and rows as arrays of values.
 *
 * @param columns in the order of the values
 */
public record Rows(List<String> columns, List<Object[]> values) {

  /** A table without rows. */
  public static Rows of(String... columns) {
    return new Rows(List.of(columns), new ArrayList<>());
  }

  public Rows add(Object... row) {
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

  Map<String, Object> asMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("columns", columns);
    map.put("rows", values);
    return map;
  }
}
