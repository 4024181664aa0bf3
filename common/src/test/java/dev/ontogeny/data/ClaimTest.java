package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClaimTest {
  record Settings(int rows) {}

  /** Short: what these tests wait for is known to be dead. */
  private static final Claim.Timing QUICK = new Claim.Timing(20, 200, 5);

  @TempDir private Path output;

  @Test
  void theSecondRunIsToldOfTheFirstAndTouchesNothing() throws Exception {
    Publication first = publication(1);
    try (Claim held = first.claim()) {
      assertThat(held).isNotNull();
      List<String> before = files();
      assertThatThrownBy(() -> publication(2).claim())
          .isInstanceOf(Failure.class)
          .hasMessageStartingWith(
              "output %s is being written by another run, %s (dataset, process %d on ",
              output, first.run(), ProcessHandle.current().pid())
          .hasMessageEndingWith("wait for that run, or choose another output")
          .extracting(thrown -> ((Failure) thrown).kind())
          .isEqualTo(FailureKind.BUSY);
      assertThat(files()).isEqualTo(before);
    }
    publication(1).claim().close();
  }

  @Test
  void aRunWhoseProcessIsGoneHoldsNothing() throws Exception {
    Process gone = new ProcessBuilder("true").start();
    gone.waitFor();
    Publication publication = publication(1);
    try (Claim claim = publication.claim()) {
      assertThat(claim).isNotNull();
      Claim.Run self = self(publication);
      leave(
          new Claim.Run(
              "dead", "dataset", "here", gone.pid(), 5, self.machine(), "", true, 9, List.of()));
    }
    long begun = System.nanoTime();
    Publication next = publication(1);
    try (Claim claim = next.claim()) {
      assertThat(claim).isNotNull();
      assertThat(self(next).over()).containsExactly("dead");
      assertThat(output.resolve("_progress/claims/dead.json")).doesNotExist();
    }
    assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun))
        .as("it need not be watched")
        .isLessThan(Claim.Timing.USUAL.window() / 1000);
  }

  @Test
  void aNumberThatAnotherProcessHasNowIsNotThatRun() throws Exception {
    Process other = new ProcessBuilder("sleep", "60").start();
    try {
      String machine;
      Publication publication = publication(1);
      try (Claim claim = publication.claim()) {
        assertThat(claim).isNotNull();
        machine = self(publication).machine();
      }
      leave(
          new Claim.Run(
              "before", "dataset", "here", other.pid(), 5, machine, "", true, 9, List.of()));
      Publication next = publication(1);
      try (Claim claim = next.claim()) {
        assertThat(claim).isNotNull();
        assertThat(self(next).over()).containsExactly("before");
      }
    } finally {
      other.destroy();
    }
  }

  @Test
  void aRunOfAnotherMachineIsDeadOnceItStandsStill() throws Exception {
    leave(elsewhere("far", 7, List.of()));
    Publication next = publication(1);
    try (Claim claim = next.claim(QUICK)) {
      assertThat(claim).isNotNull();
      assertThat(self(next).over()).containsExactly("far");
    }
  }

  @Test
  void aRunOfAnotherMachineThatMovesHoldsTheFolder() throws Exception {
    AtomicInteger beats = new AtomicInteger();
    leave(elsewhere("far", 0, List.of()));
    var clock = Executors.newSingleThreadScheduledExecutor();
    try {
      var unused =
          clock.scheduleAtFixedRate(
              () -> leave(elsewhere("far", beats.incrementAndGet(), List.of())),
              20,
              20,
              TimeUnit.MILLISECONDS);
      assertThatThrownBy(() -> publication(1).claim(QUICK))
          .isInstanceOf(Failure.class)
          .hasMessageContaining("is being written by another run, far (dataset, process 1 on ");
    } finally {
      clock.shutdown();
      clock.awaitTermination(1, TimeUnit.SECONDS);
    }
    assertThat(files()).containsExactly("_progress/claims/far.json");
  }

  @Test
  void aClaimThatWasCutOffIsOneThatAsks() throws Exception {
    Files.createDirectories(output.resolve("_progress/claims"));
    Files.writeString(output.resolve("_progress/claims/half.json"), "{ \"run\": \"ha");
    publication(1).claim(QUICK).close();
    assertThat(output.resolve("_progress/claims/half.json")).doesNotExist();
  }

  @Test
  void whoeverWasTakenForDeadPublishesNothing() throws Exception {
    Publication slept = publication(1);
    Claim claim = slept.claim();
    PublishedFile file =
        slept
            .folder()
            .write("a.txt", "t", out -> out.write("bytes".getBytes(StandardCharsets.UTF_8)));
    leave(elsewhere("successor", 3, List.of(slept.run())));
    assertThatThrownBy(
            () ->
                slept.publish(
                    claim,
                    new Settings(1),
                    List.of(),
                    List.of(file),
                    List.of(TableSchema.named("t").build()),
                    Provenance.here(null, null),
                    Map.of()))
        .isInstanceOf(Failure.class)
        .hasMessageStartingWith(
            "output %s was taken over by another run, successor (dataset, process 1 on ", output);
    assertThat(output.resolve(Manifest.FILE)).doesNotExist();
    assertThatThrownBy(claim::close)
        .isInstanceOf(Failure.class)
        .hasMessageContaining("was taken over");
  }

  /**
   * As when others publish, one after the other, while a run only begins: each takes the claims
   * away.
   */
  @Test
  void aFolderThatIsSweptWhileItIsAskedForIsAskedForAgain() throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    Thread sweeping =
        new Thread(
            () -> {
              while (!over.get()) {
                try {
                  folder().delete(Claim.CLAIMS);
                  Thread.sleep(1);
                } catch (IOException | InterruptedException e) {
                  // The folder was just being written to.
                }
              }
            });
    sweeping.start();
    try {
      for (int i = 0; i < 100; i++) {
        publication(1).claim(QUICK).close();
      }
    } finally {
      over.set(true);
      sweeping.join();
    }
    assertThat(files()).noneMatch(file -> file.startsWith(Claim.CLAIMS));
  }

  /** All begin at the same moment; as many different publications as runs. */
  @RepeatedTest(20)
  void ofManyRunsOnePublishesAndTheOthersSayWhoDid() throws Exception {
    int runs = 6;
    CyclicBarrier start = new CyclicBarrier(runs);
    ExecutorService pool = Executors.newFixedThreadPool(runs);
    List<Future<String>> results = new ArrayList<>();
    for (int i = 0; i < runs; i++) {
      Callable<String> run = run(i, start);
      results.add(pool.submit(run));
    }
    List<String> outcomes = new ArrayList<>();
    for (Future<String> each : results) {
      outcomes.add(each.get());
    }
    pool.shutdown();
    assertThat(outcomes).filteredOn("published"::equals).hasSize(1);
    assertThat(outcomes)
        .filteredOn(each -> !each.equals("published"))
        .allMatch(
            each ->
                each.contains("is being written by another run, ")
                    || each.contains("was published by another run meanwhile")
                    || each.contains("already holds dataset of other settings"));
    Manifest manifest = Manifest.read(folder());
    assertThat(Verification.problems(folder(), manifest)).isEmpty();
    assertThat(files()).containsExactlyInAnyOrder(Manifest.FILE, manifest.files().get(0).path());
  }

  private Callable<String> run(int number, CyclicBarrier start) {
    return () -> {
      start.await();
      try {
        Publication publication = publication(number);
        if (publication.published().isPresent()) {
          return "already published";
        }
        try (Claim claim = publication.claim()) {
          PublishedFile file =
              folder()
                  .write(
                      "part-" + publication.attempt(),
                      "t",
                      out -> out.write(publication.run().getBytes(StandardCharsets.UTF_8)));
          publication.publish(
              claim,
              new Settings(number),
              List.of(),
              List.of(file),
              List.of(TableSchema.named("t").build()),
              Provenance.here(null, null),
              Map.of());
          return "published";
        }
      } catch (Failure failure) {
        return failure.getMessage();
      }
    };
  }

  private Folder folder() {
    return Folder.of(output.toString());
  }

  private Publication publication(int rows) {
    return Publication.open(folder(), "dataset", new Settings(rows), List.of());
  }

  private static Claim.Run elsewhere(String run, long beats, List<String> over) {
    return new Claim.Run(run, "dataset", "elsewhere", 1, 5, "another boot", "", true, beats, over);
  }

  private Claim.Run self(Publication publication) throws IOException {
    Path file = output.resolve("_progress/claims/" + publication.run() + ".json");
    return Json.read(Files.readString(file), Claim.Run.class, file.toString());
  }

  private void leave(Claim.Run run) {
    try {
      Path claims = Files.createDirectories(output.resolve("_progress/claims"));
      Path whole = Files.createTempFile("claim", ".json");
      Files.writeString(whole, Json.pretty(run));
      Files.move(
          whole, claims.resolve(run.run() + ".json"), java.nio.file.StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
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
