package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.Step;
import org.nd4j.linalg.factory.Nd4j;

/** How arrays come to the device, and back. */
public final class DeviceMatrix {
  private DeviceMatrix() {}

  /** An [rows, columns] array in {@code f} order whose contents are undefined. */
  public static INDArray allocate(int rows, int columns) {
    return Nd4j.createUninitialized(DataType.FLOAT, new long[] {rows, columns}, 'f');
  }

  /** A copy in {@code f} order. */
  public static INDArray of(FloatMatrix matrix) {
    float[] values = Arrays.copyOf(matrix.values(), matrix.rows() * matrix.columns());
    try (INDArray rows = Nd4j.create(values, new long[] {matrix.rows(), matrix.columns()}, 'c')) {
      return rows.dup('f');
    }
  }

  /** A row vector, [1, n]. */
  public static INDArray row(float[] values) {
    return Nd4j.create(values, new long[] {1, values.length}, 'c');
  }

  /** Values row by row. */
  public static float[] values(INDArray array) {
    INDArray rows = array.dup('c');
    float[] values = rows.data().asFloat();
    release(rows);
    return values;
  }

  /** Takes over values row by row, in place. */
  public static void assign(INDArray array, float[] values) {
    INDArray rows = Nd4j.create(values.clone(), array.shape(), 'c');
    array.assign(rows);
    release(rows);
  }

  /** Takes over a matrix, in place. */
  static void assign(INDArray array, FloatMatrix matrix) {
    assign(array, Arrays.copyOf(matrix.values(), matrix.rows() * matrix.columns()));
  }

  /** Frees an array now, unless a workspace does. */
  static void release(INDArray array) {
    if (array.closeable()) {
      array.close();
    }
  }

  /** The sum of all squares. */
  static double squares(INDArray array) {
    double norm = array.norm2Number().doubleValue();
    return norm * norm;
  }

  /** 1 where positive, 0 elsewhere, in place. */
  public static INDArray step(INDArray array) {
    return Nd4j.getExecutioner().exec(new Step(array, array, 0));
  }
}
