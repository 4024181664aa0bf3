package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A type of dictionary. A jar of your own adds one by a subclass with a constructor that takes
 * nothing, named in its {@code META-INF/services/dev.ontogeny.type.DictionaryType}.
 */
public class DictionaryType implements Serializable {
  private final String key;
  private final String summary;
  private final String crosscoders;
  private final Activation activation;
  private final Class<? extends TypeSettings> settings;
  private final boolean fitted;

  /**
   * A type that can be trained.
   *
   * @param key as settings and {@code dictionary.json} write it
   * @param summary how it works, in a sentence for people, with its source
   * @param crosscoders those of its dictionaries whose decoder norms are free, in words for people;
   *     empty where none are
   * @param activation of its dictionaries
   * @param settings a record: every component is a key
   */
  public DictionaryType(
      String key,
      String summary,
      String crosscoders,
      Activation activation,
      Class<? extends TypeSettings> settings) {
    this(key, summary, crosscoders, activation, settings, false);
  }

  private DictionaryType(
      String key,
      String summary,
      String crosscoders,
      Activation activation,
      Class<? extends TypeSettings> settings,
      boolean fitted) {
    if (settings != null && !settings.isRecord()) {
      throw new IllegalArgumentException(
          settings.getName() + ", the settings of type " + key + ", must be a record");
    }
    this.key = key;
    this.summary = summary;
    this.crosscoders = crosscoders;
    this.activation = activation;
    this.settings = settings;
    this.fitted = fitted;
  }

  /** A form in which dictionaries of another type are published: nobody asks for it by name. */
  static DictionaryType published(String key, String summary, Activation activation) {
    return new DictionaryType(key, summary, "", activation, null);
  }

  /** A baseline that is fitted by Spark MLlib: no kernel trains it. */
  static DictionaryType fitted(
      String key, String summary, Activation activation, Class<? extends Fitted> settings) {
    return new DictionaryType(key, summary, "", activation, settings, true);
  }

  /** The type that {@code dictionary.json} names. */
  @JsonCreator
  public static DictionaryType of(String key) {
    return DictionaryTypes.of(key);
  }

  /** As settings and {@code dictionary.json} write it. */
  @JsonValue
  public final String key() {
    return key;
  }

  /** How it works, in a sentence for people. */
  public final String summary() {
    return summary;
  }

  /** Those of its dictionaries that can be crosscoders, in words; empty for none. */
  public final String crosscoders() {
    return crosscoders;
  }

  /** How a code follows from its pre-activations. */
  public final Activation activation() {
    return activation;
  }

  /** The rule in one sentence, with the tensors' names. */
  public final String rule() {
    return activation.rule();
  }

  /** Whether settings can name it. */
  public final boolean offered() {
    return settings != null;
  }

  /** Whether kernels train it, step by step. */
  public final boolean trainable() {
    return offered() && !fitted;
  }

  /** The record of its keys, for {@link SettingsReader}. */
  @SuppressWarnings("unchecked")
  public final Class<? extends Record> settings() {
    return (Class<? extends Record>) settings.asSubclass(Record.class);
  }

  /** What a dictionary of the type can say beside its width. */
  public final List<String> keys() {
    return Arrays.stream(settings().getRecordComponents())
        .map(component -> SettingsReader.kebab(component.getName()))
        .toList();
  }

  /** Keys without a value in {@code conf/jobs/train.conf}, in HOCON: for types of other jars. */
  public String defaults() {
    return "";
  }

  /** Settings out of a value for every key. */
  final TypeSettings with(Map<String, Object> values) {
    return (TypeSettings) SettingsReader.build(settings(), values);
  }

  @Override
  public final boolean equals(Object other) {
    return other instanceof DictionaryType type && type.key.equals(key);
  }

  @Override
  public final int hashCode() {
    return key.hashCode();
  }

  @Override
  public final String toString() {
    return key;
  }
}
