package dev.ontogeny.kernel.nd4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelFixture.Kind;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.MatryoshkaBatchTopK;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What comes to the device and stays there; the arithmetic is KernelTwinsTest's. */
final class Nd4jTrainingTest {
  private static final StepSettings SETTINGS = new StepSettings(1e-2f, 1, 1);

  static Stream<Kind> kinds() {
    return KernelFixture.kinds(3, 13, 70).stream();
  }

  private static TrainingKernel kernel(Kind kind) {
    Dictionary initial = KernelFixture.dictionary(kind.type(), 13, 70, kind.sources(), 5);
    TrainingSpecification specification =
        KernelFixture.specification(kind.type(), 70, 8, 1.0 / 32, 100)
            .withSourceWeights(kind.sources().weights());
    return new Nd4jProvider(2).training(specification, initial, 40);
  }

  /** Seven batches, the last of fewer rows. */
  private static List<FloatMatrix> batches() {
    List<FloatMatrix> batches = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      batches.add(KernelFixture.batch(40 - i / 6, 13, 700 + i));
    }
    return batches;
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aBatchThatComesBeforeItsStepGivesTheSameBytes(Kind kind) {
    List<FloatMatrix> batches = batches();
    try (TrainingKernel ahead = kernel(kind);
        TrainingKernel plain = kernel(kind)) {
      for (int i = 0; i < batches.size(); i++) {
        FloatMatrix next = i + 1 < batches.size() ? batches.get(i + 1) : null;
        assertThat(ahead.step(batches.get(i), SETTINGS, next))
            .isEqualTo(plain.step(batches.get(i), SETTINGS));
      }
      Map<String, float[]> state = plain.state();
      assertThat(ahead.state()).usingRecursiveComparison().isEqualTo(state);
    }
  }

  @Test
  void aBatchThatWasToldAndDoesNotComeIsForgotten() {
    Kind kind = kinds().findFirst().orElseThrow();
    List<FloatMatrix> batches = batches();
    try (TrainingKernel ahead = kernel(kind);
        TrainingKernel plain = kernel(kind)) {
      ahead.step(batches.get(0), SETTINGS, batches.get(1));
      ahead.step(batches.get(2), SETTINGS);
      plain.step(batches.get(0), SETTINGS);
      plain.step(batches.get(2), SETTINGS);
      // Its memory has another batch by now.
      Arrays.fill(batches.get(1).values(), 0.5f);
      ahead.step(batches.get(1), SETTINGS, batches.get(3));
      plain.step(batches.get(1), SETTINGS);
      assertThat(ahead.state()).usingRecursiveComparison().isEqualTo(plain.state());
    }
  }

  /** By hand, for 13 columns and 70 latents. */
  @Test
  void plansStateTheArithmeticOfTheKernel() {
    TrainingSize one = new TrainingSize(13, 13, 1, 40, 1);
    assertThat(operations("nd4j", TopK.of(3), one)).isEqualTo(2 * 70 * (2 * 13 + 3 * 13));
    assertThat(operations("cpu", TopK.of(3), one)).isEqualTo(2 * 13 * 70 + 2 * 3 * 4 * 13);
    assertThat(operations("cuda", TopK.of(3), one)).isEqualTo(operations("cpu", TopK.of(3), one));
    // A second code, that of a prefix of three, gates at each of two sources.
    assertThat(operations("nd4j", new TopK(3, 0, 12, 0.125), one))
        .isEqualTo(2 * 70 * (3 * 13 + 2 * 3 * 13));
    assertThat(operations("nd4j", new MatryoshkaBatchTopK(3, 0, 0.9, 3), one))
        .isEqualTo(2 * 70 * (2 * 13 + 3 * 3 * 13));
    JumpRelu gated =
        new JumpRelu(JumpRelu.Paid.TANH, JumpRelu.Gate.PER_SOURCE, 0.7, 3, 4, 0.05, 0.5, 0.3, 0.5);
    assertThat(operations("nd4j", gated, new TrainingSize(13, 13, 2, 40, 1)))
        .isEqualTo(2 * 70 * (3 * 13 + 3 * 13));
  }

  private static double operations(String kernel, TypeSettings type, TrainingSize size) {
    return Kernels.trainingOperations(
        kernel, KernelFixture.specification(type, 70, 8, 1.0 / 32, 100), size);
  }
}
