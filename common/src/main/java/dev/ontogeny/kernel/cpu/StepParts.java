package dev.ontogeny.kernel.cpu;

import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.FurtherCode;
import dev.ontogeny.type.Reconstruction.Prefixes;
import dev.ontogeny.type.Reconstruction.Whole;
import dev.ontogeny.type.Selection;
import dev.ontogeny.type.Selection.AboveThreshold;
import dev.ontogeny.type.Selection.LargestOfBatch;
import dev.ontogeny.type.Selection.LargestOfRow;
import dev.ontogeny.type.Selection.Positive;
import dev.ontogeny.type.TypeSettings;

/** What this provider has for each part of a type, and the passes that they make up. */
final class StepParts {
  final CentredRows rows;
  final Auxiliary auxiliary;
  final CpuReconstruction main;

  /** Null where there is no further code. */
  final CpuReconstruction further;

  final CpuSelection selection;

  /** Null where there is nothing to pay for. */
  final CpuPenalty penalty;

  final SelectionPass selectionPass;
  final ReconstructionPass reconstructionPass;
  final GradientPass gradientPass;
  final Resampling resampling;

  StepParts(
      CpuMachine machine,
      TrainingSpecification specification,
      CpuWeights weights,
      CpuEncoder encoder,
      int perRow,
      int maximumBatch) {
    TypeSettings type = specification.type();
    Loops loops = machine.loops();
    int blockRows = encoder.blockRows();
    int workers = machine.workers().count();
    rows =
        new CentredRows(
            loops,
            weights.dictionary,
            specification.sourceWeights(),
            maximumBatch,
            encoder.blocks(maximumBatch));
    auxiliary = new Auxiliary(specification, loops, weights, maximumBatch, blockRows);
    Thresholds thresholds =
        type.selection() instanceof AboveThreshold part
            ? new Thresholds(part, weights.dictionary.threshold(), machine, weights)
            : null;
    SourceGates gates = thresholds == null ? null : thresholds.gates;
    main = main(type, loops, weights, maximumBatch, blockRows, perRow, thresholds, workers);
    FurtherCode code = type.furtherCode().orElse(null);
    further =
        code == null
            ? null
            : new CpuReconstruction(loops, weights, maximumBatch, blockRows, code.k(), 1);
    selectionPass =
        new SelectionPass(
            encoder, weights, rows, main, further, code == null ? 0 : code.k(), auxiliary);
    reconstructionPass =
        new ReconstructionPass(
            machine,
            encoder,
            weights,
            rows,
            main,
            further,
            auxiliary,
            gates,
            maximumBatch,
            GradientPass.BLOCK);
    penalty =
        CpuPenalty.of(
            type.codePenalty().orElse(null),
            thresholds,
            weights,
            main.codes,
            maximumBatch,
            workers);
    gradientPass = new GradientPass(loops, weights, rows, main, further, auxiliary, gates, penalty);
    resampling = new Resampling(type.resampledAfter(), loops, weights, rows, main, auxiliary);
    selection = selection(machine, specification, weights, thresholds, perRow);
  }

  private CpuSelection selection(
      CpuMachine machine,
      TrainingSpecification specification,
      CpuWeights weights,
      Thresholds thresholds,
      int perRow) {
    Selection part = specification.type().selection();
    Workers workers = machine.workers();
    if (part instanceof LargestOfRow largest) {
      return new RowChoice(largest, workers, selectionPass, reconstructionPass);
    } else if (part instanceof LargestOfBatch largest) {
      return new BatchChoice(largest, weights, workers, selectionPass, reconstructionPass, perRow);
    } else if (part instanceof AboveThreshold above) {
      return new ThresholdChoice(
          above, thresholds, specification.optimiser(), machine, selectionPass, reconstructionPass);
    } else if (part instanceof Positive) {
      return new PositiveChoice(workers, selectionPass, reconstructionPass);
    }
    throw lacks(part.words());
  }

  private static CpuReconstruction main(
      TypeSettings type,
      Loops loops,
      CpuWeights weights,
      int maximumBatch,
      int blockRows,
      int perRow,
      Thresholds thresholds,
      int workers) {
    var part = type.reconstruction(weights.width);
    boolean gated = thresholds != null && thresholds.gates != null;
    if (part instanceof Whole && gated) {
      return new GatedReconstruction(
          loops,
          weights,
          maximumBatch,
          blockRows,
          perRow,
          thresholds.gates,
          thresholds.windows,
          workers);
    } else if (part instanceof Whole) {
      return new CpuReconstruction(loops, weights, maximumBatch, blockRows, perRow, 1);
    } else if (part instanceof Prefixes prefixes && !gated) {
      return new PrefixReconstruction(
          prefixes, loops, weights, maximumBatch, blockRows, perRow, workers);
    }
    throw lacks(part.words() + (gated ? " beside gates by source" : ""));
  }

  private static RuntimeException lacks(String words) {
    return Failure.settings("kernel cpu lacks %s", words);
  }

  /** Latents of a row to be ready for, which is not a bound. */
  static int perRow(TypeSettings type, int width) {
    int most = type.selection().most();
    if (type.selection().k() == 0) {
      return Math.min(width, CpuSelection.USUAL_ACTIVE);
    } else if (type.selection() instanceof LargestOfBatch) {
      return Math.min(width, 2 * most);
    }
    return Math.max(most, type.furtherCode().map(FurtherCode::k).orElse(0));
  }

  void profile(StepProfile profile) {
    selectionPass.profile = profile;
    reconstructionPass.profile = profile;
    gradientPass.profile = profile;
  }
}
