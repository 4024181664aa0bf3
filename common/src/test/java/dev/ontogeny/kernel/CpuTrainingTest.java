package dev.ontogeny.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CpuTrainingTest {
  private static TopKTraining specification(int width, int k, long deadWindow) {
    return new TopKTraining(width, k, 16, 1.0 / 32, deadWindow, 0.9, 0.999, 1e-8, 1);
  }

  @Test
  void threadsDoNotChangeABit() {
    Dictionary initial = KernelFixture.dictionary(37, 1100, 6, 61);
    List<TrainingKernel> kernels =
        IntStream.of(1, 2, 5)
            .mapToObj(
                threads ->
                    Kernels.provider("cpu", threads)
                        .training(specification(1100, 6, 500), initial, 300))
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
      kernel.close();
    }
  }

  @Test
  void restoredStateGoesOnWithTheSameBytes() {
    Dictionary initial = KernelFixture.dictionary(20, 90, 5, 62);
    KernelProvider provider = Kernels.provider("cpu", 2);
    try (TrainingKernel undisturbed = provider.training(specification(90, 5, 100), initial, 64);
        TrainingKernel stopped = provider.training(specification(90, 5, 100), initial, 64);
        TrainingKernel resumed = provider.training(specification(90, 5, 100), initial, 64)) {
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
    }
  }

  /** Work arrays are made before the first step; what is left are a few small objects. */
  @Test
  void stepsAllocateNextToNothing() {
    Dictionary initial = KernelFixture.dictionary(64, 1024, 8, 63);
    CpuMachine machine =
        new CpuMachine(new ScalarLoops(), "scalar", OneDnnProduct.factory(), new Workers(1));
    try (TrainingKernel kernel =
        new CpuTraining(machine, specification(1024, 8, 1_000_000), initial, 256)) {
      FloatMatrix batch = KernelFixture.batch(256, 64, 400);
      for (int step = 0; step < 3; step++) {
        kernel.step(batch, new StepSettings(1e-3f));
      }
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
      for (int step = 0; step < 10; step++) {
        kernel.step(batch, new StepSettings(1e-3f));
      }
      long perStep =
          (threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before) / 10;
      // The weights alone are 512 KiB.
      assertThat(perStep).isLessThan(16 * 1024);
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

  /** Losses at steps 0, 40, 80, 120, 160, 199 of {@link #goldenRun}. */
  private static final double[] GOLDEN = {0.82958, 0.41045, 0.31982, 0.28511, 0.24392, 0.23854};

  /** Two hundred steps, pinned: whoever changes the method has to say so here. */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "nd4j"})
  void goldenRun(String provider) {
    List<Double> curve = new ArrayList<>();
    try (TrainingKernel kernel =
        Kernels.provider(provider, 2)
            .training(
                new TopKTraining(64, 4, 8, 1.0 / 32, 6000, 0.9, 0.999, 1e-8, 1),
                KernelFixture.dictionary(16, 64, 4, 66),
                128)) {
      for (int step = 0; step < 200; step++) {
        FloatMatrix batch = KernelFixture.batch(128, 16, 500 + step);
        StepLosses losses = kernel.step(batch, new StepSettings(3e-3f));
        if (step % 40 == 0 || step == 199) {
          curve.add(losses.loss());
        }
      }
    }
    assertThat(curve).hasSize(GOLDEN.length);
    for (int i = 0; i < GOLDEN.length; i++) {
      // Rounding may turn a near tie, which moves later steps a little.
      assertThat(curve.get(i))
          .as("loss %d of %s", i, curve)
          .isCloseTo(GOLDEN[i], within(1e-4 + 2e-3 * i));
    }
  }
}
