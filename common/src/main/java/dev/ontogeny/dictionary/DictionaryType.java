package dev.ontogeny.dictionary;

import com.fasterxml.jackson.annotation.JsonValue;

/** How a code follows from its pre-activations. */
public enum DictionaryType {
  /** The k largest positive pre-activations of a row (Gao et al., arXiv 2406.04093). */
  TOP_K("top-k");

  private final String key;

  DictionaryType(String key) {
    this.key = key;
  }

  /** As settings and {@code dictionary.json} write it. */
  @JsonValue
  public String key() {
    return key;
  }

  /** The rule in one sentence, with the tensors' names. */
  public String rule() {
    return "pre = ((x - input_mean) * input_scale - b_dec) W_enc + b_enc; code = the k largest of max(pre, 0) in each row, zero"
        + " elsewhere; reconstruction = (code W_dec + b_dec) / input_scale + input_mean";
  }
}
