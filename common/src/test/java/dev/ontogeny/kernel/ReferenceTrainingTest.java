package dev.ontogeny.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ReferenceTrainingTest {
  private static final TopKTraining PLAIN =
      new TopKTraining(24, 3, 0, 0, 1_000_000, 0.9, 0.999, 1e-8, 0);

  /** Without dead latents the loss is smooth almost everywhere: finite differences decide. */
  @Test
  void gradientsEqualFiniteDifferences() {
    Dictionary dictionary = KernelFixture.dictionary(6, 24, 3, 1);
    FloatMatrix batch = KernelFixture.batch(5, 6, 2);
    ReferenceTraining kernel = new ReferenceTraining(PLAIN, dictionary);
    kernel.gradients(batch);
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
            float value = values[at];
            float step = 1e-3f;
            values[at] = value + step;
            double above = loss(dictionary, batch);
            values[at] = value - step;
            double below = loss(dictionary, batch);
            values[at] = value;
            assertThat(gradients.get(name)[at])
                .as("%s[%d]", name, at)
                .isCloseTo((above - below) / (2 * step), org.assertj.core.data.Offset.offset(2e-4));
          }
        });
  }

  private static double loss(Dictionary dictionary, FloatMatrix batch) {
    return new ReferenceTraining(PLAIN, dictionary).gradients(batch).loss();
  }

  @Test
  void lossFallsAndDecoderStaysUnit() {
    ReferenceTraining kernel =
        new ReferenceTraining(
            TopKTraining.standard(48, 4, 12), KernelFixture.dictionary(12, 48, 4, 3));
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
      assertThat(squares).isCloseTo(1, org.assertj.core.data.Offset.offset(1e-5));
    }
  }

  @Test
  void restoredStateGoesOnWithTheSameBytes() {
    Dictionary initial = KernelFixture.dictionary(7, 20, 3, 4);
    TopKTraining specification = new TopKTraining(20, 3, 4, 0.03125, 20, 0.9, 0.999, 1e-8, 0.01);
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
          .isCloseTo(
              expected / 0.7f + dictionary.inputMean()[2],
              org.assertj.core.data.Offset.offset(1e-4));
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
