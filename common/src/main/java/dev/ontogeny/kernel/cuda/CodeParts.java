package dev.ontogeny.kernel.cuda;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.type.Penalty;
import dev.ontogeny.type.Reconstruction.Prefixes;
import dev.ontogeny.type.Reconstruction.Whole;
import dev.ontogeny.type.Selection;
import dev.ontogeny.type.Selection.AboveThreshold;
import dev.ontogeny.type.Selection.LargestOfBatch;
import dev.ontogeny.type.Selection.LargestOfRow;
import dev.ontogeny.type.Selection.Positive;
import dev.ontogeny.type.TypeSettings;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;

/**
 * What the code of a type has beyond being the largest pre-activations: learnt thresholds or all
 * that is positive, gates by source, a penalty, prefixes. Entries of a code are those that fire and
 * those that matter to their threshold.
 */
final class CodeParts {
  // What is paid for, as step.cu has it.
  private static final int FREE = 0;
  private static final int SUM = 1;
  private static final int SUM_BY_NORM = 2;
  private static final int SATURATING = 3;
  private static final int FIRING = 4;

  private final CudaStream stream;
  private final Function<String, DeviceArray> scalar;
  private final Selection selection;
  private final Penalty penalty;
  private final int paid;
  private final boolean gated;
  private final int parts;
  private final int sources;
  private final int width;
  private final int written;
  private final int most;

  /** Null where no thresholds are learnt. */
  final CudaParameter logThreshold;

  private final DeviceArray sourceEnds;
  private final DeviceArray sourceOf;

  /** ‖d^s‖, [S, F]; null where nobody asks. */
  private final DeviceArray norms;

  private final DeviceArray thresholds;
  private final DeviceArray bars;
  private final DeviceArray firing;
  private final DeviceArray bounds;

  /** How many fire of each row. */
  private final DeviceArray fires;

  private final int prefixes;
  private final DeviceArray prefixEnds;
  private final DeviceArray prefixWeights;

  /** [M, n, T]; null for the whole code. */
  private final DeviceArray planes;

  private final DeviceArray prefixLosses;
  private final DeviceArray losses;

  /** Whether a type has any of this. */
  static boolean needed(TypeSettings type, int width) {
    return !(type.reconstruction(width) instanceof Whole)
        || type.codePenalty().isPresent()
        || ofAnyNumber(type.selection());
  }

  /** Whether all latents of a row can fire. */
  static boolean ofAnyNumber(Selection selection) {
    return selection instanceof AboveThreshold || selection instanceof Positive;
  }

  /** Bytes of all this, without the codes. */
  static long memory(TrainingSpecification of, TrainingSize size, int adamCopies) {
    long planes = of.type().reconstruction(of.width()).planes();
    return 4L * planes * size.maximumBatch() * size.reconstructed()
        + of.width() * (4L * (2L * size.sources() + 3 + adamCopies) + 8)
        + 16L * size.maximumBatch()
        + 8L * size.reconstructed();
  }

