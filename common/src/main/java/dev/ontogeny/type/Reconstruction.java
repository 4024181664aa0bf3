package dev.ontogeny.type;

import java.util.List;

/** What a code reconstructs: the losses that the input itself is the target of. */
public interface Reconstruction extends StepPart {
  /** Residuals of the size of a batch that it keeps beside the whole code's, for plans. */
  default int planes() {
    return 0;
  }

  /** The input, once, by the whole code. */
  record Whole() implements Reconstruction {
    @Override
    public String words() {
      return "the reconstruction by the whole code";
    }
  }

  /**
   * The input, by each of several prefixes of the code: Σ over prefixes of weight · ‖x̃ −
   * x̂_{0:m}‖², x̂_{0:m} made of the latents below m alone. The last prefix is the whole code.
   *
   * @param ends m of each prefix, ascending, the last one F
   * @param weights of each
   */
  record Prefixes(List<Integer> ends, List<Double> weights) implements Reconstruction {
    public Prefixes {
      ends = List.copyOf(ends);
      weights = List.copyOf(weights);
      for (int i = 0; i < ends.size(); i++) {
        if (ends.get(i) <= (i == 0 ? 0 : ends.get(i - 1))) {
          throw new IllegalArgumentException("prefixes must ascend, got " + ends);
        }
      }
      if (ends.isEmpty() || weights.size() != ends.size()) {
        throw new IllegalArgumentException(weights + " are the weights of prefixes " + ends);
      }
    }

    @Override
    public int planes() {
      return ends.size();
    }

    @Override
    public String words() {
      return "reconstructions by prefixes of the code";
    }
  }
}
