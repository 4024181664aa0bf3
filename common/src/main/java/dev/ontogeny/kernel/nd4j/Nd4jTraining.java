package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Reconstruction;
import dev.ontogeny.type.Selection.LargestOfRow;
import dev.ontogeny.type.StepPart;
import dev.ontogeny.type.Target;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.floating.Sqrt;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The step of {@link TrainingSpecification} for the k largest of a row, as dense ND4J operations.
 * Only losses and small vectors leave the device between steps.
 */
public final class Nd4jTraining implements TrainingKernel {
  private final TrainingSpecification specification;
  private final LargestOfRow selection;
  private final Dictionary initial;
  private final int inputs;
  private final int width;
  private final DeadLatents silent;
  private final INDArray mean;
  private final INDArray scale;
  private final Parameter encoder;
  private final Parameter encoderBias;
  private final Parameter decoder;
  private final Parameter decoderBias;
  private Batch work;
  private long steps;

  /** Values with their gradient, Adam's two means and room for one more. */
  private static final class Parameter {
    final INDArray values;
    final INDArray gradient;
    final INDArray first;
    final INDArray second;
    final INDArray spare;

    Parameter(INDArray values) {
      this.values = values;
      this.gradient = DeviceMatrix.allocate(values.rows(), values.columns());
      this.first = DeviceMatrix.allocate(values.rows(), values.columns()).assign(0);
      this.second = DeviceMatrix.allocate(values.rows(), values.columns()).assign(0);
      this.spare = DeviceMatrix.allocate(values.rows(), values.columns());
    }

    void close() {
      for (INDArray array : new INDArray[] {values, gradient, first, second, spare}) {
        array.close();
      }
    }
  }

  /** Arrays as long as a batch. */
  private static final class Batch {
    final INDArray values;
    final INDArray mask;
    final INDArray code;
    final INDArray auxiliary;
    final INDArray upstream;
    final INDArray auxiliaryUpstream;

    Batch(int rows, int inputs, int width) {
      values = DeviceMatrix.allocate(rows, width);
      mask = DeviceMatrix.allocate(rows, width);
      code = DeviceMatrix.allocate(rows, width);
      auxiliary = DeviceMatrix.allocate(rows, width);
      upstream = DeviceMatrix.allocate(rows, inputs);
      auxiliaryUpstream = DeviceMatrix.allocate(rows, inputs);
    }

    void close() {
      for (INDArray array :
          new INDArray[] {values, mask, code, auxiliary, upstream, auxiliaryUpstream}) {
        array.close();
      }
    }
  }

  Nd4jTraining(TrainingSpecification specification, Dictionary initial) {
    this.specification = specification;
    this.selection = supported(specification, initial);
    this.initial = initial;
    this.inputs = initial.inputs();
    this.width = initial.width();
    this.silent = new DeadLatents(width, specification.deadWindow());
    this.mean = DeviceMatrix.row(initial.inputMean());
    this.scale = DeviceMatrix.row(initial.columnScale());
    this.encoder = new Parameter(DeviceMatrix.of(initial.encoder()));
    this.encoderBias = new Parameter(DeviceMatrix.row(initial.encoderBias()));
    this.decoder = new Parameter(DeviceMatrix.of(initial.decoder()));
    this.decoderBias = new Parameter(DeviceMatrix.row(initial.decoderBias()));
  }

  /** The selection, where this has every part. */
  private static LargestOfRow supported(TrainingSpecification specification, Dictionary initial) {
    for (StepPart part : specification.type().parts(specification.width())) {
      if (!(part instanceof LargestOfRow || part instanceof Reconstruction.Whole)) {
        throw lacks(specification, part.words());
      }
    }
    if (initial.target() != Target.AUTOENCODER) {
      throw lacks(specification, initial.target().words());
    } else if (specification.optimiser().averageDecay() != 0) {
      throw lacks(specification, "average-decay");
    } else if (initial.sources().size() > 1) {
      throw lacks(specification, "dictionaries over several sources");
    } else if (!specification.unitDecoder(initial)) {
      throw lacks(specification, "decoders without unit norm");
    } else if (specification.type().resampledAfter() > 0) {
      throw lacks(specification, "resampling");
    }
    return (LargestOfRow) specification.type().selection();
  }

