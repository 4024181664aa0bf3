package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.SettingsReader;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
