package dev.ontogeny.run;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** An object of a settings file, for {@link SelfReading} settings. */
public final class SettingsObject {
  private final ConfigObject object;
  private final String path;
  private final List<String> problems;

  SettingsObject(ConfigObject object, String path, List<String> problems) {
    this.object = object;
    this.path = path;
    this.problems = problems;
  }

  /** A text in HOCON, for defaults that do not come from a file. */
  public static SettingsObject of(String text, List<String> problems) {
    try {
      return new SettingsObject(ConfigFactory.parseString(text).root(), "", problems);
    } catch (ConfigException e) {
      throw new IllegalArgumentException("not HOCON: " + text, e);
    }
  }

  public Set<String> keys() {
    return object.keySet();
  }

  /**
   * The value of a key, null where there is none. A wrong value is null too, and noted as a
   * problem.
   */
  public <T> T value(String key, Class<T> type) {
    ConfigValue value = object.get(key);
    if (value == null || value.valueType() == ConfigValueType.NULL) {
      return null;
    }
    @SuppressWarnings("unchecked") // What is read for int is an Integer.
    T read = (T) SettingsReader.value(type, value, path + key, problems);
    return read;
  }

  /** The object at a key; anything else there is noted as a problem, and counts as empty. */
  public SettingsObject object(String key) {
    if (object.get(key) instanceof ConfigObject inner) {
      return new SettingsObject(inner, path + key + ".", problems);
    }
    problems.add("'" + path + key + "' must be an object with its keys in braces");
    return new SettingsObject(ConfigFactory.empty().root(), path + key + ".", problems);
  }

  /** The values of a record's keys, in the record's order; keys without one are left out. */
  public Map<String, Object> values(Class<? extends Record> type) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (RecordComponent component : type.getRecordComponents()) {
      String key = SettingsReader.kebab(component.getName());
      Object value = value(key, component.getType());
      if (value != null) {
        values.put(key, value);
      }
    }
    return values;
  }

  /** Says of keys beyond these that they are unknown. */
  public void onlyKeys(List<String> known) {
    for (String key : object.keySet()) {
      if (!known.contains(key)) {
        problems.add(
            String.format(
                Locale.ROOT,
                "unknown key '%s%s' (%s)",
                path,
                key,
                SettingsReader.nearest(key, known)));
      }
    }
  }

  /** Takes note of something that is wrong with a key. */
  public void problem(String key, String words) {
    problems.add(path + key + " " + words);
  }
}
