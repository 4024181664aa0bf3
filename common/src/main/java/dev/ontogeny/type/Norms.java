package dev.ontogeny.type;

/** What holds for the rows of W_dec after a step. */
public enum Norms {
  /** Unit norm, in whatever dictionary: a crosscoder, which is about norms, cannot have it. */
  UNIT,
  /** Unit norm with one source; with several, selection or penalty see what is learnt. */
  UNIT_ALONE,
  /** As long as they like: selection or penalty see them. */
  FREE
}
