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
}
