package dev.ontogeny.kernel.cpu;

import java.util.Arrays;

/**
 * How fast this machine can be at what every step has to do: the encoder's product alone, packed
 * weights times rows of a batch, by the libraries and threads that training uses, and a sweep
 * through memory that no cache holds. The best of some runs.
 *
 * @param singleGflops of the product in fp32
 * @param halfGflops of the product in bf16, 0 where the processor has no instructions for it
 * @param sweepGigabytes read per second
 */
public record MachineCeilings(double singleGflops, double halfGflops, double sweepGigabytes) {
  private static final int RUNS = 5;

  /** Floats of a sweep: 256 MiB. */
  private static final int FAR = 1 << 26;

  private static final int BLOCK = 1 << 20;

  /** Measures, in a second or a few. */
  public static MachineCeilings measure(int inputs, int width, int batch, int threads) {
    CpuMachine machine = CpuMachine.detect(threads);
    return new MachineCeilings(
        product(machine, machine.product(), inputs, width, batch),
        machine.screening() == null
            ? 0
            : product(machine, machine.screening(), inputs, width, batch),
        sweep(machine));
  }

  private static double product(
      CpuMachine machine, EncoderProduct.Factory factory, int inputs, int width, int batch) {
    int blockRows = CpuEncoder.blockRows(width, batch);
    int blocks = (batch + blockRows - 1) / blockRows;
    Workers workers = machine.workers();
    float[] rows = new float[blockRows * inputs];
    float[] weights = new float[Math.multiplyExact(width, inputs)];
    Arrays.fill(rows, 0.5f);
    Arrays.fill(weights, 0.5f);
    float[][] results = new float[workers.count()][blockRows * width];
    long best = Long.MAX_VALUE;
    try (EncoderProduct product = factory.create(inputs, width, blockRows, workers.count())) {
      workers.run(product.panels(), (worker, panel) -> product.pack(worker, panel, weights));
      for (int run = 0; run < RUNS; run++) {
        long start = System.nanoTime();
        workers.run(
            blocks,
            (worker, block) -> {
              product.load(worker, rows, 0, blockRows);
              for (int panel = 0; panel < product.panels(); panel++) {
                product.multiply(worker, panel, results[worker], product.first(panel), width);
              }
            });
        best = Math.min(best, System.nanoTime() - start);
      }
    }
    return 2.0 * blocks * blockRows * inputs * width / best;
  }

  private static double sweep(CpuMachine machine) {
    float[] far = new float[FAR];
    float[] sums = new float[FAR / BLOCK];
    long best = Long.MAX_VALUE;
    for (int run = 0; run < RUNS; run++) {
      long start = System.nanoTime();
      machine
          .workers()
          .run(
              sums.length,
              (worker, block) -> {
                int at = block * BLOCK;
                int half = BLOCK / 2;
                sums[block] = machine.loops().dot(far, at, far, at + half, half);
              });
      best = Math.min(best, System.nanoTime() - start);
    }
    return 4.0 * FAR / best;
  }
}
