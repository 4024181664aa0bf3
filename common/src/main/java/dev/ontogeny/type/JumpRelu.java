package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.Problems;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * JumpReLU (Rajamanoharan et al., arXiv 2407.14435), under one of four penalties. Decoder rows keep
 * unit norm where the penalty does not see it.
 *
 * @param gate of a dictionary over several sources; takes a penalty that sees ‖d‖
 * @param target mean number of active latents, for {@link Paid#TARGET_L0}
 * @param slope c of the tanh penalties
 * @param square s of the tanh-quadratic penalty
 * @param initialThreshold θ at the start
 * @param thresholdRate multiplies the learning rate of log θ
 */
public record JumpRelu(
    Paid penalty,
    Gate gate,
    double coefficient,
    double target,
    double slope,
    double square,
    double bandwidth,
    double initialThreshold,
    double thresholdRate)
    implements TypeSettings {
  public static final DictionaryType TYPE =
      new DictionaryType(
          "jump-relu",
          "Pre-activations above a learnt threshold of each latent (Rajamanoharan et al., arXiv 2407.14435), with penalties on their number or on the tanh of codes.",
          "jump-relu of penalty tanh or tanh-quadratic",
          Activation.ABOVE_THRESHOLD,
          JumpRelu.class);

  /** Of dictionaries over several sources with a gate for each. */
  public static final DictionaryType BY_SOURCE =
      DictionaryType.published(
          "jump-relu-per-source",
          "JumpReLU over several sources with a gate for each, as the snapshot crosscoder's code does it (OpenMOSS, arXiv 2509.17196).",
          Activation.ABOVE_THRESHOLD_BY_SOURCE);

  /** What is paid for. */
  public enum Paid {
    /** {@link Penalty.ActiveCount}. */
    STEP,
    /** {@link Penalty.SaturatingSum} without a square. */
    TANH,
    /** {@link Penalty.SaturatingSum}. */
    TANH_QUADRATIC,
    /** {@link Penalty.TargetCount}. */
    TARGET_L0;

    /** As settings write it. */
    @JsonValue
    public String key() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** Which of a latent's norms its threshold sees, where a dictionary has several sources. */
  public enum Gate {
    /** None: a latent fires where pre > θ, and then counts at all sources. */
    SHARED,
    /**
     * Each source's: a latent counts at source s where pre · ‖d^s‖ > θ, as the snapshot
     * crosscoder's code has it (OpenMOSS, arXiv 2509.17196). With one source it is the shared one.
     */
    PER_SOURCE;

    /** As settings write it. */
    @JsonValue
    public String key() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private static final String POSITIVE = "must be positive, got %s";

  public JumpRelu {
    new Problems()
        .atLeast("coefficient", coefficient, 0)
        .check(target > 0, "target", POSITIVE, target)
        .check(slope > 0, "slope", POSITIVE, slope)
        .check(square > 0, "square", POSITIVE, square)
        .check(bandwidth > 0, "bandwidth", POSITIVE, bandwidth)
        .check(initialThreshold > 0, "initial-threshold", POSITIVE, initialThreshold)
        .atLeast("threshold-rate", thresholdRate, 0)
        .raise();
  }

  @Override
  public DictionaryType type() {
    return TYPE;
  }

  @Override
  public DictionaryType type(int sources) {
    return sources > 1 && gate == Gate.PER_SOURCE && norms() == Norms.FREE ? BY_SOURCE : TYPE;
  }

  @Override
  public List<Target> targets() {
    return List.of(Target.values());
  }

  @Override
  public Selection selection() {
    return new Selection.AboveThreshold(bandwidth, initialThreshold, thresholdRate);
  }

  @Override
  public Optional<Penalty> codePenalty() {
    return Optional.of(
        switch (penalty) {
          case STEP -> new Penalty.ActiveCount(coefficient);
          case TARGET_L0 -> new Penalty.TargetCount(coefficient, target);
          case TANH -> new Penalty.SaturatingSum(coefficient, slope, Double.POSITIVE_INFINITY);
          case TANH_QUADRATIC -> new Penalty.SaturatingSum(coefficient, slope, square);
        });
  }

  @Override
  public Norms norms() {
    return penalty == Paid.TANH || penalty == Paid.TANH_QUADRATIC ? Norms.FREE : Norms.UNIT;
  }
}
