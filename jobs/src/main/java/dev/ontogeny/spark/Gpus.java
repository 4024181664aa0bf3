package dev.ontogeny.spark;

import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.run.Failure;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.BlockRDD;
import org.apache.spark.resource.ExecutorResourceRequests;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceRequests;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.RDDBlockId;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * GPUs for the stages that train or encode, by Spark's stage-level scheduling: their tasks get one
 * each, all other tasks none. Switched on by {@link #WANTED}; {@code conf/spark/gpu.conf} explains
 * what else it takes.
 */
public final class Gpus {
  /** Whether tasks that train or encode get a GPU each. */
  public static final String WANTED = "spark.ontogeny.gpu";

  /** Finds the GPUs of an executor that dynamic allocation asks for. */
  static final String DISCOVERY = "spark.ontogeny.gpu.discoveryScript";

  private static final String RESOURCE = "gpu";
  private static final String OF_EXECUTOR = "spark.executor.resource.gpu.amount";
  private static final String OF_TASK = "spark.task.resource.gpu.amount";

  /** How often what is lost is made again; a stage's own attempts are as many. */
  private static final int ATTEMPTS = 4;

  private static final Logger LOG = LoggerFactory.getLogger(Gpus.class);

  /** By address, the task of this process that has it. */
  private static final Map<String, Long> TAKEN = new ConcurrentHashMap<>();

  private Gpus() {}

  /**
   * The same work by tasks that have a GPU each, where GPUs are wanted.
   *
   * @throws Failure of settings where there is nobody to hand them out, or two tasks would share
   *     one
   */
  public static <T> JavaRDD<T> on(JavaRDD<T> work) {
    SparkConf conf = work.context().conf();
    return profile(conf, work.context().master(), work.context().isLocal())
        .map(work::withResources)
        .orElse(work);
  }

  /** What such tasks are given beyond what all are; nothing where none is wanted or all get one. */
  static Optional<ResourceProfile> profile(SparkConf conf, String master, boolean oneProcess) {
    if (!conf.getBoolean(WANTED, false)) {
      return Optional.empty();
    }
    if (oneProcess) {
      throw Failure.settings(
          "%s asks for a GPU for each task, and only a cluster's manager hands them out: master is %s; leave it out where there is one process, or take a cluster",
          WANTED, master);
    }
    if (conf.contains(OF_TASK)) {
      double share = conf.getDouble(OF_TASK, 1);
      if (share < 1) {
        throw Failure.settings(
            "%s is %s, so that tasks would share a GPU, and each fills one: set it to 1",
            OF_TASK, share);
      }
      // All tasks get one: for managers without stage-level scheduling.
      return Optional.empty();
    }
    ResourceProfileBuilder profile = new ResourceProfileBuilder();
    profile.require(
        new TaskResourceRequests().cpus(conf.getInt("spark.task.cpus", 1)).resource(RESOURCE, 1));
    if (conf.getBoolean("spark.dynamicAllocation.enabled", false)) {
      profile.require(executor(conf));
    } else if (conf.getInt(OF_EXECUTOR, 0) < 1) {
      throw Failure.settings(
          "%s asks for a GPU for each task, and executors have none: set %s, or spark.dynamicAllocation.enabled, with which executors that have some come when they are needed",
          WANTED, OF_EXECUTOR);
    }
    return Optional.of(profile.build());
  }

  /** What manifests say of the arithmetic of such tasks: the driver, which is asked, has no GPU. */
  public static String name(SparkConf conf, String kernel) {
    return conf.getBoolean(WANTED, false)
        ? kernel + " (a GPU for each task)"
        : Kernels.provider(kernel, 1).name();
  }

  /**
   * Work without GPUs on what tasks with GPUs left on disk. A stage that can make its input again
   * is one with GPUs; so that it holds none, it gets what is there and nothing else, and what was
   * lost with an executor is made again before.
   *
   * @param left by {@link #on}, persisted and computed once
   * @param work jobs that read it; done again where a part was lost meanwhile
   */
  public static <T, R> R without(JavaRDD<T> left, Function<JavaRDD<T>, R> work) {
    boolean held =
        profile(left.context().conf(), left.context().master(), left.context().isLocal())
            .isPresent();
    return held ? reading(left, work) : work.apply(left);
  }

  static <T, R> R reading(JavaRDD<T> left, Function<JavaRDD<T>, R> work) {
    BlockId[] blocks = new BlockId[left.getNumPartitions()];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = new RDDBlockId(left.id(), i);
    }
    for (int attempt = 1; ; attempt++) {
      if (isMissing(blocks)) {
        left.foreachPartition(each -> {});
      }
      try {
        return work.apply(
            new JavaRDD<>(
                new BlockRDD<>(left.context(), blocks, left.classTag()), left.classTag()));
      } catch (Exception e) {
        if (attempt == ATTEMPTS || !isMissing(blocks)) {
          throw e;
        }
        LOG.warn("what was encoded was lost in part ({}): it is made again", e.getMessage());
      }
    }
  }

  private static boolean isMissing(BlockId[] blocks) {
    var locations = SparkEnv.get().blockManager().master().getLocations(blocks);
    for (int i = 0; i < blocks.length; i++) {
      if (locations.apply(i).isEmpty()) {
        return true;
      }
    }
    return false;
  }

  /** As large as the others, with a GPU for each task that it can run. */
  private static ExecutorResourceRequests executor(SparkConf conf) {
    String script = conf.get(DISCOVERY, "");
    if (script.isEmpty()) {
      throw Failure.settings(
          "%s with spark.dynamicAllocation.enabled asks for executors that have GPUs, and these are found by a script: set %s (deploy/gpu/discover)",
          WANTED, DISCOVERY);
    }
    int cores = conf.getInt("spark.executor.cores", 1);
    ExecutorResourceRequests requests =
        new ExecutorResourceRequests()
            .cores(cores)
            .memory(conf.get("spark.executor.memory", "1g"))
            .resource(
                RESOURCE,
                Math.max(1, cores / conf.getInt("spark.task.cpus", 1)),
                script,
                conf.get("spark.ontogeny.gpu.vendor", ""));
    if (conf.contains("spark.executor.memoryOverhead")) {
      requests.memoryOverhead(conf.get("spark.executor.memoryOverhead"));
    }
    return requests;
  }

  /**
   * The provider of arithmetic for the thread of a task. A task that was given a GPU works on it;
   * of a run with GPUs one that was given none stays on the processor.
   *
   * @param kernel as the job's settings have it
   */
  public static KernelProvider provider(String kernel, int threads) {
    if (!SparkEnv.get().conf().getBoolean(WANTED, false)) {
      return Kernels.provider(kernel, threads);
    }
    ResourceInformation gpus = TaskContext.get().resourcesJMap().get(RESOURCE);
    if (gpus == null) {
      return Kernels.provider(Kernels.canUseDevice(kernel) ? "cpu" : kernel, threads);
    }
    if (!Kernels.canUseDevice(kernel)) {
      throw Failure.settings(
          "kernel %s does not use the GPU that %s asks for: take auto, cuda or nd4j, or leave that out",
          kernel, WANTED);
    }
    String address = gpus.addresses()[0];
    if (gpus.addresses().length > 1) {
      throw Failure.settings(
          "a task was given GPUs %s and uses one: set %s to 1",
          Arrays.toString(gpus.addresses()), OF_TASK);
    }
    take(address);
    return Kernels.onDevice(kernel, address, threads);
  }

  /** Until the end of the task. */
  private static void take(String address) {
    TaskContext task = TaskContext.get();
    long self = task.taskAttemptId();
    Long other = TAKEN.putIfAbsent(address, self);
    if (other == null) {
      task.addTaskCompletionListener(
          ended -> {
            TAKEN.remove(address, self);
          });
    } else if (other != self) {
      throw Failure.resources(
          "GPU %s is at work for task %d of the same executor, and was given to task %d as well: each task needs one of its own",
          address, other, self);
    }
  }
}
