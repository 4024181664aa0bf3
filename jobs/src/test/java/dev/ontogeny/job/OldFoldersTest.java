package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.Verification;
import dev.ontogeny.dictionary.DictionaryMetadata;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Folders that releases published, each kept by {@link ReleaseArtefacts} at its time: this build
 * reads them, and goes on from them. What fails here fails for everybody who upgrades: such a
 * folder is never made anew, the reader is mended.
 */
class OldFoldersTest {
  static final Path RELEASES = Path.of("src/test/resources/dev/ontogeny/releases");

  private static SparkSession spark;
  private static ReleasedLine line;

  @TempDir private Path work;

  @BeforeAll
  static void open() {
    spark = ReportFixture.spark();
    line = new ReleasedLine(spark);
  }

  @AfterAll
  static void close() throws IOException {
    spark.close();
  }

  static List<String> releases() throws IOException {
    try (Stream<Path> all = Files.list(RELEASES)) {
      return all.map(each -> each.getFileName().toString().replaceFirst("\\.zip$", ""))
          .sorted()
          .toList();
    }
  }

  @Test
  void thereIsOneOfEveryReleaseAndTheyAreSmall() throws IOException {
    assertThat(releases()).contains("0.1.0");
    for (String release : releases()) {
      assertThat(RELEASES.resolve(release + ".zip")).isRegularFile();
      assertThat(Files.size(RELEASES.resolve(release + ".zip"))).as(release).isLessThan(300_000);
    }
  }

  @ParameterizedTest
  @MethodSource("releases")
  void aChainGoesOnFromWhatItLeft(String release) throws IOException {
    Path old = old(release);
    Path dataset = old.resolve("dataset");
    Path chain = old.resolve("chain");
    Path dictionaries = work.resolve("dictionaries");
    Path features = work.resolve("features");
    Path evolution = work.resolve("evolution");

    Job.Result trained =
        line.train(
            dataset,
            dictionaries,
            ReleasedLine.CHAIN,
            "replicas=2",
            "continue-from=" + chain.resolve("dictionaries"));
    Map<String, String> before = checksums(chain.resolve("dictionaries"));
    assertThat(DictionaryFolder.open(folder(dictionaries)).dictionaries())
        .extracting(each -> each.sources().get(0).checkpoint())
        .hasSize(6)
        .containsAll(ReleasedLine.CHECKPOINTS);
    assertThat(before).isNotEmpty();
    assertThat(checksums(trained.manifest())).containsAllEntriesOf(before);

    line.measure(dataset, dictionaries, features, "continue-from=" + chain.resolve("features"));
    if (Manifest.read(folder(chain.resolve("features"))).table("quality").findAny().isPresent()) {
      Map<String, String> measuredBefore = checksums(chain.resolve("features"));
      assertThat(measuredBefore).isNotEmpty();
      assertThat(checksums(features)).containsAllEntriesOf(measuredBefore);
    } else {
      // It measured less, so that all is measured again.
      Map<String, Double> fvu = fvu(features);
      assertThat(fvu(chain.resolve("features"))).isNotEmpty();
      fvu(chain.resolve("features"))
          .forEach((key, value) -> assertThat(fvu.get(key)).as(key).isCloseTo(value, within(1e-4)));
      assertThat(rows(Manifest.read(folder(features)), "quality")).isEqualTo(fvu.size());
    }

    assertThat(line.evolve(dataset, dictionaries, features, evolution).manifest().files())
        .isNotEmpty();
    assertThat(
            line.report(dataset, dictionaries, features, evolution, work.resolve("report"))
                .manifest()
                .files())
        .isNotEmpty();
  }

  @ParameterizedTest
  @MethodSource("releases")
  void everyJobReadsWhatItLeft(String release) throws IOException {
    Path old = old(release);
    Path dataset = old.resolve("dataset");
    for (String kind : List.of("chain", "crosscoder")) {
      Path dictionaries = old.resolve(kind).resolve("dictionaries");
      Path features = old.resolve(kind).resolve("features");
      Path evolution = old.resolve(kind).resolve("evolution");
      for (Path each : List.of(dataset, dictionaries, features, evolution)) {
        assertThat(Verification.problems(folder(each), Manifest.read(folder(each)))).isEmpty();
      }
      Path now = work.resolve(kind);
      for (DictionaryMetadata each : DictionaryFolder.open(folder(dictionaries)).dictionaries()) {
        assertThat(DictionaryFolder.read(folder(dictionaries), each).width()).isEqualTo(8);
      }
      line.measure(dataset, dictionaries, now.resolve("features"));
      Map<String, Double> fvu = fvu(now.resolve("features"));
      assertThat(fvu).isNotEmpty().hasSameSizeAs(fvu(features));
      fvu(features)
          .forEach((key, value) -> assertThat(fvu.get(key)).as(key).isCloseTo(value, within(1e-4)));
      Manifest evolved =
          line.evolve(dataset, dictionaries, features, now.resolve("evolution")).manifest();
      assertThat(rows(evolved, "events"))
          .isPositive()
          .isEqualTo(rows(Manifest.read(folder(evolution)), "events"));
      Path report = now.resolve("report");
      line.report(dataset, dictionaries, features, evolution, report);
      assertThat(report.resolve("index.html")).isNotEmptyFile();
    }
  }

  private static long rows(Manifest manifest, String table) {
    return manifest.table(table).mapToLong(PublishedFile::rows).sum();
  }

  /** Of every dictionary, source and split. */
  private static Map<String, Double> fvu(Path features) throws IOException {
    Folder folder = folder(features);
    Map<String, Double> fvu = new TreeMap<>();
    for (PublishedFile file : Manifest.read(folder, "features").table("dictionaries").toList()) {
      try (TableReader reader =
          TableReader.open(
              folder,
              FeatureTables.DICTIONARIES,
              file.path(),
              "dictionary",
              "site",
              "checkpoint",
              "split",
              "fvu")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          fvu.put(row[0] + " " + row[1] + " " + row[2] + " " + row[3], (Double) row[4]);
        }
      }
    }
    return fvu;
  }

  private Path old(String release) throws IOException {
    Path old = work.resolve("old");
    unpack(release, old);
    return old;
  }

  private static Folder folder(Path path) {
    return Folder.of(path.toString());
  }

  /** Of the files that belong to one dictionary, by their paths. */
  private static Map<String, String> checksums(Path folder) {
    return checksums(Manifest.read(folder(folder)));
  }

  private static Map<String, String> checksums(Manifest manifest) {
    Map<String, String> checksums = new TreeMap<>();
    for (PublishedFile file : manifest.files()) {
      if (file.dictionary() != null) {
        checksums.put(file.path(), file.sha256());
      }
    }
    return checksums;
  }

  /** What was kept of a release. */
  static void unpack(String release, Path to) throws IOException {
    try (ZipFile zip = new ZipFile(RELEASES.resolve(release + ".zip").toFile())) {
      for (ZipEntry each : Collections.list(zip.entries())) {
        Path file = to.resolve(each.getName());
        Files.createDirectories(file.getParent());
        try (InputStream in = zip.getInputStream(each)) {
          Files.copy(in, file);
        }
      }
    }
  }
}
