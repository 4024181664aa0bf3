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

  /** Positive pre-activations. */
  RELU("relu", "max(pre, 0)");

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
    return this == BATCH_TOP_K || this == JUMP_RELU;
  }

  /** The rule in one sentence, with the tensors' names. */
  public String rule() {
    return "pre = ((x - input_mean) * input_scale - b_dec) W_enc + b_enc; code = "
        + code
        + "; reconstruction = (code W_dec + b_dec) / input_scale + input_mean";
  }
}
