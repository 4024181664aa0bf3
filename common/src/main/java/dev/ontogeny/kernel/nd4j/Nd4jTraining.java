package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.kernel.nd4j.DevicePenalty.Effect;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.FurtherCode;
import dev.ontogeny.type.Penalty;
import dev.ontogeny.type.Reconstruction.Prefixes;
import dev.ontogeny.type.Reconstruction.Whole;
import dev.ontogeny.type.Selection;
import dev.ontogeny.type.Selection.AboveThreshold;
import dev.ontogeny.type.Selection.LargestOfBatch;
import dev.ontogeny.type.Selection.LargestOfRow;
import dev.ontogeny.type.Selection.Positive;
import dev.ontogeny.type.StepPart;
import dev.ontogeny.type.TypeSettings;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.AllocationPolicy;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.memory.enums.SpillPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The step of {@link TrainingSpecification} as dense ND4J operations, for every part that there is.
 * Weights, their means and what is as long as a batch are allocated once; what an operation makes
 * beside lies in a workspace that each step uses again. The batch of the next step comes while one
 * is computed; only losses and other single numbers leave the device between steps.
 */
public final class Nd4jTraining implements TrainingKernel {
  static final WorkspaceConfiguration TEMPORARY =
      WorkspaceConfiguration.builder()
          .policyAllocation(AllocationPolicy.STRICT)
          .policyLearning(LearningPolicy.FIRST_LOOP)
          .policySpill(SpillPolicy.REALLOCATE)
          .build();

  private final TrainingSpecification specification;
  private final TypeSettings type;
  private final DeviceWeights weights;
  private final int width;
  private final DeviceLatents silent;
  private final AheadOfStep ahead;
  private final String workspace = "ontogeny-step-" + System.identityHashCode(this);

  /** Where each prefix of the code that reconstructs the input ends, and what it weighs. */
  private final int[] ends;

  private final double[] weightOf;

  /** For each prefix ones at the latents that those before it lack, [1, F]; null for all. */
  private final INDArray[] segments;

  private Batch work;
  private float runningThreshold;
  private long steps;

  /** Arrays as long as a batch, [n, F]. */
  private static final class Batch {
    final INDArray pre;
    final INDArray mask;
    final INDArray code;
    final INDArray counted;
    final INDArray ofCode;

    Batch(int rows, int width) {
      pre = DeviceMatrix.allocate(rows, width);
      mask = DeviceMatrix.allocate(rows, width);
      code = DeviceMatrix.allocate(rows, width);
      counted = DeviceMatrix.allocate(rows, width);
      ofCode = DeviceMatrix.allocate(rows, width);
    }

    void close() {
      for (INDArray array : new INDArray[] {pre, mask, code, counted, ofCode}) {
        array.close();
      }
    }
  }

  Nd4jTraining(TrainingSpecification specification, Dictionary initial) {
    this.specification = specification;
    type = specification.type();
    width = initial.width();
    for (StepPart part : type.parts(width)) {
      if (!has(part)) {
        throw Failure.settings("kernel nd4j lacks %s", part.words());
      }
    }
    weights = new DeviceWeights(specification, initial);
    silent = new DeviceLatents(width, specification.deadWindow());
    ahead = new AheadOfStep(weights.sources);
    if (type.reconstruction(width) instanceof Prefixes prefixes) {
      ends = prefixes.ends().stream().mapToInt(end -> end).toArray();
      weightOf = prefixes.weights().stream().mapToDouble(Double::floatValue).toArray();
    } else {
      ends = new int[] {width};
      weightOf = new double[] {1};
    }
    segments = new INDArray[ends.length];
    for (int m = 0; m < ends.length && ends.length > 1; m++) {
      float[] ones = new float[width];
      Arrays.fill(ones, m == 0 ? 0 : ends[m - 1], ends[m], 1);
      segments[m] = DeviceMatrix.row(ones);
    }
  }

