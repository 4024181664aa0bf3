package dev.ontogeny.kernel;

/** Sums of products of floats with the loops of the {@code cpu} provider. */
public final class Dots {
  private static final Loops LOOPS = Loops.fastest();

  private Dots() {}

  /** Σ x[at + i] · y[yAt + i] over i below {@code n}, in fp32. */
  public static float of(float[] x, int at, float[] y, int yAt, int n) {
    return LOOPS.dot(x, at, y, yAt, n);
  }
}
