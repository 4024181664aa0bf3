package dev.ontogeny.type;

import java.util.List;

/** How the code of a published dictionary follows from its pre-activations. */
public enum Activation {
  /** The k largest positive ones of a row. */
  LARGEST_OF_ROW("the k largest of max(pre, 0) in each row, zero elsewhere"),

  /** Those above the threshold of their latent. */
  ABOVE_THRESHOLD("pre where pre > threshold, zero elsewhere", FurtherTensor.THRESHOLD),

  /**
   * Over several sources, each with a gate of its own: pre-activations and thresholds θ are shared,
   * and a latent counts at source s where pre · ‖d^s‖ > θ, d^s its row of W_dec in the columns of
   * s. What is stored as the code is pre where any gate is open.
   */
  ABOVE_THRESHOLD_BY_SOURCE(
      "at each source s, pre where pre * norm(W_dec_s) > threshold, zero elsewhere",
      FurtherTensor.THRESHOLD) {
    @Override
    String rule() {
      return PRE
          + "at source s, code_s = pre where pre * norm(W_dec_s) > threshold, zero elsewhere, W_dec_s being the columns of s"
          + " and norms those of rows; reconstruction_s = (code_s W_dec_s + b_dec_s) / input_scale_s + input_mean_s;"
          + " probe_code = pre where any code_s is not zero";
    }
  },

  /** All positive ones. */
  POSITIVE("max(pre, 0)");

  private static final String PRE =
      "pre = ((x - input_mean) * input_scale - b_dec) W_enc + b_enc; ";

  private final String code;

  @SuppressWarnings("ImmutableEnumChecker") // It is one of List.of.
  private final List<FurtherTensor> tensors;

  Activation(String code, FurtherTensor... tensors) {
    this.code = code;
    this.tensors = List.of(tensors);
  }

  /** The code in words, with the tensors' names. */
  public String code() {
    return code;
  }

  /** What it compares with, beside the tensors that all dictionaries have. */
  public List<FurtherTensor> tensors() {
    return tensors;
  }

  /** Whether a latent can count at one source of a row and not at another. */
  public boolean bySource() {
    return this == ABOVE_THRESHOLD_BY_SOURCE;
  }

  /** The whole rule in one sentence, with the tensors' names. */
  String rule() {
    return PRE
        + "code = "
        + code
        + "; reconstruction = (code W_dec + b_dec) / input_scale + input_mean";
  }
}