  private static RuntimeException lacks(TrainingSpecification specification, String words) {
    return Failure.settings(
        "kernel nd4j lacks %s, which a dictionary of type %s asks for: take kernel cpu",
        words, specification.type().type().key());
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    StepLosses losses = gradients(batch, settings);
    double squares = 0;
    for (Parameter parameter : parameters().values()) {
      double norm = parameter.gradient.norm2Number().doubleValue();
      squares += norm * norm;
    }
    if (!Double.isFinite(squares)) {
      return new StepLosses(
          Double.NaN, losses.fvu(), losses.l0(), losses.deadShare(), losses.auxiliary());
    }
    double clip = specification.optimiser().gradientClip();
    double factor = clip > 0 && squares > clip * clip ? clip / Math.sqrt(squares) : 1;
    steps++;
    AdamStep adam = AdamStep.of(specification.optimiser(), settings.learningRate(), steps);
    double keep = 1 - settings.learningRate() * specification.optimiser().weightDecay();
    encoder.values.muli(keep);
    decoder.values.muli(keep);
    parameters().values().forEach(parameter -> adam(parameter, factor, adam));
    decoder.values.diviColumnVector(
        Nd4j.math().max(decoder.values.norm2(true, 1), Nd4j.zeros(width, 1).addi(1e-30)));
    return losses;
  }

  /** Losses; leaves the gradients, the decoder's without their parallel part, in the parameters. */
  public StepLosses gradients(FloatMatrix batch, StepSettings settings) {
    int rows = batch.rows();
    if (rows < 2 || batch.columns() != inputs) {
      throw new IllegalArgumentException(
          "a batch of " + batch + ", expected are at least 2 rows of " + inputs);
    }
    if (work == null || work.values.rows() != rows) {
      if (work != null) {
        work.close();
      }
      work = new Batch(rows, inputs, width);
    }
    try (INDArray centred = DeviceMatrix.of(batch)) {
      centred.subiRowVector(mean).muliRowVector(scale).subiRowVector(decoderBias.values);
      return gradients(centred, rows, settings);
    }
  }

  private StepLosses gradients(INDArray centred, int rows, StepSettings settings) {
    Nd4j.gemm(centred, encoder.values, work.values, false, false, 1, 0);
    work.values.addiRowVector(encoderBias.values);
    int dead = specification.auxiliaryK() == 0 ? 0 : silent.countDead();
    double auxiliaryWeight =
        dead == 0
            ? 0
            : specification.auxiliaryCoefficient()
                * Math.min(1.0, (double) dead / specification.auxiliaryK());
    if (auxiliaryWeight > 0) {
      selectAuxiliary();
    }
    int k = settings.k(selection.k(), selection.initialK());
    Nd4jSelection.select(work.values, k, work.mask);
    work.code.assign(work.values).muli(work.mask);
    float[] firings = work.mask.sum(0).toFloatVector();

    // r = c − code · W_dec; upstream holds it first.
    work.upstream.assign(centred);
    Nd4j.gemm(work.code, decoder.values, work.upstream, false, false, -1, 1);
    double error = squares(work.upstream);
    double ofMean = centred.sum(0).norm2Number().doubleValue();
    double variance = Math.max(squares(centred) - ofMean * ofMean / rows, Double.MIN_NORMAL);
    double auxiliary = 0;
    boolean withAuxiliary = auxiliaryWeight > 0 && error > 0;
    if (withAuxiliary) {
      work.auxiliaryUpstream.assign(work.upstream);
      Nd4j.gemm(work.auxiliary, decoder.values, work.auxiliaryUpstream, false, false, 1, -1);
      auxiliary = squares(work.auxiliaryUpstream) / error;
      work.auxiliaryUpstream.muli(2 * auxiliaryWeight / error);
    }
    work.upstream.muli(-2 / variance);
    decoderBias.gradient.assign(work.upstream.sum(true, 0));
    backward(work.code, centred, work.upstream, 0);
    if (withAuxiliary) {
      backward(work.auxiliary, centred, work.auxiliaryUpstream, 1);
    }
    Nd4j.gemm(encoderBias.gradient, encoder.values, decoderBias.gradient, false, true, -1, 1);
    removeParallel();
    double active = 0;
    for (int latent = 0; latent < width; latent++) {
      active += firings[latent];
      silent.advance(latent, firings[latent] > 0, rows);
    }
    double fvu = error / variance;
    return new StepLosses(
        fvu + auxiliaryWeight * auxiliary,
        fvu,
        active / rows,
        (double) silent.countDead() / width,
        auxiliary);
  }

