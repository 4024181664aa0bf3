package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.SelfReading;
import dev.ontogeny.run.SettingsObject;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
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
    section.onlyKeys(DictionaryTypes.trainableKeys());
    Map<String, Map<String, Object>> byType = new LinkedHashMap<>();
    for (DictionaryType type : DictionaryTypes.trainable()) {
      Map<String, Object> values =
          new LinkedHashMap<>(
              SettingsObject.of(type.defaults(), new ArrayList<>()).values(type.settings()));
      if (section.keys().contains(type.key())) {
        SettingsObject own = section.object(type.key());
        own.onlyKeys(type.keys());
        values.putAll(own.values(type.settings()));
      }
      byType.put(type.key(), values);
    }
    return new TypeDefaults(byType);
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
