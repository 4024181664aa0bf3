package dev.ontogeny.stats;

import dev.ontogeny.run.Seeds;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.random.RandomGenerator;

/**
 * A few tokens' vectors at one checkpoint, centred and projected onto random signs, so that two
 * checkpoints of a site can be compared without reading either again: the distance of two sketches
 * is about that of the vectors (Johnson and Lindenstrauss; signs as in Achlioptas 2003).
 */
public final class SourceSketch {
  /** Tokens that are taken, the first of a dataset. */
  public static final int ROWS = 128;

  private static final int COMPONENTS = 32;

  private final float[] values;

  private SourceSketch(float[] values) {
    this.values = values;
  }

  /**
   * Of the first {@code rows} rows of {@code vectors} [rows, width].
   *
   * @param name of the site: sketches of one site and width are comparable
   */
  public static SourceSketch of(float[] vectors, int rows, int width, String name) {
    double[] mean = new double[width];
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < width; i++) {
        mean[i] += vectors[row * width + i] / (double) rows;
      }
    }
    RandomGenerator random = Seeds.generator(0, "sketch", name, width);
    float[] values = new float[rows * COMPONENTS];
    for (int component = 0; component < COMPONENTS; component++) {
      boolean[] positive = new boolean[width];
      for (int i = 0; i < width; i++) {
        positive[i] = random.nextBoolean();
      }
      for (int row = 0; row < rows; row++) {
        double sum = 0;
        for (int i = 0; i < width; i++) {
          double value = vectors[row * width + i] - mean[i];
          sum += positive[i] ? value : -value;
        }
        values[row * COMPONENTS + component] = (float) sum;
      }
    }
    return new SourceSketch(values);
  }

  /** As text. */
  public String stored() {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return Base64.getEncoder().encodeToString(bytes.array());
  }

  /** Out of text. */
  public static SourceSketch read(String stored) {
    ByteBuffer bytes =
        ByteBuffer.wrap(Base64.getDecoder().decode(stored)).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return new SourceSketch(values);
  }

  /** ‖a − b‖ over the mean of ‖a‖ and ‖b‖ (root of mean square); NaN if both are zero. */
  public double distance(SourceSketch other) {
    double difference = 0;
    double squares = 0;
    for (int i = 0; i < values.length; i++) {
      double delta = (double) values[i] - other.values[i];
      difference += delta * delta;
      squares += (double) values[i] * values[i] + (double) other.values[i] * other.values[i];
    }
    return Math.sqrt(difference / (squares / 2));
  }
}