  private static double squares(INDArray array) {
    double norm = array.norm2Number().doubleValue();
    return norm * norm;
  }

  /** The auxiliary code: the largest pre-activations of dead latents. */
  private void selectAuxiliary() {
    float[] dead = new float[width];
    for (int latent = 0; latent < width; latent++) {
      dead[latent] = silent.dead(latent) ? 1 : 0;
    }
    try (INDArray alive = DeviceMatrix.row(dead)) {
      work.auxiliary.assign(work.values).muliRowVector(alive);
      Nd4jSelection.select(work.auxiliary, specification.auxiliaryK(), work.mask);
      work.auxiliary.muli(work.mask);
    }
  }

  /**
   * Gradients through a code, added to those there are if {@code keep} is 1. Overwrites the
   * pre-activations and the mask.
   */
  private void backward(INDArray code, INDArray centred, INDArray upstream, double keep) {
    Nd4j.gemm(code, upstream, decoder.gradient, true, false, 1, keep);
    // Codes are positive where they are active.
    INDArray active = DeviceMatrix.step(work.mask.assign(code));
    INDArray ofCode = work.values;
    Nd4j.gemm(upstream, decoder.values, ofCode, false, true, 1, 0);
    ofCode.muli(active);
    Nd4j.gemm(centred, ofCode, encoder.gradient, true, false, 1, keep);
    INDArray sums = ofCode.sum(true, 0);
    if (keep == 0) {
      encoderBias.gradient.assign(sums);
    } else {
      encoderBias.gradient.addi(sums);
    }
  }

  private void removeParallel() {
    decoder.spare.assign(decoder.gradient).muli(decoder.values);
    INDArray along = decoder.spare.sum(true, 1);
    decoder.spare.assign(decoder.values).muliColumnVector(along);
    decoder.gradient.subi(decoder.spare);
  }

  private static void adam(Parameter parameter, double factor, AdamStep adam) {
    INDArray gradient = parameter.gradient.muli(factor);
    parameter.spare.assign(gradient).muli(1 - adam.firstDecay());
    parameter.first.muli(adam.firstDecay()).addi(parameter.spare);
    gradient.muli(gradient).muli(1 - adam.secondDecay());
    parameter.second.muli(adam.secondDecay()).addi(gradient);
    Nd4j.getExecutioner().exec(new Sqrt(parameter.second, parameter.spare));
    parameter.spare.muli(adam.root()).addi(adam.epsilon());
    gradient.assign(parameter.first).muli(adam.rate()).divi(parameter.spare);
    parameter.values.subi(gradient);
  }

  private Map<String, Parameter> parameters() {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    parameters.put("W_enc", encoder);
    parameters.put("b_enc", encoderBias);
    parameters.put("W_dec", decoder);
    parameters.put("b_dec", decoderBias);
    return parameters;
  }

  /** Gradients of the last {@link #gradients} by tensor name, for tests. */
  public Map<String, float[]> lastGradients() {
    Map<String, float[]> gradients = new LinkedHashMap<>();
    parameters()
        .forEach((name, parameter) -> gradients.put(name, DeviceMatrix.values(parameter.gradient)));
    return gradients;
  }

  @Override
  public Dictionary snapshot() {
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.k(),
        new FloatMatrix(inputs, width, DeviceMatrix.values(encoder.values)),
        DeviceMatrix.values(encoderBias.values),
        new FloatMatrix(width, inputs, DeviceMatrix.values(decoder.values)),
        DeviceMatrix.values(decoderBias.values),
        initial.inputMean(),
        initial.inputScale());
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    parameters()
        .forEach(
            (name, parameter) -> {
              state.put(name, DeviceMatrix.values(parameter.values));
              state.put(name + ".first", DeviceMatrix.values(parameter.first));
              state.put(name + ".second", DeviceMatrix.values(parameter.second));
            });
    state.put("steps", new float[] {steps});
    silent.save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    parameters()
        .forEach(
            (name, parameter) -> {
              DeviceMatrix.assign(parameter.values, state.get(name));
              DeviceMatrix.assign(parameter.first, state.get(name + ".first"));
              DeviceMatrix.assign(parameter.second, state.get(name + ".second"));
            });
    steps = (long) state.get("steps")[0];
    silent.restore(state);
  }

  @Override
  public void close() {
    parameters().values().forEach(Parameter::close);
    mean.close();
    scale.close();
    if (work != null) {
      work.close();
    }
  }
}