  private static boolean has(StepPart part) {
    return part instanceof LargestOfRow
        || part instanceof LargestOfBatch
        || part instanceof AboveThreshold
        || part instanceof Positive
        || part instanceof Whole
        || part instanceof Prefixes
        || part instanceof FurtherCode
        || part instanceof Penalty.Sum
        || part instanceof Penalty.SaturatingSum
        || part instanceof Penalty.ActiveCount
        || part instanceof Penalty.TargetCount;
  }

  /** Work whose temporary arrays lie in the workspace, and are gone at its end. */
  private <T> T withTemporaries(Supplier<T> work) {
    MemoryWorkspace scope =
        Nd4j.getWorkspaceManager().getAndActivateWorkspace(TEMPORARY, workspace);
    try {
      return work.get();
    } finally {
      scope.close();
    }
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings) {
    return step(batch, settings, null);
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings settings, FloatMatrix next) {
    StepLosses losses = gradients(batch, settings, next);
    if (!withTemporaries(() -> update(settings.learningRate()))) {
      return new StepLosses(
          Double.NaN, losses.fvu(), losses.l0(), losses.deadShare(), losses.auxiliary());
    }
    long tokens = type.resampledAfter();
    int rows = batch.rows();
    if (tokens > 0 && steps * rows / tokens != (steps - 1) * rows / tokens) {
      DeadLatents latents = silent.copy();
      Nd4jResampling.resample(weights, latents, residualSquares(rows));
      silent.assign(latents);
    }
    return losses;
  }

  /** Takes the step; false where the gradients are not finite. */
  private boolean update(float learningRate) {
    double squares = weights.parameters().stream().mapToDouble(DeviceParameter::squares).sum();
    if (!Double.isFinite(squares)) {
      return false;
    }
    double clip = specification.optimiser().gradientClip();
    double factor = clip > 0 && squares > clip * clip ? clip / Math.sqrt(squares) : 1;
    steps++;
    AdamStep adam = AdamStep.of(specification.optimiser(), learningRate, steps);
    double keep = 1 - learningRate * specification.optimiser().weightDecay();
    weights.matrices().forEach(each -> each.values.muli(keep));
    for (DeviceParameter parameter : weights.parameters()) {
      double rate =
          parameter == weights.logThreshold && type.selection() instanceof AboveThreshold above
              ? above.rate()
              : 1;
      parameter.adam(factor, rate, adam);
    }
    if (weights.unitDecoder) {
      weights.normalise();
    }
    weights.average(specification.optimiser(), steps);
    return true;
  }

  /** ‖r‖² of each row of the last batch. */
  private float[] residualSquares(int rows) {
    float[] squares = new float[rows];
    for (DeviceSource source : weights.reconstructed()) {
      float[] norms = source.residual.norm2(1).toFloatVector();
      for (int row = 0; row < rows; row++) {
        squares[row] += norms[row] * norms[row];
      }
    }
    return squares;
  }

  /** Losses; leaves the gradients, the decoder's without their parallel part, in the parameters. */
  public StepLosses gradients(FloatMatrix batch, StepSettings settings) {
    return gradients(batch, settings, null);
  }

  private StepLosses gradients(FloatMatrix batch, StepSettings settings, FloatMatrix next) {
    boolean came = ahead.take(batch);
    int rows = batch.rows();
    if (rows < 2 || batch.columns() != weights.initial.inputs()) {
      throw new IllegalArgumentException(
          "a batch of " + batch + ", expected are at least 2 rows of " + weights.initial.inputs());
    }
    if (work == null || work.pre.rows() != rows) {
      if (work != null) {
        work.close();
      }
      work = new Batch(rows, width);
      weights.sources.forEach(source -> source.allocate(rows));
    }
    weights.parameters().forEach(parameter -> parameter.gradient.assign(0));
    return withTemporaries(
        () -> {
          weights.sources.forEach(came ? DeviceSource::takeAhead : source -> source.load(batch));
          if (next != null && next.rows() == rows && next.columns() == batch.columns()) {
            ahead.bring(next);
          }
          StepLosses losses = gradients(rows, settings);
          if (weights.unitDecoder) {
            weights.removeParallel();
          }
          return losses;
        });
  }

