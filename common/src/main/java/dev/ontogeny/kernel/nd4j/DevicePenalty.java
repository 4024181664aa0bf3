package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.type.Penalty;
import java.util.List;
import java.util.function.Function;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What a penalty adds to the loss of a batch, and to the gradients of codes and of W_dec.
 *
 * @param weights of the dictionary
 * @param counted what of the code counts for a part, [n, F]; may be overwritten at the next call
 * @param rows n
 * @param firings how often each latent fired, summed
 * @param variance of the batch
 * @param share of the coefficient, while it warms up
 */
record DevicePenalty(
    DeviceWeights weights,
    Function<List<DeviceSource>, INDArray> counted,
    int rows,
    double firings,
    double variance,
    double share) {

  /** What goes to one part. */
  interface OfPart {
    /** Adds to the gradients of its codes, [n, F], and of its rows of W_dec. */
    void add(List<DeviceSource> part, INDArray ofCode);
  }

  /**
   * @param loss its part of the loss
   * @param ofFiring the derivative of the loss with respect to a firing as such
   */
  record Effect(double loss, double ofFiring, OfPart ofPart) {
    static final Effect NONE = new Effect(0, 0, (part, ofCode) -> {});
  }

  Effect of(Penalty penalty) {
    double weight = share * penalty.coefficient() / variance;
    if (penalty instanceof Penalty.Sum sum) {
      return sum(sum, weight);
    } else if (penalty instanceof Penalty.SaturatingSum sum) {
      return saturating(sum, weight);
    } else if (penalty instanceof Penalty.ActiveCount) {
      return new Effect(weight * firings, weight, Effect.NONE.ofPart);
    } else if (penalty instanceof Penalty.TargetCount count) {
      double excess = firings / rows / count.target() - 1;
      double factor = share * count.coefficient();
      return new Effect(
          factor * excess * excess,
          factor * 2 * excess / count.target() / rows,
          Effect.NONE.ofPart);
    }
    throw new IllegalArgumentException(penalty.words());
  }

  private Effect sum(Penalty.Sum penalty, double weight) {
    List<DeviceSource> all = weights.reconstructed();
    INDArray sums = counted.apply(all).sum(true, 0).muli(weight);
    if (!penalty.byNorm()) {
      return new Effect(sums.sumNumber().doubleValue(), 0, (part, ofCode) -> ofCode.addi(weight));
    }
    INDArray norm = weights.norm(all);
    return new Effect(
        norm.mul(sums).sumNumber().doubleValue(),
        0,
        (part, ofCode) -> {
          ofCode.addiRowVector(norm.mul(weight));
          DeviceWeights.addToNorm(part, sums);
        });
  }

  private Effect saturating(Penalty.SaturatingSum penalty, double weight) {
    List<List<DeviceSource>> parts = weights.parts();
    // The mean is over rows and parts, and a mean over parts is what the coefficient is for.
    double count = (double) rows * parts.size();
    INDArray mean = Nd4j.zeros(1, weights.width);
    for (List<DeviceSource> part : parts) {
      mean.addi(tanh(penalty, part).sum(true, 0).divi(count));
    }
    // S = Σ q(1 + q/s).
    INDArray outer = mean.div(penalty.square()).addi(1);
    double loss = weight * count * mean.mul(outer).sumNumber().doubleValue();
    outer.muli(2).subi(1).muli(weight);
    return new Effect(
        loss,
        0,
        (part, ofCode) -> {
          // outer · c · (1 − tanh²), for f‖d‖ in the tanh.
          INDArray slope = tanh(penalty, part);
          slope.muli(slope).rsubi(1).muliRowVector(outer.mul(penalty.slope()));
          INDArray ofNorm = slope.mul(counted.apply(part)).sum(true, 0);
          ofCode.addi(slope.muliRowVector(weights.norm(part)));
          DeviceWeights.addToNorm(part, ofNorm);
        });
  }

  private INDArray tanh(Penalty.SaturatingSum penalty, List<DeviceSource> part) {
    INDArray paid = counted.apply(part).mulRowVector(weights.norm(part).muli(penalty.slope()));
    return Nd4j.math().tanh(paid);
  }
}
