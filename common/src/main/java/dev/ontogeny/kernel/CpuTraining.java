package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.Loops.Adam;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The step of {@link TopKTraining} on the CPU. Weights lie by latent, [F, D], encoder and decoder
 * alike. A step has three passes: over blocks of rows (product, selection, decoding, gradients of
 * the codes), over blocks of latents (gradients of the weights, gathered from the rows in which a
 * latent fired), and over panels of latents (Adam, unit norm, packing for the next product). All
 * arrays are allocated before the first step, those of the auxiliary loss when the first latent has
 * died.
 */
final class CpuTraining implements TrainingKernel {
  private static final int LATENT_BLOCK = 64;

  private final CpuMachine machine;
  private final Loops loops;
  private final TopKTraining specification;
  private final Dictionary initial;
  private final int inputs;
  private final int width;
  private final int k;
  private final int maximumBatch;
  private final CpuEncoder encoder;
  private final float[] columnScale;
  private final SilentLatents silent;

  private final float[] encoderWeights;
  private final float[] encoderBias;
  private final float[] decoderWeights;
  private final float[] decoderBias;
  private final float[] encoderFirst;
  private final float[] encoderSecond;
  private final float[] encoderBiasFirst;
  private final float[] encoderBiasSecond;
  private final float[] decoderFirst;
  private final float[] decoderSecond;
  private final float[] decoderBiasFirst;
  private final float[] decoderBiasSecond;
  private final float[] encoderGradient;
  private final float[] encoderBiasGradient;
  private final float[] decoderGradient;
  private final float[] decoderBiasGradient;
  private long steps;

  /** x̃ − b_dec of the batch, [n, D]. */
  private final float[] centred;

  /** x̃ − x̂ of the batch, [n, D]. */
  private final float[] residual;

  private final ActiveCodes codes;
  private ActiveCodes auxiliaryCodes;

  /** r̂ − r of the auxiliary code, [n, D]. */
  private float[] auxiliaryResidual;

  private final int[] deadLatents;
  private int dead;

  // Sums by block of rows.
  private final float[] centredSums;
  private final float[] residualSums;
  private final double[] centredSquares;
  private final double[] residualSquares;
  private final double[] auxiliarySquares;

  // Sums by block of latents.
  private final float[] biasSums;
  private final double[] gradientSquares;

  CpuTraining(
      CpuMachine machine, TopKTraining specification, Dictionary initial, int maximumBatch) {
    this.machine = machine;
    this.loops = machine.loops();
    this.specification = specification;
    this.initial = initial;
    this.inputs = initial.inputs();
    this.width = initial.width();
    this.k = specification.k();
    this.maximumBatch = maximumBatch;
    this.encoder = new CpuEncoder(machine, inputs, width, Math.max(k, 1), maximumBatch);
    this.columnScale = initial.columnScale();
    this.silent = new SilentLatents(width, specification.deadWindow());
    this.encoderWeights = Transposition.of(initial.encoder());
    this.encoderBias = initial.encoderBias().clone();
    this.decoderWeights = Arrays.copyOf(initial.decoder().values(), width * inputs);
    this.decoderBias = initial.decoderBias().clone();
    int weights = width * inputs;
    this.encoderFirst = new float[weights];
    this.encoderSecond = new float[weights];
    this.encoderBiasFirst = new float[width];
    this.encoderBiasSecond = new float[width];
    this.decoderFirst = new float[weights];
    this.decoderSecond = new float[weights];
    this.decoderBiasFirst = new float[inputs];
    this.decoderBiasSecond = new float[inputs];
    this.encoderGradient = new float[weights];
    this.encoderBiasGradient = new float[width];
    this.decoderGradient = new float[weights];
    this.decoderBiasGradient = new float[inputs];
    this.centred = new float[Math.multiplyExact(maximumBatch, inputs)];
    this.residual = new float[maximumBatch * inputs];
    this.codes = new ActiveCodes(maximumBatch, k, width);
    this.deadLatents = new int[width];
    int rowBlocks = encoder.blocks(maximumBatch);
    this.centredSums = new float[rowBlocks * inputs];
    this.residualSums = new float[rowBlocks * inputs];
    this.centredSquares = new double[rowBlocks];
    this.residualSquares = new double[rowBlocks];
    this.auxiliarySquares = new double[rowBlocks];
    int latentBlocks = latentBlocks();
    this.biasSums = new float[latentBlocks * inputs];
    this.gradientSquares = new double[latentBlocks];
    packAll();
  }

