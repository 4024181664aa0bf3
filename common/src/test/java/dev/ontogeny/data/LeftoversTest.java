package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.data.Leftovers.Leftover;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeftoversTest {
  record Settings(int rows) {}

  private static final Claim.Timing QUICK = new Claim.Timing(20, 200, 5);

  @TempDir private Path work;

  private Path output;

  @BeforeEach
  void colonsAndSpacesAreInNamesOfFolders() {
    output = work.resolve("data set");
  }

  @Test
  void ofAPublishedFolderStaysWhatTheManifestNames() throws Exception {
    publish(1, "site=x:1/a.txt", "b.txt");
    List<String> published = files();
    assertThat(Leftovers.find(folder())).isEmpty();
    assertThat(Leftovers.remove(folder())).isEmpty();
    leave("site=x:1/a-0123abcd-7.txt", "half");
    leave("site=x:2/c.txt", "12345");
    leave("site=x:2/deep/d.txt", "1");
    leave("_progress/0123456789abcdef/unit-a.json", "{}");
    leave("_progress/claims/dead.json", "{}");
    leave("_manifest.json.new", "{");
    List<String> before = files();

    List<Leftover> found = Leftovers.find(folder(), QUICK);

    assertThat(found)
        .containsExactly(
            new Leftover("_manifest.json.new", 1),
            new Leftover("_progress/", 4),
            new Leftover("site=x:1/a-0123abcd-7.txt", 4),
            new Leftover("site=x:2/", 6));
    assertThat(Leftovers.bytes(found)).isEqualTo(15);
    assertThat(files()).as("nothing is changed by looking").isEqualTo(before);
    assertThat(Leftovers.remove(folder(), QUICK))
        .extracting(Leftover::path)
        .isEqualTo(found.stream().map(Leftover::path).toList());
    assertThat(files()).isEqualTo(published);
    assertThat(output.resolve("site=x:2")).doesNotExist();
    assertThat(output.resolve("_progress")).doesNotExist();
    assertThat(Verification.problems(folder(), Manifest.read(folder()))).isEmpty();
  }

  @Test
  void anUnfinishedFolderStillGoesOn() throws Exception {
    Publication old = publication(1);
    old.claim().close();
    old.finished("a", List.of(write(old, "old-a.txt")), Map.of());
    begunSecondsAgo(old, 60);
    Publication last = publication(2);
    last.claim().close();
    PublishedFile kept = write(last, "sub/kept.txt");
    last.finished("a", List.of(kept), Map.of());
    folder().writeText(last.scratchPath("training"), "a state");
    leave("sub/killed.txt", "ab");
    // Its run died while it wrote this record: the unit is done again.
    leave("cut.txt", "abc");
    leave("_progress/" + last.identity().substring(0, 16) + "/unit-b.json", "{ \"name\": \"b");

    assertThat(Leftovers.find(folder()))
        .extracting(Leftover::path)
        .containsExactly(
            "_progress/" + old.identity().substring(0, 16) + "/",
            "cut.txt",
            "old-a.txt",
            "sub/killed.txt");
    Leftovers.remove(folder());

    assertThat(Leftovers.find(folder())).isEmpty();
    assertThat(publication(2).unit("a").orElseThrow().files()).containsExactly(kept);
    assertThat(folder().readText(last.scratchPath("training"))).isEqualTo("a state");
    assertThat(output.resolve("old-a.txt")).doesNotExist();
    try (Claim claim = publication(2).claim()) {
      publish(claim, publication(2), 2, kept);
    }
    assertThat(files()).containsExactly("_manifest.json", "sub/kept.txt");
  }

  /** As a dataset that gains checkpoints, by a run that was killed. */
  @Test
  void whatAPublishedFolderIsToHoldMoreOfGoesOn() throws Exception {
    publish(1, "a.txt");
    Manifest before = Manifest.read(folder());
    leave("_progress/0123456789abcdef/_started.json", "{}");
    Files.setLastModifiedTime(
        output.resolve("_progress/0123456789abcdef/_started.json"), FileTime.fromMillis(1000));
    Publication more = Publication.of(folder(), "dataset", new Settings(2), List.of());
    more.claim(before).close();
    PublishedFile kept = write(more, "b.txt");
    more.finished("b", List.of(kept), Map.of());
    leave("c-0123abcd-7.txt", "half");

    assertThat(Leftovers.remove(folder()))
        .extracting(Leftover::path)
        .containsExactly("_progress/0123456789abcdef/", "c-0123abcd-7.txt");

    assertThat(Verification.problems(folder(), before)).isEmpty();
    assertThat(more.unit("b").orElseThrow().files()).containsExactly(kept);
    try (Claim claim = more.claim(before)) {
      more.publish(
          claim,
          before,
          new Settings(2),
          List.of(),
          List.of(before.files().get(0), kept),
          List.of(TableSchema.named("t").build()),
          Provenance.here(null, null),
          Map.of());
    }
    assertThat(files()).containsExactly("_manifest.json", "a.txt", "b.txt");
  }

  @Test
  void whereARunIsAtWorkNothingIsTouched() throws Exception {
    Publication running = publication(1);
    try (Claim held = running.claim()) {
      assertThat(held).isNotNull();
      leave("being-written.txt", "ab");
      List<String> before = files();
      assertThatThrownBy(() -> Leftovers.find(folder())).satisfies(this::namesTheRun);
      assertThatThrownBy(() -> Leftovers.remove(folder())).satisfies(this::namesTheRun);
      assertThat(files()).isEqualTo(before);
    }
  }

  private void namesTheRun(Throwable thrown) {
    assertThat(thrown)
        .isInstanceOf(Failure.class)
        .hasMessageMatching(
            "output .*data set is being written by another run, .* \\(dataset, process .*: wait for that run");
    assertThat(((Failure) thrown).kind()).isEqualTo(FailureKind.BUSY);
  }

  @Test
  void aRunThatPublishedAndStillTidiesUpIsLeftToIt() throws Exception {
    Publication running = publication(1);
    Manifest manifest;
    try (Claim held = running.claim()) {
      PublishedFile file = write(running, "a.txt");
      manifest = publish(held, running, 1, file);
      // As long as it has not gone, its claim may be there again.
      leave("_progress/claims/" + running.run() + ".json", Json.pretty(here(running.run())));
      assertThatThrownBy(() -> Leftovers.remove(folder())).satisfies(this::namesTheRun);
    }
    assertThat(Leftovers.remove(folder())).isEmpty();
    assertThat(Manifest.read(folder())).isEqualTo(manifest);
    assertThat(files()).containsExactly("_manifest.json", "a.txt");
  }

  @Test
  void whatCannotBeReadIsNotJudged() throws Exception {
    publish(1, "a.txt");
    leave("b.txt", "b");
    leave("_progress/0123456789abcdef/_started.json", "{}");
    String text = folder().readText(Manifest.FILE);
    leave(Manifest.FILE, text.replaceFirst("\"version\" : 1", "\"version\" : 2"));
    List<String> before = files();
    assertThatThrownBy(() -> Leftovers.remove(folder()))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("is of version 2, this build (");
    leave(Manifest.FILE, "{ \"kind\": ");
    assertThatThrownBy(() -> Leftovers.remove(folder()))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("is not the JSON of a Manifest");
    assertThat(files()).isEqualTo(before);
  }

  @Test
  void aFolderOfFoldersIsLookedIntoAndNothingElseIs() throws Exception {
    publish(1, "a.txt");
    Path begun = work.resolve("begun");
    Publication.open(Folder.of(begun.toString()), "features", new Settings(1), List.of())
        .claim()
        .close();
    Files.createDirectories(work.resolve("thesis"));
    Files.writeString(work.resolve("thesis/thesis.tex"), "all of it");
    assertThat(Leftovers.publications(Folder.of(work.toString())))
        .containsExactly(Folder.of(begun.toString()), folder());
    assertThat(Leftovers.publications(folder())).containsExactly(folder());
    String advice =
        "): name a folder that a job published or began, or one that holds such folders";
    assertThatThrownBy(() -> Leftovers.publications(Folder.of(work + "/thesis")))
        .isInstanceOf(Failure.class)
        .hasMessage(
            "%s/thesis is no publication and holds none (neither it nor a folder directly in it has _manifest.json%s",
            work, advice)
        .extracting(thrown -> ((Failure) thrown).kind())
        .isEqualTo(FailureKind.USAGE);
    assertThatThrownBy(() -> Leftovers.publications(Folder.of(work + "/thesis/thesis.tex")))
        .hasMessageContaining("(it is a file" + advice);
    assertThatThrownBy(() -> Leftovers.publications(Folder.of(work + "/nowhere")))
        .hasMessageContaining("(it does not exist" + advice);
  }

  private static Claim.Run here(String run) throws IOException {
    long process = ProcessHandle.current().pid();
    return new Claim.Run(
        run,
        "dataset",
        "here",
        process,
        Claim.started(process),
        Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip()
            + " "
            + Files.readSymbolicLink(Path.of("/proc/self/ns/pid")),
        "",
        true,
        3,
        List.of());
  }

  private void begunSecondsAgo(Publication publication, long seconds) throws IOException {
    Path started =
        output.resolve("_progress/" + publication.identity().substring(0, 16) + "/_started.json");
    Files.setLastModifiedTime(
        started,
        FileTime.fromMillis(Files.getLastModifiedTime(started).toMillis() - seconds * 1000));
  }

  private Folder folder() {
    return Folder.of(output.toString());
  }

  private Publication publication(int rows) {
    return Publication.open(folder(), "dataset", new Settings(rows), List.of());
  }

  private void publish(int rows, String... paths) throws IOException {
    Publication publication = publication(rows);
    try (Claim claim = publication.claim()) {
      PublishedFile[] files = new PublishedFile[paths.length];
      for (int i = 0; i < paths.length; i++) {
        files[i] = write(publication, paths[i]);
      }
      publish(claim, publication, rows, files);
    }
  }

  private static Manifest publish(
      Claim claim, Publication publication, int rows, PublishedFile... files) {
    return publication.publish(
        claim,
        new Settings(rows),
        List.of(),
        List.of(files),
        List.of(TableSchema.named("t").build()),
        Provenance.here(null, null),
        Map.of());
  }

  private static PublishedFile write(Publication publication, String path) throws IOException {
    return publication
        .folder()
        .write(path, "t", out -> out.write("some bytes".getBytes(StandardCharsets.UTF_8)));
  }

  private void leave(String path, String text) throws IOException {
    Files.createDirectories(output.resolve(path).getParent());
    Files.writeString(output.resolve(path), text);
  }

  private List<String> files() throws IOException {
    try (Stream<Path> all = Files.walk(output)) {
      return all.filter(Files::isRegularFile)
          .map(each -> output.relativize(each).toString())
          .sorted()
          .toList();
    }
  }
}
