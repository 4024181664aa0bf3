package dev.ontogeny.ml;

import dev.ontogeny.run.Failure;
import java.io.Serializable;

/**
 * What {@link DictionaryEvaluator} keeps of rows: means and squared distances to them, formed row
 * by row as Welford did and put together as Chan, Golub and LeVeque did, so that a mean far from
 * zero takes nothing from what varies.
 */
final class Sums implements Serializable {
  private static final long serialVersionUID = 1;

  private final double[] mean;
  private long rows;
  private double distances;
  private double errors;
  private long active;

  /** Of vectors of that width; of none for counts alone. */
  Sums(int width) {
    this.mean = new double[width];
  }

  /** Adds a vector and its reconstruction. */
  void add(float[] vector, double[] reconstruction) {
    rows++;
    for (int i = 0; i < mean.length; i++) {
      double before = vector[i] - mean[i];
      mean[i] += before / rows;
      distances += before * (vector[i] - mean[i]);
      double error = vector[i] - reconstruction[i];
      errors += error * error;
    }
  }

  /** Adds a code of which so many latents fire. */
  void addActive(int latents) {
    rows++;
    active += latents;
  }

  /** Both together, null for none of either; the first then holds them. */
  static Sums together(Sums one, Sums other) {
    if (one == null || other == null) {
      return one == null ? other : one;
    }
    if (one.mean.length != other.mean.length) {
      throw Failure.data(
          "vectors of %d numbers, and of %d in other rows", one.mean.length, other.mean.length);
    }
    one.merge(other);
    return one;
  }

  private void merge(Sums other) {
    long together = rows + other.rows;
    for (int i = 0; i < mean.length; i++) {
      double between = other.mean[i] - mean[i];
      mean[i] += between * other.rows / together;
      distances += between * between * rows * other.rows / together;
    }
    distances += other.distances;
    errors += other.errors;
    active += other.active;
    rows = together;
  }

  /** FVU of vectors, or the mean number of latents where there are none. */
  double result() {
    return mean.length == 0 ? (double) active / rows : errors / distances;
  }
}
