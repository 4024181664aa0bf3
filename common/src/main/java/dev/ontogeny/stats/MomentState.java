package dev.ontogeny.stats;

import dev.ontogeny.data.Moments;
import dev.ontogeny.kernel.cpu.BlockMoments;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Arrays;

/**
 * Moments of a set of vectors, in the form that merges (Chan, Golub and LeVeque 1983): merging is
 * associative and commutative up to rounding, {@link #none} is its identity. Byte form, big-endian:
 * {@value #MAGIC} and the width as ints, rows, means, comoments, sums of norms and squared norms,
 * minima, maxima, histogram.
 *
 * @param mean [d]
 * @param comoments Σ (x − mean)(x − mean)ᵀ: rows i of the upper triangle from the diagonal on,
 *     packed
 * @param norms counts in quarter octaves
 */
public record MomentState(
    long rows,
    double[] mean,
    double[] comoments,
    double normSum,
    double squareSum,
    float[] minimum,
    float[] maximum,
    long[] norms) {
  private static final int MAGIC = 0x4f4d4f31;

  /** Of no vectors. */
  public static MomentState none(int width) {
    float[] minimum = new float[width];
    float[] maximum = new float[width];
    Arrays.fill(minimum, Float.POSITIVE_INFINITY);
    Arrays.fill(maximum, Float.NEGATIVE_INFINITY);
    return new MomentState(
        0,
        new double[width],
        new double[BlockMoments.triangle(width)],
        0,
        0,
        minimum,
        maximum,
        new long[NormHistogram.BINS]);
  }

  /** Of the vectors of both; neither is changed. */
  public MomentState merge(MomentState other) {
    int width = mean.length;
    if (other.mean.length != width) {
      throw new IllegalArgumentException(
          "moments of width " + width + " and " + other.mean.length + " do not merge");
    }
    if (other.rows == 0 || rows == 0) {
      return rows == 0 ? other : this;
    }
    long total = rows + other.rows;
    double share = (double) other.rows / total;
    double[] delta = new double[width];
    double[] newMean = new double[width];
    for (int i = 0; i < width; i++) {
      delta[i] = other.mean[i] - mean[i];
      newMean[i] = mean[i] + delta[i] * share;
    }
    double factor = rows * share;
    double[] merged = comoments.clone();
    int at = 0;
    for (int i = 0; i < width; i++) {
      for (int j = i; j < width; j++, at++) {
        merged[at] += other.comoments[at] + delta[i] * delta[j] * factor;
      }
    }
    float[] low = minimum.clone();
    float[] high = maximum.clone();
    for (int i = 0; i < width; i++) {
      low[i] = Math.min(low[i], other.minimum[i]);
      high[i] = Math.max(high[i], other.maximum[i]);
    }
    long[] counts = norms.clone();
    for (int i = 0; i < counts.length; i++) {
      counts[i] += other.norms[i];
    }
    return new MomentState(
        total,
        newMean,
        merged,
        normSum + other.normSum,
        squareSum + other.squareSum,
        low,
        high,
        counts);
  }

  /** As the moments table holds them. */
  public Moments moments(String site, long checkpoint, double[] geometricMedian) {
    int width = mean.length;
    double[] covariance = new double[Math.multiplyExact(width, width)];
    double[] low = new double[width];
    double[] high = new double[width];
    int at = 0;
    for (int i = 0; i < width; i++) {
      low[i] = minimum[i];
      high[i] = maximum[i];
      for (int j = i; j < width; j++, at++) {
        double value = rows == 0 ? 0 : comoments[at] / rows;
        covariance[i * width + j] = value;
        covariance[j * width + i] = value;
      }
    }
    return new Moments(
        site,
        checkpoint,
        rows,
        mean,
        covariance,
        rows == 0 ? 0 : normSum / rows,
        rows == 0 ? 0 : squareSum / rows,
        low,
        high,
        geometricMedian);
  }

  /** Lower edges of the bins from the first to the last that is not empty. */
  public double[] normEdges() {
    double[] edges = new double[lastBin() - firstBin()];
    for (int i = 0; i < edges.length; i++) {
      edges[i] = NormHistogram.lowerEdge(firstBin() + i);
    }
    return edges;
  }

  /** Counts of the same bins. */
  public long[] normCounts() {
    return Arrays.copyOfRange(norms, firstBin(), lastBin());
  }

  /** The middle of the bin in which half of the norms are reached. */
  public double medianNorm() {
    return NormHistogram.middle(medianBin());
  }

  private int medianBin() {
    long before = 0;
    for (int bin = 0; bin < norms.length; bin++) {
      before += norms[bin];
      if (2 * before >= rows) {
        return bin;
      }
    }
    return 0;
  }

  /** Norms beyond a multiple of the median, to an eighth of an octave. */
  public long normsBeyond(int multiple) {
    double limit = multiple * medianNorm();
    long count = 0;
    for (int bin = norms.length - 1; bin > 0 && NormHistogram.middle(bin) > limit; bin--) {
      count += norms[bin];
    }
    return medianBin() == 0 ? 0 : count;
  }

  /** Vectors without length. */
  public long zeros() {
    return norms[0];
  }

  /** Whether there is more than one row and all are the same. */
  public boolean isConstant() {
    return rows > 1 && Arrays.equals(minimum, maximum);
  }

  private int firstBin() {
    int bin = 0;
    while (bin < norms.length && norms[bin] == 0) {
      bin++;
    }
    return bin == norms.length ? 0 : bin;
  }

  private int lastBin() {
    int bin = norms.length;
    while (bin > 0 && norms[bin - 1] == 0) {
      bin--;
    }
    return bin;
  }

  public void writeTo(DataOutputStream out) throws IOException {
    out.writeInt(MAGIC);
    out.writeInt(mean.length);
    out.writeLong(rows);
    for (double value : mean) {
      out.writeDouble(value);
    }
    for (double value : comoments) {
      out.writeDouble(value);
    }
    out.writeDouble(normSum);
    out.writeDouble(squareSum);
    for (float value : minimum) {
      out.writeFloat(value);
    }
    for (float value : maximum) {
      out.writeFloat(value);
    }
    for (long value : norms) {
      out.writeLong(value);
    }
  }

  public static MomentState readFrom(DataInputStream in) throws IOException {
    if (in.readInt() != MAGIC) {
      throw new IOException("not moments, or of another version");
    }
    int width = in.readInt();
    long rows = in.readLong();
    double[] mean = doubles(in, width);
    double[] comoments = doubles(in, BlockMoments.triangle(width));
    double normSum = in.readDouble();
    double squareSum = in.readDouble();
    float[] minimum = floats(in, width);
    float[] maximum = floats(in, width);
    long[] norms = new long[NormHistogram.BINS];
    for (int i = 0; i < norms.length; i++) {
      norms[i] = in.readLong();
    }
    return new MomentState(rows, mean, comoments, normSum, squareSum, minimum, maximum, norms);
  }

  private static double[] doubles(DataInputStream in, int count) throws IOException {
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.readDouble();
    }
    return values;
  }

  private static float[] floats(DataInputStream in, int count) throws IOException {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.readFloat();
    }
    return values;
  }
}
