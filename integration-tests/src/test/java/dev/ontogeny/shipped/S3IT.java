package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.Verification;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * The whole line where everything lies on S3, with the client that comes with the jars that Maven
 * resolved: what is published there has the bytes of the same line on a local disk.
 */
@TestMethodOrder(OrderAnnotation.class)
class S3IT {
  private static final List<String> FOLDERS =
      List.of("dataset", "dictionaries", "features", "evolution", "report");
  private static final Path WORK = ShippedJar.folder("S3IT");
  private static final String BUCKET = "ontogeny";
  private static final String STORE = "s3a://" + BUCKET;
  private static final long DOCUMENTS = 24;
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(3, 16, 24, 6));

  private static StoreServer server;
  private static FileSystem bucket;

  @BeforeAll
  static void captureInABucket() throws Exception {
    server = StoreServer.start(BUCKET);
    bucket = server.open(BUCKET);
    for (String place : List.of(STORE, WORK.toString())) {
      CaptureWriter.write(Folder.of(place + "/capture"), DatasetFixture.SITE, PLANTED, DOCUMENTS);
    }
    Files.writeString(
        WORK.resolve("line.conf"),
        """
        shard {
          checkpoints = %s, shards = 3, held-out-share = 0.34, skip-first-positions = 0
        }
        train {
          dictionaries = [ { type = top-k, width = 32, k = 4 } ]
          training { batch = 256, tokens = 2048, link-tokens = 1024, dead-window = 1024 }
        }
        measure { replicates = 5 }
        evolve { formation.tracks = 4, phases { shifts = 20, bootstraps = 20 } }
        """
            .formatted(PLANTED.plan().checkpoints().subList(0, 4)));
  }

  @AfterAll
  static void close() throws Exception {
    bucket.close();
    server.stop();
  }

  @Test
  @Order(1)
  void aLineThatWasCutOffGoesOnAndPublishesTheBytesOfALocalDisk() throws Exception {
    ShippedJar.Outcome local = line(WORK.toString(), "--set", "report=null").local(2).run(WORK);
    assertThat(local.exitCode()).as(local.error()).isZero();

    onStore(line(STORE))
        .local(2)
        .start(WORK)
        .until(() -> exists("line/dictionaries/_progress"))
        .kill();
    assertThat(exists("line/dataset/_manifest.json")).isTrue();
    assertThat(exists("line/dictionaries/_manifest.json")).isFalse();
    // What a task wrote and died before it told of it.
    folder(STORE, "dictionaries").writeText("half-written.safetensors", "cut o");

    Path events = Files.createDirectories(WORK.resolve("events"));
    ShippedJar.Outcome outcome =
        onStore(line(STORE))
            .executors(2, 1, 1024)
            .configure("spark.eventLog.enabled", "true")
            .configure("spark.eventLog.dir", events.toUri().toString())
            .configure("spark.eventLog.compress", "false")
            .run(WORK);

    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertSecret(outcome, events);
    assertThat(outcome.results())
        .extracting(result -> result.get("kind").asText())
        .containsExactlyElementsOf(FOLDERS);
    assertThat(outcome.results())
        .extracting(result -> result.get("already_done").asBoolean())
        .containsExactly(true, false, false, false, false);
    for (String name : FOLDERS) {
      Manifest manifest = manifest(STORE, name);
      assertThat(Verification.problems(folder(STORE, name), manifest)).isEmpty();
      assertThat(inTheBucket(folder(STORE, name)))
          .as("nothing lies in " + name + " that the manifest does not name")
          .isEqualTo(ShippedLine.named(manifest));
      if (!name.equals("report")) {
        Manifest onDisk = manifest(WORK.toString(), name);
        assertThat(manifest.identity()).as(name).isEqualTo(onDisk.identity());
        assertThat(checksums(manifest)).as(name).isEqualTo(checksums(onDisk));
      }
    }
    assertThat(manifest(STORE, "dataset").summary().get("rows").asLong())
        .isEqualTo(DOCUMENTS * PLANTED.plan().documentLength());
  }

  @Test
  @Order(2)
  void theSameLineAgainDoesNothing() throws Exception {
    Map<String, Long> before = modified();
    ShippedJar.Outcome outcome = onStore(line(STORE)).local(2).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.results()).hasSize(FOLDERS.size());
    assertThat(outcome.results()).allMatch(result -> result.get("already_done").asBoolean());
    assertThat(modified()).isEqualTo(before);
  }

  @Test
  @Order(3)
  void describeVerifiesAFolderOfABucket() {
    String dataset = STORE + "/line/dataset";
    ShippedJar.Outcome outcome =
        onStore(ShippedJar.command("describe", dataset, "--verify")).local(1).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.out())
        .startsWith("dataset")
        .contains(dataset)
        .endsWith(
            manifest(STORE, "dataset").files().size() + " files are as they were published\n");
  }

  @Test
  @Order(3)
  void pruneRemovesWhatIsLeftOverInABucket() throws Exception {
    folder(STORE, "features").writeText("statistics/half-0123abcd-9.parquet", "cut o");
    folder(STORE, "dataset").writeText("_progress/claims/dead.json.new", "{");
    Map<String, Long> before = modified();
    ShippedJar.Outcome outcome =
        onStore(ShippedJar.command("prune", "--delete", STORE + "/line")).local(1).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    assertThat(outcome.out())
        .contains("_progress/", "  statistics/  5 B\n", "2 left over, 6 B: removed");
    before.keySet().removeIf(file -> file.contains("half-0123abcd-9") || file.contains("dead"));
    assertThat(modified()).isEqualTo(before);
  }

  @Test
  @Order(4)
  void aFileThatChangedIsFoundByDescribe() throws Exception {
    PublishedFile file = manifest(STORE, "features").files().get(0);
    folder(STORE, "features").writeText(file.path(), "other bytes");
    ShippedJar.Outcome outcome =
        onStore(ShippedJar.command("describe", STORE + "/line/features", "--verify"))
            .local(1)
            .run(WORK);
    assertFailure(outcome, 3, "data", STORE + "/line/features", file.path());
  }

  /**
   * Requests are refused, lost before or after they were carried out, cut off and late: the same
   * bytes, and nothing half-published. {@code -Dontogeny.faulty-share=0.1} spoils more of them.
   */
  @Test
  @Order(4)
  void theSameBytesThroughANetworkThatLosesRequestsAndAnswers() throws Exception {
    double share = Double.parseDouble(System.getProperty("ontogeny.faulty-share", "0.02"));
    try (FaultyNetwork network = new FaultyNetwork(server.port(), share, 5)) {
      ShippedJar command =
          ShippedJar.command(
              "run",
              "--config",
              WORK.resolve("line.conf").toString(),
              "--set",
              "shard.input=" + STORE + "/capture",
              "--set",
              "work=" + STORE + "/faulty",
              "--set",
              "report=null");
      server.properties(network.port()).forEach(command::configure);
      ShippedJar.Outcome outcome = command.local(2).run(WORK);
      assertThat(outcome.exitCode()).as(outcome.error()).isZero();
      assertThat(network.faults())
          .as("faults in %d requests", network.requests())
          .hasSizeGreaterThan(3);
      for (String name : FOLDERS.subList(0, 4)) {
        Folder folder = Folder.of(STORE + "/faulty/" + name);
        Manifest manifest = Manifest.read(folder, name);
        assertThat(checksums(manifest))
            .as(name)
            .isEqualTo(checksums(manifest(WORK.toString(), name)));
        assertThat(Verification.problems(folder, manifest)).isEmpty();
        assertThat(inTheBucket(folder))
            .as("nothing lies in " + name + " that the manifest does not name")
            .isEqualTo(ShippedLine.named(manifest));
      }
    }
  }

  @Test
  @Order(5)
  void aBucketThatIsNotThere() {
    ShippedJar.Outcome input = onStore(shard("s3a://nowhere/capture", STORE)).local(1).run(WORK);
    assertFailure(
        input, 4, "resources", "input s3a://nowhere/capture", ": there is no such bucket");
    ShippedJar.Outcome output =
        onStore(shard(STORE + "/capture", "s3a://nowhere")).local(1).run(WORK);
    assertFailure(
        output, 4, "resources", "output s3a://nowhere/another", ": there is no such bucket");
  }

  /** Hadoop's client would go on asking for minutes. */
  @Test
  @Order(6)
  void aServerThatDoesNotAnswer() throws Exception {
    int closed;
    try (ServerSocket free = new ServerSocket(0)) {
      closed = free.getLocalPort();
    }
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Instant begun = Instant.now();
      for (int port : new int[] {closed, silent.getLocalPort()}) {
        String endpoint = "http://127.0.0.1:" + port;
        ShippedJar.Outcome outcome =
            onStore(shard("s3a://elsewhere/capture", WORK.toString()))
                .configure("spark.hadoop.fs.s3a.endpoint", endpoint)
                .local(1)
                .run(WORK);
        assertFailure(
            outcome,
            4,
            "resources",
            "the store of s3a://elsewhere does not answer at " + endpoint + ": ",
            port == closed ? ": Connection refused: " : ": no answer within 15 s: ",
            "spark.hadoop.fs.s3a.endpoint");
      }
      assertThat(Duration.between(begun, Instant.now())).isLessThan(Duration.ofMinutes(4));
    }
  }

  @Test
  @Order(6)
  void aKeyThatIsRefused() {
    ShippedJar.Outcome outcome =
        onStore(shard(STORE + "/capture", STORE))
            .configure("spark.hadoop.fs.s3a.secret.key", "a wrong one")
            .local(1)
            .run(WORK);
    assertFailure(
        outcome,
        4,
        "resources",
        "input " + STORE + "/capture",
        ": the store refuses these credentials");
  }

  /**
   * The key that opens the bucket stands nowhere: not in what was said, not in what was published,
   * not in the events, of which Spark's pages are made.
   */
  private static void assertSecret(ShippedJar.Outcome outcome, Path events) throws IOException {
    String secret = server.properties().get("spark.hadoop.fs.s3a.secret.key");
    assertThat(outcome.out()).doesNotContain(secret);
    assertThat(outcome.error()).doesNotContain(secret);
    int environments = 0;
    try (Stream<Path> files = Files.walk(events)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String text = Files.readString(file);
        assertThat(text.contains(secret)).as("%s holds the secret", file).isFalse();
        environments += text.contains("spark.hadoop.fs.s3a.secret.key") ? 1 : 0;
      }
    }
    assertThat(environments).as("logs that tell of the environment").isPositive();
    for (String file : Folder.of(STORE).list("line")) {
      try (InputStream in = Folder.of(STORE).open(file)) {
        String text = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        assertThat(text.contains(secret)).as("%s holds the secret", file).isFalse();
      }
    }
  }

  private static void assertFailure(
      ShippedJar.Outcome outcome, int exitCode, String kind, String... parts) {
    assertThat(outcome.failure()).startsWith("ontogeny: " + kind + ": ").contains(parts);
    assertThat(outcome.exitCode()).as(outcome.error()).isEqualTo(exitCode);
    assertThat(outcome.error()).doesNotContain("\tat ", " WARN ", " ERROR ");
    assertThat(outcome.out()).doesNotContain("RESULT");
  }

  /** The whole line over the capture that lies in a place. */
  private static ShippedJar line(String place, String... more) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("run", "--config", WORK.resolve("line.conf").toString()));
    arguments.addAll(List.of("--set", "shard.input=" + place + "/capture"));
    arguments.addAll(List.of("--set", "work=" + place + "/line"));
    arguments.addAll(List.of(more));
    return ShippedJar.command(arguments.toArray(String[]::new));
  }

  private static ShippedJar shard(String input, String place) {
    return ShippedJar.command(
        "shard", "--set", "input=" + input, "--set", "output=" + place + "/another");
  }

  /** With what a user says of a server of their own. */
  private static ShippedJar onStore(ShippedJar command) {
    server.properties().forEach(command::configure);
    return command;
  }

  private static Folder folder(String place, String name) {
    return Folder.of(place + "/line/" + name);
  }

  private static Manifest manifest(String place, String name) {
    return Manifest.read(folder(place, name), name);
  }

  private static boolean exists(String path) {
    try {
      return Folder.of(STORE).exists(path);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Set<String> inTheBucket(Folder folder) throws IOException {
    Set<String> files = new HashSet<>(folder.list(""));
    files.remove(Manifest.FILE);
    return files;
  }

  /** When each object was written. */
  private static Map<String, Long> modified() throws IOException {
    Map<String, Long> modified = new TreeMap<>();
    for (String file : Folder.of(STORE).list("")) {
      modified.put(file, bucket.getFileStatus(Folder.of(STORE).path(file)).getModificationTime());
    }
    return modified;
  }

  /** Checksums of all files; names carry task attempts, so they may differ. */
  private static List<String> checksums(Manifest manifest) {
    return manifest.files().stream().map(PublishedFile::sha256).sorted().toList();
  }
}
