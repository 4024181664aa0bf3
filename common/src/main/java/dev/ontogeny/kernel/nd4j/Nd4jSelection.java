package dev.ontogeny.kernel.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.custom.CumSum;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Marks the k largest positive values of every row of a matrix on the device. A threshold for each
 * row lies between the k-th largest of its group maxima and its maximum, and is found by halving
 * that interval until exactly k values are above it. ND4J's {@code top_k} takes hundreds of times
 * as long. Of equal values the one with the lower index comes first.
 */
public final class Nd4jSelection {
  /** After so many halvings only equal values are left between the bounds. */
  private static final int HALVINGS = 48;

  private Nd4jSelection() {}

  /**
   * Fills {@code mask} with ones where a value is selected and zeros elsewhere.
   *
   * @param values [n, F], {@code f} order
   * @param mask of the same shape
   */
  public static void select(INDArray values, int k, INDArray mask) {
    INDArray low = lowerBound(values, k);
    INDArray high = values.max(true, 1);
    INDArray count = countAbove(values, low, mask);
    for (int i = 0; i < HALVINGS && count.maxNumber().doubleValue() > k; i++) {
      INDArray middle = low.add(high).muli(0.5);
      INDArray above = countAbove(values, middle, mask);
      // 1 where at least k values are above the middle: the lower bound moves up.
      INDArray enough = DeviceMatrix.step(above.sub(k - 0.5));
      INDArray rest = enough.rsub(1);
      low = middle.mul(enough).addi(low.muli(rest));
      high.muli(enough).addi(middle.muli(rest));
      count = above.muli(enough).addi(count.muli(rest));
    }
    countAbove(values, low, mask);
    if (count.maxNumber().doubleValue() > k) {
      breakTies(values, k, high, mask);
    }
  }

  /** Below at least k values of the row, and not below zero. */
  private static INDArray lowerBound(INDArray values, int k) {
    long rows = values.rows();
    long columns = values.columns();
    long groups = 0;
    for (long candidate = 2; candidate * 2 <= columns; candidate *= 2) {
      if (columns % candidate == 0 && candidate >= k && groups < 8L * k) {
        groups = candidate;
      }
    }
    if (groups == 0) {
      return Nd4j.zeros(rows, 1);
    }
    INDArray maxima = values.reshape('f', rows, groups, columns / groups).max(2);
    INDArray sorted = Nd4j.sort(maxima, 1, false);
    INDArray bound = sorted.getColumn(k - 1, true).dup('f');
    // A little below it, so that the k-th maximum itself is above.
    bound.subi(Nd4j.math().abs(bound.dup()).muli(1e-6));
    return Nd4j.math().max(bound, Nd4j.zeros(rows, 1));
  }

  /** How many values of each row are above its threshold; leaves ones at them in {@code mask}. */
  private static INDArray countAbove(INDArray values, INDArray thresholds, INDArray mask) {
    mask.assign(values);
    mask.subiColumnVector(thresholds);
    return DeviceMatrix.step(mask).sum(true, 1);
  }

  /** Of the values that equal the threshold, only the first are kept. */
  private static void breakTies(INDArray values, int k, INDArray high, INDArray mask) {
    INDArray larger = values.dup('f');
    INDArray order = values.ulike();
    INDArray free = countAbove(values, high, larger).rsubi(k);
    INDArray equal = mask.subi(larger);
    Nd4j.exec(new CumSum(equal, order, false, false, 1));
    order.subiColumnVector(free);
    order.subi(0.5);
    equal.muli(DeviceMatrix.step(order).rsubi(1));
    mask.addi(larger);
    DeviceMatrix.release(larger);
    DeviceMatrix.release(order);
  }
}