  private StepLosses gradients(int rows, StepSettings settings) {
    int read = 0;
    for (DeviceSource source : weights.sources) {
      if (source.read()) {
        double keep = read++ == 0 ? 0 : 1;
        Nd4j.gemm(source.centred, source.encoder.values, work.pre, false, false, 1, keep);
      }
    }
    work.pre.addiRowVector(weights.encoderBias.values);
    select(rows, settings);
    work.code.assign(work.pre).muli(work.mask);
    INDArray firings = work.mask.sum(true, 0);
    // Counts of a latent are whole numbers in fp32; their sum may be too large for that.
    double active = firings.castTo(DataType.DOUBLE).sumNumber().doubleValue();

    double variance = 0;
    for (DeviceSource source : weights.reconstructed()) {
      variance += source.variance(rows);
    }
    variance = Math.max(variance, Double.MIN_NORMAL);
    Effect penalty = Effect.NONE;
    if (type.codePenalty().isPresent()) {
      penalty =
          new DevicePenalty(weights, this::counted, rows, active, variance, settings.sparsity())
              .of(type.codePenalty().get());
    }
    double[] fvus = reconstruct(variance, penalty);
    double loss = penalty.loss();
    for (int m = 0; m < ends.length; m++) {
      loss += weightOf[m] * fvus[m];
    }
    if (type.furtherCode().isPresent()) {
      FurtherCode further = type.furtherCode().get();
      double factor = further.weight() / variance;
      Nd4jSelection.select(work.pre, further.k(), work.mask);
      loss +=
          factor * alsoReconstruct(work.counted.assign(work.pre).muli(work.mask), factor, false);
    }
    double auxiliary = 0;
    int dead = specification.auxiliaryK() == 0 ? 0 : silent.countDead();
    double target = dead == 0 ? 0 : residualSquares();
    if (target > 0) {
      double weight =
          specification.auxiliaryCoefficient()
              * Math.min(1.0, (double) dead / specification.auxiliaryK());
      auxiliary = alsoReconstruct(auxiliaryCode(), weight / target, true) / target;
      loss += weight * auxiliary;
    }
    throughBias();
    silent.advance(firings, rows);
    return new StepLosses(
        loss, fvus[ends.length - 1], active / rows, (double) silent.countDead() / width, auxiliary);
  }

  /** Ones where a latent fires, in the mask. */
  private void select(int rows, StepSettings settings) {
    Selection selection = type.selection();
    if (selection instanceof LargestOfRow part) {
      Nd4jSelection.select(work.pre, settings.k(part.k(), part.initialK()), work.mask);
    } else if (selection instanceof LargestOfBatch part) {
      INDArray score = work.code.assign(work.pre);
      if (!weights.unitDecoder) {
        score.muliRowVector(weights.norm(weights.reconstructed()));
      }
      int budget = settings.k(part.k(), part.initialK()) * rows;
      // One row after the other, so that of equal values those of the lower row come first.
      INDArray all = score.dup('c').reshape('c', 1, (long) rows * width);
      INDArray chosen = all.ulike();
      Nd4jSelection.select(all, budget, chosen);
      double smallest =
          chosen.rsub(1).muli(Float.MAX_VALUE / 2).addi(all.muli(chosen)).minNumber().doubleValue();
      work.mask.assign(chosen.reshape('c', rows, width));
      double keep = Math.min(part.thresholdDecay(), (double) steps / (steps + 1));
      float last = smallest < Float.MAX_VALUE / 4 ? (float) smallest : 0;
      runningThreshold = (float) (keep * runningThreshold + (1 - keep) * last);
    } else {
      INDArray lowest = null;
      for (List<DeviceSource> part : weights.parts()) {
        INDArray bars = weights.bars(part);
        lowest = lowest == null ? bars : Nd4j.math().min(lowest, bars);
      }
      DeviceMatrix.step(work.mask.assign(work.pre).subiRowVector(lowest));
    }
  }

  /** What of the code counts for a part. Codes are positive where they fire. */
  private INDArray counted(List<DeviceSource> part) {
    if (!weights.bySource) {
      return work.code;
    }
    DeviceMatrix.step(work.counted.assign(work.code).subiRowVector(weights.bars(part)));
    return work.counted.muli(work.code);
  }

