package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.TypeDefaults;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every file of {@code conf/jobs} against the record that it fills. */
class JobSettingsTest {
  private static final Path CONF = Path.of("..", "conf", "jobs");

  @Test
  void everyJobHasItsFileAndEveryFileItsJob() throws Exception {
    try (Stream<Path> files = Files.list(CONF)) {
      assertThat(files.map(file -> file.getFileName().toString()).filter(n -> n.endsWith(".conf")))
          .containsExactlyInAnyOrderElementsOf(
              Stream.concat(Main.jobs().stream().map(Job::name), Stream.of(Run.NAME))
                  .map(name -> name + ".conf")
                  .toList());
    }
  }

  static Stream<Job<?>> jobs() {
    return Main.jobs().stream();
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("jobs")
  void theFileIsCompleteAndBinds(Job<?> job) throws Exception {
    Config defaults = SettingsReader.defaults(job.name()).resolve();
    String text = SettingsReader.defaultsText(job.name());
    assertThat(text).isEqualTo(Files.readString(CONF.resolve(job.name() + ".conf")));
    assertThat(job.description()).isNotBlank();
    assertThat(text).contains("# ");
    complete(job.settingsType(), defaults.root(), job.name() + ".conf: ");
    assertThat(SettingsReader.bind(job.settingsType(), filled(job, defaults), job.name()))
        .isNotNull();
  }

  /** What a type leaves to its dictionaries is k at most: everything else has a default. */
  @Test
  void everyKeyOfEveryTypeHasADefault() {
    ConfigObject section = SettingsReader.defaults("train").resolve().getObject("types");
    assertThat(section.keySet()).containsExactlyInAnyOrderElementsOf(DictionaryTypes.offeredKeys());
    for (DictionaryType type : DictionaryTypes.offered()) {
      List<String> keys = new ArrayList<>(section.toConfig().getObject(type.key()).keySet());
      keys.add("k");
      assertThat(keys).as(type.key()).containsAll(type.keys());
      assertThat(new Train().reference()).contains(type.key() + ": ").contains(type.summary());
    }
  }

  /** Values for keys that take none of the usual ones. */
  private static final Map<String, String> OTHERS =
      Map.ofEntries(
          Map.entry("shard.columns.checkpoint-pattern", "\"(\\\\d+)k\""),
          Map.entry("shard.minimum-norm-ratio", "0.5"),
          Map.entry("shard.maximum-norm-ratio", "5"),
          Map.entry("train.kernel", "reference"),
          Map.entry("measure.kernel", "reference"),
          Map.entry("evolve.kernel", "reference"),
          Map.entry("train.dictionaries", "[{type=relu,width=64}]"),
          Map.entry("train.targets", "{ here = there }"),
          Map.entry("train.consensus", "{ share = 0.5, cosine = 0.7 }"),
          Map.entry("evolve.sensitivity-factors", "[0.5]"),
          Map.entry("train.types.top-k.multi-k", "128"),
          Map.entry("measure.features-per-file", "128"),
          Map.entry("report.tracks-per-file", "64"),
          Map.entry("report.tracks-per-group", "64"),
          Map.entry("export.format", "safetensors"),
          Map.entry("import.format", "safetensors"),
          Map.entry("import.dictionaries", "[{path=there,checkpoint=7}]"),
          Map.entry("import.kernel", "reference"),
          Map.entry("demo.addition.modulus", "61"),
          Map.entry("demo.planted.active-per-token", "3"));

  /**
   * One key after the other gets another value: the identity changes, or the key is operational.
   */
  @ParameterizedTest
  @MethodSource("jobs")
  void everyKeyDecidesTheIdentityOrIsOperational(Job<?> job) {
    Config base = filled(job, SettingsReader.defaults(job.name()).resolve());
    if (job.name().equals("train")) {
      // What a type would have decides nothing where no dictionary is of it.
      base =
          base.withValue(
              "dictionaries",
              ConfigValueFactory.fromIterable(
                  DictionaryTypes.offered().stream().map(JobSettingsTest::entry).toList()));
    }
    // Baselines have no targets.
    Config transcoders =
        base.withValue(
            "dictionaries",
            ConfigValueFactory.fromIterable(
                DictionaryTypes.trainable().stream().map(JobSettingsTest::entry).toList()));
    List<Key> keys = new ArrayList<>();
    keys(job.settingsType(), "", false, keys);
    Config usual = base;
    // How rounds are decides nothing where there are none.
    Config byRounds = usual.withValue("training.rounds.workers", ConfigValueFactory.fromAnyRef(2));
    for (Key key : keys) {
      base =
          key.path().startsWith("training.rounds.")
              ? byRounds
              : key.path().equals("targets") ? transcoders : usual;
      String before = identity(job, base);
      String path = job.name() + "." + key.path();
      ConfigValue value =
          base.root().toConfig().hasPathOrNull(key.path()) ? at(base, key.path()) : null;
      Config changed =
          ConfigFactory.parseString("x = " + otherOf(path, key, value))
              .getValue("x")
              .atPath(key.path())
              .withFallback(base);
      String after = identity(job, changed);
      if (key.operational()) {
        assertThat(after).as(path + " is operational").isEqualTo(before);
      } else {
        assertThat(after).as(path + " decides the identity").isNotEqualTo(before);
      }
    }
    assertThat(keys).isNotEmpty();
  }

  private static String otherOf(String path, Key key, ConfigValue value) {
    // Of any type that has one: above its k.
    return path.startsWith("train.types.") && path.endsWith(".initial-k")
        ? "64"
        : OTHERS.getOrDefault(path, other(key.type(), value));
  }

  private static Map<String, Object> entry(DictionaryType type) {
    return type.keys().contains("k")
        ? Map.of("type", type.key(), "width", 4096, "k", 32)
        : Map.of("type", type.key(), "width", 4096);
  }

  /** A key that holds no others. */
  private record Key(String path, Type type, boolean operational) {}

  private static void keys(Class<?> of, String prefix, boolean operational, List<Key> into) {
    for (RecordComponent component : of.getRecordComponents()) {
      String path = prefix + SettingsReader.kebab(component.getName());
      boolean here = operational || component.isAnnotationPresent(Operational.class);
      if (component.getType() == TypeDefaults.class) {
        for (DictionaryType type : DictionaryTypes.offered()) {
          keys(type.settings(), path + "." + type.key() + ".", here, into);
          // Every dictionary says it for itself.
          into.removeIf(key -> key.path().endsWith("." + type.key() + ".k"));
        }
      } else if (component.getType().isRecord() && component.getType() != ByteSize.class) {
        keys(component.getType(), path + ".", here, into);
      } else {
        into.add(new Key(path, component.getGenericType(), here));
      }
    }
  }

  private static ConfigValue at(Config config, String path) {
    ConfigObject object = config.root();
    String[] names = path.split("\\.");
    for (int i = 0; i < names.length - 1; i++) {
      object = (ConfigObject) object.get(names[i]);
    }
    return object.get(names[names.length - 1]);
  }

  /** A value that differs from {@code value}, as HOCON. */
  private static String other(Type type, ConfigValue value) {
    boolean absent = value == null || value.valueType() == ConfigValueType.NULL;
    String text = absent ? "" : String.valueOf(value.unwrapped());
    if (type == boolean.class || type == Boolean.class) {
      return text.equals("true") ? "false" : "true";
    } else if (type == int.class
        || type == long.class
        || type == Integer.class
        || type == Long.class) {
      return absent ? "7" : Long.toString(Long.parseLong(text) + 1);
    } else if (type == double.class || type == Double.class) {
      double number = absent ? 0.5 : Double.parseDouble(text);
      return Double.toString(number == 0 ? 0.5 : number * 0.95);
    } else if (type == ByteSize.class) {
      return "5MiB";
    } else if (type instanceof Class<?> of && of.isEnum()) {
      for (Object constant : of.getEnumConstants()) {
        if (!SettingsReader.constantName(constant).equals(text)) {
          return SettingsReader.constantName(constant);
        }
      }
    } else if (type instanceof ParameterizedType list) {
      return list.getActualTypeArguments()[0] == String.class ? "[other]" : "[3]";
    }
    return "other";
  }

  private static <S extends Record> String identity(Job<S> job, Config config) {
    S settings = SettingsReader.bind(job.settingsType(), config, job.name());
    return Identity.of(job.name(), 1, settings, List.of());
  }

  /** Every component stands in the file, so that the file can be read as the reference. */
  private static void complete(Class<?> type, ConfigObject object, String path) {
    for (RecordComponent component : type.getRecordComponents()) {
      String key = SettingsReader.kebab(component.getName());
      assertThat(object.keySet()).as(path + key + " stands in the file").contains(key);
      ConfigValue value = object.get(key);
      if (component.getType().isRecord() && value instanceof ConfigObject nested) {
        complete(component.getType(), nested, path + key + ".");
      }
    }
  }

  /** The defaults, with something in every key that a user must give. */
  private static Config filled(Job<?> job, Config defaults) {
    Config filled = ConfigFactory.empty();
    for (RecordComponent component : job.settingsType().getRecordComponents()) {
      String key = SettingsReader.kebab(component.getName());
      ConfigValue value = defaults.root().get(key);
      if (value.valueType() == ConfigValueType.NULL
          && !component.isAnnotationPresent(Nullable.class)) {
        Object given = component.getType() == List.class ? List.of("given") : "given";
        filled = filled.withValue(key, ConfigValueFactory.fromAnyRef(given));
      }
    }
    return filled.withFallback(defaults);
  }
}
