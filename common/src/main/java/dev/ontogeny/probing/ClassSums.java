package dev.ontogeny.probing;

import dev.ontogeny.probing.ProbeSample.Probe;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.LabelValues;
import dev.ontogeny.stats.Mergeable;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;

/**
 * Of some neighbouring features the sum of the codes of the training examples of each class, where
 * a document's code is the mean over its tokens. Merges exactly up to rounding.
 *
 * <p>Bytes: {@code 'P' 1}, the number of sums that are not zero, and for each, feature by feature,
 * the distance from the one before and the sum.
 */
public final class ClassSums implements Mergeable<ClassSums> {
  private static final int TAG = 'P';
  private static final int VERSION = 1;

  private final int features;
  private final int classes;
  private final double[] sums;

  /** Of no rows. */
  public ClassSums(int features, int classes) {
    this.features = features;
    this.classes = classes;
    sums = new double[Math.multiplyExact(features, classes)];
  }

  /** Bytes in memory. */
  public static long memory(long features, long classes) {
    return 8 * features * classes;
  }

  /**
   * Adds the rows of a block.
   *
   * @param examples per label, {@link ProbeSample#examples}
   * @param first the dictionary's number of the first of these features
   */
  public void add(ProbeSample sample, int[][] examples, CodesByFeature codes, int first) {
    for (int label = 0; label < examples.length; label++) {
      int[] example = examples[label];
      int[] ofClass = new int[example.length];
      double[] weight = new double[example.length];
      for (int row = 0; row < example.length; row++) {
        ofClass[row] = example[row] < 0 ? -1 : sample.trainedClass(label, example[row]);
        weight[row] = example[row] < 0 ? 0 : sample.weight(label, example[row]);
      }
      for (int f = 0; f < features; f++) {
        for (int i = codes.start(first + f); i < codes.start(first + f + 1); i++) {
          int row = codes.rows()[i];
          if (ofClass[row] >= 0) {
            sums[f * classes + ofClass[row]] += weight[row] * codes.values()[i];
          }
        }
      }
    }
  }

  /**
   * Chooses for every probe among these features, by how much the mean of its class is above that
   * of the label's other classes, which count equally.
   *
   * @param first the dictionary's number of the first feature
   * @param most that are chosen by the absolute difference
   */
  public ProbeFeatures.Choice[] choose(ProbeSample sample, int first, int most) {
    int[] trained = sample.trained();
    return sample.probes().stream()
        .map(probe -> choose(sample.label(probe), probe, trained, first, most))
        .toArray(ProbeFeatures.Choice[]::new);
  }

  private ProbeFeatures.Choice choose(
      LabelValues label, Probe probe, int[] trained, int first, int most) {
    ProbeFeatures.Choice choice = new ProbeFeatures.Choice(most);
    for (int f = 0; f < features; f++) {
      double others = 0;
      int count = 0;
      for (int value = label.offset(); value < label.offset() + label.values().length; value++) {
        if (value != probe.ofClass() && trained[value] > 0) {
          others += sums[f * classes + value] / trained[value];
          count++;
        }
      }
      double own = sums[f * classes + probe.ofClass()] / trained[probe.ofClass()];
      choice.add(first + f, own - others / count);
    }
    return choice;
  }

  @Override
  public void merge(ClassSums other) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += other.sums[i];
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    int filled = 0;
    for (double sum : sums) {
      filled += sum != 0 ? 1 : 0;
    }
    out.writeCompact(filled);
    int before = 0;
    for (int i = 0; i < sums.length; i++) {
      if (sums[i] != 0) {
        out.writeCompact(i - before);
        out.writeDouble(sums[i]);
        before = i;
      }
    }
  }

  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    int at = 0;
    for (int left = in.readCompactInt(); left > 0; left--) {
      at += in.readCompactInt();
      sums[at] += in.readDouble();
    }
  }
}
