package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class RowBytesTest {
  @Test
  void everyTypeOfColumnComesBack() {
    Object[] row = {
      null,
      "a\u0000b \u202e\ud83d\ude00",
      Long.MIN_VALUE,
      -7,
      Double.NaN,
      -0.0f,
      true,
      new byte[] {0, -1},
      new double[] {1.5, Double.NEGATIVE_INFINITY},
      new float[] {0.1f},
      new long[0],
      new String[] {"x", null, ""}
    };

    byte[] bytes = RowBytes.of(7, -1, row);
    assertThat(RowBytes.to(bytes)).isEqualTo(7);
    assertThat(RowBytes.kind(bytes)).isEqualTo(-1);
    assertThat(RowBytes.row(bytes)).isEqualTo(row);
    assertThat(RowBytes.row(RowBytes.of(0, 0))).isEmpty();
  }

  @Test
  void refusesWhatNoColumnHolds() {
    assertThatThrownBy(() -> RowBytes.of(0, 0, Instant.EPOCH))
        .hasMessage("no column holds a java.time.Instant");
  }
}