  private void packAll() {
    machine
        .workers()
        .run(encoder.panels(), (worker, panel) -> encoder.pack(worker, panel, encoderWeights));
  }

  private int latentBlocks() {
    return (width + LATENT_BLOCK - 1) / LATENT_BLOCK;
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    StepLosses losses = gradients(batch);
    double squares = 0;
    for (double each : gradientSquares) {
      squares += each;
    }
    squares += loops.dot(decoderBiasGradient, 0, decoderBiasGradient, 0, inputs);
    if (!Double.isFinite(squares)) {
      return new StepLosses(
          Double.NaN, losses.fvu(), losses.l0(), losses.deadShare(), losses.auxiliary());
    }
    double clip = specification.gradientClip();
    float factor = clip > 0 && squares > clip * clip ? (float) (clip / Math.sqrt(squares)) : 1;
    steps++;
    Adam adam = Adam.of(specification, settings.learningRate(), steps);
    machine.workers().run(encoder.panels(), (worker, panel) -> update(worker, panel, factor, adam));
    loops.adam(
        decoderBias,
        decoderBiasFirst,
        decoderBiasSecond,
        0,
        decoderBiasGradient,
        0,
        inputs,
        factor,
        adam);
    return losses;
  }

  /**
   * Losses of a batch; leaves its gradients, the decoder's without their parallel part and none of
   * them clipped, for {@link #step} and tests.
   */
  StepLosses gradients(FloatMatrix batch) {
    int rows = batch.rows();
    if (rows < 2 || rows > maximumBatch || batch.columns() != inputs) {
      throw new IllegalArgumentException(
          "a batch of " + batch + ", expected are 2 to " + maximumBatch + " rows of " + inputs);
    }
    prepareAuxiliary();
    int rowBlocks = encoder.blocks(rows);
    machine.workers().run(rowBlocks, (worker, block) -> forward(batch, worker, block));

    double variance = Math.max(variance(rows, rowBlocks), Double.MIN_NORMAL);
    double error = sum(residualSquares, rowBlocks);
    double auxiliaryWeight =
        dead == 0
            ? 0
            : specification.auxiliaryCoefficient()
                * Math.min(1.0, (double) dead / specification.auxiliaryK());
    boolean withAuxiliary = auxiliaryWeight > 0 && error > 0;
    // Upstream gradients are −2r/Σ‖x̃ − mean‖² and 2w(r̂ − r)/Σ‖r‖².
    float mainFactor = (float) (-2 / variance);
    codes.gatherByLatent(rows, mainFactor);
    double auxiliary = 0;
    if (withAuxiliary) {
      auxiliary = sum(auxiliarySquares, rowBlocks) / error;
      auxiliaryCodes.gatherByLatent(rows, (float) (2 * auxiliaryWeight / error));
    }
    machine.workers().run(latentBlocks(), (worker, block) -> backward(block, withAuxiliary));
    Arrays.fill(decoderBiasGradient, 0);
    for (int block = 0; block < rowBlocks; block++) {
      loops.add(mainFactor, residualSums, block * inputs, decoderBiasGradient, 0, inputs);
    }
    for (int block = 0; block < latentBlocks(); block++) {
      loops.add(1, biasSums, block * inputs, decoderBiasGradient, 0, inputs);
    }
    for (int latent = 0; latent < width; latent++) {
      silent.advance(latent, codes.firings(latent) > 0, rows);
    }
    double fvu = error / variance;
    return new StepLosses(
        fvu + auxiliaryWeight * auxiliary,
        fvu,
        (double) codes.total() / rows,
        (double) silent.countDead() / width,
        auxiliary);
  }

