package dev.ontogeny.kernel;

import java.util.function.Supplier;

/** The choice between the two forms of a loop: with jdk.incubator.vector, or in plain Java. */
public final class SimdOrPlain {
  private SimdOrPlain() {}

  /**
   * The vector form, or the plain one where this JVM lacks the module or the form does not know the
   * width of its vectors. Lambdas and not references to constructors: those are linked before this
   * is called, where a missing module would not be caught.
   */
  public static <T> T or(Supplier<T> vector, Supplier<T> plain) {
    try {
      return vector.get();
    } catch (LinkageError | UnsupportedOperationException e) {
      return plain.get();
    }
  }
}
