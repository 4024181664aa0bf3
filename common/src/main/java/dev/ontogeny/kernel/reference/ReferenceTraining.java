package dev.ontogeny.kernel.reference;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.Sparsity;
import dev.ontogeny.kernel.Sparsity.BatchTopK;
import dev.ontogeny.kernel.Sparsity.JumpRelu;
import dev.ontogeny.kernel.Sparsity.Penalty;
import dev.ontogeny.kernel.Sparsity.Relu;
import dev.ontogeny.kernel.Sparsity.TopK;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A training step as the formulas of {@link TrainingSpecification} say it: dense, one row at a
 * time, gradients as full matrices in double precision.
 */
public final class ReferenceTraining implements TrainingKernel {
  private final TrainingSpecification specification;
  private final Dictionary initial;
  private final int inputs;
  private final int width;
  private final float[] columnScale;
  private final DeadLatents silent;
  private final Parameter encoder;
  private final Parameter encoderBias;
  private final Parameter decoder;
  private final Parameter decoderBias;

  /** Of JumpReLU; without latents otherwise. */
  private final Parameter logThreshold;

  private final Sparsity sparsity;
  private final boolean unitDecoder;

  /** What a code counts for or not as a whole: all columns, or those of each source. */
  private final List<Part> parts;

  private float runningThreshold;
  private float[][] lastPre;
  private float[][] lastCode;
  private double[][] lastResidual;
  private double[][] lastCentred;
  private long steps;

  /** Columns from … to. */
  private record Part(int from, int to) {}

  /** Values with their gradient, Adam's two means, and the mean of the values over steps. */
  private static final class Parameter {
    final float[] values;
    final double[] gradient;
    final float[] first;
    final float[] second;
    final float[] average;

    Parameter(float[] initial) {
      values = initial.clone();
      average = initial.clone();
      gradient = new double[initial.length];
      first = new float[initial.length];
      second = new float[initial.length];
    }
  }

  public ReferenceTraining(TrainingSpecification specification, Dictionary initial) {
    this.specification = specification;
    this.initial = initial;
    this.inputs = initial.inputs();
    this.width = initial.width();
    this.columnScale = initial.columnScale();
    this.silent = new DeadLatents(width, specification.deadWindow());
    this.encoder = new Parameter(initial.encoder().values());
    this.encoderBias = new Parameter(initial.encoderBias());
    this.decoder = new Parameter(initial.decoder().values());
    this.decoderBias = new Parameter(initial.decoderBias());
    this.sparsity = specification.sparsity();
    this.unitDecoder = specification.unitDecoder(initial);
    this.parts = new ArrayList<>();
    if (initial.type().gatedBySource()) {
      int from = 0;
      for (Source source : initial.sources()) {
        parts.add(new Part(from, from + source.width()));
        from += source.width();
      }
    } else {
      parts.add(new Part(0, inputs));
    }
    float[] logarithms = new float[sparsity instanceof JumpRelu ? width : 0];
    for (int latent = 0; latent < logarithms.length; latent++) {
      logarithms[latent] = (float) Math.log(initial.threshold()[latent]);
    }
    this.logThreshold = new Parameter(logarithms);
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    StepLosses losses = gradients(batch, settings);
    if (unitDecoder) {
      removeParallel();
    }
    double norm = 0;
    for (Parameter parameter : parameters().values()) {
      for (double value : parameter.gradient) {
        norm += value * value;
      }
    }
    Optimiser optimiser = specification.optimiser();
    double clip = optimiser.gradientClip();
    double factor = clip > 0 && norm > clip * clip ? clip / Math.sqrt(norm) : 1;
    steps++;
    double rate = settings.learningRate();
    for (Parameter parameter : new Parameter[] {encoder, decoder}) {
      for (int i = 0; i < parameter.values.length; i++) {
        parameter.values[i] *= (float) (1 - rate * optimiser.weightDecay());
      }
      adam(parameter, factor, rate);
    }
    adam(encoderBias, factor, rate);
    adam(decoderBias, factor, rate);
    if (sparsity instanceof JumpRelu jump) {
      adam(logThreshold, factor, rate * jump.thresholdRate());
    }
    if (unitDecoder) {
      normalise(decoder.values);
    }
    float keep = optimiser.averageDecay(steps);
    for (Parameter parameter : parameters().values()) {
      for (int i = 0; i < parameter.values.length; i++) {
        parameter.average[i] = keep * parameter.average[i] + (1 - keep) * parameter.values[i];
      }
    }
    resample(batch.rows());
    return losses;
  }

