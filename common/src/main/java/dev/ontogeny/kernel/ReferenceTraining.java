package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A training step as the formulas of {@link TopKTraining} say it: dense, one row at a time,
 * gradients as full matrices in double precision.
 */
final class ReferenceTraining implements TrainingKernel {
  private final TopKTraining specification;
  private final Dictionary initial;
  private final int inputs;
  private final int width;
  private final float[] columnScale;
  private final SilentLatents silent;
  private final Parameter encoder;
  private final Parameter encoderBias;
  private final Parameter decoder;
  private final Parameter decoderBias;
  private long steps;

  /** Values with their gradient and Adam's two means. */
  private static final class Parameter {
    final float[] values;
    final double[] gradient;
    final float[] first;
    final float[] second;

    Parameter(float[] initial) {
      values = initial.clone();
      gradient = new double[initial.length];
      first = new float[initial.length];
      second = new float[initial.length];
    }
  }

  ReferenceTraining(TopKTraining specification, Dictionary initial) {
    this.specification = specification;
    this.initial = initial;
    this.inputs = initial.inputs();
    this.width = initial.width();
    this.columnScale = initial.columnScale();
    this.silent = new SilentLatents(width, specification.deadWindow());
    this.encoder = new Parameter(initial.encoder().values());
    this.encoderBias = new Parameter(initial.encoderBias());
    this.decoder = new Parameter(initial.decoder().values());
    this.decoderBias = new Parameter(initial.decoderBias());
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    StepLosses losses = gradients(batch);
    removeParallel();
    double norm = 0;
    for (Parameter parameter : parameters()) {
      for (double value : parameter.gradient) {
        norm += value * value;
      }
    }
    double clip = specification.gradientClip();
    double factor = clip > 0 && norm > clip * clip ? clip / Math.sqrt(norm) : 1;
    steps++;
    for (Parameter parameter : parameters()) {
      adam(parameter, factor, settings.learningRate());
    }
    normaliseDecoder();
    return losses;
  }

