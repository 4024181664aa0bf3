package dev.ontogeny.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link CrossProducts} with sixteen sums in vector registers. */
final class SimdCrossProducts extends CrossProducts {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int STEP = SPECIES.length();

  SimdCrossProducts() {
    if (STEP > ALIGNMENT) {
      throw new UnsupportedOperationException("vectors of " + STEP + " floats");
    }
  }

  @Override
  public int width() {
    return 4 * STEP;
  }

  @Override
  public int part() {
    return STEP;
  }

  @Override
  public void tile(float[] x, int rows, int stride, int i, int j, int columns, float[] into) {
    if (columns == STEP) {
      narrow(x, rows, stride, i, j, into);
    } else {
      full(x, rows, stride, i, j, into);
    }
  }

  private static void full(float[] x, int rows, int stride, int i, int j, float[] into) {
    FloatVector s00 = FloatVector.zero(SPECIES);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s22 = s00;
    FloatVector s23 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s32 = s00;
    FloatVector s33 = s00;
    int end = rows * stride;
    for (int row = 0; row < end; row += stride) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, x, row + j);
      FloatVector b1 = FloatVector.fromArray(SPECIES, x, row + j + STEP);
      FloatVector b2 = FloatVector.fromArray(SPECIES, x, row + j + 2 * STEP);
      FloatVector b3 = FloatVector.fromArray(SPECIES, x, row + j + 3 * STEP);
      FloatVector a = FloatVector.broadcast(SPECIES, x[row + i]);
      s00 = a.fma(b0, s00);
      s01 = a.fma(b1, s01);
      s02 = a.fma(b2, s02);
      s03 = a.fma(b3, s03);
      a = FloatVector.broadcast(SPECIES, x[row + i + 1]);
      s10 = a.fma(b0, s10);
      s11 = a.fma(b1, s11);
      s12 = a.fma(b2, s12);
      s13 = a.fma(b3, s13);
      a = FloatVector.broadcast(SPECIES, x[row + i + 2]);
      s20 = a.fma(b0, s20);
      s21 = a.fma(b1, s21);
      s22 = a.fma(b2, s22);
      s23 = a.fma(b3, s23);
      a = FloatVector.broadcast(SPECIES, x[row + i + 3]);
      s30 = a.fma(b0, s30);
      s31 = a.fma(b1, s31);
      s32 = a.fma(b2, s32);
      s33 = a.fma(b3, s33);
    }
    s00.intoArray(into, 0);
    s01.intoArray(into, STEP);
    s02.intoArray(into, 2 * STEP);
    s03.intoArray(into, 3 * STEP);
    s10.intoArray(into, 4 * STEP);
    s11.intoArray(into, 5 * STEP);
    s12.intoArray(into, 6 * STEP);
    s13.intoArray(into, 7 * STEP);
    s20.intoArray(into, 8 * STEP);
    s21.intoArray(into, 9 * STEP);
    s22.intoArray(into, 10 * STEP);
    s23.intoArray(into, 11 * STEP);
    s30.intoArray(into, 12 * STEP);
    s31.intoArray(into, 13 * STEP);
    s32.intoArray(into, 14 * STEP);
    s33.intoArray(into, 15 * STEP);
  }

  private static void narrow(float[] x, int rows, int stride, int i, int j, float[] into) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    int end = rows * stride;
    for (int row = 0; row < end; row += stride) {
      FloatVector b = FloatVector.fromArray(SPECIES, x, row + j);
      s0 = FloatVector.broadcast(SPECIES, x[row + i]).fma(b, s0);
      s1 = FloatVector.broadcast(SPECIES, x[row + i + 1]).fma(b, s1);
      s2 = FloatVector.broadcast(SPECIES, x[row + i + 2]).fma(b, s2);
      s3 = FloatVector.broadcast(SPECIES, x[row + i + 3]).fma(b, s3);
    }
    s0.intoArray(into, 0);
    s1.intoArray(into, 4 * STEP);
    s2.intoArray(into, 8 * STEP);
    s3.intoArray(into, 12 * STEP);
  }
}
