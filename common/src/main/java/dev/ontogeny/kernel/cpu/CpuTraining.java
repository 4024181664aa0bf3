package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.Sparsity;
import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.StepProfile.Part;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The step of {@link TrainingSpecification} on the CPU. Weights lie by latent, [F, D], encoder and
 * decoder alike. A step has three passes: over blocks of rows (product, selection, decoding,
 * gradients of the codes; where the selection is over the whole batch, two passes), over blocks of
 * latents (gradients of the weights, gathered from the rows in which a latent fired), and over
 * panels of latents (Adam, unit norm, packing for the next product). All arrays are allocated
 * before the first step, those of the auxiliary loss when the first latent has died; room for codes
 * grows when a batch holds more than any before it.
 */
public final class CpuTraining implements TrainingKernel {
  private static final int LATENT_BLOCK = 64;

  /** Room for the codes of a row where no k says how many there are. */
  private static final int USUAL_ACTIVE = 64;

  private final CpuMachine machine;
  private final Loops loops;
  private final TrainingSpecification specification;
  private final Sparsity sparsity;
  private final boolean unitDecoder;
  private final Dictionary initial;
  private final int inputs;
  private final int width;
  private final int maximumBatch;
  private final CpuEncoder encoder;
  private final float[] columnScale;
  private final DeadLatents silent;

  private final CpuParameter encoderWeights;
  private final CpuParameter encoderBias;
  private final CpuParameter decoderWeights;
  private final CpuParameter decoderBias;

  /** log θ of JumpReLU, else null. */
  private final CpuParameter logThreshold;

  private final List<CpuParameter> parameters;
  private long steps;
  private StepProfile profile = StepProfile.OFF;

  /** x̃ − b_dec of the batch, [n, D]. */
  private final float[] centred;

  private final Reconstruction main;

  /** Of multi-TopK, else null. */
  private final Reconstruction multi;

  /** Of the dead latents, null until one has died. */
  private Reconstruction auxiliary;

  private final int[] deadLatents;
  private int dead;

  /** Of BatchTopK, else null. */
  private final BatchBudget budget;

  /** The running mean of what BatchTopK chose last, times the weight of its latent. */
  private float runningThreshold;

  /** Of types that have one, else null. */
  private final CpuPenalty penalty;

  /** Weights of the sources, null where they are all alike. */
  private final float[] sourceWeights;

  /** θ of JumpReLU, and the bounds above which a pre-activation matters to a threshold. */
  private final float[] thresholds;

  private final float[] bounds;
  private float lowestBound;

  /** Of types that are gated by source, else null. */
  private final SourceGates gates;

  /** The lowest bar of a latent's gates, and what of code · ‖d^s‖ matters to a threshold. */
  private final float[] firingBars;

  private final float[] windows;
  private final LatentsAtSource[] open;

  /** Null until a batch is not sparse. */
  private DenseCodes dense;

  private double denseFrom = DenseCodes.BREAK_EVEN;

  /** Whether the gradients of this batch's codes come from dense products. */
  private boolean densePullBack;

  /** Whether its reconstructions and the gradients of the weights do. */
  private boolean denseWeights;

  private final CpuPenalty.Room[] penaltyRooms;

  // Sums by block of rows.
  private final float[] centredSums;
  private final float[] residualSums;
  private final float[] multiSums;
  private final double[] centredSquares;
  private final long[] activeCounts;

  // Sums by block of latents.
  private final float[] biasSums;
  private final double[] gradientSquares;
  private final double[] penalties;

