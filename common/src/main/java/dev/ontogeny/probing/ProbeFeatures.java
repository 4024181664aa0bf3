package dev.ontogeny.probing;

import java.io.Serializable;
import java.util.stream.IntStream;

/**
 * The features that probes of a class look at, the best first.
 *
 * @param differing by the absolute difference of means
 * @param toward by the difference, where the class has the greater mean
 */
public record ProbeFeatures(int[] differing, int[] toward) implements Serializable {

  /** Each once. */
  public int[] all() {
    return IntStream.concat(IntStream.of(differing), IntStream.of(toward)).distinct().toArray();
  }

  /** Chooses among features that are met one after another. */
  public static final class Choice implements Serializable {
    private static final long serialVersionUID = 1;

    private final Ranking differing;
    private final Ranking toward;

    /**
     * Of no features.
     *
     * @param most that are chosen by the absolute difference
     */
    Choice(int most) {
      differing = new Ranking(most);
      toward = new Ranking(FeatureSplitting.MOST);
    }

    void add(int feature, double difference) {
      differing.add(feature, Math.abs(difference));
      toward.add(feature, difference);
    }

    /** Takes in what was chosen among others. */
    public void merge(Choice other) {
      differing.merge(other.differing);
      toward.merge(other.toward);
    }

    /** What was chosen. */
    public ProbeFeatures chosen() {
      return new ProbeFeatures(differing.features(), toward.features());
    }
  }
}
