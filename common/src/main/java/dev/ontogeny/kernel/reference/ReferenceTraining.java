package dev.ontogeny.kernel.reference;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.kernel.reference.ReferenceWeights.Part;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Reconstruction.Prefixes;
import dev.ontogeny.type.Reconstruction.Whole;
import dev.ontogeny.type.Selection;
import dev.ontogeny.type.Selection.AboveThreshold;
import dev.ontogeny.type.Selection.LargestOfBatch;
import dev.ontogeny.type.Selection.LargestOfRow;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TypeSettings;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A training step as the formulas of {@link TrainingSpecification} and of the type's parts say it:
 * dense, one row at a time, gradients as full matrices in double precision.
 */
public final class ReferenceTraining implements TrainingKernel {
  private final TrainingSpecification specification;
  private final TypeSettings type;
  private final ReferenceWeights weights;
  private final int inputs;
  private final int width;
  private final float[] columnScale;
  private final DeadLatents silent;

  /** The prefixes of the code that reconstruct the input, and what each weighs in the loss. */
  private final int[] ends;

  private final double[] weightOf;
  private float runningThreshold;
  private float[][] lastPre;
  private float[][] lastCode;
  private double[][] lastResidual;
  private double[][] lastCentred;
  private long steps;

  public ReferenceTraining(TrainingSpecification specification, Dictionary initial) {
    this.specification = specification;
    this.type = specification.type();
    this.weights = new ReferenceWeights(type, initial);
    this.inputs = initial.inputs();
    this.width = initial.width();
    this.columnScale = initial.columnScale();
    this.silent = new DeadLatents(width, specification.deadWindow());
    var part = type.reconstruction(width);
    if (part instanceof Prefixes prefixes) {
      ends = prefixes.ends().stream().mapToInt(end -> end).toArray();
      weightOf = prefixes.weights().stream().mapToDouble(Double::floatValue).toArray();
    } else if (part instanceof Whole) {
      ends = new int[] {width};
      weightOf = new double[] {1};
    } else {
      throw lacks(part.words());
    }
  }

  private static RuntimeException lacks(String words) {
    return Failure.settings("kernel reference lacks %s", words);
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    StepLosses losses = gradients(batch, settings);
    if (weights.unitDecoder) {
      weights.removeParallel();
    }
    double norm = 0;
    for (Parameter parameter : weights.parameters().values()) {
      for (double value : parameter.gradient) {
        norm += value * value;
      }
    }
    Optimiser optimiser = specification.optimiser();
    double clip = optimiser.gradientClip();
    double factor = clip > 0 && norm > clip * clip ? clip / Math.sqrt(norm) : 1;
    steps++;
    double rate = settings.learningRate();
    for (Parameter parameter : new Parameter[] {weights.encoder, weights.decoder}) {
      for (int i = 0; i < parameter.values.length; i++) {
        parameter.values[i] *= (float) (1 - rate * optimiser.weightDecay());
      }
      parameter.adam(optimiser, factor, rate, steps);
    }
    weights.encoderBias.adam(optimiser, factor, rate, steps);
    weights.decoderBias.adam(optimiser, factor, rate, steps);
    if (type.selection() instanceof AboveThreshold above) {
      weights.logThreshold.adam(optimiser, factor, rate * above.rate(), steps);
    }
    if (weights.unitDecoder) {
      weights.normalise(weights.decoder.values);
    }
    float keep = optimiser.averageDecay(steps);
    weights.parameters().values().forEach(parameter -> parameter.average(keep));
    ReferenceResampling.after(
        type.resampledAfter(), steps, weights, silent, lastResidual, lastCentred);
    return losses;
  }