  public CpuTraining(
      CpuMachine machine,
      TrainingSpecification specification,
      Dictionary initial,
      int maximumBatch) {
    this.machine = machine;
    this.loops = machine.loops();
    this.specification = specification;
    this.sparsity = specification.sparsity();
    this.unitDecoder = specification.unitDecoder(initial);
    this.initial = initial;
    this.inputs = initial.inputs();
    this.width = initial.width();
    this.maximumBatch = maximumBatch;
    int perRow = perRow();
    this.encoder =
        new CpuEncoder(machine, inputs, width, perRow, maximumBatch, sparsity.budget() > 0);
    this.columnScale = initial.columnScale();
    this.silent = new DeadLatents(width, specification.deadWindow());
    Optimiser optimiser = specification.optimiser();
    this.encoderWeights =
        new CpuParameter("encoder", Transposition.of(initial.encoder()), optimiser);
    this.encoderBias = new CpuParameter("encoder_bias", initial.encoderBias().clone(), optimiser);
    this.decoderWeights =
        new CpuParameter(
            "decoder", Arrays.copyOf(initial.decoder().values(), width * inputs), optimiser);
    this.decoderBias = new CpuParameter("decoder_bias", initial.decoderBias().clone(), optimiser);
    this.parameters =
        new ArrayList<>(List.of(encoderWeights, encoderBias, decoderWeights, decoderBias));
    this.bounds = new float[width];
    if (sparsity instanceof Sparsity.JumpRelu) {
      this.thresholds = initial.threshold().clone();
      this.logThreshold = new CpuParameter("log_threshold", logarithms(thresholds), optimiser);
      parameters.add(logThreshold);
    } else {
      this.thresholds = null;
      this.logThreshold = null;
    }
    this.centred = new float[Math.multiplyExact(maximumBatch, inputs)];
    int blockRows = encoder.blockRows();
    boolean gated = initial.type().gatedBySource();
    int parts = gated ? initial.sources().size() : 1;
    this.gates = gated ? new SourceGates(initial.sources(), width) : null;
    this.firingBars = gated ? new float[width] : thresholds;
    this.windows = new float[gated ? width : 0];
    this.open = new LatentsAtSource[gated ? machine.workers().count() : 0];
    this.penaltyRooms = new CpuPenalty.Room[open.length];
    for (int worker = 0; worker < open.length; worker++) {
      open[worker] = new LatentsAtSource(Math.max(width, maximumBatch));
      penaltyRooms[worker] = new CpuPenalty.Room(maximumBatch, parts);
    }
    this.main = new Reconstruction(maximumBatch, blockRows, inputs, width, perRow, parts);
    this.multi =
        sparsity instanceof Sparsity.TopK top && top.multiK() > 0
            ? new Reconstruction(maximumBatch, blockRows, inputs, width, top.multiK(), 1)
            : null;
    this.budget = sparsity instanceof Sparsity.BatchTopK ? new BatchBudget(width) : null;
    this.penalty = CpuPenalty.of(sparsity) ? new CpuPenalty(sparsity, width, parts) : null;
    this.sourceWeights = sourceWeights(specification, initial);
    this.deadLatents = new int[width];
    int rowBlocks = encoder.blocks(maximumBatch);
    this.centredSums = new float[rowBlocks * inputs];
    this.residualSums = new float[rowBlocks * inputs];
    this.multiSums = new float[multi == null ? 0 : rowBlocks * inputs];
    this.centredSquares = new double[rowBlocks];
    this.activeCounts = new long[rowBlocks];
    int latentBlocks = latentBlocks();
    this.biasSums = new float[latentBlocks * inputs];
    this.gradientSquares = new double[latentBlocks];
    this.penalties = new double[latentBlocks];
    prepareThresholds();
    packAll();
  }

  /** Latents of a row to be ready for, which is not a bound. */
  private int perRow() {
    if (sparsity instanceof Sparsity.TopK top) {
      return Math.max(top.k(), Math.max(top.initialK(), top.multiK()));
    } else if (sparsity instanceof Sparsity.BatchTopK top) {
      return Math.min(width, 2 * Math.max(top.k(), top.initialK()));
    }
    return Math.min(width, USUAL_ACTIVE);
  }

  private static float[] sourceWeights(TrainingSpecification specification, Dictionary initial) {
    List<Double> given = specification.sourceWeights();
    if (given.isEmpty()) {
      return null;
    }
    if (given.size() != initial.sources().size()) {
      throw new IllegalArgumentException(
          given.size() + " weights for " + initial.sources().size() + " sources");
    }
    float[] weights = new float[given.size()];
    for (int s = 0; s < weights.length; s++) {
      weights[s] = given.get(s).floatValue();
    }
    return weights;
  }

