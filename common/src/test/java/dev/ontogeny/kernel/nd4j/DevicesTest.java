package dev.ontogeny.kernel.nd4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.run.Failure;
import org.junit.jupiter.api.Test;

/** By which number CUDA knows the GPU that a cluster's manager named. */
class DevicesTest {
  @Test
  void itsOwnWhereAllAreVisible() {
    assertThat(Nd4jProvider.number("3", null)).isEqualTo(3);
  }

  @Test
  void itsPlaceAmongThoseThatAre() {
    assertThat(Nd4jProvider.number("5", "2, 5")).isEqualTo(1);
    assertThat(Nd4jProvider.number("MIG-a", "MIG-b,MIG-a")).isEqualTo(1);
  }

  @Test
  void oneThatIsNotVisibleIsRefused() {
    assertThatThrownBy(() -> Nd4jProvider.number("3", "2,5"))
        .isInstanceOf(Failure.class)
        .hasMessage(
            "GPU 3 was given to this task, and CUDA_VISIBLE_DEVICES does not list it (2,5)");
    assertThatThrownBy(() -> Nd4jProvider.number("MIG-a", null))
        .isInstanceOf(Failure.class)
        .hasMessage(
            "GPU MIG-a was given to this task, and CUDA_VISIBLE_DEVICES does not list it (it is not set)");
  }
}
