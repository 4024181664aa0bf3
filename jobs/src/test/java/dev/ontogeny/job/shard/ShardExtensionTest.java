package dev.ontogeny.job.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.CaptureFixture.Row;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.Verification;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.ReportFixture;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against the dataset that sharding everything at once makes. */
class ShardExtensionTest {
  private static final int WIDTH = 9;

  private static SparkSession spark;

  @TempDir private Path folder;

  @BeforeAll
  static void open() {
    spark = ReportFixture.spark();
  }

  @AfterAll
  static void close() throws IOException {
    spark.close();
  }

  @AfterEach
  void settle() throws InterruptedException {
    TestSpark.settle(spark);
  }

  @BeforeEach
  void capture() throws IOException {
    for (long checkpoint : List.of(0L, 16L)) {
      write(checkpoint);
    }
  }

  private void write(long checkpoint) throws IOException {
    write(checkpoint, rows(checkpoint));
  }

  private void write(long checkpoint, List<Row> rows) throws IOException {
    for (String site : List.of("a", "b/c")) {
      Files.deleteIfExists(file(site, checkpoint));
      CaptureFixture.write(
          folder.resolve("capture"),
          site.replace("/", "%2F"),
          checkpoint,
          Form.HALF_LIST,
          Encoding.usual(),
          WIDTH,
          rows);
    }
  }

  private Path file(String site, long checkpoint) throws IOException {
    Path of =
        folder.resolve("capture/site=" + site.replace("/", "%2F") + "/checkpoint=" + checkpoint);
    if (!Files.exists(of)) {
      return of.resolve("none");
    }
    try (Stream<Path> files = Files.list(of)) {
      return files
          .filter(each -> each.toString().endsWith(".parquet"))
          .findFirst()
          .orElse(of.resolve("none"));
    }
  }

  private static List<Row> rows(long checkpoint) {
    return CaptureFixture.rows(20, 30, WIDTH, checkpoint);
  }

