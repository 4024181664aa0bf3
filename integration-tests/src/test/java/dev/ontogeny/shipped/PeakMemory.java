package dev.ontogeny.shipped;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The greatest resident memory of a shipped command's JVMs while this is open: the driver's, which
 * is a child of the test's own process, and that of the largest executor, a child of the driver. As
 * Linux keeps it for each process ({@code VmHWM}), looked up a few times a second; zero elsewhere.
 */
final class PeakMemory implements AutoCloseable {
  private final Thread watch = new Thread(this::watch, "peak-memory");
  private volatile boolean closed;
  private volatile long driver;
  private volatile long executor;

  PeakMemory() {
    watch.setDaemon(true);
    watch.start();
  }

  private void watch() {
    try {
      while (!closed) {
        ProcessHandle.current()
            .children()
            .forEach(
                child -> {
                  driver = Math.max(driver, peak(child));
                  child.children().forEach(each -> executor = Math.max(executor, peak(each)));
                });
        Thread.sleep(Duration.ofMillis(200).toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static long peak(ProcessHandle process) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
      return 0;
    } catch (IOException e) {
      // It has ended, or this is not Linux.
      return 0;
    }
  }

  /** Bytes. */
  long driver() {
    return driver;
  }

  /** Bytes, of the largest. */
  long executor() {
    return executor;
  }

  @Override
  public void close() {
    closed = true;
  }
}