  /** Losses of a batch; leaves the gradients, neither projected nor clipped, in the parameters. */
  StepLosses gradients(FloatMatrix batch) {
    for (Parameter parameter : parameters()) {
      java.util.Arrays.fill(parameter.gradient, 0);
    }
    int rows = batch.rows();
    double[][] scaled = new double[rows][inputs];
    double[][] centred = new double[rows][inputs];
    float[][] code = new float[rows][];
    float[][] auxiliaryCode = new float[rows][];
    double[][] residual = new double[rows][inputs];
    int dead = silent.countDead();
    double active = 0;
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < inputs; i++) {
        scaled[row][i] = ((double) batch.at(row, i) - initial.inputMean()[i]) * columnScale[i];
        centred[row][i] = scaled[row][i] - decoderBias.values[i];
      }
      float[] pre = preActivations(centred[row]);
      code[row] = masked(pre, ReferenceSelection.largest(pre, specification.k(), latent -> true));
      auxiliaryCode[row] =
          masked(pre, ReferenceSelection.largest(pre, specification.auxiliaryK(), silent::dead));
      double[] decoded = decoded(code[row]);
      for (int i = 0; i < inputs; i++) {
        residual[row][i] = scaled[row][i] - decoded[i] - decoderBias.values[i];
      }
      for (float value : code[row]) {
        active += value != 0 ? 1 : 0;
      }
    }
    double variance = Math.max(squares(centredOnMean(scaled)), Double.MIN_NORMAL);
    double error = squares(residual);
    double auxiliary = 0;
    double auxiliaryWeight =
        specification.auxiliaryK() == 0
            ? 0
            : specification.auxiliaryCoefficient()
                * Math.min(1.0, (double) dead / specification.auxiliaryK());
    boolean withAuxiliary = auxiliaryWeight > 0 && error > 0;
    for (int row = 0; row < rows; row++) {
      // dL/dx̂ of the main loss.
      double[] upstream = new double[inputs];
      for (int i = 0; i < inputs; i++) {
        upstream[i] = -2 * residual[row][i] / variance;
        decoderBias.gradient[i] += upstream[i];
      }
      backward(code[row], centred[row], upstream);
      if (withAuxiliary) {
        double[] decoded = decoded(auxiliaryCode[row]);
        double[] auxiliaryUpstream = new double[inputs];
        for (int i = 0; i < inputs; i++) {
          double difference = decoded[i] - residual[row][i];
          auxiliary += difference * difference / error;
          auxiliaryUpstream[i] = auxiliaryWeight * 2 * difference / error;
        }
        backward(auxiliaryCode[row], centred[row], auxiliaryUpstream);
      }
    }
    boolean[] fired = new boolean[width];
    for (float[] each : code) {
      for (int latent = 0; latent < width; latent++) {
        fired[latent] |= each[latent] != 0;
      }
    }
    for (int latent = 0; latent < width; latent++) {
      silent.advance(latent, fired[latent], rows);
    }
    double fvu = error / variance;
    return new StepLosses(
        fvu + auxiliaryWeight * auxiliary,
        fvu,
        active / rows,
        (double) silent.countDead() / width,
        auxiliary);
  }

  private float[] preActivations(double[] centred) {
    float[] pre = new float[width];
    for (int latent = 0; latent < width; latent++) {
      double sum = encoderBias.values[latent];
      for (int i = 0; i < inputs; i++) {
        sum += centred[i] * encoder.values[i * width + latent];
      }
      pre[latent] = (float) sum;
    }
    return pre;
  }

  private static float[] masked(float[] pre, boolean[] chosen) {
    float[] code = new float[pre.length];
    for (int latent = 0; latent < pre.length; latent++) {
      code[latent] = chosen[latent] ? pre[latent] : 0;
    }
    return code;
  }

  private double[] decoded(float[] code) {
    double[] sum = new double[inputs];
    for (int latent = 0; latent < width; latent++) {
      if (code[latent] != 0) {
        for (int i = 0; i < inputs; i++) {
          sum[i] += (double) code[latent] * decoder.values[latent * inputs + i];
        }
      }
    }
    return sum;
  }

  /** From dL/d(code · W_dec) to the gradients of everything before it. */
  private void backward(float[] code, double[] centred, double[] upstream) {
    for (int latent = 0; latent < width; latent++) {
      if (code[latent] == 0) {
        continue;
      }
      double ofCode = 0;
      for (int i = 0; i < inputs; i++) {
        ofCode += upstream[i] * decoder.values[latent * inputs + i];
        decoder.gradient[latent * inputs + i] += code[latent] * upstream[i];
      }
      encoderBias.gradient[latent] += ofCode;
      for (int i = 0; i < inputs; i++) {
        encoder.gradient[i * width + latent] += ofCode * centred[i];
        decoderBias.gradient[i] -= ofCode * encoder.values[i * width + latent];
      }
    }
  }

  private void removeParallel() {
    for (int latent = 0; latent < width; latent++) {
      double along = 0;
      for (int i = 0; i < inputs; i++) {
        int at = latent * inputs + i;
        along += decoder.gradient[at] * decoder.values[at];
      }
      for (int i = 0; i < inputs; i++) {
        int at = latent * inputs + i;
        decoder.gradient[at] -= along * decoder.values[at];
      }
    }
  }

  private void adam(Parameter parameter, double factor, double learningRate) {
    double firstCorrection = 1 - Math.pow(specification.firstDecay(), (double) steps);
    double secondCorrection = 1 - Math.pow(specification.secondDecay(), (double) steps);
    for (int i = 0; i < parameter.values.length; i++) {
      double gradient = parameter.gradient[i] * factor;
      double first =
          specification.firstDecay() * parameter.first[i]
              + (1 - specification.firstDecay()) * gradient;
      double second =
          specification.secondDecay() * parameter.second[i]
              + (1 - specification.secondDecay()) * gradient * gradient;
      parameter.first[i] = (float) first;
      parameter.second[i] = (float) second;
      parameter.values[i] -=
          (float)
              (learningRate
                  * (first / firstCorrection)
                  / (Math.sqrt(second / secondCorrection) + specification.epsilon()));
    }
  }

  private void normaliseDecoder() {
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        double value = decoder.values[latent * inputs + i];
        squares += value * value;
      }
      for (int i = 0; i < inputs && squares > 0; i++) {
        decoder.values[latent * inputs + i] /= (float) Math.sqrt(squares);
      }
    }
  }

  private static double[][] centredOnMean(double[][] rows) {
    int inputs = rows[0].length;
    double[] mean = new double[inputs];
    for (double[] row : rows) {
      for (int i = 0; i < inputs; i++) {
        mean[i] += row[i] / rows.length;
      }
    }
    double[][] centred = new double[rows.length][inputs];
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < inputs; i++) {
        centred[row][i] = rows[row][i] - mean[i];
      }
    }
    return centred;
  }

  private static double squares(double[][] rows) {
    double sum = 0;
    for (double[] row : rows) {
      for (double value : row) {
        sum += value * value;
      }
    }
    return sum;
  }

  private Parameter[] parameters() {
    return new Parameter[] {encoder, encoderBias, decoder, decoderBias};
  }

  /** Gradients of the last {@link #gradients} by tensor name, for tests. */
  Map<String, double[]> lastGradients() {
    return Map.of(
        "W_enc", encoder.gradient,
        "b_enc", encoderBias.gradient,
        "W_dec", decoder.gradient,
        "b_dec", decoderBias.gradient);
  }

  @Override
  public Dictionary snapshot() {
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.k(),
        new FloatMatrix(inputs, width, encoder.values.clone()),
        encoderBias.values.clone(),
        new FloatMatrix(width, inputs, decoder.values.clone()),
        decoderBias.values.clone(),
        initial.inputMean(),
        initial.inputScale());
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    state.put("steps", new float[] {steps});
    String[] names = {"W_enc", "b_enc", "W_dec", "b_dec"};
    for (int i = 0; i < names.length; i++) {
      Parameter parameter = parameters()[i];
      state.put(names[i], parameter.values.clone());
      state.put(names[i] + ".first", parameter.first.clone());
      state.put(names[i] + ".second", parameter.second.clone());
    }
    silent.save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    steps = (long) state.get("steps")[0];
    String[] names = {"W_enc", "b_enc", "W_dec", "b_dec"};
    for (int i = 0; i < names.length; i++) {
      Parameter parameter = parameters()[i];
      System.arraycopy(state.get(names[i]), 0, parameter.values, 0, parameter.values.length);
      System.arraycopy(
          state.get(names[i] + ".first"), 0, parameter.first, 0, parameter.first.length);
      System.arraycopy(
          state.get(names[i] + ".second"), 0, parameter.second, 0, parameter.second.length);
    }
    silent.restore(state);
  }

  @Override
  public void close() {}
}
