package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * The commands and queries of the pages for people, word for word. Only what a reader puts in as
 * well is put in: folders, the Spark on the machine and the address of the cluster, which is a
 * standalone one of one worker. {@link DocumentationTest} tells which test runs which block.
 *
 * <p>The line is drawn once, by the commands for a cluster; all others find it done and so show
 * that they come to the same.
 */
@TestMethodOrder(OrderAnnotation.class)
class CommandsIT {
  private static final Path WORK = ShippedJar.folder("CommandsIT");
  private static final List<String> JOBS = List.of("shard", "train", "measure", "evolve", "report");
  private static final List<Process> DAEMONS = new ArrayList<>();

  /** So that training takes seconds. */
  private static final String TRAINING = "{batch=256,tokens=4096,link-tokens=1024}";

  /** Drivers that live for seconds. */
  private static final String DRIVER = "-Dspark.ui.enabled=false -XX:TieredStopAtLevel=1";

  private static Checkout checkout;
  private static String master;

  @BeforeAll
  static void captureAndCluster() throws Exception {
    checkout = Checkout.in(WORK.resolve("checkout"));
    var planted = new PlantedActivations(PlantedActivations.Plan.of(3, 16, 24, 6));
    for (int checkpoint : new int[] {1, 3, 5}) {
      CaptureWriter.write(
          Folder.of(WORK.resolve("data/capture").toString()),
          DatasetFixture.SITE,
          planted,
          48,
          checkpoint);
    }
    Files.writeString(
        checkout.root().resolve("line.conf"),
        put(Documents.readme("Your own data", "hocon").get(0).text())
            + "train.training "
            + TRAINING
            + "\n");
    sparkOfItsOwn();
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    master = "spark://127.0.0.1:" + port;
    daemon("Master", "--host", "127.0.0.1", "--port", Integer.toString(port));
    awaitListening(port);
    // What conf/spark/cluster.conf asks for: an executor of four cores and 4 GiB.
    daemon("Worker", "--host", "127.0.0.1", "--cores", "4", "--memory", "4g", master);
  }

  @AfterAll
  static void endOfTheCluster() throws Exception {
    for (Process daemon : DAEMONS) {
      daemon.destroy();
      daemon.waitFor();
    }
  }

  @Test
  @Order(1)
  void onACluster() throws Exception {
    List<Boolean> done = alreadyDone(run("On a cluster", 0));
    // Once by the launcher, and again by spark-submit.
    assertThat(done.subList(0, 5)).containsOnly(false);
    assertThat(done.subList(5, 10)).containsOnly(true);
    assertThat(done).hasSize(10);
    try (var executors = Files.list(WORK.resolve("worker"))) {
      assertThat(executors).as("applications that the worker had executors of").hasSize(2);
    }
  }

  @Test
  @Order(2)
  void fromOnePipelineFile() throws Exception {
    Checkout.Outcome outcome = run("Your own data", 0);
    assertThat(alreadyDone(outcome)).hasSize(5).containsOnly(true);
    assertThat(outcome.out()).startsWith("shard\n").contains("\nreport\n", "\nhistograms ");
  }

  @Test
  @Order(3)
  void jobByJob() throws Exception {
    Checkout.Outcome outcome = run("Your own data", 1);
    assertThat(outcome.results()).extracting(result -> result.get("job").asText()).isEqualTo(JOBS);
    assertThat(alreadyDone(outcome)).containsOnly(true);
  }

  @Test
  @Order(4)
  void dictionariesOfOtherLibraries() throws Exception {
    Checkout.Outcome outcome = run(Documents.of("exchange.md", "Both ways", "sh").get(0));
    assertThat(outcome.results())
        .extracting(result -> result.get("job").asText())
        .containsExactly("export", "import", "measure");
    assertThat(alreadyDone(outcome)).containsOnly(false);
  }

