package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.run.Seeds;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The parts of a step on one core, each with the megaflops and the megabytes that it moves per
 * second, beside two ceilings of the same run: {@code product} is the dense product alone, {@code
 * memory} a sum over an array that no cache holds. One operation is what 128 rows need; {@code
 * adam} is a pass over the weights of 512 latents.
 *
 * <pre>mvn -q -pl common test-compile && mvn -q -pl common exec:exec -Dexec.executable=java \
 *   -Dexec.classpathScope=test -Dexec.args="-cp %classpath org.openjdk.jmh.Main KernelBenchmark"
 * </pre>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "-Xmx3g"})
public class KernelBenchmark {
  private static final int ROWS = 128;

  /** Floats that no cache holds. */
  private static final int FAR = 1 << 27;

  /** Columns of an activation. */
  @Param({"128", "512"})
  public int inputs;

  /** Latents. */
  @Param({"4096", "8192"})
  public int width;

  /** Active latents of a row. */
  @Param({"32"})
  public int k;

  private final Loops loops = new SimdLoops();
  private EncoderProduct product;
  private RowSelection[] selections;
  private float[] encoder;
  private float[] decoder;
  private float[] first;
  private float[] second;
  private float[] gradient;
  private float[] rows;
  private float[] back;
  private float[] values;
  private float[] bias;
  private int[] latents;
  private float[] codes;
  private float[] pulled;
  private float[] far;

  /** Of work done, per second in the output. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Rates {
    /** Millions of floating-point operations. */
    public double megaflops;

    /** Millions of bytes read and written. */
    public double megabytes;

    void add(double operations, double bytes) {
      megaflops += operations / 1e6;
      megabytes += bytes / 1e6;
    }
  }

  /** Weights of unit length, rows of length √d, codes selected once. */
  @Setup(Level.Trial)
  public void prepare() {
    RandomGenerator random = Seeds.generator(0, "kernel benchmark");
    product = CpuMachine.detect(1).product().create(inputs, width, ROWS, 1);
    encoder = gaussian(random, width * inputs, 1 / Math.sqrt(inputs));
    decoder = encoder.clone();
    gradient = gaussian(random, width * inputs, 1e-3);
    first = new float[width * inputs];
    second = new float[width * inputs];
    rows = gaussian(random, ROWS * inputs, 1);
    back = new float[ROWS * inputs];
    bias = new float[width];
    values = new float[ROWS * width];
    latents = new int[ROWS * k];
    codes = new float[ROWS * k];
    pulled = new float[ROWS * k];
    selections = new RowSelection[ROWS];
    int[] candidates = new int[width];
    for (int row = 0; row < ROWS; row++) {
      selections[row] = new RowSelection(loops, width, k, candidates, null, 0);
    }
    for (int panel = 0; panel < product.panels(); panel++) {
      product.pack(0, panel, encoder);
    }
    product.load(0, rows, 0, ROWS);
    multiply();
    maxima();
    choose();
    far = new float[FAR];
  }

  private static float[] gaussian(RandomGenerator random, int size, double deviation) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }

  @TearDown(Level.Trial)
  public void close() {
    product.close();
  }

  private void multiply() {
    for (int panel = 0; panel < product.panels(); panel++) {
      product.multiply(0, panel, values, product.first(panel), width);
    }
  }

  private void maxima() {
    for (int row = 0; row < ROWS; row++) {
      RowSelection selection = selections[row];
      loops.biasAndMaxima(
          values, row * width, bias, 0, width, selection.depth(), selection.maxima(), 0);
    }
  }

  private int choose() {
    int found = 0;
    for (int row = 0; row < ROWS; row++) {
      int count = selections[row].select(values, row * width, k);
      selections[row].write(false, latents, codes, row * k);
      found += count;
    }
    return found;
  }

  /** Ceiling: how fast this core multiplies. */
  @Benchmark
  public float[] product(Rates rates) {
    multiply();
    rates.add(2.0 * ROWS * width * inputs, 4.0 * (width * inputs + ROWS * width));
    return values;
  }

  /** Ceiling: how fast this core reads memory. */
  @Benchmark
  public float memory(Rates rates) {
    float sum = loops.dot(far, 0, far, FAR / 2, FAR / 2);
    rates.add(FAR, 4.0 * FAR);
    return sum;
  }

  /** Weights as the product wants them. */
  @Benchmark
  public void packing(Rates rates) {
    for (int panel = 0; panel < product.panels(); panel++) {
      product.pack(0, panel, encoder);
    }
    rates.add(0, 2.0 * 4 * width * inputs);
  }

  /** Bias and group maxima of every pre-activation. */
  @Benchmark
  public Object groupMaxima(Rates rates) {
    maxima();
    rates.add(2.0 * ROWS * width, 2.0 * 4 * ROWS * width);
    return selections;
  }

  /** The k largest of every row, given the maxima. */
  @Benchmark
  public int selection(Rates rates) {
    rates.add(0, 4.0 * ROWS * width);
    return choose();
  }

  /** Reconstructions out of active latents. */
  @Benchmark
  public Object sparseDecode(Rates rates) {
    for (int row = 0; row < ROWS; row++) {
      int from = row * k;
      loops.weightedSum(decoder, inputs, latents, codes, from, from + k, true, back, row * inputs);
    }
    rates.add(2.0 * ROWS * k * inputs, 4.0 * ROWS * k * inputs);
    return back;
  }

  /** Gradients of the codes: decoder rows · residual. */
  @Benchmark
  public Object codeGradients(Rates rates) {
    for (int row = 0; row < ROWS; row++) {
      int from = row * k;
      loops.dots(decoder, inputs, latents, from, from + k, rows, row * inputs, pulled);
    }
    rates.add(2.0 * ROWS * k * inputs, 4.0 * ROWS * k * inputs);
    return pulled;
  }

  /** Adam on the weights of 512 latents, one matrix. */
  @Benchmark
  public Object adam(Rates rates) {
    AdamStep step = new AdamStep(0.9f, 0.999f, 1e-8f, 1e-6f, 1);
    for (int latent = 0; latent < 512; latent++) {
      int at = latent * inputs;
      loops.adam(encoder, first, second, at, gradient, at, inputs, 1, step);
    }
    rates.add(12.0 * 512 * inputs, 7.0 * 4 * 512 * inputs);
    return encoder;
  }
}
