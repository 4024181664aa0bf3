package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.kernel.DeadLatents;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Systematic draws of inputs for dead latents, weighted by their squared loss. It happens once in
 * many thousands of tokens, so weights come off the device and go back.
 */
final class Nd4jResampling {
  private static final List<Function<DeviceParameter, INDArray>> MEANS =
      List.of(parameter -> parameter.first, parameter -> parameter.second);

  private Nd4jResampling() {}

  /**
   * After a step.
   *
   * @param squares of each row's residual, [n]
   */
  static void resample(DeviceWeights weights, DeadLatents silent, float[] squares) {
    int rows = squares.length;
    int width = weights.width;
    int inputs = weights.initial.inputs();
    int dead = silent.countDead();
    double[] reached = new double[rows];
    for (int row = 0; row < rows; row++) {
      reached[row] = (row == 0 ? 0 : reached[row - 1]) + (double) squares[row] * squares[row];
    }
    if (dead == 0 || dead == width || !(reached[rows - 1] > 0)) {
      return;
    }
    Map<String, float[]> values = weights.tensors(parameter -> parameter.values);
    float[] encoder = values.get("W_enc");
    double norms = 0;
    for (int latent = 0; latent < width; latent++) {
      double square = 0;
      for (int i = 0; i < inputs; i++) {
        square += (double) encoder[i * width + latent] * encoder[i * width + latent];
      }
      norms += silent.dead(latent) ? 0 : Math.sqrt(square);
    }
    float[][] centred = centred(weights, rows, inputs);
    Map<Integer, float[]> drawn = new HashMap<>();
    int number = 0;
    for (int latent = 0; latent < width; latent++) {
      if (silent.dead(latent)) {
        double wanted = (number++ + 0.5) / dead * reached[rows - 1];
        int row = 0;
        while (row < rows - 1 && reached[row] < wanted) {
          row++;
        }
        drawn.put(latent, centred[row]);
        silent.advance(latent, true, 0);
      }
    }
    double length = 0.2 * norms / (width - dead);
    restart(weights, drawn, values, length);
    weights.assign(values, parameter -> parameter.values);
    if (weights.encoderBias.average != null) {
      Map<String, float[]> average = weights.tensors(parameter -> parameter.average);
      restart(weights, drawn, average, length);
      weights.assign(average, parameter -> parameter.average);
    }
    for (Function<DeviceParameter, INDArray> mean : MEANS) {
      Map<String, float[]> its = weights.tensors(mean);
      restart(weights, drawn, its, Double.NaN);
      weights.assign(its, mean);
    }
  }

  /** Rows as they were centred, [n][D]. */
  private static float[][] centred(DeviceWeights weights, int rows, int inputs) {
    float[][] all = new float[rows][inputs];
    for (DeviceSource source : weights.sources) {
      float[] its = DeviceMatrix.values(source.centred);
      for (int row = 0; row < rows; row++) {
        System.arraycopy(its, row * source.columns, all[row], source.from, source.columns);
      }
    }
    return all;
  }

  /**
   * Gives drawn latents their directions.
   *
   * @param length of their columns of W_enc; NaN sets all that is theirs to zero
   */
  private static void restart(
      DeviceWeights weights,
      Map<Integer, float[]> drawn,
      Map<String, float[]> tensors,
      double length) {
    int width = weights.width;
    int inputs = weights.initial.inputs();
    int read = weights.initial.readColumns();
    int written = inputs - weights.initial.reconstructedColumns();
    boolean zero = Double.isNaN(length);
    drawn.forEach(
        (latent, row) -> {
          double decoderNorm = norm(row, written, inputs);
          double encoderNorm = norm(row, 0, read);
          for (int i = written; i < inputs; i++) {
            tensors.get("W_dec")[latent * inputs + i] = zero ? 0 : (float) (row[i] / decoderNorm);
          }
          for (int i = 0; i < read; i++) {
            float direction = (float) (row[i] / encoderNorm);
            tensors.get("W_enc")[i * width + latent] = zero ? 0 : (float) (direction * length);
          }
          tensors.get("b_enc")[latent] = 0;
        });
  }

  private static double norm(float[] row, int from, int to) {
    double squares = 0;
    for (int i = from; i < to; i++) {
      squares += (double) row[i] * row[i];
    }
    return Math.sqrt(squares);
  }
}
