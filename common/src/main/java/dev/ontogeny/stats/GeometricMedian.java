package dev.ontogeny.stats;

/** The point with the least sum of distances to a sample (Weiszfeld 1937). */
public final class GeometricMedian {
  private static final int ITERATIONS = 100;
  private static final double TOLERANCE = 1e-7;

  private GeometricMedian() {}

  /**
   * Of {@code rows} vectors of {@code width} numbers each. Starts at the mean; a sample that lies
   * on the point itself is left out of a step (its gradient is not defined there).
   *
   * @param sample [rows, width] row-major
   */
  public static double[] of(float[] sample, int rows, int width) {
    double[] at = new double[width];
    if (rows == 0) {
      return at;
    }
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < width; i++) {
        at[i] += (double) sample[row * width + i] / rows;
      }
    }
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
      double[] next = new double[width];
      double weights = 0;
      double distances = 0;
      for (int row = 0; row < rows; row++) {
        double square = 0;
        for (int i = 0; i < width; i++) {
          double difference = sample[row * width + i] - at[i];
          square += difference * difference;
        }
        if (square > 0) {
          double distance = Math.sqrt(square);
          double weight = 1 / distance;
          distances += distance;
          weights += weight;
          for (int i = 0; i < width; i++) {
            next[i] += weight * sample[row * width + i];
          }
        }
      }
      if (weights == 0) {
        return at;
      }
      double moved = 0;
      for (int i = 0; i < width; i++) {
        next[i] /= weights;
        moved += (next[i] - at[i]) * (next[i] - at[i]);
      }
      at = next;
      if (Math.sqrt(moved) <= TOLERANCE * distances / rows) {
        break;
      }
    }
    return at;
  }
}
