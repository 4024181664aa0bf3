package dev.ontogeny.kernel;

import dev.ontogeny.run.Failure;

/** The one way to a provider. */
public final class Kernels {
  private Kernels() {}

  /**
   * The provider of that name.
   *
   * @param name {@code auto} for the fastest here, {@code cpu} for native products and SIMD, or
   *     {@code reference}: plain Java, readable, slow
   * @param threads how many threads its kernels may use; results do not depend on it
   */
  public static KernelProvider provider(String name, int threads) {
    if (threads < 1) {
      throw Failure.settings("a kernel needs at least 1 thread, got %d", threads);
    }
    return switch (name) {
      case "auto", "cpu" -> new CpuProvider(CpuMachine.detect(threads));
      case "reference" -> new ReferenceProvider();
      default ->
          throw Failure.settings("kernel must be one of auto, cpu, reference, got '%s'", name);
    };
  }
}
