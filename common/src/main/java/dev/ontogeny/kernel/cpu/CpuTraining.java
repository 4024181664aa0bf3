package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.StepProfile.Part;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.FurtherCode;
import dev.ontogeny.type.TypeSettings;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The step of {@link TrainingSpecification} on the CPU, composed of the type's parts by {@link
 * StepParts}. A step has three passes: over blocks of rows ({@link SelectionPass} and {@link
 * ReconstructionPass}; where the selection is over the whole batch, one after the other), over
 * blocks of latents ({@link GradientPass}), and over panels of latents (Adam, unit norm, packing
 * for the next product). All arrays are allocated before the first step, those of the auxiliary
 * loss when the first latent has died; room for codes grows when a batch holds more than any before
 * it.
 */
public final class CpuTraining implements TrainingKernel {
  private final CpuMachine machine;
  private final Loops loops;
  private final TrainingSpecification specification;
  private final int maximumBatch;
  private final CpuEncoder encoder;
  private final CpuWeights weights;
  private final StepParts parts;
  private long steps;
  private StepProfile profile = StepProfile.OFF;

  public CpuTraining(
      CpuMachine machine,
      TrainingSpecification specification,
      Dictionary initial,
      int maximumBatch) {
    this.machine = machine;
    this.loops = machine.loops();
    this.specification = specification;
    this.maximumBatch = maximumBatch;
    TypeSettings type = specification.type();
    this.weights =
        new CpuWeights(
            loops, specification.optimiser(), initial, specification.unitDecoder(initial));
    int perRow = StepParts.perRow(type, initial.width());
    this.encoder =
        new CpuEncoder(
            machine,
            weights.inputs,
            initial.width(),
            perRow,
            maximumBatch,
            type.selection().k() > 0);
    this.parts = new StepParts(machine, specification, weights, encoder, perRow, maximumBatch);
    prepare();
  }

  /** The thresholds and the packed encoder of the next batch. */
  private void prepare() {
    parts.selection.prepare();
    packAll();
  }

  private void packAll() {
    machine
        .workers()
        .run(
            encoder.panels(),
            (worker, panel) -> encoder.pack(worker, panel, weights.encoder.values));
  }

  /** For tests: the active share of a batch from which it is not taken for sparse. */
  void denseFrom(double share) {
    parts.reconstructionPass.denseFrom(share);
  }

  @Override
  public void profile(StepProfile profile) {
    this.profile = profile;
    parts.profile(profile);
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    StepLosses losses = gradients(batch, settings);
    CpuParameter decoderBias = weights.decoderBias;
    int outputs = weights.outputs;
    double squares = parts.gradientPass.squares();
    squares += loops.dot(decoderBias.gradient, 0, decoderBias.gradient, 0, outputs);
    if (!Double.isFinite(squares)) {
      return new StepLosses(
          Double.NaN, losses.fvu(), losses.l0(), losses.deadShare(), losses.auxiliary());
    }
    Optimiser optimiser = specification.optimiser();
    double clip = optimiser.gradientClip();
    float factor = clip > 0 && squares > clip * clip ? (float) (clip / Math.sqrt(squares)) : 1;
    steps++;
    AdamStep adam = AdamStep.of(optimiser, settings.learningRate(), steps);
    float keep = (float) (1 - settings.learningRate() * optimiser.weightDecay());
    float average = optimiser.averageDecay(steps);
    machine
        .workers()
        .run(
            encoder.panels(),
            (worker, panel) -> update(worker, panel, factor, keep, average, adam));
    decoderBias.update(loops, 0, outputs, factor, 1, adam);
    decoderBias.average(loops, 0, outputs, average);
    parts.selection.update(factor, settings.learningRate(), steps, average);
    parts.selection.prepare();
    if (parts.resampling.after(batch.rows(), steps)) {
      packAll();
    }
    return losses;
  }

  /** Adam on a panel of latents, a decoder back to unit norm, and the panel's packing. */
  private void update(
      int worker, int panel, float factor, float keep, float average, AdamStep adam) {
    long time = profile.now();
    weights.update(encoder.firstOf(panel), encoder.sizeOf(panel), factor, keep, average, adam);
    time = profile.add(Part.ADAM, time);
    encoder.pack(worker, panel, weights.encoder.values);
    profile.add(Part.PRODUCT, time);
  }