  private Job.Result run(String output, String... assignments) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "input=" + folder.resolve("capture"),
                "output=" + folder.resolve(output),
                "skip-first-tokens=1"));
    all.addAll(List.of(assignments));
    return new Shard().run(spark, SettingsReader.read(ShardSettings.class, "shard", null, all));
  }

  private Job.Result extended(String... assignments) {
    List<String> all = new ArrayList<>(List.of(assignments));
    all.add("extend=true");
    return run("dataset", all.toArray(String[]::new));
  }

  private static Map<String, String> checksums(Job.Result result) {
    Map<String, String> checksums = new TreeMap<>();
    for (PublishedFile file : result.manifest().files()) {
      checksums.put(Publication.ofAnyAttempt(file.path()), file.sha256());
    }
    return checksums;
  }

  private void isAsAtOnce(Job.Result extended, String name) throws IOException {
    Job.Result atOnce = run(name);
    assertThat(checksums(extended)).isEqualTo(checksums(atOnce));
    assertThat(extended.manifest().identity()).isEqualTo(atOnce.manifest().identity());
    assertThat(extended.manifest().inputs()).isEqualTo(atOnce.manifest().inputs());
    assertThat(extended.manifest().schema()).isEqualTo(atOnce.manifest().schema());
    // But for what it was before, by which others know that all of that is still there.
    ObjectNode summary = extended.manifest().summary().deepCopy();
    assertThat(summary.remove(ShardedDataset.BEFORE)).isNotEmpty();
    assertThat(summary).isEqualTo(atOnce.manifest().summary());
    Folder output = Folder.of(extended.output());
    isStill(extended);
    assertThat(folder.resolve("dataset/_progress")).doesNotExist();
    Set<String> named =
        extended.manifest().files().stream().map(PublishedFile::path).collect(Collectors.toSet());
    Set<String> there =
        output.sizes("").keySet().stream()
            .filter(file -> !file.equals(Manifest.FILE))
            .collect(Collectors.toSet());
    assertThat(there).isEqualTo(named);
    assertThat(run("dataset").alreadyDone()).isTrue();
  }

  @Test
  void aDatasetThatGainsCheckpointsIsTheOneOfAllOfThem() throws IOException {
    Job.Result first = extended();
    assertThat(first.alreadyDone()).isFalse();
    write(400);
    // The very vectors of another checkpoint: something that only both together tell.
    write(512, rows(16));
    assertThatThrownBy(() -> run("dataset"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("without checkpoints [400, 512]")
        .hasMessageContaining("extend = true adds them");
    Job.Result second = extended();
    assertThat(second.alreadyDone()).isFalse();
    assertThat(second.lines()).anySatisfy(line -> assertThat(line).contains("[400, 512]"));
    assertThat(second.lines()).anySatisfy(line -> assertThat(line).contains("bit by bit"));
    // What was there is there, under its own name.
    assertThat(second.manifest().files())
        .containsAll(
            first.manifest().files().stream()
                .filter(file -> !"capture".equals(file.table()))
                .toList());
    isAsAtOnce(second, "at-once");
    // One between others, and once more.
    write(100);
    isAsAtOnce(extended(), "all-at-once");
  }

  @Test
  void theNewCheckpointsAloneAreRead() throws IOException {
    run("dataset");
    write(400);
    ByteSize bytes = new ByteSize(Files.size(file("a", 400)) + Files.size(file("b/c", 400)));
    assertThat(extended().lines())
        .anySatisfy(line -> assertThat(line).contains("580 tokens at 2 sources"))
        .anySatisfy(line -> assertThat(line).startsWith(bytes + " read"));
  }

  @Test
  void aCopyOfTheCaptureIsAsGoodAsTheCapture() throws IOException {
    run("dataset");
    write(400);
    Files.setLastModifiedTime(file("a", 0), FileTime.fromMillis(System.currentTimeMillis() + 5000));
    isAsAtOnce(extended(), "at-once");
  }

  @Test
  void otherTokensAreRefusedAndTheDatasetStays() throws IOException {
    Job.Result first = run("dataset");
    List<Row> rows = rows(400);
    write(400, rows.subList(0, rows.size() - 1));
    assertThatThrownBy(this::extended)
        .hasStackTraceContaining("cannot be extended by checkpoints [400]")
        .hasStackTraceContaining("have other tokens: row ");
    Folder output = Folder.of(first.output());
    isStill(first);
    assertThat(ShardedDataset.open(output).summary().rows()).isEqualTo(580);
    write(400);
    isAsAtOnce(extended(), "at-once");
  }

  @Test
  void droppedRowsAreRefused() throws IOException {
    run("dataset", "rules.nan=drop");
    List<Row> rows = new ArrayList<>(rows(400));
    Row row = rows.get(45);
    float[] vector = row.vector().clone();
    vector[3] = Float.NaN;
    rows.set(
        45,
        new Row(
            row.document(),
            row.position(),
            row.tokenId(),
            row.token(),
            row.label(),
            row.loss(),
            vector));
    write(400, rows);
    assertThatThrownBy(() -> extended("rules.nan=drop"))
        .isInstanceOf(Failure.class)
        .extracting(thrown -> ((Failure) thrown).kind())
        .isEqualTo(FailureKind.DATA);
  }

  @Test
  void whatCannotBeTheSameIsRefusedBeforeAnythingIsRead() throws IOException {
    Job.Result first = run("dataset");
    write(8);
    refused("seed is 0 there and 3 here", "seed=3");
    Files.delete(file("a", 16));
    Files.delete(file("b/c", 16));
    refused("it has no checkpoints [16] any more");
    write(16);
    write(-1);
    refused("checkpoint -1 comes before all that are there");
    Files.delete(file("a", -1));
    Files.delete(file("b/c", -1));
    write(16, rows(17));
    refused("files of the checkpoints that are there hold something else");
    isStill(first);
  }

  @Test
  void whatIsNoDatasetIsNotExtended() throws IOException {
    Path output = folder.resolve("dataset");
    Files.createDirectories(output);
    Files.writeString(
        output.resolve(Manifest.FILE),
        "{\"kind\":\"features\",\"version\":1,\"identity\":\"%s\",\"files\":[],\"settings\":{},\"summary\":{}}"
            .formatted("0".repeat(64)));
    assertThatThrownBy(this::extended)
        .isInstanceOf(Failure.class)
        .hasMessageContaining("already holds features of other");
  }

  private static void isStill(Job.Result result) {
    Folder output = Folder.of(result.output());
    Manifest there = Manifest.read(output);
    assertThat(there.identity()).isEqualTo(result.manifest().identity());
    assertThat(there.files()).isEqualTo(result.manifest().files());
    assertThat(Verification.problems(output, there)).isEmpty();
  }

  private void refused(String why, String... assignments) {
    assertThatThrownBy(() -> extended(assignments))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("cannot be extended to this capture: ")
        .hasMessageContaining(why)
        .hasMessageContaining("Shard it into another folder");
  }

  @Test
  void aCutOffExtensionGoesOnAndReadersSeeWhatWasThere() throws IOException {
    Job.Result first = run("dataset");
    write(400);
    // A file where a folder should be: the run fails after its shards.
    Path moments = folder.resolve("dataset/moments/b%2Fc");
    assertThat(moments).isDirectory();
    Path aside = folder.resolve("aside");
    Files.move(moments, aside);
    Files.writeString(moments, "");
    assertThatThrownBy(this::extended).hasMessageContaining("moments");
    Files.delete(moments);
    Files.move(aside, moments);
    isStill(first);
    List<String> written = names(folder.resolve("dataset/vectors/a/checkpoint-400"));
    assertThat(written).hasSize(10);
    isAsAtOnce(extended(), "at-once");
    assertThat(names(folder.resolve("dataset/vectors/a/checkpoint-400"))).isEqualTo(written);
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    }
  }
}
