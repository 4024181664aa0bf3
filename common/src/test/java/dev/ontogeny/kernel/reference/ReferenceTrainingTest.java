package dev.ontogeny.kernel.reference;

import static dev.ontogeny.kernel.KernelFixture.FULL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelFixture.Sources;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.kernel.cpu.CpuMachine;
import dev.ontogeny.kernel.cpu.CpuTraining;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.Relu;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ReferenceTrainingTest {
  static Stream<Arguments> kinds() {
    return KernelFixture.kinds(3, 6, 24).stream()
        .map(each -> Arguments.of(each.type(), each.sources()));
  }

  private static TrainingSpecification plain(TypeSettings type) {
    return KernelFixture.specification(type, 24, 0, 0, 1_000_000);
  }

  private static TrainingSpecification weighted(TypeSettings type, Sources sources) {
    return plain(type).withSourceWeights(sources.weights());
  }

  /**
   * Without dead latents the loss is smooth almost everywhere: finite differences decide. The
   * threshold's gradient is none of the loss, but of a rectangle: see the tests beside this one.
   */
  @ParameterizedTest
  @MethodSource("kinds")
  void gradientsEqualFiniteDifferences(TypeSettings type, Sources sources) {
    Dictionary dictionary = KernelFixture.dictionary(type, 6, 24, sources, 1);
    FloatMatrix batch = KernelFixture.batch(5, 6, 2);
    TrainingSpecification specification = weighted(type, sources);
    ReferenceTraining kernel = new ReferenceTraining(specification, dictionary);
    kernel.gradients(batch, FULL);
    Map<String, double[]> gradients = kernel.lastGradients();
    Map<String, float[]> tensors =
        Map.of(
            "W_enc", dictionary.encoder().values(),
            "b_enc", dictionary.encoderBias(),
            "W_dec", dictionary.decoder().values(),
            "b_dec", dictionary.decoderBias());
    tensors.forEach(
        (name, values) -> {
          for (int at = 0; at < values.length; at += 5) {
            if (absent(name, at, sources)) {
              assertThat(gradients.get(name)[at]).as("%s[%d]", name, at).isZero();
              continue;
            }
            float value = values[at];
            float step = 1e-3f;
            values[at] = value + step;
            double above = loss(specification, dictionary, batch);
            values[at] = value - step;
            double below = loss(specification, dictionary, batch);
            values[at] = value;
            double gradient = gradients.get(name)[at];
            assertThat(gradient)
                .as("%s[%d]", name, at)
                .isCloseTo((above - below) / (2 * step), within(2e-4 * (1 + Math.abs(gradient))));
          }
        });
  }

  /** Whether it is among what a transcoder from 3 columns to 3 others does not have. */
  private static boolean absent(String tensor, int at, Sources sources) {
    return sources == Sources.TRANSCODER
        && switch (tensor) {
          case "W_enc" -> at / 24 >= 3;
          case "W_dec" -> at % 6 < 3;
          case "b_dec" -> at < 3;
          default -> false;
        };
  }

  private static double loss(
      TrainingSpecification specification, Dictionary dictionary, FloatMatrix batch) {
    return new ReferenceTraining(specification, dictionary).gradients(batch, FULL).loss();
  }

  @Test
  void batchTopKSpendsItsBudgetExactlyAndWhereItCounts() {
    TypeSettings type = new BatchTopK(3, 0, 0.9);
    ReferenceTraining kernel =
        new ReferenceTraining(plain(type), KernelFixture.dictionary(type, 6, 24, Sources.ONE, 1));
    FloatMatrix batch = KernelFixture.batch(40, 6, 2);
    assertThat(kernel.gradients(batch, FULL).l0()).isEqualTo(3);
    float smallest = Float.POSITIVE_INFINITY;
    float largestLeft = 0;
    Set<Integer> counts = new HashSet<>();
    for (int row = 0; row < 40; row++) {
      int count = 0;
      for (int latent = 0; latent < 24; latent++) {
        float code = kernel.lastCodes()[row][latent];
        float pre = kernel.lastPreActivations()[row][latent];
        if (code == 0) {
          largestLeft = Math.max(largestLeft, pre);
        } else {
          assertThat(code).isEqualTo(pre);
          smallest = Math.min(smallest, code);
          count++;
        }
      }
      counts.add(count);
    }
    assertThat(smallest).isGreaterThanOrEqualTo(largestLeft);
    assertThat(counts).as("rows differ in how many they get").hasSizeGreaterThan(2);
    assertThat(kernel.snapshot().threshold()).containsOnly(smallest);
  }

  @Test
  void kIsAnnealed() {
    StepSettings half = new StepSettings(1e-3f, 1, 0.5);
    FloatMatrix batch = KernelFixture.batch(40, 6, 2);
    for (TypeSettings type : List.of(new TopK(2, 6, 0, 0), new BatchTopK(2, 6, 0.9))) {
      Dictionary dictionary = KernelFixture.dictionary(type, 6, 24, Sources.ONE, 1);
      try (CpuTraining fast = new CpuTraining(CpuMachine.detect(1), plain(type), dictionary, 40)) {
        assertThat(fast.gradients(batch, half).l0()).isEqualTo(4);
        assertThat(fast.gradients(batch, FULL).l0()).isEqualTo(2);
      }
      assertThat(new ReferenceTraining(plain(type), dictionary).gradients(batch, half).l0())
          .isEqualTo(4);
    }
  }

  /** What the paper's formulas say, for a latent of which all can be worked out by hand. */
  @Test
  void thresholdsLearnByTheRectangle() {
    // One latent, one input; pre = x. θ = 1, bandwidth 1: the window is 0.5 to 1.5.
    TypeSettings type =
        new JumpRelu(JumpRelu.Paid.STEP, JumpRelu.Gate.SHARED, 0.25, 1, 1, 1, 1, 1, 1);
    Dictionary dictionary =
        new Dictionary(
            type.type(),
            List.of(new Source("site", 0, 1)),
            0,
            new FloatMatrix(1, 1, new float[] {1}),
            new float[1],
            new FloatMatrix(1, 1, new float[] {1}),
            new float[1],
            new float[1],
            new float[] {1},
            new float[] {1});
    TrainingSpecification specification = KernelFixture.specification(type, 1, 0, 0, 100);
    // Codes 0, 0, 1.25, 2, 0; residuals 0.75 and -1 where it does not fire; the mean is 0.6.
    FloatMatrix batch = new FloatMatrix(5, 1, new float[] {0.25f, 0.75f, 1.25f, 2, -1.25f});
    ReferenceTraining kernel = new ReferenceTraining(specification, dictionary);
    double variance = 0.0625 + 0.5625 + 1.5625 + 4 + 1.5625 - 5 * 0.36;
    double error = 0.0625 + 0.5625 + 1.5625;
    StepLosses losses = kernel.gradients(batch, FULL);
    assertThat(losses.l0()).isEqualTo(0.4);
    assertThat(losses.fvu()).isCloseTo(error / variance, within(1e-9));
    assertThat(losses.loss()).isCloseTo((error + 0.25 * 2) / variance, within(1e-9));
    // Of 0.75 (residual 0.75) and 1.25 (residual 0): −θ/w · ∂L/∂f − λ/w each, times θ.
    double expected = (-(-2 * 0.75) - 0.25 * 2) / variance;
    assertThat(kernel.lastGradients().get("log_threshold")[0]).isCloseTo(expected, within(1e-9));
  }

  /** Dead latents point at badly reconstructed inputs, and fire again. */
  @Test
  void deadLatentsStartAgain() {
    TypeSettings type = new Relu(0.01, Relu.Form.UNIT_NORM, 96);
    Dictionary dictionary = KernelFixture.dictionary(type, 6, 24, Sources.ONE, 9);
    for (int latent = 0; latent < 8; latent++) {
      dictionary.encoderBias()[latent] = -1000;
    }
    TrainingSpecification specification = KernelFixture.specification(type, 24, 0, 0, 60);
    for (String provider : List.of("reference", "cpu")) {
      try (TrainingKernel kernel =
          Kernels.provider(provider, 1).training(specification, dictionary, 32)) {
        FloatMatrix batch = KernelFixture.batch(32, 6, 3);
        kernel.step(batch, FULL);
        assertThat(kernel.step(batch, FULL).deadShare()).isGreaterThanOrEqualTo(8 / 24.0);
        kernel.step(batch, FULL);
        assertThat(kernel.snapshot().encoderBias()[3]).as(provider).isZero();
        assertThat(kernel.step(batch, FULL).deadShare()).as(provider).isLessThan(8 / 24.0);
      }
    }
  }

  @Test
  void lossFallsAndDecoderStaysUnit() {
    ReferenceTraining kernel =
        new ReferenceTraining(
            TrainingSpecification.standard(48, 4, 12), KernelFixture.dictionary(12, 48, 4, 3));
    double first = 0;
    StepLosses last = null;
    for (int step = 0; step < 60; step++) {
      last = kernel.step(KernelFixture.batch(64, 12, step), new StepSettings(5e-3f));
      first = step == 0 ? last.loss() : first;
    }
    assertThat(last.fvu()).isLessThan(0.6 * first);
    assertThat(last.l0()).isBetween(1.0, 4.0);
    Dictionary trained = kernel.snapshot();
    for (int latent = 0; latent < 48; latent++) {
      double squares = 0;
      for (int i = 0; i < 12; i++) {
        squares += Math.pow(trained.decoder().at(latent, i), 2);
      }
      assertThat(squares).isCloseTo(1, within(1e-5));
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void restoredStateGoesOnWithTheSameBytes(TypeSettings type, Sources sources) {
    Dictionary initial = KernelFixture.dictionary(type, 7, 20, sources, 4);
    TrainingSpecification specification =
        new TrainingSpecification(
            20, type, 4, 0.03125, 20, new Optimiser(0.9, 0.999, 1e-8, 0.01, 0.1, 0.9));
    ReferenceTraining undisturbed = new ReferenceTraining(specification, initial);
    ReferenceTraining stopped = new ReferenceTraining(specification, initial);
    for (int step = 0; step < 6; step++) {
      undisturbed.step(KernelFixture.batch(13, 7, step), new StepSettings(1e-2f));
    }
    for (int step = 0; step < 3; step++) {
      stopped.step(KernelFixture.batch(13, 7, step), new StepSettings(1e-2f));
    }
    ReferenceTraining resumed = new ReferenceTraining(specification, initial);
    resumed.restore(stopped.state());
    for (int step = 3; step < 6; step++) {
      resumed.step(KernelFixture.batch(13, 7, step), new StepSettings(1e-2f));
    }
    assertThat(resumed.snapshot().encoder()).isEqualTo(undisturbed.snapshot().encoder());
    assertThat(resumed.snapshot().decoder()).isEqualTo(undisturbed.snapshot().decoder());
    assertThat(resumed.snapshot().threshold()).isEqualTo(undisturbed.snapshot().threshold());
    assertThat(resumed.state()).containsAllEntriesOf(undisturbed.state());
  }

  @Test
  void encodesWhatItDecodes() {
    Dictionary dictionary = KernelFixture.dictionary(9, 30, 5, 5);
    FloatMatrix batch = KernelFixture.batch(11, 9, 6);
    SparseCodes codes = new SparseCodes(30);
    FloatMatrix back = FloatMatrix.zeros(11, 9);
    try (EncodingKernel kernel = Kernels.provider("reference", 1).encoding(dictionary, 16)) {
      kernel.encode(batch, codes);
      kernel.decode(codes, back);
    }
    for (int row = 0; row < 11; row++) {
      int start = codes.starts()[row];
      int end = codes.starts()[row + 1];
      assertThat(end - start).isBetween(1, 5);
      for (int at = start; at < end; at++) {
        assertThat(codes.values()[at]).isPositive();
        assertThat(at == start || codes.indices()[at] > codes.indices()[at - 1]).isTrue();
      }
      double expected = dictionary.decoderBias()[2];
      for (int at = start; at < end; at++) {
        expected += codes.values()[at] * dictionary.decoder().at(codes.indices()[at], 2);
      }
      assertThat((double) back.at(row, 2))
          .isCloseTo(expected / 0.7f + dictionary.inputMean()[2], within(1e-4));
    }
  }

  @Test
  void unknownProviderNamesThoseThereAre() {
    assertThatThrownBy(() -> Kernels.provider("gpu", 1))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("kernel must be one of auto")
        .hasMessageContaining("got 'gpu'");
  }
}