  /**
   * Losses of a batch; leaves its gradients, without the parallel part of a decoder of unit norm
   * and none of them clipped, for {@link #step} and tests.
   */
  public StepLosses gradients(FloatMatrix batch, StepSettings settings) {
    int rows = batch.rows();
    int columns = weights.dictionary.inputs();
    if (rows < 2 || rows > maximumBatch || batch.columns() != columns) {
      throw new IllegalArgumentException(
          "a batch of " + batch + ", expected are 2 to " + maximumBatch + " rows of " + columns);
    }
    Auxiliary auxiliary = parts.auxiliary;
    auxiliary.prepare();
    int blocks = encoder.blocks(rows);
    parts.selection.choose(batch, blocks, settings, steps);

    double variance = Math.max(parts.rows.variance(rows, blocks), Double.MIN_NORMAL);
    double error = CentredRows.sum(parts.main.squares, blocks);
    // What the auxiliary code shall reconstruct is the residual as it is kept, weights and all.
    double target = auxiliary.dead == 0 || !parts.rows.weighted() ? error : keptSquares(rows);
    double active = parts.reconstructionPass.active(blocks);
    double auxiliaryWeight = auxiliary.weight();
    boolean withAuxiliary = auxiliaryWeight > 0 && target > 0;
    // Upstream gradients are −2 · weight / normaliser · residual for every reconstruction.
    float mainFactor = (float) (-2 / variance);
    double furtherWeight = specification.type().furtherCode().map(FurtherCode::weight).orElse(0.0);
    float furtherFactor = (float) furtherWeight * mainFactor;
    long time = profile.now();
    parts.main.codes.gatherByLatent(rows, mainFactor);
    double fvu = error / variance;
    double loss = parts.main.loss(blocks) / variance;
    if (parts.further != null) {
      parts.further.codes.gatherByLatent(rows, furtherFactor);
      loss += furtherWeight * parts.further.loss(blocks) / variance;
    }
    double auxiliaryLoss = 0;
    if (withAuxiliary) {
      auxiliaryLoss = CentredRows.sum(auxiliary.reconstruction.squares, blocks) / target;
      auxiliary.reconstruction.codes.gatherByLatent(rows, (float) (-2 * auxiliaryWeight / target));
      loss += auxiliaryWeight * auxiliaryLoss;
    }
    profile.add(Part.GRADIENTS, time);
    CpuPenalty penalty = parts.penalty;
    if (penalty != null) {
      loss += penalty.begin(rows, variance, settings.sparsity(), active / rows);
    }
    DenseCodes dense = parts.reconstructionPass.denseWeights();
    if (dense != null) {
      time = profile.now();
      dense.prepareGradients(parts.main.residual, parts.rows.read, rows);
      profile.add(Part.GRADIENTS, time);
    }
    GradientPass pass = parts.gradientPass;
    machine
        .workers()
        .run(pass.blocks(), (worker, block) -> pass.backward(worker, block, withAuxiliary, dense));
    loss += pass.penalties();
    Arrays.fill(weights.decoderBias.gradient, 0);
    parts.reconstructionPass.addToBias(
        blocks, mainFactor, furtherFactor, weights.decoderBias.gradient);
    pass.addToBias(weights.decoderBias.gradient);
    for (int latent = 0; latent < weights.width; latent++) {
      int firings = penalty == null ? parts.main.codes.firings(latent) : penalty.active(latent);
      auxiliary.silent.advance(latent, firings > 0, rows);
    }
    return new StepLosses(
        loss,
        fvu,
        active / rows,
        (double) auxiliary.silent.countDead() / weights.width,
        auxiliaryLoss);
  }

  private double keptSquares(int rows) {
    double squares = 0;
    for (int row = 0; row < rows; row++) {
      squares += parts.main.squares(row);
    }
    return squares;
  }

  /** Gradients of the last {@link #gradients}; encoder and decoder by latent. */
  public Map<String, float[]> lastGradients() {
    return weights.gradients();
  }

  @Override
  public Dictionary snapshot() {
    return weights.snapshot(parts.selection.tensors());
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    weights.save(state);
    state.put("steps", new float[] {steps});
    parts.selection.save(state);
    parts.auxiliary.silent.save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    weights.restore(state);
    steps = (long) state.get("steps")[0];
    parts.selection.restore(state);
    parts.auxiliary.silent.restore(state);
    prepare();
  }

  @Override
  public void close() {
    encoder.close();
    parts.reconstructionPass.close();
  }
}
