package dev.ontogeny.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.demo.ModularAddition.Settings;
import dev.ontogeny.demo.ModularAddition.State;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

class ModularAdditionTest {
  @Test
  void gradientsAreThoseOfSameDiff() {
    Settings settings = new Settings(3, 7, 13, 0.5, 0.005, 1e-2);
    try (ModularAddition network = new ModularAddition(settings)) {
      network.train(5);
      SameDiff graph = SameDiff.create();
      SDVariable pairs = graph.constant("pairs", network.trainPairs().dup());
      SDVariable targets = graph.constant("targets", network.targets().dup());
      SDVariable input = graph.var("input", network.weights()[0].dup());
      SDVariable output = graph.var("output", network.weights()[1].dup());
      SDVariable sums = pairs.mmul(input);
      SDVariable residual = sums.mul(sums).mmul(output).sub(targets);
      SDVariable loss =
          residual
              .mul(residual)
              .sum()
              .div(network.trainPairs().rows())
              .add(input.mul(input).sum().add(output.mul(output).sum()).mul(0.5e-2))
              .rename("loss");
      loss.markAsLoss();
      Map<String, INDArray> expected = graph.calculateGradients(Map.of(), "input", "output");
      assertThat(network.computeGradients()).isCloseTo(loss.eval().getDouble(0), within(1e-4));
      assertThat(network.gradients()[0].equalsWithEps(expected.get("input"), 1e-5)).isTrue();
      assertThat(network.gradients()[1].equalsWithEps(expected.get("output"), 1e-5)).isTrue();
      assertThat(expected.get("input").norm2Number().doubleValue()).isGreaterThan(0.01);
    }
  }

  @Test
  void memorisesFirstAndGeneralisesLater() {
    // Small and with most pairs shown, so that the test takes a second.
    Settings settings = new Settings(0, 23, 96, 0.6, 0.01, 3e-4);
    try (ModularAddition network = new ModularAddition(settings)) {
      network.train(60);
      State memorised = network.state();
      network.train(640);
      State generalised = network.state();
      assertThat(memorised.trainAccuracy()).isGreaterThan(0.9);
      assertThat(memorised.testAccuracy()).isLessThan(0.5);
      assertThat(generalised.trainAccuracy()).isEqualTo(1);
      assertThat(generalised.testAccuracy()).isGreaterThan(0.95);
      assertThat(generalised.epoch()).isEqualTo(700);
      assertThat(generalised.hidden().rows()).isEqualTo(23 * 23);
      assertThat(generalised.hidden().columns()).isEqualTo(96);
    }
  }

  @Test
  void theSeedDecidesEverything() {
    Settings settings = new Settings(5, 11, 16, 0.5, 0.01, 1e-4);
    try (ModularAddition first = new ModularAddition(settings);
        ModularAddition second = new ModularAddition(settings);
        ModularAddition other = new ModularAddition(new Settings(6, 11, 16, 0.5, 0.01, 1e-4))) {
      first.train(20);
      second.train(8);
      second.train(12);
      other.train(20);
      assertThat(first.state()).isEqualTo(second.state()).isNotEqualTo(other.state());
      int trained = 0;
      for (int a = 0; a < 11; a++) {
        for (int b = 0; b < 11; b++) {
          trained += first.trainedOn(a, b) ? 1 : 0;
        }
      }
      assertThat(trained).isEqualTo(60);
    }
  }

  @Test
  void refusesSettingsThatCannotBe() {
    assertThatThrownBy(() -> new Settings(0, 8, 0, 1, 0, 0))
        .hasMessageContaining("modulus")
        .hasMessageContaining("hidden")
        .hasMessageContaining("train-share")
        .hasMessageContaining("learning-rate");
  }
}
