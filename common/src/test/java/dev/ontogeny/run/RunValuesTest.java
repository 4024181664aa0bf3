package dev.ontogeny.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Values whose bytes or words others rely on. */
class RunValuesTest {
  @Test
  void seedsStayWhatTheyAre() {
    assertThat(Seeds.of(7, "shard-order")).isEqualTo(6188999949247766926L);
    assertThat(Seeds.of(7, "a", "bc")).isNotEqualTo(Seeds.of(7, "ab", "c"));
    assertThat(Seeds.mix(1L, 2L)).isEqualTo(2092789425003139053L);
    assertThat(Seeds.mix(1L, "document-1")).isEqualTo(8151730718267149960L);
    assertThat(Seeds.mix(1L, "")).isNotEqualTo(Seeds.mix(1L, "\0"));
    assertThat(Seeds.generator(7, "noise").nextLong()).isEqualTo(6588460185785456094L);
  }

  @Test
  void mixingSpreadsNeighboursEvenly() {
    int[] buckets = new int[64];
    for (long value = 0; value < 64_000; value++) {
      buckets[(int) (Seeds.mix(5, value) >>> 58)]++;
    }
    double chiSquare = 0;
    for (int count : buckets) {
      chiSquare += Math.pow(count - 1000.0, 2) / 1000.0;
    }
    // 63 degrees of freedom: 1 in 10^6 lies above.
    assertThat(chiSquare).isLessThan(126);
  }

  @Test
  void sizesReadWell() {
    assertThat(new ByteSize(0)).hasToString("0 B");
    assertThat(new ByteSize(1023)).hasToString("1023 B");
    assertThat(new ByteSize(1536)).hasToString("1.5 KiB");
    assertThat(ByteSize.mebibytes(256)).hasToString("256.0 MiB");
    assertThatThrownBy(() -> new ByteSize(-1)).hasMessage("a size cannot be negative, got -1");
  }

  @Test
  void jsonIsSnakeCaseSortedAndWithoutNulls() {
    record Inner(String someName, Integer missing) {}
    assertThat(Json.line(Map.of("b", new Inner("x", null), "a", 1.0)))
        .isEqualTo("{\"a\":1.0,\"b\":{\"some_name\":\"x\"}}");
    assertThat(Json.read("{\"some_name\":\"y\",\"of_later_versions\":1}", Inner.class, "text"))
        .isEqualTo(new Inner("y", null));
    assertThatThrownBy(() -> Json.read("{\"some_name\":", Inner.class, "file.json"))
        .isInstanceOf(Failure.class)
        .hasMessageStartingWith("file.json is not the JSON of a Inner: ");
  }

  @Test
  void aFailureIsFoundBelowItsWrappers() {
    Failure failure = Failure.data("row %d of %s", 3, "file");
    assertThat(failure).hasMessage("row 3 of file");
    assertThat(Failure.in(new IllegalStateException(new RuntimeException(failure))))
        .containsSame(failure);
    assertThat(Failure.in(new IllegalStateException("no"))).isEmpty();
    assertThat(failure.causedBy(new RuntimeException("x")).kind()).isEqualTo(FailureKind.DATA);
    assertThat(List.of(FailureKind.values()).stream().map(FailureKind::exitCode).toList())
        .containsExactly(1, 2, 2, 3, 4, 4);
  }
}