  /**
   * Reconstructs the input by each prefix, and brings the gradients of that and of the penalty to
   * all weights. Leaves the weighed residual of the whole code with the sources.
   *
   * @return the FVU of each prefix
   */
  private double[] reconstruct(double variance, Effect penalty) {
    double[] fvus = new double[ends.length];
    for (List<DeviceSource> part : weights.parts()) {
      INDArray counted = counted(part);
      // By source, by prefix: what a decoded vector gets.
      INDArray[][] upstream = new INDArray[part.size()][ends.length];
      for (int s = 0; s < part.size(); s++) {
        DeviceSource source = part.get(s);
        source.residual.assign(source.centred);
        for (int m = 0; m < ends.length; m++) {
          source.subtractDecoded(segment(counted, m), source.residual);
          fvus[m] += source.weight * DeviceMatrix.squares(source.residual) / variance;
          upstream[s][m] = source.residual.mul(-2 * weightOf[m] * source.weight / variance);
          source.bias.gradient.addi(upstream[s][m].sum(true, 0));
        }
        source.residual.muli(source.weight);
        // Latents of a segment reconstruct with its prefix and with all that are longer.
        for (int m = ends.length - 2; m >= 0; m--) {
          upstream[s][m].addi(upstream[s][m + 1]);
        }
      }
      work.ofCode.assign(0);
      for (int s = 0; s < part.size(); s++) {
        DeviceSource source = part.get(s);
        for (int m = 0; m < ends.length; m++) {
          Nd4j.gemm(
              segment(counted, m), upstream[s][m], source.decoder.gradient, true, false, 1, 1);
          if (segments[m] == null) {
            Nd4j.gemm(upstream[s][m], source.decoder.values, work.ofCode, false, true, 1, 1);
          } else {
            Nd4j.gemm(upstream[s][m], source.decoder.values, work.mask, false, true, 1, 0);
            work.ofCode.addi(work.mask.muliRowVector(segments[m]));
          }
        }
      }
      penalty.ofPart().add(part, work.ofCode);
      if (type.selection() instanceof AboveThreshold above) {
        toThresholds(part, above.bandwidth(), penalty.ofFiring());
      }
      throughEncoder(counted(part), work.ofCode);
    }
    return fvus;
  }

  /** The latents of a code that one prefix has beyond those before; may lie in the mask. */
  private INDArray segment(INDArray code, int m) {
    return segments[m] == null ? code : work.mask.assign(code).muliRowVector(segments[m]);
  }

  /** What log θ gets by the rectangle. */
  private void toThresholds(List<DeviceSource> part, double bandwidth, double ofFiring) {
    INDArray threshold = weights.threshold();
    INDArray scale = weights.gateScale(part);
    // 1 where the rectangle is, in the mask.
    work.mask.assign(work.pre);
    if (scale != null) {
      work.mask.muliRowVector(scale);
    }
    INDArray positive = DeviceMatrix.step(work.mask.dup('f'));
    work.mask.subiRowVector(threshold);
    DeviceMatrix.step(Nd4j.math().abs(work.mask).rsubi(bandwidth / 2)).muli(positive);
    // θ · −(θ · ∂L/∂f / scale + ∂L/∂[f > 0]) / bandwidth, summed over the rows.
    INDArray ofCompared = work.ofCode.mul(work.mask).sum(true, 0);
    if (scale != null) {
      ofCompared.divi(scale.addi(1e-30));
    }
    INDArray inside = work.mask.sum(true, 0);
    INDArray ofThreshold =
        ofCompared.muli(threshold).addi(inside.muli(ofFiring)).muli(threshold).divi(-bandwidth);
    weights.logThreshold.gradient.addi(ofThreshold);
  }

  /**
   * From the gradients of codes to those of encoder and its bias, where codes count. Overwrites the
   * gradients of codes.
   */
  private void throughEncoder(INDArray counted, INDArray ofCode) {
    ofCode.muli(DeviceMatrix.step(work.mask.assign(counted)));
    weights.encoderBias.gradient.addi(ofCode.sum(true, 0));
    for (DeviceSource source : weights.sources) {
      if (source.read()) {
        Nd4j.gemm(source.centred, ofCode, source.encoder.gradient, true, false, 1, 1);
      }
    }
  }

