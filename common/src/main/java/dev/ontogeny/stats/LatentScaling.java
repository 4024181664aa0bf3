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
 *   <li>y the reconstruction x̃̂_s, whose mean is near zero. Directions are not orthogonal, so this
 *       is not zero where the feature is absent; but where other features stand for it, their part,
 *       without the feature's own f_s d_s, is larger by one than where it stands for itself.
 * </ul>
 *
 * <p>Sums of rows, doubles: merged exactly up to rounding. A feature that left its direction for
 * another at a source where it has no direction of its own is not seen.
 *
 * <p>Bytes: {@code 'L' 1}, then per feature Σf², and where it is not zero the sums of each source.
 */
public final class LatentScaling implements Mergeable<LatentScaling> {
  private static final int TAG = 'L';
  private static final int VERSION = 1;

  private final int sources;
  private final double[] squares;

  /** Error, reconstruction, own part. */
  private static final int SUMS = 3;

  /** [F × S × SUMS]. */
  private final double[] sums;

  /** Nothing seen yet. */
  public LatentScaling(int features, int sources) {
    this.sources = sources;
    squares = new double[features];
    sums = new double[Math.multiplyExact(SUMS * features, sources)];
  }

  /** Bytes in memory. */
  public static long memory(int features, int sources) {
    return 8L * features * (1 + (long) SUMS * sources);
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
   * @param own f ⟨d_q, f_s d_s⟩, a part of both
   */
  void add(int feature, int source, double alongError, double alongReconstruction, double own) {
    int at = SUMS * (feature * sources + source);
    sums[at] += alongError;
    sums[at + 1] += alongReconstruction;
    sums[at + 2] += own;
  }

  /** Takes in what another has seen of one of its features, at the same sources. */
  void add(int feature, LatentScaling other, int otherFeature) {
    squares[feature] += other.squares[otherFeature];
    for (int i = 0; i < SUMS * sources; i++) {
      sums[SUMS * feature * sources + i] += other.sums[SUMS * otherFeature * sources + i];
    }
  }

  /**
   * β against the error; undefined for a feature that never fires or has no direction.
   *
   * @param square ‖d_q‖²
   */
  public double error(int feature, int source, double square) {
    return beta(feature, source, 0, square);
  }

  /** β against the reconstruction. */
  public double reconstruction(int feature, int source, double square) {
    return beta(feature, source, 1, square);
  }

  /** The part of both that is the feature's own contribution to the reconstruction. */
  public double own(int feature, int source, double square) {
    return beta(feature, source, 2, square);
  }

  private double beta(int feature, int source, int sum, double square) {
    return sums[SUMS * (feature * sources + source) + sum] / (square * squares[feature]);
  }

  /** Of some neighbouring features and sources. */
  public LatentScaling part(int firstFeature, int features, int firstSource, int ofSources) {
    LatentScaling part = new LatentScaling(features, ofSources);
    System.arraycopy(squares, firstFeature, part.squares, 0, features);
    for (int f = 0; f < features; f++) {
      System.arraycopy(
          sums,
          SUMS * ((firstFeature + f) * sources + firstSource),
          part.sums,
          SUMS * f * ofSources,
          SUMS * ofSources);
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
      for (int i = SUMS * f * sources; squares[f] > 0 && i < SUMS * (f + 1) * sources; i++) {
        out.writeDouble(sums[i]);
      }
    }
  }

  /** Takes in what was written by a statistic of the same shape. */
  @Override
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    for (int f = 0; f < squares.length; f++) {
      double seen = in.readDouble();
      squares[f] += seen;
      for (int i = SUMS * f * sources; seen > 0 && i < SUMS * (f + 1) * sources; i++) {
        sums[i] += in.readDouble();
      }
    }
  }
}
