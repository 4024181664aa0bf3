package dev.ontogeny.type;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** All types: those of this project, one line each, then those of other jars. */
public final class DictionaryTypes {
  private static final List<DictionaryType> OURS =
      List.of(
          TopK.TYPE,
          BatchTopK.TYPE,
          MatryoshkaBatchTopK.TYPE,
          JumpRelu.TYPE,
          JumpRelu.BY_SOURCE,
          Relu.TYPE,
          Pca.TYPE,
          KMeans.TYPE,
          BisectingKMeans.TYPE,
          Nmf.TYPE);

  private DictionaryTypes() {}

  /** In the order in which people read of them. */
  public static List<DictionaryType> all() {
    Map<String, DictionaryType> all = new LinkedHashMap<>();
    OURS.forEach(type -> all.put(type.key(), type));
    // A jar beside ours is known to the loader of this class, or to that of whoever asks.
    for (ClassLoader loader :
        new ClassLoader[] {
          DictionaryType.class.getClassLoader(), Thread.currentThread().getContextClassLoader()
        }) {
      try {
        ServiceLoader.load(DictionaryType.class, loader).forEach(type -> add(type, all));
      } catch (ServiceConfigurationError e) {
        throw Failure.settings(
                "a jar that adds types of dictionaries cannot be used: %s%s",
                e.getMessage(), e.getCause() == null ? "" : ": " + e.getCause().getMessage())
            .causedBy(e);
      }
    }
    return List.copyOf(all.values());
  }

  private static void add(DictionaryType type, Map<String, DictionaryType> all) {
    DictionaryType other = all.putIfAbsent(type.key(), type);
    // Two loaders may find the same one.
    if (other != null && !other.getClass().getName().equals(type.getClass().getName())) {
      throw Failure.settings(
          "type %s is there twice, from %s and %s: name one of them otherwise",
          type.key(), other.getClass().getName(), type.getClass().getName());
    }
  }

  /** Those that settings can name. */
  public static List<DictionaryType> offered() {
    return all().stream().filter(DictionaryType::offered).toList();
  }

  /** The keys of {@link #offered}. */
  public static List<String> offeredKeys() {
    return offered().stream().map(DictionaryType::key).toList();
  }

  /** Those that kernels train: all that are offered but the baselines. */
  public static List<DictionaryType> trainable() {
    return all().stream().filter(DictionaryType::trainable).toList();
  }

  /** The keys of {@link #trainable}. */
  public static List<String> trainableKeys() {
    return trainable().stream().map(DictionaryType::key).toList();
  }

  /** Which dictionaries have free decoder norms, which is what crosscoders are about. */
  public static String crosscoders() {
    return String.join(
        ", ",
        trainable().stream()
            .map(DictionaryType::crosscoders)
            .filter(words -> !words.isEmpty())
            .toList());
  }

  /** What there is to choose from, for {@code --help}. */
  public static String help() {
    StringBuilder help = new StringBuilder();
    for (DictionaryType type : offered()) {
      help.append(String.format("%s: %s%n", type.key(), type.summary()));
      help.append(String.format("  keys: width, %s%n", String.join(", ", type.keys())));
    }
    return help.toString();
  }

  /**
   * The type of that key.
   *
   * @throws IllegalArgumentException if there is none, with those that there are
   */
  public static DictionaryType of(String key) {
    List<DictionaryType> types = OURS.stream().anyMatch(t -> t.key().equals(key)) ? OURS : all();
    return types.stream()
        .filter(type -> type.key().equals(key))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    String.format(
                        "'%s' is no type of dictionary that is known here (%s); one of another jar needs it: --jars",
                        key,
                        SettingsReader.nearest(
                            key, types.stream().map(DictionaryType::key).toList()))));
  }
}
