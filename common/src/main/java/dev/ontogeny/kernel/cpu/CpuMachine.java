package dev.ontogeny.kernel.cpu;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the {@code cpu} provider runs on: loops, product and threads, chosen once and named with the
 * reason.
 *
 * @param product in fp32
 * @param screening in bf16, where the processor has instructions for it; else null
 */
public record CpuMachine(
    Loops loops,
    String loopsReason,
    EncoderProduct.Factory product,
    EncoderProduct.Factory screening,
    Workers workers) {
  private static final Logger LOG = LoggerFactory.getLogger(CpuMachine.class);

  /**
   * A core with vectors of 256 bits should pass this; far less means a library that does not know
   * the processor.
   */
  private static final double EXPECTED_GFLOPS = 20;

  private static final AtomicBoolean MEASURED = new AtomicBoolean();

  /** The fastest there is here. */
  public static CpuMachine detect(int threads) {
    Loops loops = Loops.fastest();
    String reason =
        loops instanceof ScalarLoops
            ? loops.name() + ", since this Java has no jdk.incubator.vector"
            : loops.name();
    CpuMachine machine =
        new CpuMachine(loops, reason, product(loops), bf16(), new Workers(threads));
    machine.measure();
    return machine;
  }

  private static EncoderProduct.Factory product(Loops loops) {
    try {
      return OneDnnProduct.factory();
    } catch (LinkageError e) {
      LOG.info("oneDNN has no native library here: {}", e.getMessage());
    }
    try {
      return OpenBlasProduct.factory();
    } catch (LinkageError e) {
      LOG.warn("neither oneDNN nor OpenBLAS has a native library here: {}", e.getMessage());
    }
    return JavaProduct.factory(loops);
  }

  private static EncoderProduct.Factory bf16() {
    try {
      return OneDnnProduct.screening();
    } catch (LinkageError e) {
      // Told by product() already.
      return null;
    }
  }

  /** The same without screening. */
  public CpuMachine exact() {
    return new CpuMachine(loops, loopsReason, product, null, workers);
  }

  /** For people and provenance. */
  public String name() {
    String products =
        screening == null ? product.name() : product.name() + ", screened by " + screening.name();
    return "cpu (" + products + "; " + loopsReason + ")";
  }

  /** Logs the rate of the product on one core once, so that a crippled library is seen. */
  private void measure() {
    if (MEASURED.getAndSet(true)) {
      return;
    }
    int inputs = 256;
    int rows = 128;
    int width = EncoderProduct.PANEL;
    float[] values = new float[width * inputs];
    Arrays.fill(values, 0.5f);
    float[] results = new float[rows * width];
    long best = Long.MAX_VALUE;
    try (EncoderProduct trial = product.create(inputs, width, rows, 1)) {
      trial.pack(0, 0, values);
      trial.load(0, values, 0, rows);
      for (int i = 0; i < 8; i++) {
        long start = System.nanoTime();
        trial.multiply(0, 0, results, 0, width);
        best = Math.min(best, System.nanoTime() - start);
      }
    }
    double gflops = 2.0 * rows * width * inputs / best;
    LOG.info(
        "kernel {}: product at {} GFLOP/s on one core, {} threads",
        name(),
        Math.round(gflops),
        workers.count());
    if (gflops < EXPECTED_GFLOPS) {
      LOG.warn(
          "the product reaches {} GFLOP/s where {} and more are usual: the library may not know this processor"
              + " (OpenBLAS: set OPENBLAS_CORETYPE), or the machine is busy",
          Math.round(gflops),
          Math.round(EXPECTED_GFLOPS));
    }
  }
}
