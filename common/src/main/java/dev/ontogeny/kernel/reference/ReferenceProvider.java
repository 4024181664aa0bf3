package dev.ontogeny.kernel.reference;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;

/** Plain Java loops with sums in double precision: the twin that every fast kernel is held to. */
public final class ReferenceProvider implements KernelProvider {
  @Override
  public String name() {
    return "reference (plain Java, one thread)";
  }

  @Override
  public EncodingKernel encoding(Dictionary dictionary, int maximumBatch) {
    return new ReferenceEncoding(dictionary);
  }

  @Override
  public TrainingKernel training(
      TrainingSpecification specification, Dictionary initial, int maximumBatch) {
    return new ReferenceTraining(specification, initial);
  }

  @Override
  public void nearest(FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    int depth = vectors.columns();
    double[] norms = new double[vectors.rows()];
    for (int row = 0; row < norms.length; row++) {
      norms[row] = Math.sqrt(dot(vectors.values(), row * depth, row * depth, depth));
    }
    for (int row = from; row < to; row++) {
      index[row - from] = -1;
      double best = Double.NaN;
      for (int other = 0; other < norms.length; other++) {
        if (other == row || norms[row] == 0 || norms[other] == 0) {
          continue;
        }
        double found =
            dot(vectors.values(), row * depth, other * depth, depth) / norms[row] / norms[other];
        if (!(found <= best)) {
          best = found;
          index[row - from] = other;
        }
      }
      cosine[row - from] = (float) best;
    }
  }

  @Override
  public ProductKernel products(FloatMatrix kept) {
    return new ReferenceProducts(kept);
  }

  private static double dot(float[] values, int at, int at2, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += (double) values[at + i] * values[at2 + i];
    }
    return sum;
  }
}
