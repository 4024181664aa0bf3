package dev.ontogeny.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.SettingsReader;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The registry, and what a jar of types can do wrong. */
class DictionaryTypesTest {
  @TempDir private Path jar;

  /** A type of a jar of its own. */
  public static final class Added extends DictionaryType {
    public Added() {
      super("added", "Of this test.", "", Activation.POSITIVE, Settings.class);
    }

    @Override
    public String defaults() {
      return "rate = 0.5";
    }
  }

  /** Its keys. */
  public record Settings(int size, double rate) implements TypeSettings {
    @Override
    public DictionaryType type() {
      return new Added();
    }

    @Override
    public Selection selection() {
      return new Selection.Positive();
    }
  }

  /** One that calls itself like one of ours. */
  public static final class Usurper extends DictionaryType {
    public Usurper() {
      super("top-k", "Of this test.", "", Activation.POSITIVE, Settings.class);
    }
  }

  /** One whose keys nobody can read. */
  public static final class Shapeless extends DictionaryType {
    public Shapeless() {
      super("shapeless", "Of this test.", "", Activation.POSITIVE, TypeSettings.class);
    }
  }

  @Test
  void oursAreThereWithSettingsOfTheirOwn() {
    assertThat(DictionaryTypes.all())
        .contains(TopK.TYPE, JumpRelu.BY_SOURCE)
        .doesNotHaveDuplicates();
    assertThat(DictionaryTypes.trainable()).contains(TopK.TYPE).doesNotContain(JumpRelu.BY_SOURCE);
    assertThat(DictionaryTypes.of("relu")).isSameAs(Relu.TYPE);
    assertThat(
            read("type = relu, width = 8").canHave(Target.TRANSCODER, read(TypeDefaults.class, "")))
        .isTrue();
    assertThat(Json.read("\"relu\"", DictionaryType.class, "x")).isSameAs(Relu.TYPE);
    assertThatThrownBy(() -> DictionaryTypes.of("topk"))
        .hasMessage(
            "'topk' is no type of dictionary that is known here (did you mean 'top-k'?); one of another jar needs it: --jars");
  }

  @Test
  void anotherJarAddsOne() throws Exception {
    with(
        Added.class,
        () -> {
          assertThat(DictionaryTypes.of("added").summary()).isEqualTo("Of this test.");
          assertThat(DictionaryTypes.help())
              .contains("added: Of this test.", "keys: width, size, rate");
          DictionarySettings settings = read("type = added, width = 8, size = 3");
          assertThat(settings.label()).isEqualTo("added-w8-size3");
          assertThat(settings.with(read(TypeDefaults.class, "added { rate = 2 }")))
              .isEqualTo(new Settings(3, 2));
          assertThat(settings.with(read(TypeDefaults.class, ""))).isEqualTo(new Settings(3, 0.5));
          assertThat(settings.canHave(Target.AUTOENCODER, read(TypeDefaults.class, ""))).isTrue();
          assertThat(settings.canHave(Target.TRANSCODER, read(TypeDefaults.class, ""))).isFalse();
          assertThatThrownBy(() -> read("type = added, width = 8, k = 2"))
              .hasMessageContaining("k does not belong to type added, which has width, size, rate")
              .hasMessageContaining("size is required for type added");
        });
    assertThatThrownBy(() -> DictionaryTypes.of("added"))
        .hasMessageContaining("'added' is no type");
  }

  @Test
  void whatAJarDoesWrongIsNamed() throws Exception {
    with(
        Usurper.class,
        () ->
            assertThatThrownBy(DictionaryTypes::all)
                .isInstanceOf(Failure.class)
                .hasMessageStartingWith("type top-k is there twice, from ")
                .hasMessageContaining("$Usurper: name one of them otherwise"));
    with(
        Shapeless.class,
        () ->
            assertThatThrownBy(DictionaryTypes::all)
                .isInstanceOf(Failure.class)
                .hasMessageStartingWith("a jar that adds types of dictionaries cannot be used: ")
                .hasMessageEndingWith("the settings of type shapeless, must be a record"));
  }

  private static DictionarySettings read(String entry) {
    return read(DictionarySettings.class, entry);
  }

  private static <T> T read(Class<T> type, String text) {
    return SettingsReader.bind(type, ConfigFactory.parseString(text), "settings");
  }

  /** What a test does. */
  private interface Body {
    void run() throws Exception;
  }

  /** With a jar in sight that names a type. */
  private void with(Class<?> type, Body body) throws Exception {
    Path services = Files.createDirectories(jar.resolve("META-INF/services"));
    Files.writeString(services.resolve(DictionaryType.class.getName()), type.getName());
    ClassLoader before = Thread.currentThread().getContextClassLoader();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, before)) {
      Thread.currentThread().setContextClassLoader(loader);
      body.run();
    } finally {
      Thread.currentThread().setContextClassLoader(before);
    }
  }
}
