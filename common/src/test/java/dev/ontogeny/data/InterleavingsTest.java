package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs into one folder at once, some of the same settings and some of others, most of them killed
 * at one of their requests, while somebody reads: one publishes, nothing mixes, and a run that
 * comes afterwards finds or makes what it wants or says who has it. 60 interleavings on each kind
 * of store, others with {@code -Dontogeny.interleavings=10000 -Dontogeny.interleavings.seed=7}.
 */
class InterleavingsTest {
  private static final int INTERLEAVINGS = Integer.getInteger("ontogeny.interleavings", 60);
  private static final long SEED = Long.getLong("ontogeny.interleavings.seed", 1);
  private static final Claim.Timing QUICK = new Claim.Timing(3, 5_000, 1);

  /** What a whole run asks for, about. */
  private static final int REQUESTS = 60;

  @TempDir private Path directory;

  record Settings(int kind) {}

  @BeforeAll
  static void register() {
    MortalStore.register(Folder.configuration());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void onePublishesAndNothingMixes(boolean conditional) throws Exception {
    MortalStore.conditional(conditional);
    ExecutorService pool = Executors.newCachedThreadPool();
    int published = 0;
    int killed = 0;
    try {
      for (int turn = 0; turn < INTERLEAVINGS; turn++) {
        List<String> outcomes = interleave(pool, turn, new Random(SEED * 1_000_003 + turn));
        published += outcomes.contains("published") ? 1 : 0;
        killed += outcomes.contains("killed") ? 1 : 0;
      }
    } finally {
      pool.shutdownNow();
    }
    // Not all were killed, or all let through: both are tried.
    assertThat(published).isBetween(INTERLEAVINGS / 10, INTERLEAVINGS);
    assertThat(killed).isGreaterThan(INTERLEAVINGS / 2);
  }

  private List<String> interleave(ExecutorService pool, int turn, Random random) throws Exception {
    Path output = directory.resolve("turn-" + turn);
    AtomicBoolean over = new AtomicBoolean();
    Future<List<String>> reader = pool.submit(reader(output, over));
    List<Future<String>> runs = new ArrayList<>();
    int count = 2 + random.nextInt(3);
    for (int run = 0; run < count; run++) {
      int requests = random.nextInt(3) == 0 ? Integer.MAX_VALUE : random.nextInt(REQUESTS);
      int kind = random.nextInt(2);
      int delay = random.nextInt(3);
      Folder folder = MortalStore.folder(output, "run-" + run, requests);
      runs.add(
          pool.submit(
              () -> {
                Thread.sleep(delay);
                return run(folder, kind);
              }));
    }
    List<String> outcomes = new ArrayList<>();
    for (Future<String> each : runs) {
      outcomes.add(each.get());
    }
    String last = run(MortalStore.folder(output, "last", Integer.MAX_VALUE), 0);
    over.set(true);
    String what = "turn %d of seed %d: %s, then %s".formatted(turn, SEED, outcomes, last);
    assertThat(outcomes)
        .as(what)
        .allMatch(
            each ->
                each.equals("published")
                    || each.equals("killed")
                    || each.equals("already published")
                    || each.contains("is being written by another run, ")
                    || each.contains("was published by another run meanwhile")
                    || each.contains("already holds dataset of other settings"));
    assertThat(outcomes).as(what).filteredOn("published"::equals).hasSizeLessThan(2);
    Folder folder = Folder.of(output.toString());
    Manifest manifest = Manifest.read(folder);
    int kind = manifest.settings().get("kind").asInt();
    assertThat(last)
        .as(what)
        .matches(
            each ->
                kind == 1
                    ? each.contains("already holds dataset of other settings")
                    : each.equals("already published")
                        || (each.equals("published") && !outcomes.contains("published")));
    assertThat(Verification.problems(folder, manifest)).as(what).isEmpty();
    assertThat(manifest.files()).as(what).hasSize(2);
    for (PublishedFile file : manifest.files()) {
      assertThat(Files.readString(output.resolve(file.path())))
          .as(what)
          .isEqualTo("of kind " + kind);
    }
    // Whoever looked saw nothing, or what was published in the end.
    assertThat(reader.get()).as(what).isSubsetOf(manifest.identity());
    if (last.equals("published")) {
      try (Stream<Path> files = Files.walk(output)) {
        assertThat(files.filter(Files::isRegularFile)).as(what).hasSize(3);
      }
    }
    return outcomes;
  }

  /** The identities that are published while a reader looks, each whole. */
  private static Callable<List<String>> reader(Path output, AtomicBoolean over) {
    return () -> {
      List<String> seen = new ArrayList<>();
      Folder folder = Folder.of(output.toString());
      while (!over.get()) {
        if (folder.exists(Manifest.FILE)) {
          Manifest manifest = Manifest.read(folder);
          if (!seen.contains(manifest.identity())) {
            seen.add(manifest.identity());
          }
          assertThat(Verification.problems(folder, manifest)).isEmpty();
        }
        Thread.sleep(5);
      }
      return seen;
    };
  }

  /** A whole run of two units. */
  private static String run(Folder folder, int kind) throws IOException {
    try {
      Publication publication = Publication.open(folder, "dataset", new Settings(kind), List.of());
      if (publication.published().isPresent()) {
        return "already published";
      }
      try (Claim claim = publication.claim(QUICK)) {
        List<PublishedFile> files = new ArrayList<>();
        for (String unit : List.of("a", "b")) {
          if (publication.unit(unit).isEmpty()) {
            PublishedFile file =
                folder.write(
                    unit + "-" + publication.attempt() + ".txt",
                    "t",
                    out -> out.write(("of kind " + kind).getBytes(StandardCharsets.UTF_8)));
            publication.finished(unit, List.of(file), Map.of());
          }
          files.addAll(publication.unit(unit).orElseThrow().files());
        }
        publication.publish(
            claim,
            new Settings(kind),
            List.of(),
            files,
            List.of(TableSchema.named("t").build()),
            Provenance.here(null, null),
            Map.of());
        return "published";
      }
    } catch (MortalStore.Killed killed) {
      return "killed";
    } catch (Failure failure) {
      return isKilled(failure) ? "killed" : failure.getMessage();
    } catch (RuntimeException other) {
      if (isKilled(other)) {
        return "killed";
      }
      throw other;
    }
  }

  private static boolean isKilled(Throwable thrown) {
    for (Throwable at = thrown; at != null; at = at.getCause()) {
      if (at instanceof MortalStore.Killed) {
        return true;
      }
    }
    return false;
  }
}
