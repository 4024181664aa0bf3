package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TensorFile;
import dev.ontogeny.kernel.cuda.CudaOnCpu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * How GPUs are handed out, on executors of their own, where a script says that there are some. The
 * shipped jar's ND4J has no CUDA, so that a task that was given one refuses it by its address: it
 * neither works on the processor in silence nor goes on without. One is lent what looks like CUDA,
 * and works on it.
 */
class GpuIT {
  private static final Path WORK = ShippedJar.folder("GpuIT");
  private static final String REFUSED =
      "ontogeny: settings: GPU 7 was given to this task, and no kernel here can work on it: cuda: CUDA's driver is not on this machine: none of libcuda.so.1, libcuda.so; ONTOGENY_CUDA_LIBRARIES lists folders where to look; nd4j: ";
  private static final String REFUSED_BY_ND4J =
      "GPU 7 was given to this task, and ND4J here has no CUDA backend with a device (it runs by CpuBackend): build the jar with -Pcuda, or leave the GPUs out";
  private static Path script;

  @BeforeAll
  static void shard() throws IOException {
    CaptureFixture.write(
        WORK.resolve("capture"),
        "a",
        0,
        Form.HALF_LIST,
        Encoding.usual(),
        16,
        CaptureFixture.rows(60, 40, 16, 0));
    script = WORK.resolve("discover");
    Files.writeString(script, "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"7\"]}'\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
    // Stages that need none run where executors have some.
    ShippedJar.Outcome outcome =
        onExecutorsWithGpus(
                ShippedJar.job(
                    "shard",
                    "input=" + WORK.resolve("capture"),
                    "output=" + WORK.resolve("dataset")))
            .run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    outcome = train("cpu").executors(1, 1, 768).run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isZero();
  }

  private static ShippedJar train(String kernel) {
    return ShippedJar.job(
        "train",
        "dataset=" + WORK.resolve("dataset"),
        "output=" + WORK.resolve("dictionaries-" + kernel),
        "dictionaries=[{type = top-k, width = 24, k = 3}]",
        "replicas=1",
        "training.tokens=2000",
        "kernel=" + kernel);
  }

  /** On a machine that has a GPU, whether its executors get it from the start or not. */
  private static ShippedJar onMachineWithGpu(ShippedJar command) {
    return command
        .executors(1, 1, 768)
        .configure("spark.ontogeny.gpu", "true")
        .configure("spark.worker.resource.gpu.amount", "1")
        .configure("spark.worker.resource.gpu.discoveryScript", script.toString());
  }

  private static ShippedJar onExecutorsWithGpus(ShippedJar command) {
    return onMachineWithGpu(command)
        .configure("spark.executor.resource.gpu.amount", "1")
        .configure("spark.executor.resource.gpu.discoveryScript", script.toString());
  }

  private static void assertRefused(ShippedJar command, String failure) {
    ShippedJar.Outcome outcome = command.run(WORK);
    assertThat(outcome.failure()).as(outcome.error()).isEqualTo(failure);
    assertThat(outcome.exitCode()).isEqualTo(2);
  }

  @Test
  void trainingIsGivenTheGpuOfItsExecutor() {
    assertRefused(onExecutorsWithGpus(train("auto")), REFUSED + REFUSED_BY_ND4J);
  }

  @Test
  void encodingIsGivenTheGpuOfItsExecutor() {
    assertRefused(
        onExecutorsWithGpus(
            ShippedJar.job(
                "measure",
                "dataset=" + WORK.resolve("dataset"),
                "dictionaries=" + WORK.resolve("dictionaries-cpu"),
                "output=" + WORK.resolve("features"))),
        REFUSED + REFUSED_BY_ND4J);
  }

  @Test
  void executorsWithGpusComeWhenTheyAreNeeded() {
    assertRefused(
        onMachineWithGpu(train("nd4j"))
            .configure("spark.dynamicAllocation.enabled", "true")
            .configure("spark.dynamicAllocation.shuffleTracking.enabled", "true")
            .configure("spark.dynamicAllocation.initialExecutors", "0")
            .configure("spark.ontogeny.gpu.discoveryScript", script.toString()),
        "ontogeny: settings: " + REFUSED_BY_ND4J);
  }

  @Test
  void aGpuForEveryTaskWhereStagesCannotHaveTheirOwn() {
    assertRefused(
        onExecutorsWithGpus(train("auto")).configure("spark.task.resource.gpu.amount", "1"),
        REFUSED + REFUSED_BY_ND4J);
  }

  @Test
  void aKernelThatDoesNotUseIt() {
    assertRefused(
        onExecutorsWithGpus(train("reference")),
        "ontogeny: settings: kernel reference does not use the GPU that spark.ontogeny.gpu asks for: take auto, cuda or nd4j, or leave that out");
  }

  /** The device is a processor; all that calls it is what calls a GPU. */
  @Test
  void trainsAndMeasuresOnTheGpuThatItIsGiven() throws IOException {
    Optional<Path> libraries = CudaOnCpu.folder(WORK.resolve("cuda"));
    assumeTrue(libraries.isPresent(), "there is no C++ compiler on this machine");
    Path first = WORK.resolve("discover-first");
    Files.writeString(first, "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"0\"]}'\n");
    assertThat(first.toFile().setExecutable(true)).isTrue();
    List<ShippedJar> commands =
        List.of(
            train("auto"),
            ShippedJar.job(
                "measure",
                "dataset=" + WORK.resolve("dataset"),
                "dictionaries=" + WORK.resolve("dictionaries-auto"),
                "output=" + WORK.resolve("features-auto")));
    Path events = Files.createDirectories(WORK.resolve("events"));
    for (ShippedJar command : commands) {
      ShippedJar.Outcome outcome =
          onExecutorsWithGpus(command)
              .configure("spark.eventLog.enabled", "true")
              .configure("spark.eventLog.dir", events.toUri().toString())
              .configure("spark.eventLog.rolling.enabled", "false")
              .configure("spark.eventLog.compress", "false")
              .configure("spark.worker.resource.gpu.discoveryScript", first.toString())
              .configure("spark.executor.resource.gpu.discoveryScript", first.toString())
              .configure("spark.executorEnv.ONTOGENY_CUDA_LIBRARIES", libraries.get().toString())
              .run(WORK);
      assertThat(outcome.exitCode()).as(outcome.error()).isZero();
    }
    assertThat(stagesWithGpus(events, "train", "measure: encode and merge"))
        .as("what trains and what encodes")
        .isEqualTo(2);
    assertThat(stagesWithGpus(events, "measure: read", "measure: examples"))
        .as("what reads and what looks for examples")
        .isZero();
    // What it learnt is what the processor did, up to roundings.
    float[] expected = decoder("dictionaries-cpu");
    float[] found = decoder("dictionaries-auto");
    assertThat(found).hasSameSizeAs(expected);
    double product = 0;
    double squares = 0;
    double others = 0;
    for (int i = 0; i < found.length; i++) {
      product += (double) found[i] * expected[i];
      squares += (double) found[i] * found[i];
      others += (double) expected[i] * expected[i];
    }
    assertThat(product / Math.sqrt(squares * others)).isGreaterThan(0.999);
    assertThat(found).isNotEqualTo(expected);
  }

  /** Stages whose tasks had GPUs, of jobs whose descriptions begin so; there are such jobs. */
  private static int stagesWithGpus(Path events, String... jobs) throws IOException {
    ObjectMapper json = new ObjectMapper();
    int stages = 0;
    Set<String> seen = new HashSet<>();
    try (Stream<Path> files = Files.list(events)) {
      for (Path file : files.toList()) {
        for (String line : Files.readAllLines(file)) {
          JsonNode event = json.readTree(line);
          if (event.path("Event").asText().equals("SparkListenerStageSubmitted")) {
            String description = event.path("Properties").path("spark.job.description").asText("");
            for (String job : jobs) {
              if (description.startsWith(job)) {
                seen.add(job);
                // 0 is what all executors and tasks have.
                stages += event.path("Stage Info").path("Resource Profile Id").asInt() == 0 ? 0 : 1;
              }
            }
          }
        }
      }
    }
    assertThat(seen).containsExactlyInAnyOrder(jobs);
    return stages;
  }

  private static float[] decoder(String folder) throws IOException {
    try (Stream<Path> files = Files.walk(WORK.resolve(folder))) {
      Path file =
          files.filter(each -> each.toString().endsWith(".safetensors")).findFirst().orElseThrow();
      Folder holding = Folder.of(file.getParent().toString());
      try (TensorFile tensors = TensorFile.open(holding, file.getFileName().toString())) {
        return tensors.rows("W_dec", IntStream.range(0, 24).toArray()).values();
      }
    }
  }
}
