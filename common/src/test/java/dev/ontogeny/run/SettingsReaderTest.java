package dev.ontogeny.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsReaderTest {
  enum Mode {
    TRAIN,
    HELD_OUT
  }

  record Nested(int size, @Operational String path) {
    Nested {
      new Problems().atLeast("size", size, 1).raise();
    }
  }

  record Sample(
      long rows,
      double rate,
      boolean verbose,
      @Operational ByteSize memory,
      Mode mode,
      List<String> names,
      @Nullable String label,
      Nested nested,
      List<Nested> parts) {
    Sample {
      new Problems().atLeast("rows", rows, 1).between("rate", rate, 0, 1).raise();
    }
  }

  @TempDir private Path folder;

  @Test
  void defaultsThenFileThenAssignments() throws Exception {
    Sample sample = read("rows = 7\nnames = [a, b]\nnested.size = 9", "rows=8", "nested.path=x y");
    assertThat(sample)
        .isEqualTo(
            new Sample(
                8,
                0.5,
                false,
                ByteSize.mebibytes(256),
                Mode.HELD_OUT,
                List.of("a", "b"),
                null,
                new Nested(9, "x y"),
                List.of(new Nested(1, "a"))));
  }

  @Test
  void everyKindOfValueCanBeAssigned() throws Exception {
    Sample sample =
        read(
            "",
            "names=one",
            "rows=1e6",
            "rate=0.25",
            "verbose=true",
            "memory=1GiB",
            "mode=train",
            "label=\"a = b\"",
            "parts=[{size = 2, path = b}, {size = 3, path = c}]");
    assertThat(sample.names()).containsExactly("one");
    assertThat(sample.rows()).isEqualTo(1_000_000);
    assertThat(sample.rate()).isEqualTo(0.25);
    assertThat(sample.verbose()).isTrue();
    assertThat(sample.memory()).isEqualTo(ByteSize.mebibytes(1024));
    assertThat(sample.mode()).isEqualTo(Mode.TRAIN);
    assertThat(sample.label()).isEqualTo("a = b");
    assertThat(sample.parts()).extracting(Nested::size).containsExactly(2, 3);
    assertThat(read("names = a, label = b", "label=null").label()).isNull();
  }

  @Test
  void pathsAreTakenAsTheyStand() throws Exception {
    assertThat(read("", "names=s3a://bucket/run#3/*.parquet").names())
        .containsExactly("s3a://bucket/run#3/*.parquet");
    assertThat(read("", "names=[\"/a/b\", \"c:d\"]").names()).containsExactly("/a/b", "c:d");
    assertThat(read("", "names=/data//run=1,2 ").names()).containsExactly("/data//run=1,2");
  }

  @Test
  void everyProblemIsToldAtOnce() {
    assertFailure("names = a, rows = 0, rate = 2")
        .hasMessage(
            "%s: rows must be at least 1, got 0; rate must be between 0 and 1, got 2", file());
    assertFailure("row = 1, verbose = 3, memory = much, mode = test, nested { sise = 1 }")
        .hasMessageContainingAll(
            "unknown key 'row' (did you mean 'rows'?)",
            "'verbose' must be true or false, got 3",
            "'memory' must be a size such as 256MiB, got \"much\"",
            "'mode' must be one of train, held-out, got \"test\"",
            "unknown key 'nested.sise' (did you mean 'size'?)",
            "'names' is required and has no value");
    assertFailure("names = a, parts = [{size = 1, path = a}, {size = 0, path = b}]")
        .hasMessage("%s: parts.1.size must be at least 1, got 0", file());
    assertFailure("names = a, nested.size = 3000000000")
        .hasMessage(
            "%s: 'nested.size' must be between -2147483648 and 2147483647, got 3000000000", file());
    assertFailure("names = a, rows = 1.5")
        .hasMessage("%s: 'rows' must be a whole number, got 1.5", file());
    assertFailure("names = a, nested = 3")
        .hasMessage("%s: 'nested' must be an object with its keys in braces, got 3", file());
    assertFailure("names = a, completely-different = 3")
        .hasMessageContaining("known here: rows, rate");
  }

  @Test
  void aFileThatIsNoneIsASettingsFailure() {
    assertThatThrownBy(
            () -> SettingsReader.read(Sample.class, "sample", new File("/no/such"), List.of()))
        .isInstanceOf(Failure.class)
        .hasMessage("settings file /no/such does not exist");
    assertFailure("rows = {").hasMessageContaining("cannot be read");
    assertFailure("names = ${nothing}").hasMessageContaining("nothing");
    assertFailure("names = " + "[".repeat(20_000))
        .hasMessage(
            "settings file %s cannot be read: its braces or brackets are nested too deep", file());
    assertThatThrownBy(() -> read("", "names"))
        .hasMessage("--set takes key=value, got 'names'")
        .extracting(thrown -> ((Failure) thrown).kind())
        .isEqualTo(FailureKind.USAGE);
    assertThatThrownBy(() -> read("", "names=[a")).hasMessageStartingWith("--set names=[a cannot");
    assertThatThrownBy(() -> read("", "a..b=1")).hasMessageStartingWith("--set a..b=1 cannot");
  }

  @Test
  void theDefaultsCanBeShownAsPeopleWroteThem() {
    assertThat(SettingsReader.defaultsText("sample"))
        .startsWith("# Settings of a test.\nrows = 100");
  }

  @Test
  void onlySettingsThatChangeTheResultDecideTheIdentity() throws Exception {
    Sample sample = read("names = a");
    String identity = Identity.of("dataset", 1, sample, List.of());
    assertThat(identity)
        .isEqualTo("88953bee02609f060eb54fce75c65a15cce8782557ec28091758d173ef14460b");
    assertThat(Identity.resultSettings(sample))
        .hasToString(
            "{\"label\":null,\"mode\":\"HELD_OUT\",\"names\":[\"a\"],\"nested\":{\"size\":4},\"parts\":[{\"size\":1}],\"rate\":0.5,\"rows\":100,\"verbose\":false}");
    Sample elsewhere =
        read("names = a", "memory=1GiB", "nested.path=there", "parts=[{size = 1, path = z}]");
    assertThat(Identity.of("dataset", 1, elsewhere, List.of())).isEqualTo(identity);
    assertThat(Identity.of("dataset", 1, read("names = b"), List.of())).isNotEqualTo(identity);
    assertThat(Identity.of("dataset", 1, sample, List.of("input"))).isNotEqualTo(identity);
    assertThat(Identity.of("features", 1, sample, List.of())).isNotEqualTo(identity);
    assertThat(Identity.of("dataset", 2, sample, List.of())).isNotEqualTo(identity);
  }

  private String file() {
    return folder.resolve("sample.conf").toString();
  }

  private Sample read(String text, String... assignments) throws Exception {
    Files.writeString(Path.of(file()), text);
    return SettingsReader.read(Sample.class, "sample", new File(file()), List.of(assignments));
  }

  private AbstractThrowableAssert<?, ? extends Throwable> assertFailure(String text) {
    return assertThatThrownBy(() -> read(text)).isInstanceOf(Failure.class);
  }
}
