package dev.ontogeny.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.storage.RDDBlockId;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.Test;

class GpusTest {
  private static SparkConf conf(String... settings) {
    SparkConf conf = new SparkConf(false);
    for (int i = 0; i < settings.length; i += 2) {
      conf.set(settings[i], settings[i + 1]);
    }
    return conf;
  }

  private static SparkConf wanted(String... settings) {
    return conf(settings).set(Gpus.WANTED, "true");
  }

  private static Optional<ResourceProfile> profile(SparkConf conf) {
    return Gpus.profile(conf, "spark://host:7077", false);
  }

  private static void assertRefused(SparkConf conf, boolean oneProcess, String message) {
    assertThatThrownBy(() -> Gpus.profile(conf, "local[2]", oneProcess))
        .isInstanceOf(Failure.class)
        .hasMessage(message)
        .extracting(thrown -> ((Failure) thrown).kind())
        .isEqualTo(FailureKind.SETTINGS);
  }

  @Test
  void noneWhereNoneIsWanted() {
    assertThat(profile(conf("spark.executor.resource.gpu.amount", "1"))).isEmpty();
  }

  @Test
  void noneBesideWhereEveryTaskHasOne() {
    assertThat(profile(wanted("spark.task.resource.gpu.amount", "1"))).isEmpty();
  }

  @Test
  void oneOfTheExecutorsThatThereAre() {
    ResourceProfile profile =
        profile(wanted("spark.executor.resource.gpu.amount", "2", "spark.task.cpus", "3"))
            .orElseThrow();
    assertThat(profile.executorResourcesJMap()).isEmpty();
    assertThat(profile.taskResourcesJMap().get("gpu").amount()).isEqualTo(1);
    assertThat(profile.taskResourcesJMap().get("cpus").amount()).isEqualTo(3);
  }

  /** As large as other executors, and with a GPU for each task that fits. */
  @Test
  void oneOfExecutorsThatCome() {
    ResourceProfile profile =
        profile(
                wanted(
                    "spark.dynamicAllocation.enabled",
                    "true",
                    Gpus.DISCOVERY,
                    "/opt/discover",
                    "spark.executor.cores",
                    "8",
                    "spark.task.cpus",
                    "4",
                    "spark.executor.memory",
                    "20g",
                    "spark.executor.memoryOverhead",
                    "10g"))
            .orElseThrow();
    var executor = profile.executorResourcesJMap();
    assertThat(executor.get("gpu").amount()).isEqualTo(2);
    assertThat(executor.get("gpu").discoveryScript()).isEqualTo("/opt/discover");
    assertThat(executor.get("cores").amount()).isEqualTo(8);
    assertThat(executor.get("memory").amount()).isEqualTo(20 * 1024);
    assertThat(executor.get("memoryOverhead").amount()).isEqualTo(10 * 1024);
  }

  @Test
  void whatNobodyCanHandOutIsRefused() {
    assertRefused(
        wanted(),
        true,
        "spark.ontogeny.gpu asks for a GPU for each task, and only a cluster's manager hands them out: master is local[2]; leave it out where there is one process, or take a cluster");
    assertRefused(
        wanted(),
        false,
        "spark.ontogeny.gpu asks for a GPU for each task, and executors have none: set spark.executor.resource.gpu.amount, or spark.dynamicAllocation.enabled, with which executors that have some come when they are needed");
    assertRefused(
        wanted("spark.dynamicAllocation.enabled", "true"),
        false,
        "spark.ontogeny.gpu with spark.dynamicAllocation.enabled asks for executors that have GPUs, and these are found by a script: set spark.ontogeny.gpu.discoveryScript (deploy/gpu/discover)");
    assertRefused(
        wanted("spark.task.resource.gpu.amount", "0.5"),
        false,
        "spark.task.resource.gpu.amount is 0.5, so that tasks would share a GPU, and each fills one: set it to 1");
  }

  /**
   * One that is lost before, and one while it is read; whoever reads holds nothing to make it by.
   */
  @Test
  void whatIsLostIsMadeAgainBeforeItIsRead() {
    SparkConf conf =
        conf("spark.master", "local[2]", "spark.app.name", "GpusTest", "spark.ui.enabled", "false");
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      LongAccumulator made = spark.sc().longAccumulator();
      JavaRDD<Integer> left =
          spark
              .parallelize(List.of(1, 2, 3, 4), 4)
              .map(
                  each -> {
                    made.add(1);
                    return 10 * each;
                  })
              .persist(StorageLevel.DISK_ONLY());
      assertThat(left.count()).isEqualTo(4);
      lose(left, 2);
      AtomicInteger attempts = new AtomicInteger();
      List<Integer> read =
          Gpus.reading(
              left,
              those -> {
                if (attempts.getAndIncrement() == 0) {
                  lose(left, 0);
                }
                assertThat(those.rdd().dependencies().isEmpty()).isTrue();
                return those.collect();
              });
      assertThat(read).containsExactly(10, 20, 30, 40);
      assertThat(attempts.get()).isEqualTo(2);
      assertThat(made.value()).isEqualTo(6);
      // What fails for another reason fails once.
      assertThatThrownBy(
              () ->
                  Gpus.reading(
                      left,
                      those -> {
                        throw new IllegalStateException("of its own");
                      }))
          .hasMessage("of its own");
    }
  }

  private static void lose(JavaRDD<?> left, int part) {
    SparkEnv.get().blockManager().removeBlock(new RDDBlockId(left.id(), part), true);
  }
}
