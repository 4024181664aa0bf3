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
 * <p>Byte form, big-endian: int 0x4f545331, first, size, T; then feature as ints; firing rate,
 * strength, decoder norm and Jaccard index as doubles, NaN where there is none.
 */
public final class TrackStatistics {
  private static final int MAGIC = 0x4f545331;

  private final int first;
  private final int size;
  private final int checkpoints;
  private final int[] feature;
  private final double[] firingRate;
  private final double[] strength;
  private final double[] decoderNorm;
  private final double[] jaccardPrevious;
  private final boolean[] measured;

  /**
   * Nothing known yet but who is who.
   *
   * @param features as {@link TrackIndex#features}
   */
  public TrackStatistics(int first, int size, int checkpoints, int[] features) {
    this.first = first;
    this.size = size;
    this.checkpoints = checkpoints;
    this.feature = features;
    firingRate = new double[size * checkpoints];
    strength = new double[size * checkpoints];
    decoderNorm = new double[size * checkpoints];
    jaccardPrevious = new double[size * checkpoints];
    Arrays.fill(jaccardPrevious, Double.NaN);
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
    int[] feature = new int[size * checkpoints];
    for (int i = 0; i < feature.length; i++) {
      feature[i] = in.readInt();
    }
    TrackStatistics result = new TrackStatistics(first, size, checkpoints, feature);
    for (double[] column : result.columns()) {
      for (int i = 0; i < column.length; i++) {
        column[i] = in.readDouble();
      }
    }
    Arrays.fill(result.measured, true);
    return result;
  }

  private double[][] columns() {
    return new double[][] {firingRate, strength, decoderNorm, jaccardPrevious};
  }
}
