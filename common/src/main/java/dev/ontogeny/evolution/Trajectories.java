package dev.ontogeny.evolution;

import java.util.Arrays;

/**
 * How the directions of a range of tracks move. All cosines are [size × T] by track, NaN where a
 * track is absent or has nothing to be compared with.
 */
public final class Trajectories {
  private final TrackStatistics statistics;
  private final float[][] decoders;
  private final int width;
  private final int[] strongest;
  private final int[] trainedPeak;
  private final double[] cosinePrevious;
  private final double[] cosineFirst;
  private final double[] cosineFinal;
  private final double[] cosineStrongest;
  private final double[] cosineTrainedPeak;

  /**
   * Computes them.
   *
   * @param decoders [T][size × D], rows of W_dec in the order of the tracks, zeros where absent
   * @param width D
   * @param firstTrained index of the first checkpoint that counts as trained
   */
  public Trajectories(TrackStatistics statistics, float[][] decoders, int width, int firstTrained) {
    this.statistics = statistics;
    this.decoders = decoders;
    this.width = width;
    int size = statistics.size();
    int checkpoints = statistics.checkpoints();
    strongest = new int[size];
    trainedPeak = new int[size];
    cosinePrevious = nothing(size * checkpoints);
    cosineFirst = nothing(size * checkpoints);
    cosineFinal = nothing(size * checkpoints);
    cosineStrongest = nothing(size * checkpoints);
    cosineTrainedPeak = nothing(size * checkpoints);
    double[] norm = new double[checkpoints];
    for (int i = 0; i < size; i++) {
      int first = -1;
      int last = -1;
      for (int t = 0; t < checkpoints; t++) {
        if (statistics.feature(i, t) >= 0) {
          first = first < 0 ? t : first;
          last = t;
          norm[t] = Math.sqrt(dot(i, t, t));
        }
      }
      strongest[i] = statistics.strongest(i, 0);
      trainedPeak[i] = statistics.strongest(i, firstTrained);
      for (int t = 0; t < checkpoints; t++) {
        if (statistics.feature(i, t) >= 0) {
          int at = i * checkpoints + t;
          if (t > 0 && statistics.feature(i, t - 1) >= 0) {
            cosinePrevious[at] = cosine(i, t, t - 1, norm);
          }
          cosineFirst[at] = cosine(i, t, first, norm);
          cosineFinal[at] = cosine(i, t, last, norm);
          cosineStrongest[at] = cosine(i, t, strongest[i], norm);
          cosineTrainedPeak[at] = cosine(i, t, trainedPeak[i], norm);
        }
      }
    }
  }

  private static double[] nothing(int size) {
    double[] result = new double[size];
    Arrays.fill(result, Double.NaN);
    return result;
  }

  private double cosine(int i, int t, int other, double[] norm) {
    if (statistics.feature(i, other) < 0) {
      return Double.NaN;
    }
    if (t == other) {
      return norm[t] > 0 ? 1 : 0;
    }
    double norms = norm[t] * norm[other];
    return norms > 0 ? Math.max(-1, Math.min(1, dot(i, t, other) / norms)) : 0;
  }

  private double dot(int i, int t, int other) {
    float[] a = decoders[t];
    float[] b = decoders[other];
    double sum = 0;
    for (int k = i * width; k < (i + 1) * width; k++) {
      sum += (double) a[k] * b[k];
    }
    return sum;
  }

  public TrackStatistics statistics() {
    return statistics;
  }

  /** To the checkpoint before. */
  public double cosinePrevious(int i, int t) {
    return cosinePrevious[at(i, t)];
  }

  /** To the first checkpoint of the track. */
  public double cosineFirst(int i, int t) {
    return cosineFirst[at(i, t)];
  }

  /** To the last checkpoint of the track. */
  public double cosineFinal(int i, int t) {
    return cosineFinal[at(i, t)];
  }

  /** To the direction at the strongest checkpoint. */
  public double cosineStrongest(int i, int t) {
    return cosineStrongest[at(i, t)];
  }

  /** Decoder norm relative to its greatest, 0 where absent. */
  public double relativeNorm(int i, int t) {
    double greatest = 0;
    for (int u = 0; u < statistics.checkpoints(); u++) {
      greatest = Math.max(greatest, statistics.decoderNorm(i, u));
    }
    return greatest > 0 ? statistics.decoderNorm(i, t) / greatest : 0;
  }

  /** A track of the range as the rules see it. */
  public Track track(int i) {
    int checkpoints = statistics.checkpoints();
    return new Track(
        statistics.firingRates(i),
        statistics.strengths(i),
        strongest[i],
        trainedPeak[i],
        present(cosineStrongest, i * checkpoints, checkpoints),
        present(cosineTrainedPeak, i * checkpoints, checkpoints));
  }

  private static double[] present(double[] cosines, int from, int count) {
    double[] result = Arrays.copyOfRange(cosines, from, from + count);
    for (int t = 0; t < count; t++) {
      result[t] = Double.isNaN(result[t]) ? 0 : result[t];
    }
    return result;
  }

  private int at(int i, int t) {
    return i * statistics.checkpoints() + t;
  }
}
