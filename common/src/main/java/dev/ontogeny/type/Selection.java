package dev.ontogeny.type;

/** Which latents fire, while a dictionary is trained. */
public interface Selection extends StepPart {
  /** k of the dictionary, 0 where none bounds its code. */
  default int k() {
    return 0;
  }

  /** Latents of a row that are chosen in some step, at most; 1 where no k says how many. */
  default int most() {
    return 1;
  }

  /** Latents of a row that have to be looked at beside the dense product, for plans. */
  default double activePerRow(int width) {
    // Half of all, as at the start.
    return width / 2.0;
  }

  /** What a further tensor of the type is full of at the start. */
  default double initial(FurtherTensor tensor) {
    return 0;
  }

  /** Whether dictionaries that come out of it can have such an activation. */
  boolean gives(Activation activation);

  /**
   * The k largest positive pre-activations of a row (Gao et al., arXiv 2406.04093).
   *
   * @param initialK latents of a row at the start where k is annealed, 0 where it is not
   */
  record LargestOfRow(int k, int initialK) implements Selection {
    @Override
    public int most() {
      return Math.max(k, initialK);
    }

    @Override
    public double activePerRow(int width) {
      return most();
    }

    @Override
    public boolean gives(Activation activation) {
      return activation == Activation.LARGEST_OF_ROW;
    }

    @Override
    public String words() {
      return "the k largest of a row";
    }
  }

  /**
   * The k·n largest positive pre-activations of a batch of n rows, exactly so many (Bussmann et
   * al., arXiv 2412.06410); those of decoders without unit norm are compared times ‖d‖. The
   * threshold of the dictionary is a running mean of the smallest that was chosen.
   *
   * @param initialK as with {@link LargestOfRow}
   * @param thresholdDecay of the running mean; at first it is the plain mean
   */
  record LargestOfBatch(int k, int initialK, double thresholdDecay) implements Selection {
    @Override
    public int most() {
      return Math.max(k, initialK);
    }

    @Override
    public double activePerRow(int width) {
      // Candidates beside those that are chosen.
      return 1.5 * most();
    }

    @Override
    public boolean gives(Activation activation) {
      return activation == Activation.ABOVE_THRESHOLD;
    }

    @Override
    public String words() {
      return "the k·n largest of a batch";
    }
  }

  /**
   * Pre-activations above a learnt threshold θ of the latent. Gradients reach log θ by a rectangle:
   * ∂f/∂θ = −θ/bandwidth and ∂[f > 0]/∂θ = −1/bandwidth where |pre − θ| < bandwidth/2 and pre > 0.
   *
   * <p>Gated by source ({@link Activation#bySource}), f_s = pre where h = pre·‖d^s‖ is above θ, and
   * every source is reconstructed from its own f_s. The rectangle then is one of h, |h − θ| <
   * bandwidth/2, and what log θ gets is −θ²/bandwidth · ∂L/∂h with ∂L/∂h = ∂L/∂f_s / ‖d^s‖; the
   * gate is a constant to pre and ‖d^s‖.
   *
   * @param initialThreshold θ at the start
   * @param rate multiplies the learning rate of log θ
   */
  record AboveThreshold(double bandwidth, double initialThreshold, double rate)
      implements Selection {
    @Override
    public double initial(FurtherTensor tensor) {
      return initialThreshold;
    }

    @Override
    public boolean gives(Activation activation) {
      return activation == Activation.ABOVE_THRESHOLD || activation.bySource();
    }

    @Override
    public String words() {
      return "learnt thresholds";
    }
  }

  /** All positive pre-activations. */
  record Positive() implements Selection {
    @Override
    public boolean gives(Activation activation) {
      return activation == Activation.POSITIVE;
    }

    @Override
    public String words() {
      return "all positive pre-activations";
    }
  }
}