  /** Losses of a batch; leaves the gradients, neither projected nor clipped, in the parameters. */
  public StepLosses gradients(FloatMatrix batch, StepSettings settings) {
    for (Parameter parameter : parameters().values()) {
      Arrays.fill(parameter.gradient, 0);
    }
    int rows = batch.rows();
    double[][] scaled = new double[rows][inputs];
    double[][] centred = new double[rows][inputs];
    float[][] pre = new float[rows][];
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < inputs; i++) {
        scaled[row][i] = ((double) batch.at(row, i) - initial.inputMean()[i]) * columnScale[i];
        centred[row][i] = scaled[row][i] - decoderBias.values[i];
      }
      pre[row] = preActivations(centred[row]);
    }
    float[][] bars = bars();
    float[][] code = codes(pre, bars, settings);
    double[] weights = columnWeights();
    double variance = Math.max(squares(centredOnMean(scaled), weights), Double.MIN_NORMAL);
    double[][] residual = residual(centred, code, bars);
    double error = squares(residual, weights);
    residual = weighted(residual, weights);
    double fvu = error / variance;
    double loss = fvu;
    double[][][] ofCode = backward(code, bars, residual, -2 / variance);
    addToDecoderBias(residual, -2 / variance);
    loss += penalise(pre, code, bars, ofCode, variance, settings.sparsity());
    throughEncoder(code, bars, ofCode, centred);
    float[][] open = new float[parts.size()][width];

    if (sparsity instanceof TopK top && top.multiK() > 0) {
      float[][] more = largest(pre, top.multiK());
      double[][] left = residual(centred, more, open);
      loss += top.multiWeight() * squares(left, weights) / variance;
      left = weighted(left, weights);
      double factor = -2 * top.multiWeight() / variance;
      throughEncoder(more, open, backward(more, open, left, factor), centred);
      addToDecoderBias(left, factor);
    }
    double auxiliary = 0;
    double auxiliaryWeight =
        specification.auxiliaryK() == 0
            ? 0
            : specification.auxiliaryCoefficient()
                * Math.min(1.0, (double) silent.countDead() / specification.auxiliaryK());
    double target = squares(residual, ones(inputs));
    if (auxiliaryWeight > 0 && target > 0) {
      float[][] dead = new float[rows][];
      for (int row = 0; row < rows; row++) {
        dead[row] =
            masked(
                pre[row],
                ReferenceSelection.largest(pre[row], specification.auxiliaryK(), silent::dead));
      }
      double[][] left = residual(residual, dead, open);
      auxiliary = squares(left, ones(inputs)) / target;
      loss += auxiliaryWeight * auxiliary;
      double factor = -2 * auxiliaryWeight / target;
      throughEncoder(dead, open, backward(dead, open, left, factor), centred);
    }
    double active = 0;
    for (int latent = 0; latent < width; latent++) {
      int fired = firings(code, latent);
      active += fired;
      silent.advance(latent, fired > 0, rows);
    }
    lastPre = pre;
    lastCode = code;
    lastResidual = residual;
    lastCentred = centred;
    return new StepLosses(loss, fvu, active / rows, (double) silent.countDead() / width, auxiliary);
  }

  /** What a code has to exceed to count for a part, [parts, F]. */
  private float[][] bars() {
    float[][] bars = new float[parts.size()][width];
    for (int p = 0; p < parts.size(); p++) {
      for (int latent = 0; latent < width; latent++) {
        double scale = gateScale(parts.get(p), latent);
        bars[p][latent] = scale > 0 ? (float) (threshold(latent) / scale) : Float.POSITIVE_INFINITY;
      }
    }
    return bars;
  }

  /** What pre-activations are multiplied by before they are compared with θ. */
  private double gateScale(Part part, int latent) {
    return initial.type().gatedBySource()
        ? sourceNorm(latent * inputs + part.from, part.to - part.from)
        : 1;
  }

  private float[][] codes(float[][] pre, float[][] bars, StepSettings settings) {
    if (sparsity instanceof TopK top) {
      return largest(pre, settings.k(top.k(), top.initialK()));
    }
    float[][] code = new float[pre.length][];
    if (sparsity instanceof BatchTopK top) {
      float[] weights = new float[width];
      for (int latent = 0; latent < width; latent++) {
        weights[latent] = unitDecoder ? 1 : (float) norm(latent);
      }
      int budget = settings.k(top.k(), top.initialK()) * pre.length;
      boolean[][] chosen = ReferenceSelection.largest(pre, weights, budget);
      float smallest = Float.POSITIVE_INFINITY;
      for (int row = 0; row < pre.length; row++) {
        code[row] = masked(pre[row], chosen[row]);
        for (int latent = 0; latent < width; latent++) {
          if (chosen[row][latent]) {
            smallest = Math.min(smallest, code[row][latent] * weights[latent]);
          }
        }
      }
      double keep = Math.min(top.thresholdDecay(), (double) steps / (steps + 1));
      float last = Float.isInfinite(smallest) ? 0 : smallest;
      runningThreshold = (float) (keep * runningThreshold + (1 - keep) * last);
      return code;
    }
    for (int row = 0; row < pre.length; row++) {
      boolean[] fires = new boolean[width];
      for (int latent = 0; latent < width; latent++) {
        for (float[] ofPart : bars) {
          fires[latent] |= pre[row][latent] > ofPart[latent];
        }
      }
      code[row] = masked(pre[row], fires);
    }
    return code;
  }

  /** θ of JumpReLU, 0 of ReLU. */
  private float threshold(int latent) {
    return sparsity instanceof JumpRelu ? (float) Math.exp(logThreshold.values[latent]) : 0;
  }

  private static float[][] largest(float[][] pre, int k) {
    float[][] code = new float[pre.length][];
    for (int row = 0; row < pre.length; row++) {
      code[row] = masked(pre[row], ReferenceSelection.largest(pre[row], k, latent -> true));
    }
    return code;
  }

  /** ‖d‖: the norm of a latent's row of W_dec, summed over the sources. */
  private double norm(int latent) {
    double norm = 0;
    int at = latent * inputs;
    for (Source source : initial.sources()) {
      norm += sourceNorm(at, source.width());
      at += source.width();
    }
    return norm;
  }

  private double sourceNorm(int at, int count) {
    double squares = 0;
    for (int i = at; i < at + count; i++) {
      squares += (double) decoder.values[i] * decoder.values[i];
    }
    return Math.sqrt(squares);
  }

  /** target − code · W_dec, for each part with what of the code is above its bars. */
  private double[][] residual(double[][] target, float[][] code, float[][] bars) {
    double[][] residual = new double[target.length][inputs];
    for (int row = 0; row < target.length; row++) {
      double[] decoded = decoded(code[row], bars);
      for (int i = 0; i < inputs; i++) {
        residual[row][i] = target[row][i] - decoded[i];
      }
    }
    return residual;
  }

  /**
   * Adds ∂/∂W_dec of a squared residual times a factor of half its sign; returns its gradient with
   * respect to the codes of each part, those that do not count as well, [parts, n, F].
   */
  private double[][][] backward(
      float[][] code, float[][] bars, double[][] residual, double factor) {
    double[][][] ofCode = new double[parts.size()][code.length][width];
    for (int p = 0; p < parts.size(); p++) {
      Part part = parts.get(p);
      for (int row = 0; row < code.length; row++) {
        for (int latent = 0; latent < width; latent++) {
          float counted = counted(code[row][latent], bars[p][latent]);
          for (int i = part.from; i < part.to; i++) {
            double upstream = factor * residual[row][i];
            ofCode[p][row][latent] += upstream * decoder.values[latent * inputs + i];
            decoder.gradient[latent * inputs + i] += counted * upstream;
          }
        }
      }
    }
    return ofCode;
  }

  private static float counted(float code, float bar) {
    return code > bar ? code : 0;
  }

  private void addToDecoderBias(double[][] residual, double factor) {
    for (double[] row : residual) {
      for (int i = 0; i < inputs; i++) {
        decoderBias.gradient[i] += factor * row[i];
      }
    }
  }

  /** From the gradients of codes to those of encoder and biases, for the codes that count. */
  private void throughEncoder(
      float[][] code, float[][] bars, double[][][] ofCode, double[][] centred) {
    for (int p = 0; p < parts.size(); p++) {
      for (int row = 0; row < code.length; row++) {
        for (int latent = 0; latent < width; latent++) {
          if (counted(code[row][latent], bars[p][latent]) == 0) {
            continue;
          }
          double gradient = ofCode[p][row][latent];
          encoderBias.gradient[latent] += gradient;
          for (int i = 0; i < inputs; i++) {
            encoder.gradient[i * width + latent] += gradient * centred[row][i];
            decoderBias.gradient[i] -= gradient * encoder.values[i * width + latent];
          }
        }
      }
    }
  }

  /** What the penalty adds to the loss; adds its gradients to those of codes, W_dec and log θ. */
  private double penalise(
      float[][] pre,
      float[][] code,
      float[][] bars,
      double[][][] ofCode,
      double variance,
      double share) {
    int rows = code.length;
    if (sparsity instanceof Relu relu) {
      double weight = share * relu.coefficient() / variance;
      double loss = 0;
      for (int latent = 0; latent < width; latent++) {
        double norm = relu.form() == Sparsity.Form.UNIT_NORM ? 1 : norm(latent);
        double sum = 0;
        for (int row = 0; row < rows; row++) {
          sum += code[row][latent];
          ofCode[0][row][latent] += weight * norm;
        }
        loss += weight * sum * norm;
        if (relu.form() != Sparsity.Form.UNIT_NORM) {
          addToNorm(parts.get(0), latent, weight * sum);
        }
      }
      return loss;
    }
    return sparsity instanceof JumpRelu jump
        ? penaliseJump(jump, pre, code, bars, ofCode, variance, share)
        : 0;
  }

  private double penaliseJump(
      JumpRelu jump,
      float[][] pre,
      float[][] code,
      float[][] bars,
      double[][][] ofCode,
      double variance,
      double share) {
    int rows = code.length;
    Penalty penalty = jump.penalty();
    // The loss is weight · S for the step and tanh penalties, S summed over rows.
    double weight = share * jump.coefficient() / variance;
    double loss = 0;
    double ofFiring = 0;
    if (penalty == Penalty.STEP || penalty == Penalty.TARGET_L0) {
      double active = 0;
      for (int latent = 0; latent < width; latent++) {
        active += firings(code, latent);
      }
      if (penalty == Penalty.STEP) {
        loss = weight * active;
        ofFiring = weight;
      } else {
        double excess = active / rows / jump.target() - 1;
        loss = share * jump.coefficient() * excess * excess;
        ofFiring = share * jump.coefficient() * 2 * excess / jump.target() / rows;
      }
    } else {
      // The mean is over rows and parts, and a mean over parts is what the coefficient is for.
      int count = rows * parts.size();
      for (int latent = 0; latent < width; latent++) {
        double mean = 0;
        for (int p = 0; p < parts.size(); p++) {
          double norm = paidNorm(parts.get(p), latent);
          for (int row = 0; row < rows; row++) {
            double counted = counted(code[row][latent], bars[p][latent]);
            mean += Math.tanh(jump.slope() * counted * norm) / count;
          }
        }
        boolean quadratic = penalty == Penalty.TANH_QUADRATIC;
        loss += weight * count * mean * (quadratic ? 1 + mean / jump.square() : 1);
        double outer = weight * (quadratic ? 1 + 2 * mean / jump.square() : 1);
        for (int p = 0; p < parts.size(); p++) {
          double norm = paidNorm(parts.get(p), latent);
          double ofNorm = 0;
          for (int row = 0; row < rows; row++) {
            double counted = counted(code[row][latent], bars[p][latent]);
            double tanh = Math.tanh(jump.slope() * counted * norm);
            double slope = outer * jump.slope() * (1 - tanh * tanh);
            ofCode[p][row][latent] += slope * norm;
            ofNorm += slope * counted;
          }
          addToNorm(parts.get(p), latent, ofNorm);
        }
      }
    }
    for (int p = 0; p < parts.size(); p++) {
      for (int latent = 0; latent < width; latent++) {
        double threshold = threshold(latent);
        double scale = gateScale(parts.get(p), latent);
        for (int row = 0; row < rows; row++) {
          double compared = pre[row][latent] * scale;
          if (compared > 0 && Math.abs(compared - threshold) < jump.bandwidth() / 2) {
            double ofCompared = ofCode[p][row][latent] / scale;
            double ofThreshold = -(threshold * ofCompared + ofFiring) / jump.bandwidth();
            logThreshold.gradient[latent] += threshold * ofThreshold;
          }
        }
      }
    }
    return loss;
  }

  /** ‖d‖ as a penalty has it: over the sources of a part, summed. */
  private double paidNorm(Part part, int latent) {
    return initial.type().gatedBySource() ? gateScale(part, latent) : norm(latent);
  }

  /** Adds ∂‖d‖/∂d times a factor to a part of the gradient of a latent's row of W_dec. */
  private void addToNorm(Part part, int latent, double factor) {
    int from = 0;
    for (Source source : initial.sources()) {
      double norm = sourceNorm(latent * inputs + from, source.width());
      int end = from + source.width();
      for (int i = from; i < end && from >= part.from && end <= part.to && norm > 0; i++) {
        int at = latent * inputs + i;
        decoder.gradient[at] += factor * decoder.values[at] / norm;
      }
      from = end;
    }
  }

  private static int firings(float[][] code, int latent) {
    int firings = 0;
    for (float[] row : code) {
      firings += row[latent] != 0 ? 1 : 0;
    }
    return firings;
  }

  /** See {@code CpuTraining}: systematic draws of inputs, weighted by their squared loss. */
  private void resample(int rows) {
    if (!(sparsity instanceof Relu relu)
        || relu.form() != Sparsity.Form.UNIT_NORM
        || relu.resampleTokens() == 0
        || steps * rows / relu.resampleTokens() == (steps - 1) * rows / relu.resampleTokens()) {
      return;
    }
    int dead = silent.countDead();
    double norms = 0;
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        squares += Math.pow(encoder.values[i * width + latent], 2);
      }
      norms += silent.dead(latent) ? 0 : Math.sqrt(squares);
    }
    double[] reached = new double[rows];
    for (int row = 0; row < rows; row++) {
      reached[row] = (row == 0 ? 0 : reached[row - 1]) + Math.pow(squares(lastResidual[row]), 2);
    }
    if (dead == 0 || dead == width || !(reached[rows - 1] > 0)) {
      return;
    }
    int drawn = 0;
    for (int latent = 0; latent < width; latent++) {
      if (!silent.dead(latent)) {
        continue;
      }
      double wanted = (drawn++ + 0.5) / dead * reached[rows - 1];
      int row = 0;
      while (row < rows - 1 && reached[row] < wanted) {
        row++;
      }
      double norm = Math.sqrt(squares(lastCentred[row]));
      for (int i = 0; i < inputs; i++) {
        float direction = (float) (lastCentred[row][i] / norm);
        restart(decoder, latent * inputs + i, direction);
        restart(encoder, i * width + latent, (float) (direction * 0.2 * norms / (width - dead)));
      }
      restart(encoderBias, latent, 0);
      silent.advance(latent, true, 0);
    }
  }

  private static void restart(Parameter parameter, int at, float value) {
    parameter.values[at] = value;
    parameter.average[at] = value;
    parameter.first[at] = 0;
    parameter.second[at] = 0;
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

  private double[] decoded(float[] code, float[][] bars) {
    double[] sum = new double[inputs];
    for (int p = 0; p < parts.size(); p++) {
      for (int latent = 0; latent < width; latent++) {
        double counted = counted(code[latent], bars[p][latent]);
        for (int i = parts.get(p).from; i < parts.get(p).to && counted != 0; i++) {
          sum[i] += counted * decoder.values[latent * inputs + i];
        }
      }
    }
    return sum;
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
    double firstCorrection = 1 - Math.pow(specification.optimiser().firstDecay(), (double) steps);
    double secondCorrection = 1 - Math.pow(specification.optimiser().secondDecay(), (double) steps);
    for (int i = 0; i < parameter.values.length; i++) {
      double gradient = parameter.gradient[i] * factor;
      double first =
          specification.optimiser().firstDecay() * parameter.first[i]
              + (1 - specification.optimiser().firstDecay()) * gradient;
      double second =
          specification.optimiser().secondDecay() * parameter.second[i]
              + (1 - specification.optimiser().secondDecay()) * gradient * gradient;
      parameter.first[i] = (float) first;
      parameter.second[i] = (float) second;
      parameter.values[i] -=
          (float)
              (learningRate
                  * (first / firstCorrection)
                  / (Math.sqrt(second / secondCorrection) + specification.optimiser().epsilon()));
    }
  }

  private void normalise(float[] decoder) {
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        double value = decoder[latent * inputs + i];
        squares += value * value;
      }
      for (int i = 0; i < inputs && squares > 0; i++) {
        decoder[latent * inputs + i] /= (float) Math.sqrt(squares);
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

  private static double squares(double[][] rows, double[] weights) {
    double sum = 0;
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        sum += weights[i] * row[i] * row[i];
      }
    }
    return sum;
  }

  private static double[] ones(int count) {
    double[] ones = new double[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** The weight of each column's source, [D]. */
  private double[] columnWeights() {
    double[] weights = ones(inputs);
    int at = 0;
    for (int s = 0; s < specification.sourceWeights().size(); s++) {
      int end = at + initial.sources().get(s).width();
      Arrays.fill(weights, at, end, specification.sourceWeights().get(s).floatValue());
      at = end;
    }
    return weights;
  }

  private static double[][] weighted(double[][] rows, double[] weights) {
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        row[i] *= weights[i];
      }
    }
    return rows;
  }

  private static double squares(double[] row) {
    double sum = 0;
    for (double value : row) {
      sum += value * value;
    }
    return sum;
  }

  private Map<String, Parameter> parameters() {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    parameters.put("W_enc", encoder);
    parameters.put("b_enc", encoderBias);
    parameters.put("W_dec", decoder);
    parameters.put("b_dec", decoderBias);
    parameters.put("log_threshold", logThreshold);
    return parameters;
  }

  /** Pre-activations of the last {@link #gradients}, for tests. */
  public float[][] lastPreActivations() {
    return lastPre;
  }

  /** Codes of the last {@link #gradients}, for tests. */
  public float[][] lastCodes() {
    return lastCode;
  }

  /** Gradients of the last {@link #gradients} by tensor name, for tests. */
  public Map<String, double[]> lastGradients() {
    Map<String, double[]> gradients = new LinkedHashMap<>();
    parameters()
        .forEach(
            (name, parameter) -> {
              if (parameter.gradient.length > 0) {
                gradients.put(name, parameter.gradient);
              }
            });
    return gradients;
  }

  @Override
  public Dictionary snapshot() {
    float[] rows = result(decoder);
    if (unitDecoder) {
      normalise(rows);
    }
    float[] threshold = new float[initial.type().hasThreshold() ? width : 0];
    for (int latent = 0; latent < threshold.length; latent++) {
      threshold[latent] =
          sparsity instanceof JumpRelu
              ? (float) Math.exp(result(logThreshold)[latent])
              : unitDecoder ? runningThreshold : (float) (runningThreshold / norm(latent));
    }
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.k(),
        new FloatMatrix(inputs, width, result(encoder)),
        result(encoderBias),
        new FloatMatrix(width, inputs, rows),
        result(decoderBias),
        initial.inputMean(),
        initial.inputScale(),
        threshold);
  }

  private float[] result(Parameter parameter) {
    boolean averaged = specification.optimiser().averageDecay() > 0;
    return (averaged ? parameter.average : parameter.values).clone();
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    state.put("steps", new float[] {steps});
    state.put("running_threshold", new float[] {runningThreshold});
    parameters()
        .forEach(
            (name, parameter) -> {
              state.put(name, parameter.values.clone());
              state.put(name + ".first", parameter.first.clone());
              state.put(name + ".second", parameter.second.clone());
              state.put(name + ".average", parameter.average.clone());
            });
    silent.save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    steps = (long) state.get("steps")[0];
    runningThreshold = state.get("running_threshold")[0];
    parameters()
        .forEach(
            (name, parameter) -> {
              restore(state.get(name), parameter.values);
              restore(state.get(name + ".first"), parameter.first);
              restore(state.get(name + ".second"), parameter.second);
              restore(state.get(name + ".average"), parameter.average);
            });
    silent.restore(state);
  }

  private static void restore(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, to.length);
  }

  @Override
  public void close() {}
}
