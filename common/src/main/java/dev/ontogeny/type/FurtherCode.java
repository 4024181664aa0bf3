package dev.ontogeny.type;

/**
 * The k largest positive pre-activations of a row reconstruct the input as well, beside the code
 * that fires (multi-TopK, Gao et al., arXiv 2406.04093).
 *
 * @param weight of that reconstruction in the loss
 */
public record FurtherCode(int k, double weight) implements StepPart {
  @Override
  public String words() {
    return "a further code (multi-k)";
  }
}