  private void prepareAuxiliary() {
    dead = 0;
    if (specification.auxiliaryK() == 0 || specification.auxiliaryCoefficient() == 0) {
      return;
    }
    for (int latent = 0; latent < width; latent++) {
      if (silent.dead(latent)) {
        deadLatents[dead++] = latent;
      }
    }
    if (dead > 0 && auxiliaryCodes == null) {
      auxiliaryCodes = new ActiveCodes(maximumBatch, specification.auxiliaryK(), width);
      auxiliaryResidual = new float[maximumBatch * inputs];
    }
  }

  private void forward(FloatMatrix batch, int worker, int block) {
    int first = block * encoder.blockRows();
    int count = Math.min(encoder.blockRows(), batch.rows() - first);
    int sums = block * inputs;
    Arrays.fill(centredSums, sums, sums + inputs, 0);
    Arrays.fill(residualSums, sums, sums + inputs, 0);
    double squares = 0;
    for (int row = first; row < first + count; row++) {
      int at = row * inputs;
      loops.centre(
          batch.values(),
          row * batch.columns(),
          initial.inputMean(),
          columnScale,
          decoderBias,
          centred,
          at,
          inputs);
      loops.add(1, centred, at, centredSums, sums, inputs);
      squares += loops.dot(centred, at, centred, at, inputs);
    }
    centredSquares[block] = squares;
    encoder.preActivations(worker, centred, first * inputs, count, encoderBias);
    double error = 0;
    double auxiliaryError = 0;
    for (int row = first; row < first + count; row++) {
      int at = row * inputs;
      RowSelection selection = encoder.selection(worker, row - first);
      float[] values = encoder.values(worker);
      codes.set(row, selection, selection.select(values, (row - first) * width, k));
      codes.decode(loops, row, decoderWeights, inputs, residual);
      loops.subtract(centred, at, residual, at, residual, at, inputs);
      codes.pullBack(loops, row, decoderWeights, inputs, residual);
      loops.add(1, residual, at, residualSums, sums, inputs);
      error += loops.dot(residual, at, residual, at, inputs);
      if (dead > 0) {
        int found =
            selection.selectAmong(
                values, (row - first) * width, deadLatents, dead, specification.auxiliaryK());
        auxiliaryCodes.set(row, selection, found);
        auxiliaryCodes.decode(loops, row, decoderWeights, inputs, auxiliaryResidual);
        loops.subtract(auxiliaryResidual, at, residual, at, auxiliaryResidual, at, inputs);
        auxiliaryCodes.pullBack(loops, row, decoderWeights, inputs, auxiliaryResidual);
        auxiliaryError += loops.dot(auxiliaryResidual, at, auxiliaryResidual, at, inputs);
      }
    }
    residualSquares[block] = error;
    auxiliarySquares[block] = auxiliaryError;
  }

  /** Σ‖x̃ − mean(x̃)‖² = Σ‖c‖² − ‖Σc‖²/n for c = x̃ − b_dec. */
  private double variance(int rows, int rowBlocks) {
    double ofMean = 0;
    for (int i = 0; i < inputs; i++) {
      double sum = 0;
      for (int block = 0; block < rowBlocks; block++) {
        sum += centredSums[block * inputs + i];
      }
      ofMean += sum * sum / rows;
    }
    return sum(centredSquares, rowBlocks) - ofMean;
  }

