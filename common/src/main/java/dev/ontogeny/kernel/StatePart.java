package dev.ontogeny.kernel;

/**
 * What a tensor of {@link TrainingKernel#state} is, by its name, the same for every provider: what
 * is learnt has a name of its own, and what goes with it has that name and a suffix.
 */
public enum StatePart {
  /** Learnt: a matrix, a bias, logarithms of thresholds. */
  WEIGHTS,
  /** Adam's mean gradient, or mean squared gradient, of such a tensor. */
  MOMENT,
  /** The running mean of such a tensor. */
  RUNNING_MEAN,
  /** The running mean of the smallest pre-activation that was chosen, one number. */
  THRESHOLD,
  /** Of each latent the tokens since it fired, as {@link DeadLatents} saves them: two tensors. */
  SILENT,
  /** Steps that were made, one number. */
  STEPS;

  /** Of the tensor with that name. */
  public static StatePart of(String name) {
    if (name.endsWith("first") || name.endsWith("second")) {
      return MOMENT;
    } else if (name.endsWith("average")) {
      return RUNNING_MEAN;
    }
    return switch (name) {
      case "running_threshold" -> THRESHOLD;
      case DeadLatents.HIGH, DeadLatents.LOW -> SILENT;
      case "steps" -> STEPS;
      default -> WEIGHTS;
    };
  }

  /** Whether the tensor with that name is the decoder, [F, outputs] for every provider. */
  public static boolean isDecoder(String name) {
    return name.equals("decoder") || name.equals("W_dec");
  }
}
