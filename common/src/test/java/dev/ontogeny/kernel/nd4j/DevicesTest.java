package dev.ontogeny.kernel.nd4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
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

  @Test
  void oneThatIsTooSmallIsRefused() {
    TrainingSpecification wide = TrainingSpecification.standard(1 << 16, 64, 2048);
    TrainingSize size = new TrainingSize(2048, 2048, 1, 4096, 1);
    long needed = Nd4jProvider.memory(wide, size);
    Nd4jProvider.require(wide, size, needed);
    assertThatThrownBy(() -> Nd4jProvider.require(wide, size, needed - 1))
        .isInstanceOf(Failure.class)
        .hasMessageMatching(
            "a dictionary of width 65,536 over 2,048 columns takes [0-9,]+ bytes of a GPU in batches of 4,096, and this one has [0-9,]+: .*");
  }
}
