package dev.ontogeny.kernel;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.dictionary.DictionaryType;
import dev.ontogeny.run.Problems;
import java.io.Serializable;
import java.util.Locale;

/**
 * What makes codes sparse: which latents fire, and what the loss says about it. In the penalties d
 * is a latent's row of W_dec, ‖d‖ the sum of its norms over the sources, n the rows of a batch, and
 * the loss is FVU + coefficient · n / Σ‖x̃ − mean(x̃)‖² · S: in other words the mean of ‖x̃ − x̂‖²
 * plus coefficient · S, in units of the variance.
 */
public sealed interface Sparsity extends Serializable {
  /** Of the dictionary that comes out. */
  @JsonProperty
  DictionaryType type();

  /** Of a dictionary over so many sources. */
  default DictionaryType type(int sources) {
    return type();
  }

  /** k of the dictionary, 0 where its rule has none. */
  default int budget() {
    return 0;
  }

  /** Whether the rows of W_dec keep unit norm: they do where no penalty and no choice sees it. */
  default boolean unitDecoder() {
    return true;
  }

  /**
   * The k largest positive pre-activations of a row (Gao et al., arXiv 2406.04093).
   *
   * @param initialK latents of a row at the start where k is annealed, 0 where it is not
   * @param multiK the code of this many latents shall reconstruct as well (multi-TopK), 0 for none
   * @param multiWeight weight of that reconstruction in the loss
   */
  record TopK(int k, int initialK, int multiK, double multiWeight) implements Sparsity {
    public TopK {
      new Problems()
          .atLeast("k", k, 1)
          .check(initialK == 0 || initialK >= k, "initial-k", AT_LEAST_K, k, initialK)
          .check(multiK == 0 || multiK >= k, "multi-k", AT_LEAST_K, k, multiK)
          .atLeast("multi-weight", multiWeight, 0)
          .raise();
    }

    /** Nothing but k. */
    public static TopK of(int k) {
      return new TopK(k, 0, 0, 0);
    }

    @Override
    public DictionaryType type() {
      return DictionaryType.TOP_K;
    }

    @Override
    public int budget() {
      return k;
    }
  }

  /**
   * The k·n largest positive pre-activations of a batch of n rows, exactly so many (Bussmann et
   * al., arXiv 2412.06410). The threshold of the dictionary is a running mean of the smallest that
   * was chosen. With several sources, pre-activations are compared times ‖d‖.
   *
   * @param initialK as with TopK
   * @param thresholdDecay of the running mean; at first it is the plain mean
   */
  record BatchTopK(int k, int initialK, double thresholdDecay) implements Sparsity {
    public BatchTopK {
      new Problems()
          .atLeast("k", k, 1)
          .check(initialK == 0 || initialK >= k, "initial-k", AT_LEAST_K, k, initialK)
          .check(
              thresholdDecay >= 0 && thresholdDecay < 1,
              "threshold-decay",
              "must be in [0, 1), got %s",
              thresholdDecay)
          .raise();
    }

    @Override
    public DictionaryType type() {
      return DictionaryType.BATCH_TOP_K;
    }

    @Override
    public int budget() {
      return k;
    }
  }

  /** What JumpReLU pays for. */
  enum Penalty {
    /** S = the mean number of active latents of a row (Rajamanoharan et al., arXiv 2407.14435). */
    STEP,
    /** S = the mean of Σ tanh(c·f·‖d‖) of a row. */
    TANH,
    /** S = Σ q(1 + q/s), q the mean of tanh(c·f·‖d‖) of a latent, as the snapshot crosscoder. */
    TANH_QUADRATIC,
    /** The loss is FVU + coefficient · (L0/target − 1)², as dictionary_learning has it. */
    TARGET_L0;

