package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.kernel.cuda.CudaOnCpu;
import dev.ontogeny.run.Json;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * {@code deploy/standalone/cluster} and drivers inside of it: where spark-submit tells nothing of
 * how a command ended, {@code --outcome} does.
 */
class StandaloneIT {
  private static final Path WORK = ShippedJar.folder("StandaloneIT");
  private static final Path STATE = WORK.resolve("state");
  private static final String GPU_0 =
      "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"0\"]}'\n";
  private static Checkout checkout;
  private static String master;

  @BeforeAll
  static void up() throws Exception {
    checkout = Checkout.in(WORK.resolve("checkout"));
    Path source = Path.of(System.getProperty("ontogeny.root")).resolve("deploy/standalone");
    Path target = Files.createDirectories(checkout.root().resolve("deploy/standalone"));
    for (String file : new String[] {"cluster", "log4j2.properties"}) {
      Files.copy(source.resolve(file), target.resolve(file), StandardCopyOption.COPY_ATTRIBUTES);
    }
    CaptureFixture.write(
        WORK.resolve("capture"),
        "a",
        0,
        Form.HALF_LIST,
        Encoding.usual(),
        12,
        CaptureFixture.rows(20, 50, 12, 0));
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    // Each worker has a GPU, as a script says.
    Path script = Files.writeString(WORK.resolve("discover"), GPU_0);
    assertThat(script.toFile().setExecutable(true)).isTrue();
    Checkout.Outcome up =
        checkout.bash(
            Map.of(
                "SPARK_WORKER_OPTS",
                "-Dspark.worker.resource.gpu.amount=1 -Dspark.worker.resource.gpu.discoveryScript="
                    + script),
            "deploy/standalone/cluster up --workers 2 --cores 1 --memory 1800m --port "
                + port
                + " --state "
                + STATE);
    assertThat(up.exitCode()).as(up.error()).isZero();
    master = up.out().strip();
    assertThat(master).isEqualTo("spark://127.0.0.1:" + port);
  }

  @AfterAll
  static void down() throws Exception {
    Checkout.Outcome down = cluster("down --state " + STATE);
    assertThat(down.exitCode()).as(down.error()).isZero();
    assertThat(STATE.resolve("master.pid")).doesNotExist();
    assertThat(cluster("down --state " + STATE).error())
        .isEqualTo("cluster: usage: nothing is up in " + STATE + "\n");
  }

  @Test
  void aDriverInsideOfTheClusterLeavesItsOutcome() throws Exception {
    Path done = WORK.resolve("outcomes/done.json");
    JsonNode outcome = submit("dataset", done, "");
    assertThat(outcome.path("exit_code").asInt(-1)).isZero();
    assertThat(outcome.at("/results/0/output").asText())
        .isEqualTo(WORK.resolve("dataset").toString());
    assertThat(WORK.resolve("dataset/_manifest.json")).exists();

    JsonNode wrong = submit("none", WORK.resolve("outcomes/wrong.json"), " --set shards=0");
    assertThat(wrong.path("exit_code").asInt()).isEqualTo(2);
    assertThat(wrong.at("/failure/kind").asText()).isEqualTo("settings");
    assertThat(wrong.at("/failure/message").asText())
        .contains("shards must be null or between 1 and 1000000, got 0");
    assertThat(WORK.resolve("none")).doesNotExist();
  }

  private static JsonNode submit(String output, Path outcome, String more) throws Exception {
    // The driver finds file:// as it would s3a://, on whichever machine it runs.
    Path settings = Files.writeString(WORK.resolve("shard.conf"), "shard-bytes = 8MiB");
    checkout.bash(
        Map.of(),
        String.format(
            "deploy/ontogeny shard --config file://%s --set input=%s --set output=%s%s --outcome %s --master %s"
                + " --deploy-mode cluster --properties-file conf/spark/cluster.conf --driver-memory 700m"
                + " --executor-memory 700m --executor-cores 1 --conf spark.ui.enabled=false"
                + " --conf spark.standalone.submit.waitAppCompletion=true",
            settings, WORK.resolve("capture"), WORK.resolve(output), more, outcome, master));
    assertThat(outcome).exists();
    return Json.read(Files.readString(outcome), JsonNode.class, outcome.toString());
  }

  /** The device is a processor; workers hand it out and executors call it as they would a GPU. */
  @Test
  void trainsOnTheGpusOfItsWorkers() throws Exception {
    Optional<Path> libraries = CudaOnCpu.folder(WORK.resolve("cuda"));
    assumeTrue(libraries.isPresent(), "there is no C++ compiler on this machine");
    Path dataset = WORK.resolve("dataset-of-gpus");
    Path dictionaries = WORK.resolve("dictionaries-of-gpus");
    for (String command :
        List.of(
            String.format("shard --set input=%s --set output=%s", WORK.resolve("capture"), dataset),
            String.format(
                "train --set dataset=%s --set output=%s --set 'dictionaries=[{type = top-k, width = 24, k = 3}]'"
                    + " --set replicas=2 --set training.tokens=2000 --set kernel=cuda",
                dataset, dictionaries))) {
      Path outcome = WORK.resolve("outcomes/gpu.json");
      Checkout.Outcome ran =
          checkout.bash(
              Map.of(),
              String.format(
                  "deploy/ontogeny %s --outcome %s --master %s --executor-memory 700m --executor-cores 1"
                      + " --conf spark.ontogeny.gpu=true --conf spark.executor.resource.gpu.amount=1"
                      + " --conf spark.executorEnv.ONTOGENY_CUDA_LIBRARIES=%s --conf spark.ui.enabled=false",
                  command, outcome, master, libraries.get()));
      assertThat(ran.exitCode()).as(ran.error()).isZero();
      assertThat(Json.read(Files.readString(outcome), JsonNode.class, "").path("exit_code").asInt())
          .isZero();
    }
    assertThat(Files.readString(dictionaries.resolve("_manifest.json")))
        .contains("cuda (a processor, sm_90; products in bf16, decided in fp32)");
  }

  @Test
  void whatIsWrongIsNamed() throws Exception {
    assertThat(cluster("up --workers 0").error())
        .isEqualTo("cluster: usage: --workers must be a whole number from 1 on, got '0'\n");
    assertThat(cluster("up --memory lots").error())
        .isEqualTo("cluster: usage: --memory must be a size such as 8g or 512m, got 'lots'\n");
    assertThat(cluster("worker head:7077").error())
        .isEqualTo(
            "cluster: usage: worker needs the master's address, spark://HOST:PORT, got 'head:7077'\n");
    assertThat(cluster("history --port 1").error())
        .isEqualTo(
            "cluster: usage: history needs the folder that runs leave their events in, got '--port'\n");
    assertThat(cluster("wrker").error())
        .isEqualTo(
            "cluster: usage: there is no command 'wrker'; the commands are up, down, master, worker and history\n");
    assertThat(cluster("up --state " + STATE).error())
        .startsWith("cluster: usage: a cluster is up already, of " + STATE);
    // A port that is taken: nothing stays behind.
    Path other = WORK.resolve("other");
    Checkout.Outcome taken = cluster("up --host 192.0.2.254 --port 7077 --state " + other);
    assertThat(taken.exitCode()).isEqualTo(4);
    assertThat(taken.error()).contains("cluster: resources: master did not come up, see above");
    assertThat(other.resolve("master.pid")).doesNotExist();
  }

  private static Checkout.Outcome cluster(String arguments) throws Exception {
    return checkout.bash(Map.of(), "deploy/standalone/cluster " + arguments);
  }
}
