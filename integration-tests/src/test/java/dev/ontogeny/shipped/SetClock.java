package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * A clock for processes of a test that can be set while they run, as a machine's is by whoever
 * administers it: a library of a few lines of C that they preload, which the C compiler of this
 * machine makes.
 */
public final class SetClock {
  private final Path library;
  private final Path offset;

  private SetClock(Path library, Path offset) {
    this.library = library;
    this.offset = offset;
  }

  /** The machine's time at first; none where there is no C compiler. */
  public static Optional<SetClock> in(Path folder) throws IOException {
    Path library = folder.resolve("libclock.so");
    if (!Files.exists(library)) {
      Path source =
          Path.of(System.getProperty("ontogeny.root"), "integration-tests/src/test/c/clock.c");
      Process compiler;
      try {
        compiler =
            new ProcessBuilder(
                    "cc", "-shared", "-fPIC", "-O1", "-o", library.toString(), source.toString())
                .inheritIO()
                .start();
      } catch (IOException noCompiler) {
        return Optional.empty();
      }
      try {
        assertThat(compiler.waitFor()).as("cc " + source).isZero();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    SetClock clock = new SetClock(library, Files.createTempFile(folder, "clock", ".offset"));
    clock.set(Duration.ZERO);
    return Optional.of(clock);
  }

  /** What is added to the machine's time from now on. */
  public void set(Duration ahead) throws IOException {
    ByteBuffer seconds =
        ByteBuffer.allocate(Long.BYTES)
            .order(ByteOrder.nativeOrder())
            .putLong(0, ahead.toSeconds());
    // In place: processes have this very file in memory.
    try (FileChannel file = FileChannel.open(offset, StandardOpenOption.WRITE)) {
      file.write(seconds, 0);
    }
  }

  /** What lets a process see it. */
  Map<String, String> environment() {
    return Map.of("LD_PRELOAD", library.toString(), "CLOCK_OFFSET", offset.toString());
  }
}
