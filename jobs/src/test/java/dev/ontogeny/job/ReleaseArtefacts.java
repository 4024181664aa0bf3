package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.Folder;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

/**
 * Keeps what this release publishes, as its own jobs make it of planted rows: a dataset, and of a
 * chain and of a crosscoder dictionaries, features and evolution, below 300 kB together. Run once
 * for each release, from a clean checkout of its commit, and commit what it leaves in {@code
 * jobs/src/test/resources/dev/ontogeny/releases/VERSION.zip}, beside those of the releases before;
 * from then on {@link OldFoldersTest} reads it for ever:
 *
 * <pre>{@code
 * mvn -q test -pl jobs -am -Dtest=ReleaseArtefacts -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.release=0.1.0
 * }</pre>
 */
class ReleaseArtefacts {
  private static final String SITE = "blocks.0.hook_resid_post";
  private static final long DOCUMENTS = 24;

  @Test
  void keep() throws IOException {
    String release = System.getProperty("ontogeny.release");
    assertThat(release).as("-Dontogeny.release names the release").matches("\\d+\\.\\d+\\.\\d+");
    Path kept = OldFoldersTest.RELEASES.resolve(release + ".zip");
    assertThat(kept).as("what a release left is never replaced").doesNotExist();
    // Manifests name their inputs: no path of this machine alone.
    Path work = Path.of("/tmp/ontogeny-" + release);
    assertThat(work).doesNotExist();
    try (SparkSession spark = ReportFixture.spark()) {
      make(new ReleasedLine(spark), work);
      pack(work.resolve("published"), kept);
    } finally {
      delete(work);
    }
    assertThat(Files.size(kept)).isLessThan(300_000);
  }

  private static void pack(Path folder, Path zip) throws IOException {
    Files.createDirectories(zip.getParent());
    try (Stream<Path> all = Files.walk(folder);
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(zip))) {
      for (Path each : all.filter(Files::isRegularFile).sorted().toList()) {
        out.putNextEntry(new ZipEntry(folder.relativize(each).toString()));
        Files.copy(each, out);
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(each);
        }
      }
    }
  }

  private static void make(ReleasedLine line, Path work) throws IOException {
    List<Long> steps = List.of(0L, 100L, 400L, 1600L, 6400L, 25600L);
    PlantedActivations planted =
        new PlantedActivations(
            new PlantedActivations.Plan(3, 6, 5, steps, 1.5, 0.8, 0, 0, 10, 0.02, 12));
    Path capture = work.resolve("capture");
    for (int t = 0; t < ReleasedLine.CHECKPOINTS.size(); t++) {
      CaptureWriter.write(Folder.of(capture.toString()), SITE, planted, DOCUMENTS, t);
    }
    Path published = work.resolve("published");
    Path dataset = published.resolve("dataset");
    line.shard(capture, dataset);
    for (String mode : List.of(ReleasedLine.CHAIN, ReleasedLine.CROSSCODER)) {
      Path folder = published.resolve(mode.substring(mode.indexOf('=') + 1));
      Path dictionaries = folder.resolve("dictionaries");
      Path features = folder.resolve("features");
      line.train(
          dataset,
          dictionaries,
          mode,
          ReleasedLine.TRAINED,
          "replicas=" + (mode.equals(ReleasedLine.CHAIN) ? 2 : 1));
      line.measure(dataset, dictionaries, features);
      line.evolve(dataset, dictionaries, features, folder.resolve("evolution"));
    }
  }
}