  private static double sum(double[] values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += values[i];
    }
    return sum;
  }

  /** Gradients of a block of latents, and what they pass on to b_dec. */
  private void backward(int block, boolean withAuxiliary) {
    int sums = block * inputs;
    Arrays.fill(biasSums, sums, sums + inputs, 0);
    double squares = 0;
    int end = Math.min(width, (block + 1) * LATENT_BLOCK);
    for (int latent = block * LATENT_BLOCK; latent < end; latent++) {
      int at = latent * inputs;
      float ofBias = codes.sumOfCodeGradients(latent);
      codes.weightGradient(loops, latent, residual, inputs, true, decoderGradient);
      codes.encoderGradient(loops, latent, centred, inputs, true, encoderGradient);
      if (withAuxiliary) {
        ofBias += auxiliaryCodes.sumOfCodeGradients(latent);
        auxiliaryCodes.weightGradient(
            loops, latent, auxiliaryResidual, inputs, false, decoderGradient);
        auxiliaryCodes.encoderGradient(loops, latent, centred, inputs, false, encoderGradient);
      }
      encoderBiasGradient[latent] = ofBias;
      if (ofBias != 0) {
        loops.add(-ofBias, encoderWeights, at, biasSums, sums, inputs);
      }
      float along = loops.dot(decoderGradient, at, decoderWeights, at, inputs);
      loops.add(-along, decoderWeights, at, decoderGradient, at, inputs);
      squares += loops.dot(decoderGradient, at, decoderGradient, at, inputs);
      squares += loops.dot(encoderGradient, at, encoderGradient, at, inputs);
      squares += (double) ofBias * ofBias;
    }
    gradientSquares[block] = squares;
  }

  /** Adam on a panel of latents, their decoder back to unit norm, and the panel's packing. */
  private void update(int worker, int panel, float factor, Adam adam) {
    int first = encoder.firstOf(panel);
    int size = encoder.sizeOf(panel);
    for (int latent = first; latent < first + size; latent++) {
      int at = latent * inputs;
      loops.adam(
          encoderWeights,
          encoderFirst,
          encoderSecond,
          at,
          encoderGradient,
          at,
          inputs,
          factor,
          adam);
      loops.adam(
          decoderWeights,
          decoderFirst,
          decoderSecond,
          at,
          decoderGradient,
          at,
          inputs,
          factor,
          adam);
      float squares = loops.dot(decoderWeights, at, decoderWeights, at, inputs);
      if (squares > 0) {
        loops.multiply((float) (1 / Math.sqrt(squares)), decoderWeights, at, inputs);
      }
    }
    loops.adam(
        encoderBias,
        encoderBiasFirst,
        encoderBiasSecond,
        first,
        encoderBiasGradient,
        first,
        size,
        factor,
        adam);
    encoder.pack(worker, panel, encoderWeights);
  }

  /** Gradients of the last {@link #gradients}; encoder and decoder by latent, [F, D]. */
  Map<String, float[]> lastGradients() {
    return Map.of(
        "W_enc", encoderGradient,
        "b_enc", encoderBiasGradient,
        "W_dec", decoderGradient,
        "b_dec", decoderBiasGradient);
  }

  @Override
  public Dictionary snapshot() {
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.k(),
        new FloatMatrix(
            inputs, width, Transposition.of(new FloatMatrix(width, inputs, encoderWeights))),
        encoderBias.clone(),
        new FloatMatrix(width, inputs, decoderWeights.clone()),
        decoderBias.clone(),
        initial.inputMean(),
        initial.inputScale());
  }

  private Map<String, float[]> tensors() {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    tensors.put("encoder", encoderWeights);
    tensors.put("encoder_first", encoderFirst);
    tensors.put("encoder_second", encoderSecond);
    tensors.put("encoder_bias", encoderBias);
    tensors.put("encoder_bias_first", encoderBiasFirst);
    tensors.put("encoder_bias_second", encoderBiasSecond);
    tensors.put("decoder", decoderWeights);
    tensors.put("decoder_first", decoderFirst);
    tensors.put("decoder_second", decoderSecond);
    tensors.put("decoder_bias", decoderBias);
    tensors.put("decoder_bias_first", decoderBiasFirst);
    tensors.put("decoder_bias_second", decoderBiasSecond);
    return tensors;
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    tensors().forEach((name, values) -> state.put(name, values.clone()));
    state.put("steps", new float[] {steps});
    silent.save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    tensors()
        .forEach((name, values) -> System.arraycopy(state.get(name), 0, values, 0, values.length));
    steps = (long) state.get("steps")[0];
    silent.restore(state);
    packAll();
  }

  @Override
  public void close() {
    encoder.close();
  }
}
