package dev.ontogeny.type;

/**
 * What the loss says about codes. In the penalties d is a latent's row of W_dec, ‖d‖ the sum of its
 * norms over the sources, n the rows of a batch, and the loss is FVU + coefficient · n / Σ‖x̃ −
 * mean(x̃)‖² · S: in other words the mean of ‖x̃ − x̂‖² plus coefficient · S, in units of the
 * variance.
 */
public interface Penalty extends StepPart {
  /** Weight in the loss, once it has warmed up. */
  double coefficient();

  /** S = the mean number of active latents of a row (Rajamanoharan et al., arXiv 2407.14435). */
  record ActiveCount(double coefficient) implements Penalty {
    @Override
    public String words() {
      return "a penalty on the number of active latents";
    }
  }

  /**
   * The loss is FVU + coefficient · (L0/target − 1)², as dictionary_learning has it.
   *
   * @param target mean number of active latents
   */
  record TargetCount(double coefficient, double target) implements Penalty {
    @Override
    public String words() {
      return "a penalty on the distance from an L0";
    }
  }

  /**
   * S = Σ q(1 + q/s) over latents, q the mean of tanh(c·f·‖d‖) over rows, as the snapshot
   * crosscoder has it (OpenMOSS, arXiv 2509.17196). Gated by source, the tanh is that of
   * c·f_s·‖d^s‖, its mean over rows and sources, and the loss gets the coefficient S times: in
   * other words it is the mean over sources of ‖x̃_s − x̂_s‖² plus coefficient · S.
   *
   * @param slope c
   * @param square s; infinite for S = Σ q
   */
  record SaturatingSum(double coefficient, double slope, double square) implements Penalty {
    @Override
    public String words() {
      return "a penalty on the tanh of codes";
    }
  }

  /**
   * S = the mean of Σ f‖d‖ of a row, or of Σ f.
   *
   * @param byNorm whether codes are multiplied by ‖d‖
   */
  record Sum(double coefficient, boolean byNorm) implements Penalty {
    @Override
    public String words() {
      return "a penalty on the sum of codes";
    }
  }
}
