package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SelfReading;
import dev.ontogeny.run.SettingsObject;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * A dictionary of the grid: its type, its width, and of the type's keys those that differ from what
 * the settings say for all dictionaries of its type.
 */
public final class DictionarySettings implements SelfReading, Serializable {
  private final DictionaryType type;
  private final int width;
  private final Map<String, Object> given;

  private DictionarySettings(DictionaryType type, int width, Map<String, Object> given) {
    this.type = type;
    this.width = width;
    this.given = given;
  }

  /** {@code { type = top-k, width = 4096, k = 32 }}. */
  public static DictionarySettings of(SettingsObject object) {
    String key = object.value("type", String.class);
    Integer width = object.value("width", int.class);
    Problems problems = new Problems();
    problems.check(key != null, "type", "is required: one of %s", known());
    problems.check(width != null, "width", "is required and has no value");
    if (width != null) {
      problems.atLeast("width", width, 1);
    }
    DictionaryType type =
        DictionaryTypes.offered().stream()
            .filter(each -> each.key().equals(key))
            .findFirst()
            .orElse(null);
    problems.check(key == null || type != null, "type", "must be one of %s, got %s", known(), key);
    if (type == null) {
      problems.raise();
      return null;
    }
    List<String> all = new ArrayList<>(List.of("type", "width"));
    all.addAll(type.keys());
    for (String each : object.keys()) {
      problems.check(
          all.contains(each),
          each,
          "does not belong to type %s, which has width, %s",
          type.key(),
          String.join(", ", type.keys()));
    }
    for (String each : TypeDefaults.required(type)) {
      problems.check(object.keys().contains(each), each, "is required for type %s", type.key());
    }
    Map<String, Object> given = object.values(type.settings());
    problems.raise();
    return width == null ? null : new DictionarySettings(type, width, given);
  }

  private static String known() {
    return String.join(", ", DictionaryTypes.offeredKeys());
  }

  public DictionaryType type() {
    return type;
  }

  public int width() {
    return width;
  }

  /** Type, width, k and every other key that it gives: part of the names of its dictionaries. */
  public String label() {
    StringBuilder label = new StringBuilder(type.key()).append("-w").append(width);
    given.forEach(
        (key, value) -> {
          label.append('-').append(key);
          if (value instanceof Enum<?> constant) {
            label.append('-').append(SettingsReader.constantName(constant));
          } else {
            label.append(value);
          }
        });
    return label.toString();
  }

  /**
   * With what holds for all of its type where this says nothing.
   *
   * @throws Problems.Found where the type's bounds do not hold
   */
  public TypeSettings with(TypeDefaults defaults) {
    Map<String, Object> values = new LinkedHashMap<>(defaults.of(type));
    values.putAll(given);
    return type.with(values);
  }

  /**
   * Whether decoder norms mean something to selection or penalty, so that it can be a crosscoder.
   */
  public boolean hasFreeNorms(TypeDefaults defaults) {
    return holds(settings -> settings.norms() != Norms.UNIT, defaults);
  }

  /** Whether it can have such a target. */
  public boolean canHave(Target target, TypeDefaults defaults) {
    return holds(settings -> settings.targets().contains(target), defaults);
  }

  private boolean holds(Predicate<TypeSettings> property, TypeDefaults defaults) {
    try {
      return property.test(with(defaults));
    } catch (Problems.Found e) {
      // What is wrong with the settings themselves is told by those who ask for them.
      return true;
    }
  }

  /** As a manifest writes it. */
  @JsonValue
  Map<String, Object> published() {
    Map<String, Object> published = new LinkedHashMap<>(TypeDefaults.snakes(given));
    published.put("type", type);
    published.put("width", width);
    return published;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DictionarySettings settings
        && settings.type.equals(type)
        && settings.width == width
        && settings.given.equals(given);
  }

  @Override
  public int hashCode() {
    return type.hashCode() + 31 * width + given.hashCode();
  }

  @Override
  public String toString() {
    return label();
  }
}
