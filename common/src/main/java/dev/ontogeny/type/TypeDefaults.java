package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.SelfReading;
import dev.ontogeny.run.SettingsObject;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What holds for all dictionaries of a type where they say nothing themselves: the section {@code
 * types} of {@code conf/jobs/train.conf}, which explains it.
 */
public final class TypeDefaults implements SelfReading, Serializable {
  private final Map<String, Map<String, Object>> byType;

  private TypeDefaults(Map<String, Map<String, Object>> byType) {
    this.byType = byType;
  }

  /** A section with an object for each type. */
  public static TypeDefaults of(SettingsObject section) {
    section.onlyKeys(DictionaryTypes.offeredKeys());
    Map<String, Map<String, Object>> byType = new LinkedHashMap<>();
    for (DictionaryType type : DictionaryTypes.offered()) {
      Map<String, Object> values = shipped(type);
      if (section.keys().contains(type.key())) {
        SettingsObject own = section.object(type.key());
        own.onlyKeys(List.copyOf(values.keySet()));
        values.putAll(own.values(type.settings()));
      }
      byType.put(type.key(), values);
    }
    return new TypeDefaults(byType);
  }

  /** What holds where no settings file says anything. */
  private static Map<String, Object> shipped(DictionaryType type) {
    Map<String, Object> values = new LinkedHashMap<>();
    List<String> problems = new ArrayList<>();
    SettingsObject ours = SettingsReader.defaults("train", "types");
    if (ours.keys().contains(type.key())) {
      values.putAll(ours.object(type.key()).values(type.settings()));
    }
    values.putAll(SettingsObject.of(type.defaults(), problems).values(type.settings()));
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException("defaults of type " + type + ": " + problems);
    }
    return values;
  }

  /** The keys that every dictionary of a type has to say for itself. */
  static List<String> required(DictionaryType type) {
    Map<String, Object> shipped = shipped(type);
    return type.keys().stream().filter(key -> !shipped.containsKey(key)).toList();
  }

  /** Only those of some types: others decide nothing. */
  public TypeDefaults only(Collection<DictionaryType> types) {
    Map<String, Map<String, Object>> kept = new LinkedHashMap<>();
    types.forEach(type -> kept.put(type.key(), of(type)));
    return new TypeDefaults(kept);
  }

  /** By key. */
  Map<String, Object> of(DictionaryType type) {
    return byType.getOrDefault(type.key(), Map.of());
  }

  /** As a manifest writes it: keys like those of all other settings. */
  @JsonValue
  Map<String, Map<String, Object>> published() {
    Map<String, Map<String, Object>> published = new LinkedHashMap<>();
    byType.forEach((type, values) -> published.put(snake(type), snakes(values)));
    return published;
  }

  static Map<String, Object> snakes(Map<String, Object> values) {
    Map<String, Object> renamed = new LinkedHashMap<>();
    values.forEach((key, value) -> renamed.put(snake(key), value));
    return renamed;
  }

  private static String snake(String key) {
    return key.replace('-', '_');
  }
}