  /**
   * @param sourceEnds where the columns of each source that is reconstructed end
   * @param scalar a number that a step tells
   * @param most rows of a batch
   */
  CodeParts(
      CudaStream stream,
      TrainingSpecification specification,
      Dictionary initial,
      DeviceArray sourceEnds,
      Function<String, DeviceArray> scalar,
      int most) {
    this.stream = stream;
    this.scalar = scalar;
    this.sourceEnds = sourceEnds;
    this.most = most;
    TypeSettings type = specification.type();
    selection = type.selection();
    width = initial.width();
    written = initial.reconstructedColumns();
    sources = initial.reconstructedSources().size();
    gated = initial.type().activation().bySource();
    parts = gated ? sources : 1;
    penalty = type.codePenalty().orElse(null);
    paid = paid(penalty);
    boolean learnt = selection instanceof AboveThreshold;
    logThreshold = learnt ? logThreshold(initial, specification.optimiser()) : null;
    thresholds = learnt ? stream.words(width) : null;
    bars = cleared(stream.words((long) parts * width));
    firing = cleared(stream.words(width));
    bounds = cleared(stream.words(width));
    fires = stream.longs(most);
    norms =
        gated || paid == SUM_BY_NORM || paid == SATURATING
            ? stream.words((long) sources * width)
            : null;
    sourceOf = gated ? stream.words(written) : null;
    if (gated) {
      stream.upload(sources(initial), written, sourceOf);
    }
    losses = stream.longs(width);
    int[] ends = {width};
    float[] weights = {1};
    boolean whole = true;
    if (type.reconstruction(width) instanceof Prefixes several) {
      ends = several.ends().stream().mapToInt(end -> end).toArray();
      weights = new float[ends.length];
      for (int m = 0; m < weights.length; m++) {
        weights[m] = several.weights().get(m).floatValue();
      }
      whole = false;
    }
    prefixes = ends.length;
    prefixEnds = stream.words(prefixes);
    stream.upload(ends, prefixes, prefixEnds);
    prefixWeights = stream.of(weights);
    planes = whole ? null : stream.words((long) prefixes * most * written);
    prefixLosses = whole ? null : stream.longs(most);
  }

  /** The parts that nothing here is for, or that nothing here has together; empty for none. */
  static Optional<String> lacking(TypeSettings type, Dictionary initial) {
    Selection selection = type.selection();
    if (!(selection instanceof LargestOfRow
        || selection instanceof LargestOfBatch
        || ofAnyNumber(selection))) {
      return Optional.of(selection.words());
    }
    var reconstruction = type.reconstruction(initial.width());
    if (!(reconstruction instanceof Whole || reconstruction instanceof Prefixes)) {
      return Optional.of(reconstruction.words());
    }
    Penalty penalty = type.codePenalty().orElse(null);
    boolean counts =
        penalty instanceof Penalty.ActiveCount || penalty instanceof Penalty.TargetCount;
    if (penalty != null
        && !counts
        && !(penalty instanceof Penalty.Sum || penalty instanceof Penalty.SaturatingSum)) {
      return Optional.of(penalty.words());
    } else if (counts && !(selection instanceof AboveThreshold)) {
      return Optional.of(penalty.words() + " where no thresholds are learnt");
    } else if (initial.type().activation().bySource()
        && penalty != null
        && !(penalty instanceof Penalty.SaturatingSum)) {
      return Optional.of(penalty.words() + " beside gates by source");
    }
    return Optional.empty();
  }

  private static int paid(Penalty penalty) {
    if (penalty instanceof Penalty.Sum sum) {
      return sum.byNorm() ? SUM_BY_NORM : SUM;
    } else if (penalty instanceof Penalty.SaturatingSum) {
      return SATURATING;
    }
    return penalty == null ? FREE : FIRING;
  }

  private CudaParameter logThreshold(Dictionary initial, Optimiser optimiser) {
    float[] logarithms = initial.threshold().clone();
    for (int latent = 0; latent < logarithms.length; latent++) {
      logarithms[latent] = (float) Math.log(logarithms[latent]);
    }
    return new CudaParameter(stream, "log_threshold", logarithms, optimiser);
  }

  private DeviceArray cleared(DeviceArray array) {
    stream.clear(array);
    return array;
  }

  /** The source of each column that is reconstructed. */
  private static int[] sources(Dictionary initial) {
    int[] all = new int[initial.reconstructedColumns()];
    int at = 0;
    int number = 0;
    for (Source source : initial.reconstructedSources()) {
      Arrays.fill(all, at, at + source.width(), number++);
      at += source.width();
    }
    return all;
  }

  /** Norms and bars as they are in this step. */
  void prepare(DeviceArray decoder) {
    if (norms != null) {
      stream.launch("source_norms", width, 1, decoder, written, sourceEnds, sources, width, norms);
    }
    if (selection instanceof AboveThreshold above) {
      stream.launch(
          "threshold_bars",
          stream.blocksOf(width),
          1,
          logThreshold.values,
          gated ? norms : null,
          parts,
          above.bandwidth(),
          width,
          thresholds,
          bars,
          firing,
          bounds);
    }
  }

