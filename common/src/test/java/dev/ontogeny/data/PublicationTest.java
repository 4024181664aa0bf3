package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublicationTest {
  record Settings(int rows) {}

  private static final Settings SETTINGS = new Settings(3);

  @TempDir private Path temporary;

  @Test
  void aFolderCountsOnceItsManifestIsThere() throws Exception {
    Publication publication = open();
    assertThat(output()).doesNotExist();
    publication.claim().close();
    assertThatThrownBy(() -> Manifest.read(folder()))
        .isInstanceOf(Failure.class)
        .hasMessage(
            "%s is not a published folder: a job has begun it and not finished; run that job again and it goes on",
            output());
    PublishedFile file = write(publication, "part/b-7.txt");
    publication.finished("part/b", List.of(file), Map.of("rows", 3));
    write(publication, "part/b-8.txt");
    assertThat(publication.unit("part/a")).isEmpty();
    assertThat(publication.unit("part/b").orElseThrow().files()).containsExactly(file);

    Manifest manifest = publish(publication, file);

    assertThat(files()).containsExactly("_manifest.json", "part/b-7.txt");
    assertThat(Manifest.read(folder(), "dataset")).isEqualTo(manifest);
    assertThat(manifest.identity()).isEqualTo(publication.identity());
    assertThat(manifest.settings()).hasToString("{\"rows\":3}");
    assertThat(open().published()).contains(manifest);
    assertThatThrownBy(() -> Manifest.read(folder(), "features"))
        .hasMessage("%s holds dataset, features is needed here", output());
  }

  @Test
  void aPatternFindsAFileWhoeverWroteIt() {
    Publication publication = open();
    assertThat(Publication.ofAnyAttempt("a/b-00000-" + publication.attempt() + ".parquet"))
        .isEqualTo("a/b-00000-*.parquet");
    assertThat(Publication.ofAnyAttempt("a/t-0123abcd-17.parquet")).isEqualTo("a/t-*.parquet");
    assertThat(Publication.ofAnyAttempt("a-0123abcd-17.b/index.html"))
        .isEqualTo("a-0123abcd-17.b/index.html");
  }

  @Test
  void anotherRunsFolderIsNeverTouched() throws Exception {
    Publication publication = open();
    publish(publication, write(publication, "a.txt"));
    assertThatThrownBy(() -> Publication.open(folder(), "dataset", new Settings(4), List.of()))
        .isInstanceOf(Failure.class)
        .hasMessageContaining(
            "already holds dataset of other settings (rows is 3 there and 4 here; identity ")
        .hasMessageContaining("choose another output or delete it");
    assertThat(files()).containsExactly("_manifest.json", "a.txt");
  }

  @Test
  void aFolderOfSomethingElseIsRefused() throws Exception {
    Files.createDirectories(output());
    Files.writeString(output().resolve("thesis.tex"), "all of it");
    assertThatThrownBy(this::open)
        .isInstanceOf(Failure.class)
        .hasMessage(
            "output %s is not empty and holds no publication (it has thesis.tex): choose another output",
            output());
    assertThat(files()).containsExactly("thesis.tex");
  }

  @Test
  void anUnwritableOutputIsAFailureOfResources() throws Exception {
    Files.writeString(output(), "a file where a folder should be");
    assertThatThrownBy(this::open)
        .isInstanceOf(Failure.class)
        .hasMessage("output %s is a file, not a folder: choose another output", output());
    assertThatThrownBy(
            () ->
                Publication.open(Folder.of("/proc/nowhere/dataset"), "dataset", SETTINGS, List.of())
                    .claim())
        .isInstanceOf(Failure.class)
        .hasMessageStartingWith("output /proc/nowhere/dataset cannot be written to: ")
        .extracting(thrown -> ((Failure) thrown).kind())
        .isEqualTo(FailureKind.RESOURCES);
  }

  @Test
  void recordsThatWereCutOffCountAsNotDone() throws Exception {
    Publication publication = open();
    PublishedFile file = write(publication, "a.txt");
    publication.finished("a", List.of(file), Map.of());
    Path record;
    try (Stream<Path> all = Files.walk(output())) {
      record = all.filter(each -> each.endsWith("unit-a.json")).findFirst().orElseThrow();
    }
    Files.writeString(record, Files.readString(record).substring(0, 20));
    assertThat(publication.unit("a")).isEmpty();
    Files.writeString(output().resolve(Manifest.FILE), "{ \"kind\": ");
    assertThat(open().published()).isEmpty();
    publish(publication, file);
    assertThat(open().published()).isPresent();
    Files.writeString(output().resolve(Manifest.FILE), "{ \"kind\": ");
    assertThatThrownBy(this::open).hasMessageContaining("is not the JSON of a Manifest");
  }

  @Test
  void unpublishedFoldersAreNamedForWhatTheyAre() throws Exception {
    assertThatThrownBy(() -> Manifest.read(folder()))
        .hasMessage("%s is not a published folder: it does not exist", output());
    Files.createDirectories(output());
    assertThatThrownBy(() -> Manifest.read(folder()))
        .hasMessage("%s is not a published folder: it has no _manifest.json", output());
    Files.writeString(output().resolve(Manifest.FILE), "{\"version\":1}");
    assertThatThrownBy(() -> Manifest.read(folder()))
        .hasMessageEndingWith("is not a manifest: kind, identity or files is missing");
  }

  @Test
  void newerManifestsAreRefusedWhateverElseTheySay() throws Exception {
    Files.createDirectories(output());
    Files.writeString(
        output().resolve(Manifest.FILE), "{\"kind\":[\"of then\"],\"files\":{},\"version\":2}");
    assertThatThrownBy(() -> Manifest.read(folder()))
        .hasMessageStartingWith(folder().resolve(Manifest.FILE) + " is of version 2, this build (")
        .hasMessageEndingWith(
            ") reads versions up to 1: use the release that wrote it, or a later one")
        .extracting(thrown -> ((Failure) thrown).kind())
        .isEqualTo(FailureKind.DATA);
    Files.writeString(output().resolve(Manifest.FILE), "{\"kind\":\"dataset\"}");
    assertThatThrownBy(() -> Manifest.read(folder()))
        .hasMessageEndingWith(
            "says no version that there is (none): it is damaged, or something else wrote it");
  }

  @Test
  void whatANewerBuildHasBegunIsNotGoneOnWith() throws Exception {
    Publication publication = open();
    publication.claim().close();
    Path started;
    try (Stream<Path> all = Files.walk(output())) {
      started = all.filter(each -> each.endsWith("_started.json")).findFirst().orElseThrow();
    }
    assertThat(Files.readString(started)).contains("\"version\" : 1");
    Files.writeString(started, "{}");
    publication.claim().close();
    Files.writeString(started, "{\"version\":2}");
    assertThatThrownBy(publication::claim)
        .hasMessageContaining("_started.json is of version 2, this build (")
        .hasMessageEndingWith("let its release finish it, or delete that folder and begin anew");
  }

  @Test
  void verificationFindsWhatChanged() throws Exception {
    Publication publication = open();
    Manifest manifest =
        publish(
            publication,
            write(publication, "a.txt"),
            write(publication, "b.txt"),
            write(publication, "site=x:1/c.txt"),
            write(publication, "d.txt"));
    assertThat(Verification.problems(folder(), manifest)).isEmpty();
    Files.delete(output().resolve("a.txt"));
    Files.writeString(output().resolve("b.txt"), "short");
    Files.writeString(output().resolve("d.txt"), "abc, bytes");
    assertThat(Verification.problems(folder(), manifest))
        .containsExactly(
            "a.txt does not exist",
            "b.txt has 5 bytes, the manifest says 10",
            "d.txt has other bytes than were published");
  }

  @Test
  void filesThatSomethingElseChangedAreNotPublished() throws Exception {
    Publication publication = open();
    PublishedFile file = write(publication, "a.txt");
    Files.writeString(output().resolve("a.txt"), "other");
    assertThatThrownBy(() -> publish(publication, file))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith(
            "a.txt has 5 bytes, but 10 bytes were written: something else changes this folder; run the job again");
    Files.delete(output().resolve("a.txt"));
    assertThatThrownBy(() -> publish(publication, file))
        .hasMessageContaining("a.txt does not exist any more, but 10 bytes were written");
    assertThat(output().resolve(Manifest.FILE)).doesNotExist();
  }

  @Test
  void inputsOfOtherBytesGiveAnotherIdentity() throws Exception {
    Manifest.Input one = publish(open(), write(open(), "a.txt")).asInput("here");
    Manifest.Input moved =
        new Manifest.Input("dataset", one.identity(), "x", one.checksums(), null);
    Manifest.Input other =
        new Manifest.Input("dataset", one.identity(), "here", "0".repeat(64), null);
    Manifest.Input old = new Manifest.Input("dataset", one.identity(), "here", null, null);
    assertThat(identity(moved)).isEqualTo(identity(one));
    assertThat(identity(other)).isNotEqualTo(identity(one));
    assertThat(one.same(moved)).isTrue();
    assertThat(one.same(other)).isFalse();
    assertThat(one.same(old)).isTrue();
    assertThat(old.same(one)).isTrue();
  }

  private String identity(Manifest.Input input) {
    return Publication.of(folder(), "features", SETTINGS, List.of(input)).identity();
  }

  private Path output() {
    return temporary.resolve("out put");
  }

  private Folder folder() {
    return Folder.of(output().toString());
  }

  @Test
  void theManifestTellsWhatItsTablesHold() throws IOException {
    Publication publication = open();
    TableSchema table =
        TableSchema.named("t")
            .tells("What a test writes.", "a line")
            .column("bytes", TableSchema.ColumnType.LONG, "", "how many", "where nobody counts")
            .build();
    Manifest manifest;
    try (Claim claim = publication.claim()) {
      PublishedFile file = write(publication, "a.txt");
      manifest =
          publication.publish(
              claim,
              SETTINGS,
              List.of(),
              List.of(file),
              List.of(DatasetTables.MOMENTS, table),
              Provenance.here(null, null),
              Map.of());
    }
    assertThat(manifest.schema("t")).contains(table);
    assertThat(Manifest.read(folder()).schema("t")).contains(table);
    assertThat(manifest.schema("moments")).isEmpty();
    String text = Files.readString(output().resolve(Manifest.FILE));
    assertThat(text.replaceAll("\\s+", ""))
        .contains(
            "\"schema\":[{\"table\":\"t\",\"description\":\"Whatatestwrites.\",\"row\":\"aline\",\"columns\":[{\"name\":\"bytes\",\"type\":\"long\",\"description\":\"howmany\",\"absent\":\"wherenobodycounts\"}]}]");

    // As manifests were before: tables are what their declarations say today.
    Files.writeString(
        output().resolve(Manifest.FILE), text.replaceFirst("(?s)\"schema\" : \\[.*\\} \\],", ""));
    Manifest old = Manifest.read(folder());
    assertThat(old.schema()).isNull();
    assertThat(old.schema("t")).isEmpty();
    assertThat(old.schema("moments")).contains(DatasetTables.MOMENTS);
    assertThat(old.files()).isEqualTo(manifest.files());
  }

  @Test
  void aTableThatIsDeclaredNowhereIsNotPublished() {
    Publication publication = open();
    try (Claim claim = publication.claim()) {
      assertThatThrownBy(
              () ->
                  publication.publish(
                      claim,
                      SETTINGS,
                      List.of(),
                      List.of(PublishedFile.of("a", 1, 1, "0", "t")),
                      List.of(DatasetTables.MOMENTS),
                      Provenance.here(null, null),
                      Map.of()))
          .hasMessage("tables that are declared nowhere: [t]");
    }
    assertThat(output().resolve(Manifest.FILE)).doesNotExist();
  }

  private Publication open() {
    return Publication.open(folder(), "dataset", SETTINGS, List.of());
  }

  private static PublishedFile write(Publication publication, String path) throws IOException {
    return publication
        .folder()
        .write(path, "t", out -> out.write("some bytes".getBytes(StandardCharsets.UTF_8)));
  }

  private static Manifest publish(Publication publication, PublishedFile... files) {
    try (Claim claim = publication.claim()) {
      return publication.publish(
          claim,
          SETTINGS,
          List.of(),
          List.of(files),
          List.of(TableSchema.named("t").build()),
          Provenance.here(null, null),
          Map.of("rows", 3));
    }
  }

  private List<String> files() throws IOException {
    try (Stream<Path> all = Files.walk(output())) {
      return all.filter(Files::isRegularFile)
          .map(each -> output().relativize(each).toString())
          .sorted()
          .toList();
    }
  }
}
