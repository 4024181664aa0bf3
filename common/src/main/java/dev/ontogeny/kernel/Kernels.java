package dev.ontogeny.kernel;

import dev.ontogeny.kernel.cpu.CpuMachine;
import dev.ontogeny.kernel.cpu.CpuProvider;
import dev.ontogeny.kernel.cuda.CudaProvider;
import dev.ontogeny.kernel.nd4j.Nd4jProvider;
import dev.ontogeny.kernel.reference.ReferenceProvider;
import dev.ontogeny.run.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one way to a provider. */
public final class Kernels {
  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);

  /** Said once per process: every task asks. */
  private static final AtomicBoolean TOLD = new AtomicBoolean();

  private Kernels() {}

  /**
   * The provider of that name.
   *
   * @param name {@code cpu} for native products and SIMD, {@code cpu-fp32} for the same without
   *     screening in bf16, {@code cuda} for kernels of ours on a GPU, {@code nd4j} for ND4J's
   *     operations on its CPU or CUDA backend, {@code reference}: plain Java, readable, slow;
   *     {@code auto} is the first of {@code cuda}, {@code nd4j} on CUDA and {@code cpu} that is
   *     there
   * @param threads how many threads its kernels may use; results do not depend on it
   * @throws Failure of settings where there is no such provider, or what it needs is not there
   */
  public static KernelProvider provider(String name, int threads) {
    if (threads < 1) {
      throw Failure.settings("a kernel needs at least 1 thread, got %d", threads);
    }
    return switch (name) {
      case "auto" -> automatic(threads);
      case "cpu" -> new CpuProvider(CpuMachine.detect(threads));
      case "cpu-fp32" -> new CpuProvider(CpuMachine.detect(threads).exact());
      case "cuda" -> new CudaProvider(0);
      case "nd4j" -> new Nd4jProvider(threads);
      case "reference" -> new ReferenceProvider();
      default ->
          throw Failure.settings(
              "kernel must be one of auto, cpu, cpu-fp32, cuda, nd4j, reference, got '%s'", name);
    };
  }

  private static KernelProvider automatic(int threads) {
    List<KernelProvider> there = new ArrayList<>();
    List<String> refusals = new ArrayList<>();
    addCuda(0, there, refusals);
    if (Nd4jProvider.onCuda()) {
      there.add(new Nd4jProvider(threads));
    } else {
      refusals.add("nd4j: ND4J here has no CUDA backend with a device");
    }
    there.add(provider("cpu", threads));
    KernelProvider chosen = there.get(0);
    if (TOLD.compareAndSet(false, true)) {
      LOG.info("kernel auto is {} ({})", chosen.name(), String.join("; ", refusals));
    }
    return chosen;
  }

  private static void addCuda(int number, List<KernelProvider> there, List<String> refusals) {
    try {
      there.add(new CudaProvider(number));
    } catch (Failure e) {
      refusals.add("cuda: " + e.getMessage());
    }
  }

  /** Whether a provider of that name works on a GPU where it is given one. */
  public static boolean canUseDevice(String name) {
    return name.equals("auto") || name.equals("cuda") || name.equals("nd4j");
  }

  /**
   * The provider of that name on a GPU that this thread was given, and on nothing else.
   *
   * @param name one that {@link #canUseDevice}
   * @param address as a cluster's manager names it: its number, or, of a part of one (MIG), what
   *     {@code CUDA_VISIBLE_DEVICES} lists
   * @throws Failure of settings where nothing here can work on it, with what each lacks
   */
  public static KernelProvider onDevice(String name, String address, int threads) {
    String visible = System.getenv("CUDA_VISIBLE_DEVICES");
    int number = Nd4jProvider.number(address, visible);
    if (name.equals("cuda")) {
      return new CudaProvider(number);
    } else if (name.equals("nd4j")) {
      Nd4jProvider.useDevice(address, visible);
      return new Nd4jProvider(threads);
    }
    List<KernelProvider> there = new ArrayList<>();
    List<String> refusals = new ArrayList<>();
    addCuda(number, there, refusals);
    try {
      Nd4jProvider.useDevice(address, visible);
      there.add(new Nd4jProvider(threads));
    } catch (Failure e) {
      refusals.add("nd4j: " + e.getMessage());
    }
    if (there.isEmpty()) {
      throw Failure.settings(
          "GPU %s was given to this task, and no kernel here can work on it: %s",
          address, String.join("; ", refusals));
    }
    LOG.info("kernel auto has GPU {}: {} {}", address, there.get(0).name(), refusals);
    return there.get(0);
  }

  /**
   * Whether a provider multiplies by latents that do not fire as well, for plans: {@code nd4j} has
   * no other way. Asks no device of {@code cuda}.
   */
  public static boolean codesAreDense(String name) {
    return name.equals("nd4j") || (name.equals("auto") && Nd4jProvider.onCuda());
  }

  /** Whether a provider of that name works on a GPU whenever it works. */
  public static boolean needsDevice(String name) {
    return name.equals("cuda") || (codesAreDense(name) && Nd4jProvider.onCuda());
  }

  /**
   * Floating-point operations of a provider for a row that a dictionary is trained on.
   *
   * @param size of a dictionary; its batch does not matter
   */
  public static double trainingOperations(
      String name, TrainingSpecification specification, TrainingSize size) {
    return codesAreDense(name)
        ? Nd4jProvider.operationsPerRow(specification, size)
        : specification.operationsPerRow(size.read(), size.reconstructed());
  }

  /**
   * Bytes that a provider holds for one dictionary while it trains it, about: of {@code cpu} on the
   * heap and beside it, of others on their device. Asks no device.
   */
  public static long trainingMemory(
      String name, TrainingSpecification specification, TrainingSize size) {
    if (name.equals("cuda")) {
      return CudaProvider.memory(specification, size);
    }
    return codesAreDense(name)
        ? Nd4jProvider.memory(specification, size)
        : CpuProvider.memory(specification, size);
  }
}
