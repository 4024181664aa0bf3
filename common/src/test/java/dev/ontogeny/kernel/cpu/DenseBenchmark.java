package dev.ontogeny.kernel.cpu;

import com.sun.management.OperatingSystemMXBean;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.Transposition;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.Relu;
import dev.ontogeny.type.TypeSettings;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;

/**
 * From which active share of a batch dense products are faster than gathering: milliseconds of
 * processor time for a step's gradients both ways, for inputs of Gaussian noise and a bias that
 * leaves the share wanted. {@link DenseCodes#BREAK_EVEN} comes from here.
 *
 * <pre>mvn -q -pl common test-compile && mvn -q -pl common exec:exec -Dexec.executable=java \
 *   -Dexec.classpathScope=test \
 *   -Dexec.args="--add-modules jdk.incubator.vector -Xmx4g -cp %classpath dev.ontogeny.kernel.cpu.DenseBenchmark"
 * </pre>
 */
public final class DenseBenchmark {
  private static final double[] SHARES = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5};

  private DenseBenchmark() {}

  /** Prints one line for each shape and share. */
  public static void main(String[] arguments) {
    for (int[] shape :
        new int[][] {{512, 128, 4096, 1}, {512, 512, 8192, 1}, {512, 128, 4096, 6}}) {
      for (double share : SHARES) {
        double sparse = milliseconds(shape, share, 2);
        double dense = milliseconds(shape, share, 0);
        System.out.printf(
            Locale.ROOT,
            "batch %d d %d F %d sources %d active %.2f: sparse %.0f ms, dense %.0f ms, ratio %.2f%n",
            shape[0],
            shape[1],
            shape[2],
            shape[3],
            share,
            sparse,
            dense,
            sparse / dense);
      }
    }
  }

  /** The median of some steps. */
  private static double milliseconds(int[] shape, double share, double denseFrom) {
    int rows = shape[0];
    int inputs = shape[1] * shape[3];
    int width = shape[2];
    RandomGenerator random = Seeds.generator(1, "dense benchmark");
    float[] encoder = gaussian(random, width * inputs, 1 / Math.sqrt(inputs));
    float[] rowValues = gaussian(random, rows * inputs, 1);
    List<Source> sources = new ArrayList<>();
    float[] scales = new float[shape[3]];
    for (int s = 0; s < shape[3]; s++) {
      sources.add(new Source("site", s, shape[1]));
      scales[s] = 1;
    }
    // Pre-activations are standard normal: thresholds at the quantile leave the share.
    TypeSettings type =
        shape[3] == 1
            ? new Relu(0.1, Relu.Form.NORM_WEIGHTED, 0)
            : new JumpRelu(
                JumpRelu.Paid.TANH_QUADRATIC,
                JumpRelu.Gate.PER_SOURCE,
                0.1,
                1,
                4,
                0.01,
                1e-3,
                1,
                1);
    float[] bias = new float[width];
    Arrays.fill(bias, (float) -quantile(random, 1 - share));
    float[] threshold = new float[!type.type().activation().tensors().isEmpty() ? width : 0];
    Arrays.fill(threshold, 1e-3f);
    Dictionary dictionary =
        new Dictionary(
            type.type(shape[3]),
            sources,
            0,
            new FloatMatrix(
                inputs, width, Transposition.of(new FloatMatrix(width, inputs, encoder))),
            bias,
            new FloatMatrix(width, inputs, encoder),
            new float[inputs],
            new float[inputs],
            scales,
            threshold);
    TrainingSpecification specification =
        new TrainingSpecification(width, type, 0, 0, 1_000_000, Optimiser.standard());
    double[] times = new double[7];
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    try (CpuTraining kernel =
        new CpuTraining(CpuMachine.detect(2), specification, dictionary, rows)) {
      kernel.denseFrom(denseFrom);
      FloatMatrix batch = new FloatMatrix(rows, inputs, rowValues);
      for (int run = -3; run < times.length; run++) {
        long start = system.getProcessCpuTime();
        kernel.gradients(batch, new StepSettings(1e-4f));
        if (run >= 0) {
          times[run] = (system.getProcessCpuTime() - start) / 1e6;
        }
      }
    }
    Arrays.sort(times);
    return times[times.length / 2];
  }

  private static double quantile(RandomGenerator random, double share) {
    double[] draws = new double[100_000];
    for (int i = 0; i < draws.length; i++) {
      draws[i] = random.nextGaussian();
    }
    Arrays.sort(draws);
    return draws[(int) (share * draws.length)];
  }

  private static float[] gaussian(RandomGenerator random, int size, double deviation) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }
}