  @Test
  @Order(5)
  void queriesOfSpark() throws Exception {
    List<Documents.Block> queries =
        Documents.blocks().stream()
            .filter(block -> block.text().startsWith("-- Spark SQL"))
            .toList();
    assertThat(queries).isNotEmpty();
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate()) {
      for (Documents.Block query : queries) {
        List<Row> rows =
            spark.sql(put(query.text()).strip().replaceFirst(";$", "")).collectAsList();
        assertThat(rows).as(query.place()).isNotEmpty();
      }
    }
  }

  /** Runs a block of shell commands of the README. */
  private static Checkout.Outcome run(String heading, int index) throws Exception {
    return run(Documents.readme(heading, "sh").get(index));
  }

  private static Checkout.Outcome run(Documents.Block commands) throws Exception {
    String block = commands.text();
    Checkout.Outcome outcome =
        checkout.bash(
            Map.of("SPARK_LOCAL_IP", "127.0.0.1", "SPARK_SUBMIT_OPTS", DRIVER),
            "deploy/ontogeny() {\n"
                + "  if [ \"$1\" = train ]; then set -- \"$@\" --set 'training="
                + TRAINING
                + "'; fi\n"
                + "  command deploy/ontogeny \"$@\"\n"
                + "}\n"
                + put(block));
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    return outcome;
  }

  /** What a reader puts in. */
  private static String put(String text) {
    return text.replace("/data/", WORK + "/data/")
        .replace("/opt/spark", WORK + "/spark")
        .replace("spark://head:7077", String.valueOf(master));
  }

  private static List<Boolean> alreadyDone(Checkout.Outcome outcome) {
    return outcome.results().stream()
        .map(result -> result.get("already_done").asBoolean())
        .toList();
  }

  /** A Spark as it is installed, with a script in place of those that Maven's jars lack. */
  private static void sparkOfItsOwn() throws IOException {
    Path bin = Files.createDirectories(WORK.resolve("spark/bin"));
    Files.createSymbolicLink(WORK.resolve("spark/jars"), Checkout.sparkJars());
    Files.createFile(WORK.resolve("spark/RELEASE"));
    Path submit =
        Files.writeString(
            bin.resolve("spark-submit"),
            """
            #!/usr/bin/env bash
            set -euo pipefail
            export SPARK_HOME=$(cd "$(dirname "$0")/.." && pwd) SPARK_SCALA_VERSION=2.13
            mapfile -d '' -t command < <("$JAVA_HOME/bin/java" -cp "$SPARK_HOME/jars/*" \\
              org.apache.spark.launcher.Main org.apache.spark.deploy.SparkSubmit "$@")
            # It begins with an empty word and a line break.
            exec "${command[1]#$'\\n'}" "${command[@]:2}"
            """);
    assertThat(submit.toFile().setExecutable(true)).isTrue();
  }

  private static void daemon(String name, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(System.getProperty("ontogeny.jvm.args").split(" ")));
    command.addAll(List.of("-Xmx256m", "-cp", WORK.resolve("spark/jars") + "/*"));
    command.add("org.apache.spark.deploy." + name.toLowerCase(Locale.ROOT) + "." + name);
    command.addAll(List.of("--webui-port", "0"));
    if (name.equals("Worker")) {
      command.addAll(List.of("--work-dir", WORK.resolve("worker").toString()));
    }
    command.addAll(List.of(arguments));
    Path log = WORK.resolve(name + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(WORK.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("SPARK_HOME", WORK.resolve("spark").toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    DAEMONS.add(builder.start());
  }

  private static void awaitListening(int port) throws Exception {
    Instant last = Instant.now().plus(Duration.ofMinutes(1));
    while (!listens(port)) {
      assertThat(Instant.now()).as("patience with the master").isBefore(last);
      Thread.sleep(100);
    }
  }

  private static boolean listens(int port) {
    try {
      new Socket(InetAddress.getLoopbackAddress(), port).close();
      return true;
    } catch (IOException notYet) {
      return false;
    }
  }
}
