package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VectorTypeTest {

  @ParameterizedTest
  @EnumSource
  void findsEveryNumberThatIsNotFinite(VectorType type) {
    Random random = new Random(1);
    for (int count : new int[] {1, 2, 3, 4, 5, 13, 128, 207}) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = i % 5 == 0 ? 65504 : i % 5 == 1 ? -0f : (float) random.nextGaussian();
      }
      assertThat(nonFinite(type, values)).isFalse();
      for (int i = 0; i < count; i++) {
        for (float bad :
            new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
          float[] one = values.clone();
          one[i] = bad;
          assertThat(nonFinite(type, one)).as("%s at %d of %d", bad, i, count).isTrue();
        }
      }
    }
  }

  private static boolean nonFinite(VectorType type, float[] values) {
    byte[] bytes = CaptureFixture.bytes(values, type);
    byte[] shifted = new byte[bytes.length + 3];
    System.arraycopy(bytes, 0, shifted, 3, bytes.length);
    float[] back = new float[values.length];
    type.toFloats(shifted, 3, back, 0, back.length);
    assertThat(back).containsExactly(CaptureFixture.floats(bytes, type));
    return type.hasNonFinite(shifted, 3, values.length);
  }
}