  /** What b_dec gets through the encoder, where what is read is what is reconstructed. */
  private void throughBias() {
    for (DeviceSource source : weights.sources) {
      if (source.read() && source.reconstructed()) {
        Nd4j.gemm(
            weights.encoderBias.gradient,
            source.encoder.values,
            source.bias.gradient,
            false,
            true,
            -1,
            1);
      }
    }
  }

  /** Σ‖r‖² of the last batch, weighed. */
  private double residualSquares() {
    double squares = 0;
    for (DeviceSource source : weights.reconstructed()) {
      squares += DeviceMatrix.squares(source.residual);
    }
    return squares;
  }

  /** The largest pre-activations of dead latents. */
  private INDArray auxiliaryCode() {
    INDArray code = work.counted.assign(work.pre).muliRowVector(silent.dead);
    Nd4jSelection.select(code, specification.auxiliaryK(), work.mask);
    return code.muli(work.mask);
  }

  /**
   * A code beside the one that fires reconstructs as well, and adds its gradients.
   *
   * @param factor of what it leaves over in the loss, squared
   * @param ofResidual whether it reconstructs what the other left over, weighed already and without
   *     a bias, in place of the input
   * @return that square, weighed
   */
  private double alsoReconstruct(INDArray code, double factor, boolean ofResidual) {
    double squares = 0;
    work.ofCode.assign(0);
    for (DeviceSource source : weights.reconstructed()) {
      INDArray left = (ofResidual ? source.residual : source.centred).dup('f');
      double weight = ofResidual ? 1 : source.weight;
      source.subtractDecoded(code, left);
      squares += weight * DeviceMatrix.squares(left);
      left.muli(-2 * factor * weight);
      if (!ofResidual) {
        source.bias.gradient.addi(left.sum(true, 0));
      }
      Nd4j.gemm(code, left, source.decoder.gradient, true, false, 1, 1);
      Nd4j.gemm(left, source.decoder.values, work.ofCode, false, true, 1, 1);
    }
    throughEncoder(code, work.ofCode);
    return squares;
  }

  /** Gradients of the last {@link #gradients} by tensor name, for tests. */
  public Map<String, float[]> lastGradients() {
    return weights.tensors(parameter -> parameter.gradient);
  }

  @Override
  public Dictionary snapshot() {
    return weights.snapshot(runningThreshold);
  }

  @Override
  public Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    for (int i = 0; i < weights.encoderBias.kept().size(); i++) {
      int number = i;
      weights
          .tensors(parameter -> parameter.kept().get(number))
          .forEach(
              (name, values) -> state.put(name + DeviceParameter.SUFFIXES.get(number), values));
    }
    state.put("steps", new float[] {steps});
    state.put("running_threshold", new float[] {runningThreshold});
    silent.copy().save(state);
    return state;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    for (int i = 0; i < weights.encoderBias.kept().size(); i++) {
      int number = i;
      Map<String, float[]> tensors = new LinkedHashMap<>();
      String suffix = DeviceParameter.SUFFIXES.get(number);
      for (String name : weights.tensors(parameter -> parameter.values).keySet()) {
        tensors.put(name, state.get(name + suffix));
      }
      weights.assign(tensors, parameter -> parameter.kept().get(number));
    }
    steps = (long) state.get("steps")[0];
    runningThreshold = state.get("running_threshold")[0];
    DeadLatents latents = new DeadLatents(width, specification.deadWindow());
    latents.restore(state);
    silent.assign(latents);
  }

  @Override
  public void close() {
    ahead.close();
    silent.close();
    weights.close();
    if (work != null) {
      work.close();
    }
    for (INDArray segment : segments) {
      if (segment != null) {
        segment.close();
      }
    }
    Nd4j.getWorkspaceManager()
        .destroyWorkspace(
            Nd4j.getWorkspaceManager().getWorkspaceForCurrentThread(TEMPORARY, workspace));
  }
}
