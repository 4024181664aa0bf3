package dev.ontogeny.kernel.cpu;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** {@link BlockMoments} with sixteen sums in vector registers. */
final class SimdBlockMoments extends BlockMoments {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;
  private static final int STEP = SPECIES.length();

  /** Columns of a tile of products; its rows are {@value #HEIGHT}. */
  private static final int TILE = 4 * STEP;

  private static final int HEIGHT = 4;

  SimdBlockMoments() {
    if (STEP > INTERLEAVED || STEP != 2 * DOUBLES.length()) {
      throw new UnsupportedOperationException("vectors of " + STEP + " floats");
    }
  }

  @Override
  void squaresOf(float[] x, int rows, int row, int width, float[] sums) {
    for (int part = 0; part < INTERLEAVED; part += STEP) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int panel = 0; panel < width; panel += PANEL) {
        int from = at(rows, row, panel) + part;
        for (int i = from; i < from + PANEL; i += INTERLEAVED) {
          FloatVector value = FloatVector.fromArray(SPECIES, x, i);
          sum = value.fma(value, sum);
        }
      }
      sum.intoArray(sums, part);
    }
  }

  @Override
  public void centre(
      float[] x,
      int rows,
      int filled,
      float[] pilot,
      float[] minimum,
      float[] maximum,
      float[] sums) {
    for (int i = 0; i < pilot.length; i += STEP) {
      FloatVector subtract = FloatVector.fromArray(SPECIES, pilot, i);
      FloatVector least = FloatVector.fromArray(SPECIES, minimum, i);
      FloatVector most = FloatVector.fromArray(SPECIES, maximum, i);
      FloatVector sum = FloatVector.zero(SPECIES);
      int at = at(rows, 0, i);
      for (int end = at + filled * PANEL; at < end; at += PANEL) {
        FloatVector value = FloatVector.fromArray(SPECIES, x, at);
        least = least.blend(value, value.compare(VectorOperators.LT, least));
        most = most.blend(value, value.compare(VectorOperators.GT, most));
        value = value.sub(subtract);
        value.intoArray(x, at);
        sum = sum.add(value);
      }
      least.intoArray(minimum, i);
      most.intoArray(maximum, i);
      sum.intoArray(sums, i);
    }
  }

  @Override
  public void addProducts(float[] x, int rows, int filled, int width, double[] triangle) {
    float[] tile = new float[HEIGHT * TILE];
    for (int j = 0; j < width; j += TILE) {
      int columns = Math.min(TILE, width - j);
      for (int i = 0; i < Math.min(width, j + columns); i += HEIGHT) {
        tile(x, filled * PANEL, at(rows, 0, i), at(rows, 0, j), columns, tile);
        for (int a = 0; a < HEIGHT && i + a < width; a++) {
          int to = triangleRow(i + a, width) + j;
          if (i + a <= j && columns == TILE) {
            add(tile, a * TILE, triangle, to);
          } else {
            for (int b = Math.max(0, i + a - j); b < columns; b++) {
              triangle[to + b] += tile[a * TILE + b];
            }
          }
        }
      }
    }
  }

  /** Sums of products of columns from {@code i} on and columns from {@code j} on. */
  private static void tile(float[] x, int length, int i, int j, int columns, float[] into) {
    if (columns > 2 * STEP) {
      full(x, length, i, j, into);
    } else {
      for (int part = 0; part < columns; part += STEP) {
        narrow(x, length, i, j + part, into, part);
      }
    }
  }

  /** Adds a row of a tile. */
  private static void add(float[] tile, int from, double[] to, int at) {
    for (int i = 0; i < TILE; i += STEP) {
      FloatVector sums = FloatVector.fromArray(SPECIES, tile, from + i);
      DoubleVector low = (DoubleVector) sums.convertShape(VectorOperators.F2D, DOUBLES, 0);
      DoubleVector high = (DoubleVector) sums.convertShape(VectorOperators.F2D, DOUBLES, 1);
      int middle = at + i + STEP / 2;
      DoubleVector.fromArray(DOUBLES, to, at + i).add(low).intoArray(to, at + i);
      DoubleVector.fromArray(DOUBLES, to, middle).add(high).intoArray(to, middle);
    }
  }

  private static void full(float[] x, int length, int i, int j, float[] into) {
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
    for (int row = 0; row < length; row += PANEL) {
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

  private static void narrow(float[] x, int length, int i, int j, float[] into, int at) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int row = 0; row < length; row += PANEL) {
      FloatVector b = FloatVector.fromArray(SPECIES, x, row + j);
      s0 = FloatVector.broadcast(SPECIES, x[row + i]).fma(b, s0);
      s1 = FloatVector.broadcast(SPECIES, x[row + i + 1]).fma(b, s1);
      s2 = FloatVector.broadcast(SPECIES, x[row + i + 2]).fma(b, s2);
      s3 = FloatVector.broadcast(SPECIES, x[row + i + 3]).fma(b, s3);
    }
    s0.intoArray(into, at);
    s1.intoArray(into, at + TILE);
    s2.intoArray(into, at + 2 * TILE);
    s3.intoArray(into, at + 3 * TILE);
  }
}
