package dev.ontogeny.evolution;

import dev.ontogeny.run.Failure;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;

/**
 * What was measured of a range of tracks at every checkpoint. Entry (track i of the range,
 * checkpoint t) is at i · T + t; an absent track has feature -1 and zeros.
 *
 * <p>Byte form, big-endian: int 0x4f545332, first, size, T, 1 for a shared code or 0; then feature
 * as ints; firing rate, strength, decoder norm and Jaccard index as doubles, NaN where there is
 * none; of a shared code the two β of latent scaling likewise.
 */
public final class TrackStatistics {
  private static final int MAGIC = 0x4f545332;

  private final int first;
  private final int size;
  private final int checkpoints;
  private final boolean sharedCode;
  private final int[] feature;
  private final double[] firingRate;
  private final double[] strength;
  private final double[] decoderNorm;
  private final double[] jaccardPrevious;
  private final double[] betaError;
  private final double[] betaOthers;
  private final boolean[] measured;

  /**
   * Nothing measured yet; only which feature each track is.
   *
   * @param features as {@link TrackIndex#features}
   */
  public TrackStatistics(int first, int size, int checkpoints, int[] features) {
    this(first, size, checkpoints, features, false);
  }

  /**
   * Likewise.
   *
   * @param sharedCode whether the tracks are features of a crosscoder
   */
  public TrackStatistics(int first, int size, int checkpoints, int[] features, boolean sharedCode) {
    this.first = first;
    this.size = size;
    this.checkpoints = checkpoints;
    this.sharedCode = sharedCode;
    this.feature = features;
    firingRate = new double[size * checkpoints];
    strength = new double[size * checkpoints];
    decoderNorm = new double[size * checkpoints];
    jaccardPrevious = new double[size * checkpoints];
    Arrays.fill(jaccardPrevious, Double.NaN);
    betaError = new double[sharedCode ? size * checkpoints : 0];
    betaOthers = new double[betaError.length];
    Arrays.fill(betaError, Double.NaN);
    Arrays.fill(betaOthers, Double.NaN);
    measured = new boolean[size * checkpoints];
  }

  /** Number of the first track. */
  public int first() {
    return first;
  }

  public int size() {
    return size;
  }

  public int checkpoints() {
    return checkpoints;
  }

  /**
   * Takes what was measured of a feature.
   *
   * @param mean over rows where it fires
   */
  public void measured(int track, int checkpoint, double rate, double mean, double norm) {
    int at = (track - first) * checkpoints + checkpoint;
    firingRate[at] = rate;
    // A feature that never fires has no mean, and contributes nothing.
    strength[at] = rate > 0 ? rate * mean * norm : 0;
    decoderNorm[at] = norm;
    measured[at] = true;
  }

  /**
   * To be called once all is measured of a shared code: sets the strength at every checkpoint to
   * the decoder's norm there times the greatest contribution of the code anywhere. So strength
   * follows the norm, also where a source's gate hides part of the code.
   */
  public void shareCode() {
    for (int i = 0; i < size; i++) {
      double contribution = 0;
      for (int at = i * checkpoints; at < (i + 1) * checkpoints; at++) {
        contribution =
            decoderNorm[at] > 0
                ? Math.max(contribution, strength[at] / decoderNorm[at])
                : contribution;
      }
      for (int at = i * checkpoints; at < (i + 1) * checkpoints; at++) {
        strength[at] = contribution * decoderNorm[at];
      }
    }
  }

  /**
   * Takes the β of latent scaling of a feature, NaN where there is none.
   *
   * @param others against what all other features reconstruct
   */
  public void scaled(int track, int checkpoint, double error, double others) {
    int at = (track - first) * checkpoints + checkpoint;
    betaError[at] = error;
    betaOthers[at] = others;
  }

  /** Takes the overlap of a feature's firing rows with those at the checkpoint before. */
  public void overlapped(int track, int checkpoint, double jaccard) {
    jaccardPrevious[(track - first) * checkpoints + checkpoint] = jaccard;
  }

  /** The first entry that is present but was not measured, -1 if there is none. */
  public int missing() {
    for (int at = 0; at < feature.length; at++) {
      if (feature[at] >= 0 && !measured[at]) {
        return at;
      }
    }
    return -1;
  }

  public int feature(int i, int t) {
    return feature[i * checkpoints + t];
  }

  public double firingRate(int i, int t) {
    return firingRate[i * checkpoints + t];
  }

  public double strength(int i, int t) {
    return strength[i * checkpoints + t];
  }

  public double decoderNorm(int i, int t) {
    return decoderNorm[i * checkpoints + t];
  }

  /** NaN where there is none. */
  public double jaccardPrevious(int i, int t) {
    return jaccardPrevious[i * checkpoints + t];
  }

  /** Whether the tracks are features of a crosscoder. */
  public boolean sharedCode() {
    return sharedCode;
  }

  /** Latent scaling against the error, of a shared code; NaN where it was not measured. */
  public double betaError(int i, int t) {
    return betaError[i * checkpoints + t];
  }

  /**
   * Latent scaling against what all other features reconstruct, of a shared code; NaN where it was
   * not measured.
   */
  public double betaOthers(int i, int t) {
    return betaOthers[i * checkpoints + t];
  }

  /** The index of the greatest strength from checkpoint {@code from} on. */
  public int strongest(int i, int from) {
    return Track.greatest(strength, i * checkpoints, from, checkpoints);
  }

  /** The features of all tracks at one checkpoint, [size], -1 where absent. */
  public int[] features(int t) {
    int[] result = new int[size];
    for (int i = 0; i < size; i++) {
      result[i] = feature[i * checkpoints + t];
    }
    return result;
  }

  double[] firingRates(int i) {
    return Arrays.copyOfRange(firingRate, i * checkpoints, (i + 1) * checkpoints);
  }

  double[] strengths(int i) {
    return Arrays.copyOfRange(strength, i * checkpoints, (i + 1) * checkpoints);
  }

  /** Writes the byte form. */
  public void write(DataOutput out) throws IOException {
    out.writeInt(MAGIC);
    out.writeInt(first);
    out.writeInt(size);
    out.writeInt(checkpoints);
    out.writeInt(sharedCode ? 1 : 0);
    for (int each : feature) {
      out.writeInt(each);
    }
    for (double[] column : columns()) {
      for (double each : column) {
        out.writeDouble(each);
      }
    }
  }

  /** Reads the byte form; {@code origin} names the file in errors. */
  public static TrackStatistics read(DataInput in, String origin) throws IOException {
    int magic = in.readInt();
    if (magic != MAGIC) {
      throw Failure.data("%s does not hold statistics of tracks", origin);
    }
    int first = in.readInt();
    int size = in.readInt();
    int checkpoints = in.readInt();
    boolean sharedCode = in.readInt() == 1;
    int[] feature = new int[size * checkpoints];
    for (int i = 0; i < feature.length; i++) {
      feature[i] = in.readInt();
    }
    TrackStatistics result = new TrackStatistics(first, size, checkpoints, feature, sharedCode);
    for (double[] column : result.columns()) {
      for (int i = 0; i < column.length; i++) {
        column[i] = in.readDouble();
      }
    }
    Arrays.fill(result.measured, true);
    return result;
  }

  private double[][] columns() {
    return new double[][] {
      firingRate, strength, decoderNorm, jaccardPrevious, betaError, betaOthers
    };
  }
}
