package dev.ontogeny.stats;

/**
 * Latent scaling (Minder et al., arXiv 2504.02922): how much of a feature's direction there is at a
 * source where its code says that it should be, found or not. For feature j and source s, with f
 * the shared code, d_q the direction of {@link PresentDirections} and y one of two targets in
 * scaled units, β = argmin Σ_x ‖y − β f d_q‖² = Σ_x f ⟨d_q, y⟩ / (‖d_q‖² Σ_x f²).
 *
 * <ul>
 *   <li>y the error of the reconstruction with the feature's own contribution added back, e_s + f_s
 *       d_s: 0 where the source has nothing of the feature, 1 where it has as much as at q. High
 *       where the decoder is short: the norm shrank, the feature is there.
 *   <li>y the reconstruction x̃̂_s, whose mean is near zero: high where the decoder is short: other
 *       features took over the direction.
 * </ul>
 *
 * <p>Sums of rows, doubles: merged exactly up to rounding. A feature that left its direction for
 * another at a source where it has no direction of its own is not seen.
 *
 * <p>Bytes: {@code 'L' 1}, then per feature Σf², and where it is not zero the two sums of each
 * source.
 */
public final class LatentScaling implements Mergeable<LatentScaling> {
  private static final int TAG = 'L';
  private static final int VERSION = 1;

  private final int sources;
  private final double[] squares;

  /** [F × S × 2]: error, reconstruction. */
  private final double[] sums;

  /** Nothing seen yet. */
  public LatentScaling(int features, int sources) {
    this.sources = sources;
    squares = new double[features];
    sums = new double[Math.multiplyExact(2 * features, sources)];
  }

  /** Bytes in memory. */
  public static long memory(int features, int sources) {
    return 8L * features * (1 + 2L * sources);
  }

  /** A row where a feature fires. */
  void add(int feature, double code) {
    squares[feature] += code * code;
  }

  /**
   * The same row at a source.
   *
   * @param alongError f ⟨d_q, e_s + f_s d_s⟩
   * @param alongReconstruction f ⟨d_q, x̃̂_s⟩
   */
  void add(int feature, int source, double alongError, double alongReconstruction) {
    int at = 2 * (feature * sources + source);
    sums[at] += alongError;
    sums[at + 1] += alongReconstruction;
  }

  /**
   * β against the error; undefined for a feature that never fires or has no direction.
   *
   * @param square ‖d_q‖²
   */
  public double error(int feature, int source, double square) {
    return sums[2 * (feature * sources + source)] / (square * squares[feature]);
  }

  /** β against the reconstruction. */
  public double reconstruction(int feature, int source, double square) {
    return sums[2 * (feature * sources + source) + 1] / (square * squares[feature]);
  }

  /** Of some neighbouring features and sources. */
  public LatentScaling part(int firstFeature, int features, int firstSource, int ofSources) {
    LatentScaling part = new LatentScaling(features, ofSources);
    System.arraycopy(squares, firstFeature, part.squares, 0, features);
    for (int f = 0; f < features; f++) {
      System.arraycopy(
          sums,
          2 * ((firstFeature + f) * sources + firstSource),
          part.sums,
          2 * f * ofSources,
          2 * ofSources);
    }
    return part;
  }

  @Override
  public void merge(LatentScaling other) {
    for (int f = 0; f < squares.length; f++) {
      squares[f] += other.squares[f];
    }
    for (int i = 0; i < sums.length; i++) {
      sums[i] += other.sums[i];
    }
  }

  @Override
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    for (int f = 0; f < squares.length; f++) {
      out.writeDouble(squares[f]);
      for (int i = 2 * f * sources; squares[f] > 0 && i < 2 * (f + 1) * sources; i++) {
        out.writeDouble(sums[i]);
      }
    }
  }

  /** Takes in what was written by a statistic of the same shape. */
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (int f = 0; f < squares.length; f++) {
      double seen = in.readDouble();
      squares[f] += seen;
      for (int i = 2 * f * sources; seen > 0 && i < 2 * (f + 1) * sources; i++) {
        sums[i] += in.readDouble();
      }
    }
  }
}
