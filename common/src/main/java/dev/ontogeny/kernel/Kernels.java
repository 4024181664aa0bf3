package dev.ontogeny.kernel;

import dev.ontogeny.kernel.cpu.CpuMachine;
import dev.ontogeny.kernel.cpu.CpuProvider;
import dev.ontogeny.kernel.nd4j.Nd4jProvider;
import dev.ontogeny.kernel.reference.ReferenceProvider;
import dev.ontogeny.run.Failure;

/** The one way to a provider. */
public final class Kernels {
  private Kernels() {}

  /**
   * The provider of that name.
   *
   * @param name {@code cpu} for native products and SIMD, {@code cpu-fp32} for the same without
   *     screening in bf16, {@code nd4j} for ND4J's operations on its CPU or CUDA backend, {@code
   *     reference}: plain Java, readable, slow; {@code auto} is {@code nd4j} where its backend is
   *     CUDA, else {@code cpu}
   * @param threads how many threads its kernels may use; results do not depend on it
   */
  public static KernelProvider provider(String name, int threads) {
    if (threads < 1) {
      throw Failure.settings("a kernel needs at least 1 thread, got %d", threads);
    }
    return switch (name) {
      case "auto" -> provider(Nd4jProvider.onCuda() ? "nd4j" : "cpu", threads);
      case "cpu" -> new CpuProvider(CpuMachine.detect(threads));
      case "cpu-fp32" -> new CpuProvider(CpuMachine.detect(threads).exact());
      case "nd4j" -> new Nd4jProvider(threads);
      case "reference" -> new ReferenceProvider();
      default ->
          throw Failure.settings(
              "kernel must be one of auto, cpu, cpu-fp32, nd4j, reference, got '%s'", name);
    };
  }

  /**
   * Lets {@code nd4j} work on a GPU, for the thread that calls.
   *
   * @param address as a cluster's manager names it: its number, or, of a part of one (MIG), what
   *     {@code CUDA_VISIBLE_DEVICES} lists
   */
  public static void useDevice(String address) {
    Nd4jProvider.useDevice(address, System.getenv("CUDA_VISIBLE_DEVICES"));
  }

  /**
   * Bytes that a provider holds for one dictionary while it trains it, about: of {@code cpu} on the
   * heap and beside it, of {@code nd4j} on its device. Asks no device.
   */
  public static long trainingMemory(
      String name, TrainingSpecification specification, TrainingSize size) {
    boolean nd4j = name.equals("nd4j") || (name.equals("auto") && Nd4jProvider.onCuda());
    return nd4j
        ? Nd4jProvider.memory(specification, size)
        : CpuProvider.memory(specification, size);
  }
}
