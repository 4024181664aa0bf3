package dev.ontogeny.kernel.cpu;

import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many threads a native product uses when it is called from a thread of ours: one. OpenMP keeps
 * that number for each calling thread; neither oneDNN nor its Java side has a call for it, so it is
 * set in the OpenMP library that oneDNN brought along.
 */
final class OpenMp {
  private static final Logger LOG = LoggerFactory.getLogger(OpenMp.class);
  private static final Optional<com.sun.jna.Function> SET_THREADS = find();
  private static final ThreadLocal<Boolean> DONE = ThreadLocal.withInitial(() -> false);

  private OpenMp() {}

  /** From now on, native calls of this thread run in this thread alone. */
  static void oneThreadHere() {
    if (!DONE.get()) {
      DONE.set(true);
      SET_THREADS.ifPresent(function -> function.invoke(new Object[] {1}));
    }
  }

  private static Optional<com.sun.jna.Function> find() {
    if ("1".equals(System.getenv("OMP_NUM_THREADS"))) {
      return Optional.empty();
    }
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"), StandardCharsets.UTF_8)) {
      Optional<String> library =
          maps.filter(line -> line.contains("libgomp"))
              .map(line -> line.substring(line.indexOf('/')))
              .findFirst();
      if (library.isPresent()) {
        return Optional.of(
            NativeLibrary.getInstance(library.get()).getFunction("omp_set_num_threads"));
      }
    } catch (IOException | LinkageError e) {
      LOG.debug("OpenMP's library was not found", e);
    }
    LOG.warn(
        "OpenMP's threads cannot be set from here: set OMP_NUM_THREADS=1 in the environment, or native products"
            + " will use more threads than they should");
    return Optional.empty();
  }
}
