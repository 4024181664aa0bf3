package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.nio.file.ExtendedOpenOption;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * How near {@code shard} comes to what the disk allows for two reads and two writes of the data,
 * the least that a shuffle through disk can do, with executors of 512 MiB, and how much memory its
 * processes take at most; the disk is measured in the same run, past the page cache where the file
 * system lets us. Sizes in GiB:
 *
 * <pre>{@code
 * mvn -q verify -pl integration-tests -am -Dtest=None -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dit.test=ShardBenchmark -Dfailsafe.failIfNoSpecifiedTests=false -Dontogeny.gibibytes=1,4,16
 * }</pre>
 *
 * <p>Needs three times the size on the disk of the working copy.
 */
class ShardBenchmark {
  private static final int BLOCK = 4 << 20;

  @Test
  void againstTheDisk() throws IOException {
    System.out.printf(
        "%6s %10s %10s %10s %8s %12s %12s  %s%n",
        "GiB", "write MB/s", "read MB/s", "seconds", "of disk", "driver MiB", "executor MiB", "");
    for (String each : System.getProperty("ontogeny.gibibytes", "1").split(",")) {
      measure((long) (Double.parseDouble(each.strip()) * (1L << 30)));
    }
  }

  private static void measure(long wanted) throws IOException {
    Path work = ShippedJar.folder("ShardBenchmark");
    try (PeakMemory memory = new PeakMemory()) {
      long bytes = new ShardCaptures(512, 8).write(work.resolve("capture"), wanted);
      flush(work.resolve("capture"));
      double write = write(work.resolve("probe"), bytes);
      Files.delete(work.resolve("probe"));
      double read = read(work.resolve("capture"));
      long begun = System.nanoTime();
      ShippedJar.Outcome outcome =
          ShippedJar.command(
                  "shard",
                  "--set",
                  "input=" + work.resolve("capture"),
                  "--set",
                  "binary-type=float16",
                  "--set",
                  "output=" + work.resolve("dataset"))
              .executors(2, 1, 512)
              .compiled()
              .patience(Duration.ofHours(1))
              .configure("spark.local.dir", work.resolve("spark").toString())
              .run(work);
      double seconds = (System.nanoTime() - begun) / 1e9;
      assertThat(outcome.exitCode()).as(outcome.error()).isZero();
      double least = 2 * bytes / read + 2 * bytes / write;
      System.out.printf(
          Locale.ROOT,
          "%6.2f %10.0f %10.0f %10.1f %7.0f%% %12d %12d  %s%n",
          bytes / (double) (1L << 30),
          write / 1e6,
          read / 1e6,
          seconds,
          100 * least / seconds,
          memory.driver() >> 20,
          memory.executor() >> 20,
          outcome.out().lines().filter(line -> line.contains("per byte")).findFirst().orElse(""));
    } finally {
      ShippedJar.delete(work);
    }
  }

  /** Waits until all files of a folder are on the disk, so that nothing else is written to it. */
  private static void flush(Path folder) throws IOException {
    for (Path file : parquet(folder)) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
    }
  }

  private static List<Path> parquet(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(file -> file.toString().endsWith(".parquet")).toList();
    }
  }

  /** Bytes per second of writing a file and having it on the disk. */
  private static double write(Path file, long bytes) throws IOException {
    byte[] random = new byte[BLOCK];
    new Random(2).nextBytes(random);
    ByteBuffer block = ByteBuffer.allocateDirect(BLOCK).put(random).flip();
    long begun = System.nanoTime();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (long done = 0; done < bytes; done += BLOCK) {
        channel.write(block.rewind());
      }
      channel.force(true);
    }
    return bytes / ((System.nanoTime() - begun) / 1e9);
  }

  /** Bytes per second of reading all files of a folder. */
  private static double read(Path folder) throws IOException {
    List<Path> files = parquet(folder);
    long begun = System.nanoTime();
    long bytes = 0;
    for (Path file : files) {
      bytes += read(file, true);
    }
    return bytes / ((System.nanoTime() - begun) / 1e9);
  }

  private static long read(Path file, boolean direct) throws IOException {
    List<OpenOption> options = new ArrayList<>(List.of(StandardOpenOption.READ));
    if (direct) {
      options.add(ExtendedOpenOption.DIRECT);
    }
    int alignment = 4096;
    ByteBuffer block = ByteBuffer.allocateDirect(BLOCK + alignment).alignedSlice(alignment);
    block.limit(BLOCK);
    long bytes = 0;
    try (FileChannel channel = FileChannel.open(file, Set.copyOf(options))) {
      for (int read = channel.read(block.rewind()); read > 0; read = channel.read(block.rewind())) {
        bytes += read;
      }
    } catch (UnsupportedOperationException | IOException e) {
      if (!direct) {
        throw e;
      }
      return read(file, false);
    }
    return bytes;
  }
}
