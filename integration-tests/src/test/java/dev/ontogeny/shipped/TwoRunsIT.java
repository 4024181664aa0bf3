package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Two runs of the shipped jar into one folder: one publishes, the other says who has it. In every
 * build one pair; more, of every second of which one is killed at a moment that the seed chooses:
 *
 * <pre>{@code
 * mvn -q verify -pl integration-tests -am -Dtest=None -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dit.test=TwoRunsIT -Dfailsafe.failIfNoSpecifiedTests=false -Dontogeny.pairs=100 -Dontogeny.pairs.seed=1
 * }</pre>
 */
class TwoRunsIT {
  private static final int PAIRS = Integer.getInteger("ontogeny.pairs", 1);
  private static final long SEED = Long.getLong("ontogeny.pairs.seed", 1);
  private static final Path WORK = ShippedJar.folder("TwoRunsIT");
  private static final Path CAPTURE = WORK.resolve("capture");

  @BeforeAll
  static void write() throws IOException {
    for (long checkpoint = 0; checkpoint < 3; checkpoint++) {
      CaptureFixture.write(
          CAPTURE,
          "a",
          checkpoint,
          Form.HALF_LIST,
          Encoding.usual(),
          32,
          CaptureFixture.rows(100, 50, 32, checkpoint));
    }
  }

  /** What made a mess of both before there were claims: one is chosen, whichever comes first. */
  @Test
  void startedTogetherWithDifferentSeeds() throws IOException {
    for (int pair = 0; pair < PAIRS; pair++) {
      Path output = WORK.resolve("together-" + pair);
      Random random = new Random(SEED + pair);
      ShippedJar.Running first = shard(output, 1).start(WORK);
      ShippedJar.Running second = shard(output, 2).start(WORK);
      boolean killed = pair % 2 == 1;
      if (killed) {
        boolean still = first.goesOnFor(Duration.ofMillis(random.nextInt(6000)));
        if (still) {
          first.kill();
        }
        killed = still;
      }
      List<ShippedJar.Outcome> outcomes = new ArrayList<>();
      if (!killed) {
        outcomes.add(first.await());
      }
      outcomes.add(second.await());
      List<ShippedJar.Outcome> losers =
          outcomes.stream().filter(each -> each.exitCode() != 0).toList();
      assertThat(losers).as("pair %d: %s", pair, outcomes).hasSizeBetween(killed ? 0 : 1, 1);
      losers.forEach(TwoRunsIT::assertGaveWay);
      if (losers.size() == outcomes.size()) {
        // It gave way to one that was then killed.
        ShippedJar.Outcome again = shard(output, 2).run(WORK);
        assertThat(again.exitCode() == 0 || again.failure().contains("already holds dataset of"))
            .as(again.error())
            .isTrue();
      }
      assertWhole(output);
      ShippedJar.delete(output);
    }
  }

  private static void assertGaveWay(ShippedJar.Outcome loser) {
    if (loser.exitCode() == 4) {
      assertThat(loser.failure())
          .startsWith("ontogeny: busy: output ")
          .containsPattern("is being written by another run, [0-9a-f]{8} \\(");
    } else {
      // Only where the first was done before this one began.
      assertThat(loser.exitCode()).as(loser.error()).isEqualTo(2);
      assertThat(loser.failure()).contains("already holds dataset of");
    }
  }

  /** A killed run keeps the folder for nobody: the next one goes on at once. */
  @Test
  void aKilledRunLeavesItsFolderToTheNext() {
    Path output = WORK.resolve("killed");
    shard(output, 1).start(WORK).until(() -> holds(output, "_progress/claims", ".json")).kill();
    ShippedJar.Outcome next = shard(output, 1).run(WORK);
    assertThat(next.exitCode()).as(next.error()).isZero();
    assertThat(next.error())
        .containsPattern("run [0-9a-f]{8} .*is over: it holds the folder no more");
    assertWhole(output);
  }

  private static ShippedJar shard(Path output, int seed) {
    return ShippedJar.job("shard", "input=" + CAPTURE, "output=" + output, "seed=" + seed).local(1);
  }

  /** Every file as the manifest has it, and nothing left over. */
  private static void assertWhole(Path output) {
    ShippedJar.Outcome verified =
        ShippedJar.command("describe", output.toString(), "--verify").local(1).run(WORK);
    assertThat(verified.exitCode()).as(verified.error()).isZero();
    assertThat(holds(output, "_progress", "")).isFalse();
  }

  /** Whether there is a file whose name ends so; one that is being written ends otherwise. */
  private static boolean holds(Path output, String path, String ending) {
    Path folder = output.resolve(path);
    if (!Files.exists(folder)) {
      return false;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.anyMatch(file -> file.toString().endsWith(ending));
    } catch (IOException | UncheckedIOException vanished) {
      return false;
    }
  }
}
