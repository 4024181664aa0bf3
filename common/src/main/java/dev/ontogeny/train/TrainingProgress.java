package dev.ontogeny.train;

/** Hears of training while it goes on, in the thread that trains. */
@FunctionalInterface
public interface TrainingProgress {
  /** A dictionary has made a step on this many tokens. */
  void stepped(long tokens);

  /**
   * A row of a dictionary's training log, some 200 times per dictionary.
   *
   * @param tokens that it has seen by now
   * @param loss mean over the steps since the row before
   * @param fvu the same
   */
  default void logged(String dictionary, long tokens, double loss, double fvu) {}

  /** A dictionary is trained, or failed. */
  default void ended(String dictionary) {}
}
