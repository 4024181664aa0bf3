package dev.ontogeny.dictionary;

import com.fasterxml.jackson.annotation.JsonValue;

/** How a code follows from its pre-activations. */
public enum DictionaryType {
  /** The k largest positive pre-activations of a row (Gao et al., arXiv 2406.04093). */
  TOP_K("top-k", "the k largest of max(pre, 0) in each row, zero elsewhere"),

  /**
   * In training the k·n largest positive pre-activations of a batch of n rows (Bussmann et al.,
   * arXiv 2412.06410); afterwards those above a threshold that was estimated meanwhile.
   */
  BATCH_TOP_K("batch-top-k", "pre where pre > threshold, zero elsewhere"),

  /** Pre-activations above a learnt threshold of each latent (Rajamanoharan et al., 2407.14435). */
  JUMP_RELU("jump-relu", "pre where pre > threshold, zero elsewhere"),

  /**
   * Over several sources, each with a gate of its own, as the snapshot crosscoder's code does it
   * (OpenMOSS, arXiv 2509.17196): pre-activations and thresholds θ are shared, and a latent counts
   * at source s where pre · ‖d^s‖ > θ, d^s its row of W_dec in the columns of s. See {@link
   * Dictionary#sourceThreshold}. What is stored as the code is pre where any gate is open.
   */
  JUMP_RELU_PER_SOURCE("jump-relu-per-source", "") {
    @Override
    public String rule() {
      return PRE
          + "at source s, code_s = pre where pre * norm(W_dec_s) > threshold, zero elsewhere, W_dec_s being the columns of s"
          + " and norms those of rows; reconstruction_s = (code_s W_dec_s + b_dec_s) / input_scale_s + input_mean_s;"
          + " probe_code = pre where any code_s is not zero";
    }
  },

  /** Positive pre-activations. */
  RELU("relu", "max(pre, 0)");

  private static final String PRE =
      "pre = ((x - input_mean) * input_scale - b_dec) W_enc + b_enc; ";

  private final String key;
  private final String code;

  DictionaryType(String key, String code) {
    this.key = key;
    this.code = code;
  }

  /** As settings and {@code dictionary.json} write it. */
  @JsonValue
  public String key() {
    return key;
  }

  /** Whether the rule compares with the tensor {@code threshold}, [F]. */
  public boolean hasThreshold() {
    return this == BATCH_TOP_K || this == JUMP_RELU || gatedBySource();
  }

  /** Whether a latent can count at one source of a row and not at another. */
  public boolean gatedBySource() {
    return this == JUMP_RELU_PER_SOURCE;
  }

  /** The rule in one sentence, with the tensors' names. */
  public String rule() {
    return PRE
        + "code = "
        + code
        + "; reconstruction = (code W_dec + b_dec) / input_scale + input_mean";
  }
}
