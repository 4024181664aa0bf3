package dev.ontogeny.kernel.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelFixture.Sources;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.kernel.cuda.CudaOnCpu;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class CpuTrainingTest {
  private static TrainingSpecification specification(int width, int k, long deadWindow) {
    return KernelFixture.specification(TopK.of(k), width, 16, 1.0 / 32, deadWindow);
  }

  static Stream<Arguments> kinds() {
    return KernelFixture.kinds(6, 20, 1100).stream()
        .map(each -> Arguments.of(each.type(), each.sources()));
  }

  private static TrainingSpecification everything(TypeSettings type, int width, long deadWindow) {
    return new TrainingSpecification(
        width, type, 16, 1.0 / 32, deadWindow, new Optimiser(0.9, 0.999, 1e-8, 1, 0.01, 0.9));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void threadsDoNotChangeABit(TypeSettings type, Sources sources) {
    Dictionary initial = KernelFixture.dictionary(type, 37, 1100, sources, 61);
    List<TrainingKernel> kernels =
        IntStream.of(1, 2, 5)
            .mapToObj(
                threads ->
                    Kernels.provider("cpu", threads)
                        .training(everything(type, 1100, 500), initial, 300))
            .toList();
    for (int step = 0; step < 6; step++) {
      FloatMatrix batch = KernelFixture.batch(300 - step, 37, 200 + step);
      List<StepLosses> losses =
          kernels.stream().map(kernel -> kernel.step(batch, new StepSettings(1e-3f))).toList();
      assertThat(losses.get(1)).isEqualTo(losses.get(0));
      assertThat(losses.get(2)).isEqualTo(losses.get(0));
    }
    Dictionary first = kernels.get(0).snapshot();
    for (TrainingKernel kernel : kernels) {
      assertThat(kernel.snapshot().encoder()).isEqualTo(first.encoder());
      assertThat(kernel.snapshot().decoder()).isEqualTo(first.decoder());
      assertThat(kernel.snapshot().encoderBias()).isEqualTo(first.encoderBias());
      assertThat(kernel.snapshot().decoderBias()).isEqualTo(first.decoderBias());
      assertThat(kernel.snapshot().threshold()).isEqualTo(first.threshold());
      kernel.close();
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void restoredStateGoesOnWithTheSameBytes(TypeSettings type, Sources sources) {
    Dictionary initial = KernelFixture.dictionary(type, 20, 90, sources, 62);
    KernelProvider provider = Kernels.provider("cpu", 2);
    TrainingSpecification specification = everything(type, 90, 100);
    try (TrainingKernel undisturbed = provider.training(specification, initial, 64);
        TrainingKernel stopped = provider.training(specification, initial, 64);
        TrainingKernel resumed = provider.training(specification, initial, 64)) {
      for (int step = 0; step < 8; step++) {
        if (step == 4) {
          resumed.restore(stopped.state());
        }
        FloatMatrix batch = KernelFixture.batch(64, 20, 300 + step);
        StepSettings settings = new StepSettings(2e-3f);
        StepLosses expected = undisturbed.step(batch, settings);
        StepLosses actual = (step < 4 ? stopped : resumed).step(batch, settings);
        assertThat(actual).isEqualTo(expected);
      }
      assertThat(resumed.state()).containsAllEntriesOf(undisturbed.state());
      assertThat(resumed.snapshot().threshold()).isEqualTo(undisturbed.snapshot().threshold());
    }
  }

  /** Bytes; the weights alone are 256 KiB. */
  private static final long LITTLE = 16 * 1024;

  /** Work arrays are made before the first step; what is left are a few small objects. */
  @ParameterizedTest
  @MethodSource("kinds")
  void stepsAllocateNextToNothing(TypeSettings type, Sources sources) {
    Dictionary initial = KernelFixture.dictionary(type, 64, 512, sources, 63);
    TrainingSpecification specification =
        KernelFixture.specification(type, 512, 16, 1.0 / 32, 1_000_000);
    CpuMachine machine =
        new CpuMachine(
            new ScalarLoops(),
            "scalar",
            OneDnnProduct.factory(),
            OneDnnProduct.screening(),
            new Workers(1));
    try (TrainingKernel kernel = new CpuTraining(machine, specification, initial, 64)) {
      FloatMatrix batch = KernelFixture.batch(64, 64, 400);
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long thread = Thread.currentThread().getId();
      long perStep = Long.MAX_VALUE;
      // Small objects are on the heap until the compiler has seen the steps often enough.
      for (int tens = 0; tens < 50 && perStep >= LITTLE; tens++) {
        long before = threads.getThreadAllocatedBytes(thread);
        for (int step = 0; step < 10; step++) {
          kernel.step(batch, new StepSettings(1e-3f));
        }
        perStep = (threads.getThreadAllocatedBytes(thread) - before) / 10;
      }
      assertThat(perStep).isLessThan(LITTLE);
    }
  }

  @Test
  void gradientsThatAreNotFiniteShowInTheLoss() {
    Dictionary initial = KernelFixture.dictionary(8, 30, 3, 64);
    FloatMatrix batch = KernelFixture.batch(16, 8, 65);
    batch.values()[5] = Float.NaN;
    try (TrainingKernel kernel =
        Kernels.provider("cpu", 1).training(specification(30, 3, 1000), initial, 16)) {
      assertThat(kernel.step(batch, new StepSettings(1e-3f)).loss()).isNaN();
    }
  }

  /** Losses at steps 0, 40, 80, 120, 160, 199 of {@link #goldenRun}, in the order of the kinds. */
  private static final double[][] GOLDEN = {
    {0.82958, 0.41045, 0.31982, 0.28511, 0.24392, 0.23854},
    {1.06013, 0.47054, 0.37789, 0.3281, 0.29196, 0.27221},
    {1.07574, 0.50677, 0.37607, 0.33857, 0.28838, 0.2883},
    {2.0913, 0.53061, 0.43306, 0.40125, 0.37658, 0.39304},
    {1.91968, 0.51097, 0.42697, 0.39506, 0.37464, 0.38277},
    {1.91968, 1.68331, 1.60094, 1.52866, 1.58067, 1.50746},
    {2.0913, 6.7489, 6.1924, 6.3906, 6.44164, 6.43149},
    {1.95616, 0.53926, 0.45552, 0.41801, 0.39222, 0.39449},
    {2.15525, 0.60042, 0.49086, 0.45032, 0.41488, 0.41818},
    {1.71176, 1.02496, 0.79362, 0.72215, 0.58550, 0.62154},
    {2.10515, 1.89802, 1.67516, 1.48405, 1.26304, 1.20880}
  };

  static Stream<Arguments> goldenRuns() {
    List<TypeSettings> kinds =
        new ArrayList<>(KernelFixture.sparsities(4, 64).subList(0, GOLDEN.length - 1));
    // A crosscoder whose latents are gated by source.
    kinds.add(KernelFixture.crosscoders(4).get(2));
    return IntStream.range(0, GOLDEN.length)
        .boxed()
        .flatMap(
            kind ->
                Stream.of("reference", "cpu", "nd4j", "cuda")
                    // Two hundred steps take minutes on a processor that plays a GPU.
                    .filter(provider -> !provider.equals("cuda") || CudaOnCpu.real())
                    .map(
                        provider ->
                            Arguments.of(
                                provider,
                                kinds.get(kind),
                                kind < GOLDEN.length - 1 ? Sources.ONE : Sources.TWO,
                                GOLDEN[kind])));
  }

  /** Two hundred steps, pinned: whoever changes a method has to say so here. */
  @ParameterizedTest
  @MethodSource("goldenRuns")
  void goldenRun(String provider, TypeSettings type, Sources sources, double[] golden) {
    List<Double> curve = new ArrayList<>();
    try (TrainingKernel kernel =
        (provider.equals("cuda")
                ? CudaOnCpu.provider().orElseThrow()
                : Kernels.provider(provider, 2))
            .training(
                KernelFixture.specification(type, 64, 8, 1.0 / 32, 6000),
                type instanceof TopK
                    ? KernelFixture.dictionary(16, 64, 4, 66)
                    : KernelFixture.dictionary(type, 16, 64, sources, 66),
                128)) {
      for (int step = 0; step < 200; step++) {
        FloatMatrix batch = KernelFixture.batch(128, 16, 500 + step);
        StepSettings settings = new StepSettings(3e-3f, Math.min(1, step / 20.0), 1);
        StepLosses losses = kernel.step(batch, settings);
        if (step % 40 == 0 || step == 199) {
          curve.add(losses.loss());
        }
      }
    }
    assertThat(curve).hasSize(golden.length);
    for (int i = 0; i < golden.length; i++) {
      // Rounding may turn a near tie, which moves later steps a little.
      assertThat(curve.get(i))
          .as("loss %d of %s", i, curve)
          .isCloseTo(golden[i], within((1e-4 + 3e-3 * i) * Math.max(1, golden[i])));
    }
  }
}
