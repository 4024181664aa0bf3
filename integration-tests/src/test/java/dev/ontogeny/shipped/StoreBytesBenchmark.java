package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.Test;

/**
 * How many bytes each job of a line reads from S3 for each that it needs: all that its executors
 * and its driver are given on their requests, counted on the way, over the bytes of the files that
 * it cannot do without, each as often as it has to be read. {@code train} goes once over all rows.
 * It prints, and asserts nothing but that the jobs succeed.
 *
 * <pre>{@code
 * mvn -q verify -pl integration-tests -am -Dtest=None -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dit.test=StoreBytesBenchmark -Dfailsafe.failIfNoSpecifiedTests=false -Dontogeny.mebibytes=96
 * }</pre>
 */
class StoreBytesBenchmark {
  private static final long BYTES = Long.getLong("ontogeny.mebibytes", 96) << 20;
  private static final Path WORK = ShippedJar.folder("StoreBytesBenchmark");
  private static final String STORE = "s3a://bytes";
  private static final ShardCaptures CAPTURES = new ShardCaptures(256, 4);

  @Test
  void readForEachThatIsNeeded() throws Exception {
    StoreServer server = StoreServer.start("bytes");
    try (FileSystem bucket = server.open("bytes");
        FaultyNetwork network = new FaultyNetwork(server.port(), 0, 1)) {
      assertThat(bucket.getScheme()).isEqualTo("s3a");
      Path local = WORK.resolve("capture");
      long capture = CAPTURES.write(local, BYTES);
      for (int checkpoint = 0; checkpoint < CAPTURES.checkpoints(); checkpoint++) {
        String file = "site=a/checkpoint=" + checkpoint + "/part-0.parquet";
        try (OutputStream out =
            bucket.create(new org.apache.hadoop.fs.Path(STORE + "/capture/" + file))) {
          Files.copy(local.resolve(file), out);
        }
      }
      ShippedJar.delete(local);
      List<String> settings = new ArrayList<>();
      read(
          server,
          network,
          "shard",
          capture,
          settings,
          "input=" + STORE + "/capture",
          "binary-type=float16");
      long tokens = manifest("dataset").summary().get("rows").asLong();
      settings.add("dataset=" + STORE + "/dataset");
      long vectors = bytes("dataset", "vectors");
      read(
          server,
          network,
          "train",
          vectors,
          settings,
          "dictionaries=[{type = top-k, width = 512, k = 16}]",
          "replicas=1",
          "training.tokens=" + tokens,
          "training.link-tokens=" + tokens);
      settings.add("dictionaries=" + STORE + "/dictionaries");
      long all = bytes("dataset", null) + bytes("dictionaries", null);
      read(server, network, "measure", all, settings);
      settings.add("features=" + STORE + "/features");
      read(server, network, "evolve", all + bytes("features", null), settings);
    } finally {
      server.stop();
    }
  }

  private static void read(
      StoreServer server,
      FaultyNetwork network,
      String job,
      long needed,
      List<String> inputs,
      String... more) {
    List<String> settings = new ArrayList<>(inputs);
    settings.addAll(List.of(more));
    settings.add("output=" + STORE + "/" + ShippedLine.FOLDERS.get(job));
    ShippedJar command =
        ShippedJar.job(job, settings.toArray(String[]::new))
            .executors(2, 1, 1536)
            .compiled()
            .patience(Duration.ofMinutes(20));
    server.properties(network.port()).forEach(command::configure);
    long requests = network.requests();
    long before = network.bytesGot();
    ShippedJar.Outcome outcome = command.run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    System.out.printf(
        Locale.ROOT,
        "%-8s read %,d bytes where %,d are there to be read: %.3f of each; %,d requests%n",
        job,
        network.bytesGot() - before,
        needed,
        (network.bytesGot() - before) / (double) needed,
        network.requests() - requests);
  }

  private static Manifest manifest(String name) {
    return Manifest.read(Folder.of(STORE + "/" + name), name);
  }

  /** Bytes of a table, or of all that is published. */
  private static long bytes(String folder, String table) {
    return manifest(folder).files().stream()
        .filter(file -> table == null || table.equals(file.table()))
        .mapToLong(PublishedFile::bytes)
        .sum();
  }
}
