package dev.ontogeny.data;

/** IEEE 754 half precision; Java 17 has no conversion of its own. */
public final class Half {
  private static final float SUBNORMAL = 0x1p-24f;

  private Half() {}

  /** Every half as a float, for loops; built when first asked for. */
  static final class Table {
    static final float[] FLOATS = new float[1 << 16];

    static {
      for (int i = 0; i < FLOATS.length; i++) {
        FLOATS[i] = toFloat((short) i);
      }
    }

    private Table() {}
  }

  /** Exact. */
  public static float toFloat(short half) {
    int exponent = (half >>> 10) & 0x1f;
    int mantissa = half & 0x3ff;
    int sign = (half & 0x8000) << 16;
    if (exponent == 0) {
      float magnitude = mantissa * SUBNORMAL;
      return sign == 0 ? magnitude : -magnitude;
    }
    int bits =
        exponent == 31
            ? 0x7f800000 | (mantissa << 13)
            : ((exponent + 112) << 23) | (mantissa << 13);
    return Float.intBitsToFloat(sign | bits);
  }

  /** The float of which bfloat16 bits are the upper half: exact. */
  public static float fromBfloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Rounds to nearest, ties to even; beyond 65504 becomes infinite, NaN stays NaN. */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      return (short) (sign | 0x7e00);
    }
    if (magnitude >= 0x477ff000) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x38800000) {
      // Subnormal: adding a half lines the mantissa up, and the addition itself rounds.
      int rounded = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + 0.5f) - 0x3f000000;
      return (short) (sign | rounded);
    }
    int odd = (magnitude >>> 13) & 1;
    return (short) (sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13));
  }
}