  /** Entries of all that can fire, of {@link #ofAnyNumber}. */
  void select(int n, RowsOnDevice rows, DeviceArray encoder, DeviceArray bias, RowCodes into) {
    rows.selectEntries(n, encoder, bias, bounds, firing, fires, into);
    stream.launch("sum_of", 1, 1, fires, n, scalar.apply("ACTIVE"));
  }

  /**
   * What codes leave over.
   *
   * @param weights of columns; null for 1
   * @param left weighed, [n, T]
   */
  void reconstruct(
      int n,
      DeviceArray target,
      int stride,
      RowCodes codes,
      DeviceArray decoder,
      DeviceArray weights,
      DeviceArray left,
      DeviceArray squares,
      DeviceArray weighedSquares) {
    stream.launch(
        "residual_parts",
        n,
        1,
        target,
        stride,
        written,
        codes.ids,
        codes.values,
        codes.counts,
        codes.most,
        decoder,
        weights,
        bars,
        sourceOf,
        width,
        prefixEnds,
        prefixWeights,
        prefixes,
        left,
        planes,
        (long) most * written,
        squares,
        weighedSquares,
        prefixLosses);
    if (planes != null) {
      stream.launch("sum_of", 1, 1, prefixLosses, n, scalar.apply("LOSS_PREFIXES"));
    }
  }

  /** Gradients of all weights but b_dec. */
  void gather(
      int n,
      RowsOnDevice rows,
      RowCodes codes,
      DeviceArray left,
      int columns,
      int read,
      CudaParameter encoder,
      CudaParameter encoderBias,
      CudaParameter decoder,
      DeviceArray settings,
      DeviceArray scalars) {
    boolean aimed = penalty instanceof Penalty.TargetCount;
    if (penalty != null) {
      double target = penalty instanceof Penalty.TargetCount count ? count.target() : 0;
      stream.launch("price", 1, 1, penalty.coefficient(), target, n, settings, scalars);
    }
    Penalty.SaturatingSum smooth = penalty instanceof Penalty.SaturatingSum sum ? sum : null;
    stream.launch(
        "gather_parts",
        width,
        1,
        codes.marks,
        codes.words(n),
        n,
        rows.products,
        width,
        encoderBias.values,
        upstream(left),
        (long) most * written,
        prefixEnds,
        planes == null ? 1 : prefixes,
        written,
        rows.centred,
        columns,
        read,
        decoder.values,
        sourceOf,
        sourceEnds,
        sources,
        norms,
        bars,
        thresholds,
        selection instanceof AboveThreshold above ? above.bandwidth() : 0.0,
        paid,
        aimed ? 1 : 0,
        smooth == null ? 0.0 : smooth.slope(),
        smooth == null ? 1.0 : smooth.square(),
        scalars,
        encoder.gradient,
        decoder.gradient,
        encoderBias.gradient,
        thresholdGradient(),
        losses);
    stream.launch("sum_of", 1, 1, losses, width, scalar.apply("LOSS_PENALTY"));
  }

  /** What all of the code leaves over, as b_dec sees it. */
  DeviceArray upstream(DeviceArray left) {
    return planes == null ? left : planes;
  }

  /** Whether it is a sum over prefixes that is minimised. */
  boolean byPrefixes() {
    return planes != null;
  }

  /** Null where no thresholds are learnt. */
  DeviceArray thresholdGradient() {
    return logThreshold == null ? null : logThreshold.gradient;
  }

  /** A step of Adam for log θ. */
  void update(DeviceArray settings, DeviceArray scalars) {
    if (selection instanceof AboveThreshold above) {
      logThreshold.update(settings, scalars, above.rate());
    }
  }

  /** θ of the dictionary that comes out, [F]. */
  float[] threshold() {
    float[] threshold = logThreshold.result();
    for (int latent = 0; latent < width; latent++) {
      threshold[latent] = (float) Math.exp(threshold[latent]);
    }
    return threshold;
  }
}
