package dev.ontogeny.stats;

import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;

/**
 * Which frequencies functions of two residues (a, b) modulo p hold. Of the space {1, cos, sin}_k ×
 * {1, cos, sin}_k of a frequency k, with cos_k(a) = cos(2πka/p), the four products of a wave in a
 * and a wave in b count: the parts that depend on one residue alone say nothing of their
 * interaction, and a squared wave of frequency k leaves such a part at 2k.
 *
 * <p>Whole sets of functions are judged by their summed power, never function by function: a sparse
 * dictionary tiles the circle of one frequency with several latents, none of which is a wave.
 */
public final class InteractionSpectrum {
  private final int modulus;
  private final double[] variance;
  private final double[][] power;

  /**
   * Computes it.
   *
   * @param values [p², m]: m functions at all pairs, row a·p + b
   * @param modulus p, odd
   */
  public InteractionSpectrum(FloatMatrix values, int modulus) {
    if (values.rows() != modulus * modulus) {
      throw new IllegalArgumentException(
          "functions of pairs modulo "
              + modulus
              + " need "
              + modulus * modulus
              + " rows, got "
              + values.rows());
    }
    this.modulus = modulus;
    int columns = values.columns();
    variance = variances(values);
    power = new double[(modulus - 1) / 2][columns];
    double[] wave = new double[columns];
    for (int k = 1; k <= power.length; k++) {
      double[][] alongB = new double[2 * modulus][];
      for (int a = 0; a < modulus; a++) {
        for (int shape = 0; shape < 2; shape++) {
          double[] sum = new double[columns];
          for (int b = 0; b < modulus; b++) {
            add(sum, values, a * modulus + b, wave(shape, k, b));
          }
          alongB[2 * a + shape] = sum;
        }
      }
      for (int shapeA = 0; shapeA < 2; shapeA++) {
        for (int shapeB = 0; shapeB < 2; shapeB++) {
          Arrays.fill(wave, 0);
          for (int a = 0; a < modulus; a++) {
            double factor = wave(shapeA, k, a);
            double[] along = alongB[2 * a + shapeB];
            for (int j = 0; j < columns; j++) {
              wave[j] += factor * along[j];
            }
          }
          // Each product of two waves has mean square 1/4.
          for (int j = 0; j < columns; j++) {
            double coefficient = wave[j] / ((double) modulus * modulus);
            power[k - 1][j] += 4 * coefficient * coefficient;
          }
        }
      }
    }
  }

  private double wave(int shape, int k, int residue) {
    double angle = 2 * Math.PI * k * residue / modulus;
    return shape == 0 ? Math.cos(angle) : Math.sin(angle);
  }

  private static void add(double[] sum, FloatMatrix values, int row, double factor) {
    int from = row * values.columns();
    for (int j = 0; j < sum.length; j++) {
      sum[j] += factor * values.values()[from + j];
    }
  }

  private static double[] variances(FloatMatrix values) {
    double[] mean = new double[values.columns()];
    double[] result = new double[values.columns()];
    for (int row = 0; row < values.rows(); row++) {
      add(mean, values, row, 1.0 / values.rows());
    }
    for (int row = 0; row < values.rows(); row++) {
      for (int j = 0; j < result.length; j++) {
        double centred = values.at(row, j) - mean[j];
        result[j] += centred * centred / values.rows();
      }
    }
    return result;
  }

  /** Number of frequencies, (p − 1) / 2. */
  public int frequencies() {
    return power.length;
  }

  /** The variance of each function over all pairs. */
  public double[] variance() {
    return variance.clone();
  }

  /** The part of a function's variance that lies in a frequency, from 1 on. */
  public double power(int frequency, int column) {
    return power[frequency - 1][column];
  }

  /**
   * The share of all functions' variance that lies in each frequency, [frequencies]: all zeros
   * where there is no variance.
   */
  public double[] shares() {
    double total = 0;
    for (double each : variance) {
      total += each;
    }
    double[] shares = new double[power.length];
    for (int k = 0; k < shares.length; k++) {
      for (double each : power[k]) {
        shares[k] += total > 0 ? each / total : 0;
      }
    }
    return shares;
  }

  /** The share that a function without structure has in a frequency: its part of the dimensions. */
  public static double chance(int modulus) {
    return 4.0 / ((double) modulus * modulus - 1);
  }
}
