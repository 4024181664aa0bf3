package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Jobs on executors of their own, disturbed at moments that a seed chooses: an executor is killed,
 * the driver is killed and the same command given again, the files of a shuffle are deleted, an
 * executor stands still while Spark speculates, the disk is full, an executor is given no more
 * memory for a second, or the clock of all is set forwards or back by up to hours. Where Spark
 * gives up, the same command is given again. After each, every published byte is that of a run that
 * nobody disturbed, nothing lies there that the manifest does not name, and what a killed run had
 * finished was not done again. Without more, a few disturbances; a hundred, with a log of what came
 * of each:
 *
 * <pre>{@code
 * mvn -q verify -pl integration-tests -am -Dtest=None -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dit.test=FaultsIT -Dfailsafe.failIfNoSpecifiedTests=false -Dontogeny.faults=100 -Dontogeny.faults.seed=1
 * }</pre>
 */
class FaultsIT {
  private static final int FAULTS = Integer.getInteger("ontogeny.faults", 3);
  private static final long SEED = Long.getLong("ontogeny.faults.seed", 1);
  private static final Path WORK = ShippedJar.folder("FaultsIT");
  private static final List<String> JOBS = List.of("shard", "train", "measure", "evolve", "report");
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(7, 16, 24, 6));

  /** Ways to train; the first disturbances are of the first. */
  private static final List<String> MODES = List.of("chain", "independent", "crosscoder");

  private static final Map<String, String> DICTIONARIES =
      Map.of(
          "chain", "mode = chain, dictionaries = [ { type = top-k, width = 32, k = 4 } ]",
          "independent", "mode = independent, dictionaries = [ { type = relu, width = 24 } ]",
          "crosscoder",
              "mode = crosscoder, dictionaries = [ { type = batch-top-k, width = 32, k = 4 } ]");

  private enum Fault {
    EXECUTOR_KILLED,
    DRIVER_KILLED,
    CLOCK_SET,
    SHUFFLE_LOST,
    EXECUTOR_STANDS_STILL,
    DISK_FULL,
    NO_MORE_MEMORY
  }

  private static final List<String> CLOCKS = List.of("-PT3H", "-PT90S", "PT90S", "PT5H");

  /** All four attempts at a task may come to it; executors that Spark thinks silent are no more. */
  private static final Set<Fault> GIVES_UP =
      EnumSet.of(Fault.DISK_FULL, Fault.NO_MORE_MEMORY, Fault.CLOCK_SET);

  /** Lines that nobody disturbs, and how many milliseconds each of their jobs takes. */
  private static final Map<String, Map<String, Long>> UNDISTURBED = new HashMap<>();

  @BeforeAll
  static void capture() throws IOException {
    CaptureWriter.write(
        Folder.of(WORK.resolve("capture").toString()), DatasetFixture.SITE, PLANTED, 48);
  }

  private static ShippedLine line(String mode) throws IOException {
    Path pipeline = WORK.resolve(mode + ".conf");
    if (!Files.exists(pipeline)) {
      Files.writeString(
          pipeline,
          """
          shard { input = "%s", shards = 4, slice-bytes = 64KiB, split-bytes = 64KiB }
          train {
            %s
            state-seconds = 0.2
            training { batch = 256, tokens = 20480, link-tokens = 10240, dead-window = 2048 }
          }
          measure { replicates = 10, block-rows = 1024, features-per-file = 128 }
          evolve { formation.tracks = 4, phases { shifts = 20, bootstraps = 20 } }
          report { }
          """
              .formatted(WORK.resolve("capture"), DICTIONARIES.get(mode)));
    }
    return new ShippedLine(WORK, pipeline);
  }

  private static Map<String, Long> undisturbed(String mode) throws IOException {
    Map<String, Long> took = UNDISTURBED.get(mode);
    if (took == null) {
      ShippedLine line = line(mode);
      ShippedJar.Outcome outcome = line.whole(mode).executors(2, 1, 768).run(WORK);
      assertThat(outcome.exitCode()).as(outcome.error()).isZero();
      took = new HashMap<>();
      for (String job : JOBS) {
        Manifest manifest = line.manifest(mode, ShippedLine.FOLDERS.get(job));
        took.put(job, (long) (1000 * manifest.provenance().effort().seconds()));
      }
      UNDISTURBED.put(mode, took);
    }
    return took;
  }

  @Test
  void everyPublishedByteIsThatOfAnUndisturbedRun() throws Exception {
    // One after the other, so that few turns are as different as they can be.
    List<Fault> faults = new ArrayList<>(List.of(Fault.values()));
    if (SetClock.in(WORK).isEmpty()) {
      System.out.println("The clock is left alone: there is no C compiler, cc");
      faults.remove(Fault.CLOCK_SET);
    }
    for (int turn = 0; turn < FAULTS; turn++) {
      disturb(
          turn,
          faults.get((int) Math.floorMod(turn + SEED, (long) faults.size())),
          new Random(SEED + turn));
    }
  }

  private static void disturb(int turn, Fault fault, Random random) throws Exception {
    String job = JOBS.get(random.nextInt(JOBS.size()));
    String mode = MODES.get(turn < 10 ? 0 : random.nextInt(MODES.size()));
    Map<String, Long> took = undisturbed(mode);
    String into = "turn-" + turn;
    Path output = line(mode).output(job, into);
    Path local = WORK.resolve(into + "-spark");
    ShippedJar command =
        line(mode)
            .job(job, mode, into)
            .executors(2, 1, 768)
            .configure("spark.local.dir", local.toString());
    if (fault == Fault.EXECUTOR_STANDS_STILL) {
      command
          .configure("spark.speculation", "true")
          .configure("spark.speculation.multiplier", "1.1")
          .configure("spark.speculation.quantile", "0.5")
          .configure("spark.speculation.minTaskRuntime", "100ms");
    }
    SetClock clock = null;
    if (fault == Fault.CLOCK_SET) {
      clock = SetClock.in(WORK).orElseThrow();
      command.clock(clock);
    }
    long begun = System.nanoTime();
    Set<String> finished = new HashSet<>();
    List<String> told = new ArrayList<>();
    ShippedJar.Running running = begin(command, output);
    long after = (long) (random.nextDouble() * took.get(job));
    for (int kills = fault == Fault.DRIVER_KILLED ? 1 + random.nextInt(2) : 1; kills > 0; kills--) {
      boolean still = running.goesOnFor(Duration.ofMillis(after));
      told.add((still ? "" : "(too late) ") + after + " ms");
      if (!still) {
        break;
      }
      switch (fault) {
        case EXECUTOR_KILLED -> running.killExecutor();
        case SHUFFLE_LOST -> {
          int deleted = deleteShuffles(local);
          while (deleted == 0 && running.goesOnFor(Duration.ofMillis(10))) {
            deleted = deleteShuffles(local);
          }
          told.add(deleted + " files");
        }
        case EXECUTOR_STANDS_STILL -> running.stopExecutor(Duration.ofSeconds(3));
        case DISK_FULL -> running.limitFiles(random.nextInt(20_000), Duration.ofSeconds(1));
        case NO_MORE_MEMORY -> running.limitMemory(Duration.ofSeconds(1));
        case CLOCK_SET -> {
          String ahead = CLOCKS.get(random.nextInt(CLOCKS.size()));
          clock.set(Duration.parse(ahead));
          told.add(ahead);
        }
        case DRIVER_KILLED -> {
          running.kill();
          finished.addAll(finished(output));
          running = begin(command, output);
          after = (long) (random.nextDouble() * took.get(job) / 2);
        }
      }
    }
    ShippedJar.Outcome outcome = running.await();
    if (outcome.exitCode() == 4 && GIVES_UP.contains(fault)) {
      told.add("given up: " + outcome.failure());
      finished.addAll(finished(output));
      outcome = command.run(WORK);
    }
    String what =
        String.format(
            Locale.ROOT,
            "turn %d, seed %d: %s, %s, %s after %s",
            turn,
            SEED,
            mode,
            job,
            fault,
            told);
    assertThat(outcome.exitCode()).as("%s: %s", what, outcome.error()).isZero();
    String folder = ShippedLine.FOLDERS.get(job);
    ShippedLine line = line(mode);
    Manifest manifest = line.manifest(into, folder);
    assertThat(manifest.identity()).as(what).isEqualTo(line.manifest(mode, folder).identity());
    assertThat(line.checksums(into, folder)).as(what).isEqualTo(line.checksums(mode, folder));
    assertThat(line.onDisk(into, folder)).as(what).isEqualTo(ShippedLine.named(manifest));
    assertThat(ShippedLine.named(manifest)).as("%s, what was finished", what).containsAll(finished);
    System.out.printf(
        Locale.ROOT,
        "%s: same bytes after %.1f s, %d files of the killed run kept%n",
        what,
        (System.nanoTime() - begun) / 1e9,
        finished.size());
    ShippedJar.delete(WORK.resolve(into));
    ShippedJar.delete(local);
  }

  /** Starts a command and waits until it and an executor are at work, or it has ended. */
  private static ShippedJar.Running begin(ShippedJar command, Path output) {
    ShippedJar.Running running = command.start(WORK);
    while (running.goesOnFor(Duration.ofMillis(20))
        && !(Files.exists(output.resolve("_progress")) && running.hasExecutor())) {
      // Not there yet.
    }
    return running;
  }

  /** Files of units of work that a run has finished. */
  private static Set<String> finished(Path output) throws IOException {
    Set<String> files = new HashSet<>();
    try (Stream<Path> all = Files.walk(output)) {
      for (Path record :
          all.filter(file -> file.getFileName().toString().matches("unit-.*\\.json")).toList()) {
        for (JsonNode file :
            Json.read(Files.readString(record), JsonNode.class, "unit").get("files")) {
          files.add(file.get("path").asText());
        }
      }
    }
    return files;
  }

  /** Deletes what executors have shuffled so far. */
  private static int deleteShuffles(Path local) {
    int deleted = 0;
    try (Stream<Path> all = Files.walk(local)) {
      for (Path file :
          all.filter(each -> each.getFileName().toString().matches("shuffle_.*")).toList()) {
        deleted += Files.deleteIfExists(file) ? 1 : 0;
      }
    } catch (IOException | UncheckedIOException vanished) {
      // Spark tidies up at the same time.
    }
    return deleted;
  }
}