  private static float[] logarithms(float[] values) {
    float[] logarithms = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      logarithms[i] = (float) Math.log(values[i]);
    }
    return logarithms;
  }

  private void packAll() {
    machine
        .workers()
        .run(
            encoder.panels(),
            (worker, panel) -> encoder.pack(worker, panel, encoderWeights.values));
  }

  private int latentBlocks() {
    return (width + LATENT_BLOCK - 1) / LATENT_BLOCK;
  }

  /** For tests: the active share of a batch from which it is not taken for sparse. */
  void denseFrom(double share) {
    denseFrom = share;
  }

  @Override
  public void profile(StepProfile profile) {
    this.profile = profile;
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    StepLosses losses = gradients(batch, settings);
    double squares = 0;
    for (double each : gradientSquares) {
      squares += each;
    }
    squares += loops.dot(decoderBias.gradient, 0, decoderBias.gradient, 0, inputs);
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
    decoderBias.update(loops, 0, inputs, factor, 1, adam);
    decoderBias.average(loops, 0, inputs, average);
    if (sparsity instanceof Sparsity.JumpRelu jump) {
      double rate = settings.learningRate() * jump.thresholdRate();
      logThreshold.update(loops, 0, width, factor, 1, AdamStep.of(optimiser, rate, steps));
      logThreshold.average(loops, 0, width, average);
      prepareThresholds();
    }
    resample(batch.rows());
    return losses;
  }

  /** θ and the bounds of the next batch. */
  private void prepareThresholds() {
    if (sparsity instanceof Sparsity.JumpRelu jump) {
      if (gates != null) {
        machine
            .workers()
            .run(latentBlocks(), (worker, block) -> prepareGates(block, jump.bandwidth()));
      }
      lowestBound = Float.POSITIVE_INFINITY;
      for (int latent = 0; latent < width; latent++) {
        if (gates == null) {
          thresholds[latent] = (float) Math.exp(logThreshold.values[latent]);
          bounds[latent] = (float) Math.max(0, thresholds[latent] - jump.bandwidth() / 2);
        }
        lowestBound = Math.min(lowestBound, bounds[latent]);
      }
    }
  }

  private void prepareGates(int block, double bandwidth) {
    int end = Math.min(width, (block + 1) * LATENT_BLOCK);
    for (int latent = block * LATENT_BLOCK; latent < end; latent++) {
      float threshold = (float) Math.exp(logThreshold.values[latent]);
      float bar = gates.update(loops, latent, decoderWeights.values, threshold);
      thresholds[latent] = threshold;
      firingBars[latent] = bar;
      windows[latent] = (float) Math.max(0, threshold - bandwidth / 2);
      // Rounding must not keep out what matters at the source with the lowest bar.
      bounds[latent] =
          bar == Float.POSITIVE_INFINITY ? bar : windows[latent] / threshold * bar * (1 - 1e-6f);
    }
  }

  /**
   * Losses of a batch; leaves its gradients, without the parallel part of a decoder of unit norm
   * and none of them clipped, for {@link #step} and tests.
   */
  public StepLosses gradients(FloatMatrix batch, StepSettings settings) {
    int rows = batch.rows();
    if (rows < 2 || rows > maximumBatch || batch.columns() != inputs) {
      throw new IllegalArgumentException(
          "a batch of " + batch + ", expected are 2 to " + maximumBatch + " rows of " + inputs);
    }
    prepareAuxiliary();
    int rowBlocks = encoder.blocks(rows);
    if (sparsity instanceof Sparsity.TopK top) {
      int k = settings.k(top.k(), top.initialK());
      machine
          .workers()
          .run(
              rowBlocks,
              (worker, block) -> {
                select(batch, worker, block, k);
                reconstruct(worker, block, rows);
              });
    } else {
      if (budget != null) {
        selectOverBatch(batch, rowBlocks, settings);
      } else {
        machine.workers().run(rowBlocks, (worker, block) -> select(batch, worker, block, 0));
        chooseDense(rows);
      }
      machine.workers().run(rowBlocks, (worker, block) -> reconstruct(worker, block, rows));
    }

    double variance = Math.max(variance(rows, rowBlocks), Double.MIN_NORMAL);
    double error = sum(main.squares, rowBlocks);
    // What the auxiliary code shall reconstruct is the residual as it is kept, weights and all.
    double target = dead == 0 || sourceWeights == null ? error : keptSquares(rows);
    double active = 0;
    for (int block = 0; block < rowBlocks; block++) {
      active += activeCounts[block];
    }
    double auxiliaryWeight =
        dead == 0
            ? 0
            : specification.auxiliaryCoefficient()
                * Math.min(1.0, (double) dead / specification.auxiliaryK());
    boolean withAuxiliary = auxiliaryWeight > 0 && target > 0;
    // Upstream gradients are −2 · weight / normaliser · residual for every reconstruction.
    float mainFactor = (float) (-2 / variance);
    double multiWeight = sparsity instanceof Sparsity.TopK top ? top.multiWeight() : 0;
    long time = profile.now();
    main.codes.gatherByLatent(rows, mainFactor);
    double fvu = error / variance;
    double loss = fvu;
    if (multi != null) {
      multi.codes.gatherByLatent(rows, (float) multiWeight * mainFactor);
      loss += multiWeight * sum(multi.squares, rowBlocks) / variance;
    }
    double auxiliaryLoss = 0;
    if (withAuxiliary) {
      auxiliaryLoss = sum(auxiliary.squares, rowBlocks) / target;
      auxiliary.codes.gatherByLatent(rows, (float) (-2 * auxiliaryWeight / target));
      loss += auxiliaryWeight * auxiliaryLoss;
    }
    profile.add(Part.GRADIENTS, time);
    if (penalty != null) {
      loss += penalty.begin(rows, variance, settings.sparsity(), active / rows);
    }
    if (denseWeights) {
      time = profile.now();
      dense.prepareGradients(main.residual, centred, rows);
      profile.add(Part.GRADIENTS, time);
    }
    machine
        .workers()
        .run(latentBlocks(), (worker, block) -> backward(worker, block, withAuxiliary));
    if (penalty != null) {
      loss += sum(penalties, latentBlocks());
    }
    Arrays.fill(decoderBias.gradient, 0);
    for (int block = 0; block < rowBlocks; block++) {
      loops.add(mainFactor, residualSums, block * inputs, decoderBias.gradient, 0, inputs);
      if (multi != null) {
        float factor = (float) multiWeight * mainFactor;
        loops.add(factor, multiSums, block * inputs, decoderBias.gradient, 0, inputs);
      }
    }
    for (int block = 0; block < latentBlocks(); block++) {
      loops.add(1, biasSums, block * inputs, decoderBias.gradient, 0, inputs);
    }
    for (int latent = 0; latent < width; latent++) {
      int firings = penalty == null ? main.codes.firings(latent) : penalty.active(latent);
      silent.advance(latent, firings > 0, rows);
    }
    return new StepLosses(
        loss, fvu, active / rows, (double) silent.countDead() / width, auxiliaryLoss);
  }

  /** Where too many latents are active: a matter of the data alone. */
  private void chooseDense(int rows) {
    long active = 0;
    for (int row = 0; row < rows; row++) {
      active += main.codes.firing(row);
    }
    double all = (double) rows * width;
    densePullBack = main.codes.arena().total(rows) >= denseFrom * all;
    denseWeights = active >= denseFrom * all;
    if (densePullBack && dense == null) {
      dense =
          new DenseCodes(
              machine, gates, inputs, width, maximumBatch, encoder.blockRows(), LATENT_BLOCK);
    }
    long time = profile.now();
    if (densePullBack) {
      dense.preparePullBack(decoderWeights.values);
      time = profile.add(Part.GRADIENTS, time);
    }
    if (denseWeights) {
      dense.prepareDecoding(decoderWeights.values);
      profile.add(Part.DECODE, time);
    }
  }

  private double keptSquares(int rows) {
    double squares = 0;
    for (int row = 0; row < rows; row++) {
      squares += main.squares(loops, row);
    }
    return squares;
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
    if (dead > 0 && auxiliary == null) {
      auxiliary =
          new Reconstruction(
              maximumBatch, encoder.blockRows(), inputs, width, specification.auxiliaryK(), 1);
    }
  }

  /** BatchTopK: candidates of all rows, then the cut. */
  private void selectOverBatch(FloatMatrix batch, int rowBlocks, StepSettings settings) {
    Sparsity.BatchTopK top = (Sparsity.BatchTopK) sparsity;
    int rows = batch.rows();
    int wanted = Math.multiplyExact(rows, settings.k(top.k(), top.initialK()));
    BatchCodes arena = main.codes.arena();
    if (!unitDecoder) {
      machine
          .workers()
          .run(
              latentBlocks(),
              (worker, block) -> {
                int end = Math.min(width, (block + 1) * LATENT_BLOCK);
                for (int latent = block * LATENT_BLOCK; latent < end; latent++) {
                  budget.weights()[latent] = norm(latent);
                }
              });
    }
    if (budget.hasFloor()) {
      collect(batch, rowBlocks);
    }
    if (!budget.hasFloor() || arena.total(rows) < wanted) {
      int most = perRow();
      machine.workers().run(rowBlocks, (worker, block) -> select(batch, worker, block, most));
      budget.floorFrom(arena, rows, wanted);
      collect(batch, rowBlocks);
    }
    float smallest = budget.cut(arena, rows, wanted);
    // The step that is about to be made is number steps + 1.
    float decay = (float) Math.min(top.thresholdDecay(), (double) steps / (steps + 1));
    runningThreshold = decay * runningThreshold + (1 - decay) * smallest;
  }

  private void collect(FloatMatrix batch, int rowBlocks) {
    System.arraycopy(budget.bounds(), 0, bounds, 0, width);
    lowestBound = budget.lowest();
    machine.workers().run(rowBlocks, (worker, block) -> select(batch, worker, block, 0));
  }

  /**
   * Centres the rows of a block, multiplies, and leaves the codes of all reconstructions.
   *
   * @param k of each row; 0: whatever is above the bounds
   */
  private void select(FloatMatrix batch, int worker, int block, int k) {
    int first = block * encoder.blockRows();
    int count = Math.min(encoder.blockRows(), batch.rows() - first);
    int sums = block * inputs;
    Arrays.fill(centredSums, sums, sums + inputs, 0);
    double squares = 0;
    for (int row = first; row < first + count; row++) {
      int at = row * inputs;
      loops.centre(
          batch.values(),
          row * batch.columns(),
          initial.inputMean(),
          columnScale,
          decoderBias.values,
          centred,
          at,
          inputs);
      loops.add(1, centred, at, centredSums, sums, inputs);
      squares += weightedSquares(centred, at);
    }
    centredSquares[block] = squares;
    encoder.preActivations(worker, centred, first * inputs, count, encoderBias.values, profile);
    long time = profile.now();
    float[] values = encoder.values(worker);
    for (int row = first; row < first + count; row++) {
      int at = (row - first) * width;
      RowSelection selection = encoder.selection(worker, row - first);
      int found =
          k > 0
              ? selection.select(values, at, k)
              : selection.above(values, at, bounds, lowestBound);
      main.codes.set(row, selection, found);
      if (firingBars != null) {
        main.codes.firingFirst(row, firingBars);
      }
      if (multi != null) {
        int most = ((Sparsity.TopK) sparsity).multiK();
        multi.codes.set(row, selection, selection.select(values, at, most));
      }
      if (dead > 0) {
        auxiliary.codes.set(
            row,
            selection,
            selection.selectAmong(values, at, deadLatents, dead, specification.auxiliaryK()));
      }
    }
    profile.add(Part.SELECTION, time);
  }

  /** Residuals of a block of rows, and gradients of its codes. */
  private void reconstruct(int worker, int block, int rows) {
    int first = block * encoder.blockRows();
    int end = Math.min(first + encoder.blockRows(), rows);
    int sums = block * inputs;
    Arrays.fill(residualSums, sums, sums + inputs, 0);
    if (multi != null) {
      Arrays.fill(multiSums, sums, sums + inputs, 0);
    }
    double error = 0;
    double multiError = 0;
    double auxiliaryError = 0;
    long active = 0;
    if (denseWeights) {
      long time = profile.now();
      dense.decode(
          worker, main.codes, first, end - first, gates, encoder.values(worker), main.residual);
      profile.add(Part.DECODE, time);
    }
    for (int row = first; row < end; row++) {
      active += main.codes.firing(row);
      error += reconstruct(main, worker, row, centred);
      loops.add(1, main.residual, row * inputs, residualSums, sums, inputs);
      if (multi != null) {
        multiError += reconstruct(multi, worker, row, centred);
        loops.add(1, multi.residual, row * inputs, multiSums, sums, inputs);
      }
      if (dead > 0) {
        long time = profile.now();
        auxiliary.residual(loops, row, main.residual, decoderWeights.values);
        time = profile.add(Part.DECODE, time);
        auxiliary.pullBack(loops, row, decoderWeights.values);
        profile.add(Part.GRADIENTS, time);
        auxiliaryError += auxiliary.squares(loops, row);
      }
    }
    if (densePullBack) {
      long time = profile.now();
      dense.pullBack(worker, main.codes, first, end - first, main.residual, encoder.values(worker));
      profile.add(Part.GRADIENTS, time);
    }
    activeCounts[block] = active;
    main.squares[block] = error;
    if (multi != null) {
      multi.squares[block] = multiError;
    }
    if (dead > 0) {
      auxiliary.squares[block] = auxiliaryError;
    }
  }

  /** Residual of a row times the sources' weights, and gradients; returns its weighted square. */
  private double reconstruct(Reconstruction reconstruction, int worker, int row, float[] target) {
    float[] decoder = decoderWeights.values;
    boolean decoded = denseWeights && reconstruction == main;
    long time = profile.now();
    if (decoded) {
      reconstruction.subtractFrom(loops, row, target);
    } else if (gates == null) {
      reconstruction.residual(loops, row, target, decoder);
    } else {
      reconstruction.residual(loops, row, target, decoder, gates, open[worker]);
    }
    double square = weightedSquares(reconstruction.residual, row * inputs);
    if (sourceWeights != null) {
      int at = row * inputs;
      for (int s = 0; s < sourceWeights.length; s++) {
        int count = initial.sources().get(s).width();
        loops.multiply(sourceWeights[s], reconstruction.residual, at, count);
        at += count;
      }
    }
    time = profile.add(Part.DECODE, time);
    if (densePullBack && reconstruction == main) {
      return square;
    } else if (gates == null) {
      reconstruction.pullBack(loops, row, decoder);
    } else {
      reconstruction.codes.pullBack(
          loops, row, decoder, inputs, gates, windows, open[worker], reconstruction.residual);
    }
    profile.add(Part.GRADIENTS, time);
    return square;
  }

  private double weightedSquares(float[] rows, int at) {
    if (sourceWeights == null) {
      return loops.dot(rows, at, rows, at, inputs);
    }
    double squares = 0;
    int from = at;
    for (int s = 0; s < sourceWeights.length; s++) {
      int count = initial.sources().get(s).width();
      squares += sourceWeights[s] * loops.dot(rows, from, rows, from, count);
      from += count;
    }
    return squares;
  }

  /** Σ‖x̃ − mean(x̃)‖² = Σ‖c‖² − ‖Σc‖²/n for c = x̃ − b_dec. */
  private double variance(int rows, int rowBlocks) {
    double ofMean = 0;
    int i = 0;
    for (int s = 0; s < initial.sources().size(); s++) {
      double weight = sourceWeights == null ? 1 : sourceWeights[s];
      for (int end = i + initial.sources().get(s).width(); i < end; i++) {
        double sum = 0;
        for (int block = 0; block < rowBlocks; block++) {
          sum += centredSums[block * inputs + i];
        }
        ofMean += weight * sum * sum / rows;
      }
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

  /** ‖d‖: the norm of a latent's row of W_dec, summed over the sources. */
  private float norm(int latent) {
    float[] decoder = decoderWeights.values;
    float norm = 0;
    int at = latent * inputs;
    for (Source source : initial.sources()) {
      norm += (float) Math.sqrt(loops.dot(decoder, at, decoder, at, source.width()));
      at += source.width();
    }
    return norm;
  }

  /** Gradients of a block of latents, and what they pass on to b_dec. */
  private void backward(int worker, int block, boolean withAuxiliary) {
    long time = profile.now();
    int sums = block * inputs;
    Arrays.fill(biasSums, sums, sums + inputs, 0);
    double squares = 0;
    double penaltySum = 0;
    int end = Math.min(width, (block + 1) * LATENT_BLOCK);
    float[] decoder = decoderWeights.values;
    float[] decoderGradient = decoderWeights.gradient;
    float[] encoderGradient = encoderWeights.gradient;
    int first = block * LATENT_BLOCK;
    for (int latent = first; latent < end && penalty != null; latent++) {
      penaltySum += penalise(worker, latent);
    }
    if (denseWeights) {
      dense.gradients(
          worker, main.codes, first, end - first, gates, decoderGradient, encoderGradient);
    }
    for (int latent = first; latent < end; latent++) {
      int at = latent * inputs;
      if (!denseWeights) {
        sparseGradients(worker, latent);
      }
      if (penalty != null) {
        addNormGradient(latent);
        if (logThreshold != null) {
          float ofThreshold = penalty.thresholdGradient(latent);
          logThreshold.gradient[latent] = ofThreshold;
          squares += (double) ofThreshold * ofThreshold;
        }
      }
      float ofBias = main.codes.sumOfCodeGradients(latent);
      if (multi != null) {
        ofBias += further(multi, latent);
      }
      if (withAuxiliary) {
        ofBias += further(auxiliary, latent);
      }
      encoderBias.gradient[latent] = ofBias;
      if (ofBias != 0) {
        loops.add(-ofBias, encoderWeights.values, at, biasSums, sums, inputs);
      }
      if (unitDecoder) {
        float along = loops.dot(decoderGradient, at, decoder, at, inputs);
        loops.add(-along, decoder, at, decoderGradient, at, inputs);
      }
      squares += loops.dot(decoderGradient, at, decoderGradient, at, inputs);
      squares += loops.dot(encoderGradient, at, encoderGradient, at, inputs);
      squares += (double) ofBias * ofBias;
    }
    gradientSquares[block] = squares;
    penalties[block] = penaltySum;
    profile.add(Part.GRADIENTS, time);
  }

  /** Gradients of both matrices for a latent, from the rows in which it fired. */
  private void sparseGradients(int worker, int latent) {
    ActiveCodes codes = main.codes;
    float[] into = decoderWeights.gradient;
    if (gates == null) {
      codes.weightGradient(loops, latent, main.residual, inputs, true, into);
    } else {
      codes.weightGradient(loops, latent, main.residual, inputs, gates, open[worker], into);
    }
    codes.encoderGradient(loops, latent, centred, inputs, true, encoderWeights.gradient);
  }

  /** Adds what a further reconstruction says about a latent; returns its sum of code gradients. */
  private float further(Reconstruction reconstruction, int latent) {
    ActiveCodes codes = reconstruction.codes;
    codes.weightGradient(
        loops, latent, reconstruction.residual, inputs, false, decoderWeights.gradient);
    codes.encoderGradient(loops, latent, centred, inputs, false, encoderWeights.gradient);
    return codes.sumOfCodeGradients(latent);
  }

  /** Adds the penalty of a latent to the gradients of its codes; returns its part of the loss. */
  private double penalise(int worker, int latent) {
    if (gates != null) {
      return penalty.add(
          latent, main.codes, thresholds[latent], windows[latent], gates, penaltyRooms[worker]);
    }
    float norm = unitDecoder ? 1 : norm(latent);
    return penalty.add(latent, main.codes, thresholds == null ? 0 : thresholds[latent], norm);
  }

  /** Adds what the penalty makes of the norms to the gradient of a latent's row of W_dec. */
  private void addNormGradient(int latent) {
    float[] decoder = decoderWeights.values;
    int at = latent * inputs;
    for (int s = 0; s < initial.sources().size(); s++) {
      int count = initial.sources().get(s).width();
      float ofNorm = penalty.normGradient(latent, s);
      double squares = ofNorm == 0 ? 0 : loops.dot(decoder, at, decoder, at, count);
      if (squares > 0) {
        float factor = (float) (ofNorm / Math.sqrt(squares));
        loops.add(factor, decoder, at, decoderWeights.gradient, at, count);
      }
      at += count;
    }
  }

  /** Adam on a panel of latents, a decoder back to unit norm, and the panel's packing. */
  private void update(
      int worker, int panel, float factor, float keep, float average, AdamStep adam) {
    long time = profile.now();
    int first = encoder.firstOf(panel);
    int size = encoder.sizeOf(panel);
    for (int latent = first; latent < first + size; latent++) {
      int at = latent * inputs;
      encoderWeights.update(loops, at, inputs, factor, keep, adam);
      encoderWeights.average(loops, at, inputs, average);
      decoderWeights.update(loops, at, inputs, factor, keep, adam);
      if (unitDecoder) {
        normalise(decoderWeights.values, at);
      }
      decoderWeights.average(loops, at, inputs, average);
    }
    encoderBias.update(loops, first, size, factor, 1, adam);
    encoderBias.average(loops, first, size, average);
    time = profile.add(Part.ADAM, time);
    encoder.pack(worker, panel, encoderWeights.values);
    profile.add(Part.PRODUCT, time);
  }

  private void normalise(float[] matrix, int at) {
    float squares = loops.dot(matrix, at, matrix, at, inputs);
    if (squares > 0) {
      loops.multiply((float) (1 / Math.sqrt(squares)), matrix, at, inputs);
    }
  }

  /**
   * Lets dead latents start again, as the old recipe for L1 has it (Bricken et al. 2023): decoder
   * and encoder point at an input of this batch, drawn with the square of its loss as weight, the
   * encoder a fifth as long as those of the living are in the mean. Drawn systematically: at equal
   * distances along the sum of the weights.
   */
  private void resample(int rows) {
    if (!(sparsity instanceof Sparsity.Relu relu)
        || relu.form() != Sparsity.Form.UNIT_NORM
        || relu.resampleTokens() == 0
        || steps * rows / relu.resampleTokens() == (steps - 1) * rows / relu.resampleTokens()) {
      return;
    }
    double norms = 0;
    int count = 0;
    for (int latent = 0; latent < width; latent++) {
      if (silent.dead(latent)) {
        deadLatents[count++] = latent;
      } else {
        float[] weights = encoderWeights.values;
        int at = latent * inputs;
        norms += Math.sqrt(loops.dot(weights, at, weights, at, inputs));
      }
    }
    double total = 0;
    for (int row = 0; row < rows; row++) {
      total += squaredLoss(row);
    }
    if (count == 0 || count == width || !(total > 0)) {
      return;
    }
    float length = (float) (0.2 * norms / (width - count));
    int row = 0;
    double reached = squaredLoss(0);
    for (int i = 0; i < count; i++) {
      double wanted = (i + 0.5) / count * total;
      while (reached < wanted && row < rows - 1) {
        row++;
        reached += squaredLoss(row);
      }
      restart(deadLatents[i], row, length);
    }
    packAll();
  }

  private double squaredLoss(int row) {
    double loss = loops.dot(main.residual, row * inputs, main.residual, row * inputs, inputs);
    return loss * loss;
  }

  private void restart(int latent, int row, float length) {
    int at = latent * inputs;
    System.arraycopy(centred, row * inputs, decoderWeights.values, at, inputs);
    normalise(decoderWeights.values, at);
    System.arraycopy(decoderWeights.values, at, encoderWeights.values, at, inputs);
    loops.multiply(length, encoderWeights.values, at, inputs);
    encoderBias.values[latent] = 0;
    encoderWeights.forget(at, inputs);
    decoderWeights.forget(at, inputs);
    encoderBias.forget(latent, 1);
    silent.advance(latent, true, 0);
  }

  /** Gradients of the last {@link #gradients}; encoder and decoder by latent, [F, D]. */
  public Map<String, float[]> lastGradients() {
    Map<String, float[]> gradients = new LinkedHashMap<>();
    gradients.put("W_enc", encoderWeights.gradient);
    gradients.put("b_enc", encoderBias.gradient);
    gradients.put("W_dec", decoderWeights.gradient);
    gradients.put("b_dec", decoderBias.gradient);
    if (logThreshold != null) {
      gradients.put("log_threshold", logThreshold.gradient);
    }
    return gradients;
  }

  @Override
  public Dictionary snapshot() {
    float[] decoder = decoderWeights.result();
    if (unitDecoder) {
      for (int latent = 0; latent < width; latent++) {
        normalise(decoder, latent * inputs);
      }
    }
    float[] threshold = new float[initial.type().hasThreshold() ? width : 0];
    if (logThreshold != null) {
      float[] logarithms = logThreshold.result();
      for (int latent = 0; latent < width; latent++) {
        threshold[latent] = (float) Math.exp(logarithms[latent]);
      }
    } else if (budget != null) {
      for (int latent = 0; latent < width; latent++) {
        float weight = unitDecoder ? 1 : norm(latent);
        threshold[latent] = weight > 0 ? runningThreshold / weight : Float.MAX_VALUE;
      }
    }
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.k(),
        new FloatMatrix(
            inputs,
            width,
            Transposition.of(new FloatMatrix(width, inputs, encoderWeights.result()))),
        encoderBias.result(),
        new FloatMatrix(width, inputs, decoder),
        decoderBias.result(),
        initial.inputMean(),
        initial.inputScale(),
        threshold);
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    parameters.forEach(parameter -> parameter.save(state));
    state.put("steps", new float[] {steps});
    state.put("running_threshold", new float[] {runningThreshold});
    silent.save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    parameters.forEach(parameter -> parameter.restore(state));
    steps = (long) state.get("steps")[0];
    runningThreshold = state.get("running_threshold")[0];
    silent.restore(state);
    prepareThresholds();
    packAll();
  }

  @Override
  public void close() {
    encoder.close();
    if (dense != null) {
      dense.close();
    }
  }
}
