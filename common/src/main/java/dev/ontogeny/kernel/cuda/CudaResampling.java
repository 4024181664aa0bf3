package dev.ontogeny.kernel.cuda;

import dev.ontogeny.kernel.DeadLatents;
import java.util.Arrays;
import java.util.List;

/**
 * Systematic draws of inputs for dead latents, weighted by their squared loss, as {@code cpu} has
 * them. It happens once in many thousands of tokens, so the host decides, and weights of those that
 * start again go to the device latent by latent.
 *
 * @param encoder [F, R]
 * @param decoder [F, T]
 * @param columns of a row
 */
record CudaResampling(
    CudaStream stream,
    CudaParameter encoder,
    CudaParameter encoderBias,
    CudaParameter decoder,
    int columns,
    int read,
    int written,
    int width) {

  /**
   * After a step.
   *
   * @param silent as the device has it; those that start again have fired
   * @param centred the step's rows on the device, [n, columns]
   * @param squares of each row's residual, [n]
   * @return whether anything started again
   */
  boolean after(DeadLatents silent, DeviceArray centred, double[] squares) {
    int rows = squares.length;
    int dead = silent.countDead();
    double[] reached = new double[rows];
    for (int row = 0; row < rows; row++) {
      reached[row] = (row == 0 ? 0 : reached[row - 1]) + squares[row] * squares[row];
    }
    if (dead == 0 || dead == width || !(reached[rows - 1] > 0)) {
      return false;
    }
    double length = 0.2 * lengthOfTheLiving(silent) / (width - dead);
    int number = 0;
    int row = 0;
    for (int latent = 0; latent < width; latent++) {
      if (silent.dead(latent)) {
        double wanted = (number++ + 0.5) / dead * reached[rows - 1];
        while (row < rows - 1 && reached[row] < wanted) {
          row++;
        }
        float[] drawn = stream.floats(centred.from(4L * row * columns), columns);
        encoder.restart((long) latent * read, scaled(drawn, 0, read, length));
        decoder.restart((long) latent * written, scaled(drawn, columns - written, columns, 1));
        encoderBias.restart(latent, new float[1]);
        silent.advance(latent, true, 0);
      }
    }
    return true;
  }

  /** Norms of the encoders of all that are not dead, summed. */
  private double lengthOfTheLiving(DeadLatents silent) {
    DeviceArray norms = stream.words(width);
    DeviceArray end = stream.words(1);
    stream.upload(new int[] {read}, 1, end);
    stream.launch("source_norms", width, 1, encoder.values, read, end, 1, width, norms);
    float[] all = stream.floats(norms, width);
    List.of(norms, end).forEach(stream::free);
    double sum = 0;
    for (int latent = 0; latent < width; latent++) {
      sum += silent.dead(latent) ? 0 : all[latent];
    }
    return sum;
  }

  /** Some columns of a row, so long. */
  private static float[] scaled(float[] row, int from, int to, double length) {
    float[] result = Arrays.copyOfRange(row, from, to);
    double squares = 0;
    for (float value : result) {
      squares += (double) value * value;
    }
    for (int i = 0; i < result.length && squares > 0; i++) {
      result[i] = (float) (result[i] / Math.sqrt(squares) * length);
    }
    return result;
  }
}