    /** As settings write it. */
    @JsonValue
    public String key() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** Which of a latent's norms its threshold sees, where a dictionary has several sources. */
  enum Gate {
    /** None: a latent fires where pre > θ, and then counts at all sources. */
    SHARED,
    /**
     * Each source's: a latent counts at source s where pre · ‖d^s‖ > θ, as the snapshot
     * crosscoder's code has it (OpenMOSS, arXiv 2509.17196). With one source it is the shared one.
     */
    PER_SOURCE;

    /** As settings write it. */
    @JsonValue
    public String key() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * Pre-activations above a learnt threshold θ of the latent. Gradients reach log θ by a rectangle:
   * ∂f/∂θ = −θ/bandwidth and ∂[f > 0]/∂θ = −1/bandwidth where |pre − θ| < bandwidth/2 and pre > 0.
   * Decoder rows keep unit norm where the penalty does not see it.
   *
   * <p>Gated by source, f_s = pre where h = pre·‖d^s‖ is above θ, and every source is reconstructed
   * from its own f_s. The rectangle then is one of h, |h − θ| < bandwidth/2, and what log θ gets is
   * −θ²/bandwidth · ∂L/∂h with ∂L/∂h = ∂L/∂f_s / ‖d^s‖; the gate is a constant to pre and ‖d^s‖.
   * The tanh is that of c·f_s·‖d^s‖, its mean over rows and sources, and the loss gets the
   * coefficient S times: in other words it is the mean over sources of ‖x̃_s − x̂_s‖² plus
   * coefficient · S.
   *
   * @param gate of a dictionary over several sources; takes a penalty that sees ‖d‖
   * @param target mean number of active latents, for {@link Penalty#TARGET_L0}
   * @param slope c of the tanh penalties
   * @param square s of the tanh-quadratic penalty
   * @param initialThreshold θ at the start
   * @param thresholdRate multiplies the learning rate of log θ
   */
  record JumpRelu(
      Penalty penalty,
      Gate gate,
      double coefficient,
      double target,
      double slope,
      double square,
      double bandwidth,
      double initialThreshold,
      double thresholdRate)
      implements Sparsity {
    public JumpRelu {
      new Problems()
          .atLeast("coefficient", coefficient, 0)
          .check(target > 0, "target", POSITIVE, target)
          .check(slope > 0, "slope", POSITIVE, slope)
          .check(square > 0, "square", POSITIVE, square)
          .check(bandwidth > 0, "bandwidth", POSITIVE, bandwidth)
          .check(initialThreshold > 0, "initial-threshold", POSITIVE, initialThreshold)
          .atLeast("threshold-rate", thresholdRate, 0)
          .raise();
    }

    @Override
    public DictionaryType type() {
      return DictionaryType.JUMP_RELU;
    }

    @Override
    public DictionaryType type(int sources) {
      return sources > 1 && gate == Gate.PER_SOURCE && !unitDecoder()
          ? DictionaryType.JUMP_RELU_PER_SOURCE
          : type();
    }

    @Override
    public boolean unitDecoder() {
      return penalty == Penalty.STEP || penalty == Penalty.TARGET_L0;
    }
  }

  /** Which of the two recipes. */
  enum Form {
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

  /**
   * Positive pre-activations, paid for by their sum.
   *
   * @param resampleTokens after each so many tokens dead latents of the unit-norm form start again,
   *     in the directions of inputs that are reconstructed badly; 0 for never
   */
  record Relu(Form form, double coefficient, long resampleTokens) implements Sparsity {
    public Relu {
      new Problems()
          .atLeast("coefficient", coefficient, 0)
          .atLeast("resample-tokens", resampleTokens, 0)
          .raise();
    }

    @Override
    public DictionaryType type() {
      return DictionaryType.RELU;
    }

    @Override
    public boolean unitDecoder() {
      return form == Form.UNIT_NORM;
    }
  }

  /** For bounds. */
  String POSITIVE = "must be positive, got %s";

  /** For bounds. */
  String AT_LEAST_K = "must be 0 or at least k = %d, got %d";
}
