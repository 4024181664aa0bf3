package dev.ontogeny.data;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Every table that a job publishes, by the kind of the folder that it lies in. */
public final class PublishedTables {
  private static final Map<String, List<TableSchema>> ALL = new LinkedHashMap<>();

  static {
    ALL.put("dataset", DatasetTables.ALL);
    ALL.put("dictionaries", DictionaryTables.ALL);
    ALL.put("features", FeatureTables.all(TableSchema.ColumnType.CAPTURED));
    ALL.put("evolution", EvolutionTables.ALL);
  }

  private PublishedTables() {}

  /** The kinds of folders that hold tables, in the order of the line. */
  public static List<String> kinds() {
    return List.copyOf(ALL.keySet());
  }

  /** The tables of a kind of folder; none if it holds none. */
  public static List<TableSchema> of(String kind) {
    return ALL.getOrDefault(kind, List.of());
  }

  /** One of them; none if it is not declared. */
  public static Optional<TableSchema> find(String kind, String table) {
    return of(kind).stream().filter(each -> each.name().equals(table)).findFirst();
  }
}