  /** Losses of a batch; leaves the gradients, neither projected nor clipped, in the parameters. */
  public StepLosses gradients(FloatMatrix batch, StepSettings settings) {
    for (Parameter parameter : weights.parameters().values()) {
      Arrays.fill(parameter.gradient, 0);
    }
    int rows = batch.rows();
    double[][] scaled = new double[rows][inputs];
    double[][] centred = new double[rows][inputs];
    float[][] pre = new float[rows][];
    Dictionary initial = weights.initial;
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < inputs; i++) {
        scaled[row][i] = ((double) batch.at(row, i) - initial.inputMean()[i]) * columnScale[i];
        centred[row][i] = scaled[row][i] - weights.decoderBias.values[i];
      }
      pre[row] = preActivations(centred[row]);
    }
    float[][] bars = weights.bars();
    float[][] code = codes(pre, bars, settings);
    double[] weighing = columnWeights();
    double variance =
        Math.max(RowSums.squares(RowSums.centredOnMean(scaled), weighing), Double.MIN_NORMAL);
    double[][][] ofCode = new double[weights.parts.size()][rows][width];
    double[][] residual = null;
    double fvu = 0;
    double loss = 0;
    for (int m = 0; m < ends.length; m++) {
      residual = residual(centred, code, bars, ends[m]);
      fvu = RowSums.squares(residual, weighing) / variance;
      loss += weightOf[m] * fvu;
      residual = RowSums.weighted(residual, weighing);
      double factor = -2 * weightOf[m] / variance;
      backward(code, bars, ends[m], residual, factor, ofCode);
      addToDecoderBias(residual, factor);
    }
    loss +=
        new ReferencePenalty(weights, pre, code, bars, ofCode, variance, settings.sparsity())
            .add(type);
    throughEncoder(code, bars, ofCode, centred);

    if (type.furtherCode().isPresent()) {
      var further = type.furtherCode().get();
      double factor = -2 * further.weight() / variance;
      double[][] left =
          reconstructed(largest(pre, further.k()), centred, factor, weighing, centred);
      loss += further.weight() * RowSums.squares(left, weighing) / variance;
      addToDecoderBias(RowSums.weighted(left, weighing), factor);
    }
    double auxiliary = 0;
    double auxiliaryWeight =
        specification.auxiliaryK() == 0
            ? 0
            : specification.auxiliaryCoefficient()
                * Math.min(1.0, (double) silent.countDead() / specification.auxiliaryK());
    double[] ones = RowSums.ones(inputs);
    double target = RowSums.squares(residual, ones);
    if (auxiliaryWeight > 0 && target > 0) {
      float[][] dead = new float[rows][];
      for (int row = 0; row < rows; row++) {
        dead[row] =
            RowSums.masked(
                pre[row],
                ReferenceSelection.largest(pre[row], specification.auxiliaryK(), silent::dead));
      }
      double[][] left = reconstructed(dead, residual, -2 * auxiliaryWeight / target, ones, centred);
      auxiliary = RowSums.squares(left, ones) / target;
      loss += auxiliaryWeight * auxiliary;
    }
    double active = 0;
    for (int latent = 0; latent < width; latent++) {
      int fired = RowSums.firings(code, latent);
      active += fired;
      silent.advance(latent, fired > 0, rows);
    }
    lastPre = pre;
    lastCode = code;
    lastResidual = residual;
    lastCentred = centred;
    return new StepLosses(loss, fvu, active / rows, (double) silent.countDead() / width, auxiliary);
  }

  /**
   * A code beside the one that fires: adds its gradients, all but what its residual says to b_dec.
   *
   * @return its residual, not weighed
   */
  private double[][] reconstructed(
      float[][] code, double[][] target, double factor, double[] weighing, double[][] centred) {
    float[][] open = new float[weights.parts.size()][width];
    double[][] left = residual(target, code, open, width);
    double[][] weighed = Arrays.stream(left).map(double[]::clone).toArray(double[][]::new);
    double[][][] ofCode = new double[weights.parts.size()][code.length][width];
    backward(code, open, width, RowSums.weighted(weighed, weighing), factor, ofCode);
    throughEncoder(code, open, ofCode, centred);
    return left;
  }

  private float[][] codes(float[][] pre, float[][] bars, StepSettings settings) {
    Selection selection = type.selection();
    if (selection instanceof LargestOfRow part) {
      return largest(pre, settings.k(part.k(), part.initialK()));
    } else if (selection instanceof LargestOfBatch part) {
      return largestOfBatch(part, pre, settings);
    } else if (!(selection instanceof AboveThreshold || selection instanceof Selection.Positive)) {
      throw lacks(selection.words());
    }
    float[][] code = new float[pre.length][];
    for (int row = 0; row < pre.length; row++) {
      boolean[] fires = new boolean[width];
      for (int latent = 0; latent < width; latent++) {
        for (float[] ofPart : bars) {
          fires[latent] |= pre[row][latent] > ofPart[latent];
        }
      }
      code[row] = RowSums.masked(pre[row], fires);
    }
    return code;
  }

  private float[][] largestOfBatch(LargestOfBatch part, float[][] pre, StepSettings settings) {
    float[] norms = new float[width];
    for (int latent = 0; latent < width; latent++) {
      norms[latent] = weights.unitDecoder ? 1 : (float) weights.norm(latent);
    }
    int budget = settings.k(part.k(), part.initialK()) * pre.length;
    boolean[][] chosen = ReferenceSelection.largest(pre, norms, budget);
    float[][] code = new float[pre.length][];
    float smallest = Float.POSITIVE_INFINITY;
    for (int row = 0; row < pre.length; row++) {
      code[row] = RowSums.masked(pre[row], chosen[row]);
      for (int latent = 0; latent < width; latent++) {
        if (chosen[row][latent]) {
          smallest = Math.min(smallest, code[row][latent] * norms[latent]);
        }
      }
    }
    double keep = Math.min(part.thresholdDecay(), (double) steps / (steps + 1));
    float last = Float.isInfinite(smallest) ? 0 : smallest;
    runningThreshold = (float) (keep * runningThreshold + (1 - keep) * last);
    return code;
  }

  private static float[][] largest(float[][] pre, int k) {
    float[][] code = new float[pre.length][];
    for (int row = 0; row < pre.length; row++) {
      code[row] = RowSums.masked(pre[row], ReferenceSelection.largest(pre[row], k, latent -> true));
    }
    return code;
  }

  /**
   * target − code · W_dec, for each part with what of the code is above its bars.
   *
   * @param end latents that take part
   */
  private double[][] residual(double[][] target, float[][] code, float[][] bars, int end) {
    double[][] residual = new double[target.length][inputs];
    for (int row = 0; row < target.length; row++) {
      double[] decoded = decoded(code[row], bars, end);
      for (int i = 0; i < inputs; i++) {
        residual[row][i] = target[row][i] - decoded[i];
      }
    }
    return residual;
  }

  private double[] decoded(float[] code, float[][] bars, int end) {
    double[] sum = new double[inputs];
    for (int p = 0; p < weights.parts.size(); p++) {
      Part part = weights.parts.get(p);
      for (int latent = 0; latent < end; latent++) {
        double counted = RowSums.counted(code[latent], bars[p][latent]);
        for (int i = part.from(); i < part.to() && counted != 0; i++) {
          sum[i] += counted * weights.decoder.values[latent * inputs + i];
        }
      }
    }
    return sum;
  }

  /**
   * Adds ∂/∂W_dec of a squared residual times a factor of half its sign, and the gradients of the
   * codes of each part, those that do not count as well.
   *
   * @param end latents that take part
   * @param ofCode [parts, n, F]
   */
  private void backward(
      float[][] code,
      float[][] bars,
      int end,
      double[][] residual,
      double factor,
      double[][][] ofCode) {
    for (int p = 0; p < weights.parts.size(); p++) {
      Part part = weights.parts.get(p);
      for (int row = 0; row < code.length; row++) {
        for (int latent = 0; latent < end; latent++) {
          float counted = RowSums.counted(code[row][latent], bars[p][latent]);
          for (int i = part.from(); i < part.to(); i++) {
            double upstream = factor * residual[row][i];
            ofCode[p][row][latent] += upstream * weights.decoder.values[latent * inputs + i];
            weights.decoder.gradient[latent * inputs + i] += counted * upstream;
          }
        }
      }
    }
  }

  private void addToDecoderBias(double[][] residual, double factor) {
    for (double[] row : residual) {
      for (int i = 0; i < inputs; i++) {
        weights.decoderBias.gradient[i] += factor * row[i];
      }
    }
  }

  /**
   * From the gradients of codes to those of encoder and biases, for the codes that count. What is
   * read gets one, in b_dec too if it is what is reconstructed.
   */
  private void throughEncoder(
      float[][] code, float[][] bars, double[][][] ofCode, double[][] centred) {
    float[] encoder = weights.encoder.values;
    int read = weights.initial.readColumns();
    boolean own = weights.initial.target() == Target.AUTOENCODER;
    for (int p = 0; p < weights.parts.size(); p++) {
      for (int row = 0; row < code.length; row++) {
        for (int latent = 0; latent < width; latent++) {
          if (RowSums.counted(code[row][latent], bars[p][latent]) == 0) {
            continue;
          }
          double gradient = ofCode[p][row][latent];
          weights.encoderBias.gradient[latent] += gradient;
          for (int i = 0; i < read; i++) {
            weights.encoder.gradient[i * width + latent] += gradient * centred[row][i];
            weights.decoderBias.gradient[i] -= own ? gradient * encoder[i * width + latent] : 0;
          }
        }
      }
    }
  }

  private float[] preActivations(double[] centred) {
    float[] pre = new float[width];
    for (int latent = 0; latent < width; latent++) {
      double sum = weights.encoderBias.values[latent];
      for (int i = 0; i < inputs; i++) {
        sum += centred[i] * weights.encoder.values[i * width + latent];
      }
      pre[latent] = (float) sum;
    }
    return pre;
  }

  /** The weight of each column's source, [D]; what is not reconstructed weighs nothing. */
  private double[] columnWeights() {
    double[] columns = RowSums.ones(inputs);
    int at = inputs - weights.initial.reconstructedColumns();
    Arrays.fill(columns, 0, at, 0);
    for (int s = 0; s < specification.sourceWeights().size(); s++) {
      int end = at + weights.initial.reconstructedSources().get(s).width();
      Arrays.fill(columns, at, end, specification.sourceWeights().get(s).floatValue());
      at = end;
    }
    return columns;
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
    weights
        .parameters()
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
    Dictionary initial = weights.initial;
    float[] rows = result(weights.decoder);
    if (weights.unitDecoder) {
      weights.normalise(rows);
    }
    Map<String, float[]> further = new LinkedHashMap<>();
    for (FurtherTensor tensor : initial.type().activation().tensors()) {
      float[] threshold = new float[width];
      for (int latent = 0; latent < width; latent++) {
        threshold[latent] =
            weights.learnsThresholds()
                ? (float) Math.exp(result(weights.logThreshold)[latent])
                : weights.unitDecoder
                    ? runningThreshold
                    : (float) (runningThreshold / weights.norm(latent));
      }
      further.put(tensor.name(), threshold);
    }
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.target(),
        initial.k(),
        new FloatMatrix(inputs, width, result(weights.encoder)),
        result(weights.encoderBias),
        new FloatMatrix(width, inputs, rows),
        result(weights.decoderBias),
        initial.inputMean(),
        initial.inputScale(),
        further);
  }

  private float[] result(Parameter parameter) {
    return parameter.result(specification.optimiser());
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    state.put("steps", new float[] {steps});
    state.put("running_threshold", new float[] {runningThreshold});
    weights.parameters().forEach((name, parameter) -> parameter.save(name, state));
    silent.save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    steps = (long) state.get("steps")[0];
    runningThreshold = state.get("running_threshold")[0];
    weights.parameters().forEach((name, parameter) -> parameter.restore(name, state));
    silent.restore(state);
  }

  @Override
  public void close() {}
}
