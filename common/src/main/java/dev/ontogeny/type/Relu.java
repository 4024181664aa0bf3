package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.run.Problems;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Positive pre-activations, paid for by their sum; no auxiliary loss.
 *
 * @param resampleTokens after each so many tokens dead latents of the unit-norm form start again,
 *     in the directions of inputs that are reconstructed badly; 0 for never
 */
@JsonPropertyOrder({"form", "coefficient", "resample_tokens"})
public record Relu(double coefficient, Form form, long resampleTokens) implements TypeSettings {
  public static final DictionaryType TYPE =
      new DictionaryType(
          "relu",
          "All positive pre-activations, under an L1 penalty on the codes (times decoder norms, Anthropic April 2024), or with a decoder of unit norm whose dead latents are resampled (Bricken et al. 2023).",
          "relu of form norm-weighted",
          Activation.POSITIVE,
          Relu.class);

  /** Which of the two recipes. */
  public enum Form {
    /** S = the mean of Σ f‖d‖ of a row; rows of W_dec as long as they like. */
    NORM_WEIGHTED,
    /** S = the mean of Σ f of a row; rows of W_dec of unit norm, dead latents resampled. */
    UNIT_NORM;

    /** As settings write it. */
    @JsonValue
    public String key() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public Relu {
    new Problems()
        .atLeast("coefficient", coefficient, 0)
        .atLeast("resample-tokens", resampleTokens, 0)
        .raise();
  }

  @Override
  public DictionaryType type() {
    return TYPE;
  }

  @Override
  public List<Target> targets() {
    return List.of(Target.values());
  }

  @Override
  public Selection selection() {
    return new Selection.Positive();
  }

  @Override
  public Optional<Penalty> codePenalty() {
    return Optional.of(new Penalty.Sum(coefficient, form == Form.NORM_WEIGHTED));
  }

  @Override
  public Norms norms() {
    return form == Form.UNIT_NORM ? Norms.UNIT : Norms.FREE;
  }

  @Override
  public boolean auxiliary() {
    return false;
  }

  @Override
  public long resampledAfter() {
    return form == Form.UNIT_NORM ? resampleTokens : 0;
  }
}
