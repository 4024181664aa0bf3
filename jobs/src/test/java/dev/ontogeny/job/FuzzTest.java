package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Seeds;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Broken files of every kind that is read. Whatever is in one, reading it ends in time, takes
 * memory within a bound ({@link #isOfParquet} says of what not), touches nothing outside of its
 * folder, and fails, if it fails, as something that a user is told of: of kind data or settings,
 * with a message that says where. A hundred of each kind are in every build, the same ones every
 * time; a million, which took two hours beside other work, by
 *
 * <pre>{@code
 * mvn -q test -pl jobs -am -Dtest=FuzzTest -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.fuzz.executions=1000000 -Dontogeny.fuzz.seed=1
 * }</pre>
 *
 * divided among the kinds. What fails is told with its number and left in {@code jobs/target/fuzz};
 * the same seed makes it again. What is found there is mended, and gets a test of its own in {@code
 * BrokenFilesTest}.
 */
class FuzzTest {
  private static final long EXECUTIONS = Long.getLong("ontogeny.fuzz.executions", 700);
  private static final long SEED = Long.getLong("ontogeny.fuzz.seed", 0);
  private static final int SECONDS = 20;

  /**
   * A header of a page may be as large as Thrift lets one be, 100 MB, and is read piece by piece.
   */
  private static final long BYTES = 160L << 20;

  private static final int MOST_FINDINGS = 20;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir private Path root;

  private final Map<String, String> findings = new LinkedHashMap<>();
  private volatile long at;
  private volatile byte[] broken;
  private long refused;

  @ParameterizedTest
  @EnumSource
  void brokenFilesAreTold(FuzzTarget target) throws Exception {
    long executions = EXECUTIONS / FuzzTarget.values().length;
    Path folder = Files.createDirectories(root.resolve("within/" + target.name()));
    Path release = root.resolve("release");
    OldFoldersTest.unpack("0.1.0", release);
    List<byte[]> whole = target.whole(release, folder);
    assertThat(whole).isNotEmpty();
    target.prepare(release, folder);
    Path place = target.place(folder);
    Files.createDirectories(place.getParent());
    long begun = System.nanoTime();
    ExecutorService worker =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread thread = new Thread(work, "fuzz");
              thread.setDaemon(true);
              return thread;
            });
    try {
      // Of several some may be others than what lies around them fits to.
      Files.write(place, whole.get(0));
      target.execute(folder, 0);
      Future<?> all = worker.submit(() -> runAll(target, executions, whole, folder, place));
      await(all);
    } finally {
      worker.shutdownNow();
    }
    double seconds = (System.nanoTime() - begun) / 1e9;
    System.out.printf(
        Locale.ROOT,
        "%s: %,d executions in %.1f s (%,.0f a second), %,d of them refused%n",
        target,
        executions,
        seconds,
        executions / seconds,
        refused);
    assertThat(findings.values()).as(target + " with seed " + SEED).isEmpty();
    // Else nothing was broken, or nothing was read.
    assertThat(refused).isBetween(1L, executions - 1);
  }

  /** Waits while executions go on; one that does not end is a finding. */
  private void await(Future<?> all) throws Exception {
    long last = -1;
    while (true) {
      try {
        all.get(SECONDS, TimeUnit.SECONDS);
        return;
      } catch (TimeoutException e) {
        if (at == last) {
          Path kept = keep(broken, "hangs", at);
          throw new AssertionError(
              "execution "
                  + at
                  + " takes more than "
                  + SECONDS
                  + " s, see "
                  + kept
                  + ": "
                  + Thread.getAllStackTraces().entrySet().stream()
                      .filter(each -> each.getKey().getName().equals("fuzz"))
                      .map(each -> Arrays.toString(each.getValue()))
                      .findFirst()
                      .orElse(""));
        }
        last = at;
      }
    }
  }

  private void runAll(
      FuzzTarget target, long executions, List<byte[]> whole, Path folder, Path place) {
    try {
      List<String> around = names(folder);
      for (long number = 0; number < executions && findings.size() < MOST_FINDINGS; number++) {
        // Every execution can be made again without those before it.
        Mutator mutator = new Mutator(Seeds.of(SEED, target.name(), number));
        broken = mutator.broken(whole, target.isText());
        at = number;
        Files.write(place, broken);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        Throwable thrown = null;
        try {
          target.execute(folder, number);
        } catch (Throwable any) {
          thrown = any;
        }
        long bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
        judge(target, number, thrown, bytes, folder);
        if (!names(folder).equals(around)) {
          found(target, number, "writes outside of its folder", names(folder).toString());
          return;
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void judge(FuzzTarget target, long number, Throwable thrown, long bytes, Path folder)
      throws IOException {
    if (isOfParquet(thrown)) {
      refused++;
      return;
    }
    if (bytes > BYTES) {
      found(target, number, "takes memory", bytes + " bytes, then " + thrown + where(thrown));
    }
    if (thrown == null) {
      return;
    }
    refused++;
    Diagnosis diagnosis = Diagnosis.of(thrown);
    boolean told = diagnosis.kind() == FailureKind.DATA || diagnosis.kind() == FailureKind.SETTINGS;
    if (!told) {
      found(target, number, diagnosis.kind() + where(thrown), thrown.toString());
    } else if (!diagnosis.message().contains(folder.getFileName().toString())
        && !diagnosis.message().contains("_manifest.json")) {
      found(target, number, "does not say where" + where(thrown), diagnosis.message());
    }
  }

  /**
   * For the last column of a file parquet-java makes room for as many bytes as the header of a page
   * asks for, before it looks how many there are: two gigabytes at most, and where the heap is
   * smaller that ends as want of memory. Likewise for the numbers of a page that is packed by
   * differences. Nothing here can keep it from that.
   */
  private static boolean isOfParquet(Throwable thrown) {
    for (Throwable at = thrown; at != null; at = at.getCause()) {
      if (Stream.of(at.getStackTrace())
          .anyMatch(
              each ->
                  each.getClassName().endsWith("ParquetFileReader$WorkaroundChunk")
                      || each.getMethodName().equals("allocateValuesBuffer"))) {
        return true;
      }
    }
    // Java leaves out the trace of the second one and all after it.
    return thrown instanceof OutOfMemoryError && thrown.getStackTrace().length == 0;
  }

  private static String where(Throwable thrown) {
    if (thrown == null) {
      return "";
    }
    Throwable cause = thrown;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return " "
        + cause.getClass().getSimpleName()
        + " "
        + Stream.of(cause.getStackTrace()).limit(3).map(StackTraceElement::toString).toList()
        + Stream.of(cause.getStackTrace())
            .filter(each -> each.getClassName().startsWith("dev.ontogeny"))
            .map(StackTraceElement::toString)
            .limit(2)
            .toList();
  }

  /** The first of each kind of finding is kept. */
  private void found(FuzzTarget target, long number, String kind, String what) throws IOException {
    if (!findings.containsKey(kind)) {
      Path kept = keep(broken, target.name(), number);
      findings.put(kind, "execution " + number + " (" + kept + "): " + kind + ": " + what);
    }
  }

  private static Path keep(byte[] bytes, String name, long number) throws IOException {
    Path folder = Files.createDirectories(Path.of("target/fuzz"));
    return Files.write(folder.resolve(name + "-" + SEED + "-" + number), bytes);
  }

  /** What lies around the folder that is read. */
  private static List<String> names(Path folder) throws IOException {
    List<String> names = new ArrayList<>();
    for (Path each : List.of(folder, folder.getParent(), folder.getParent().getParent())) {
      try (Stream<Path> all = Files.list(each)) {
        all.map(Path::toString).sorted().forEach(names::add);
      }
    }
    return names;
  }
}
