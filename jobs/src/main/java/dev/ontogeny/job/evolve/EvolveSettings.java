package dev.ontogeny.job.evolve;

import dev.ontogeny.evolution.BirthCheck;
import dev.ontogeny.evolution.EventRules;
import dev.ontogeny.evolution.MatchingRules;
import dev.ontogeny.evolution.Phase;
import dev.ontogeny.evolution.RelativeNorms;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import java.io.Serializable;
import java.util.List;

/** Settings of {@link Evolve}; {@code conf/jobs/evolve.conf} says what each is for. */
public record EvolveSettings(
    @Operational String dataset,
    @Operational String dictionaries,
    @Operational String features,
    @Operational String output,
    @Operational @Nullable String continueFrom,
    long seed,
    EventRules events,
    List<Double> sensitivityFactors,
    Handover handover,
    Crosscoder crosscoder,
    MatchingRules matching,
    Formation formation,
    Readings readings,
    Phase.Rules phases,
    ByteSize rangeMemory,
    String kernel)
    implements Serializable {
  public EvolveSettings {
    Problems problems = new Problems();
    for (double factor : sensitivityFactors) {
      problems.check(
          factor > 0 && factor != 1,
          "sensitivity-factors",
          "must be positive and not 1, got %s",
          factor);
    }
    problems
        .check(
            rangeMemory.bytes() >= 1 << 16,
            "range-memory",
            "must be at least 64 KiB, got %s",
            rangeMemory)
        .raise();
  }

  /** When a latent of a chain is taken over by another feature. */
  public record Handover(double cosine, double overlap) implements Serializable {
    public Handover {
      new Problems().between("cosine", cosine, -1, 1).between("overlap", overlap, 0, 1).raise();
    }
  }

  /**
   * How crosscoders are read.
   *
   * @param aliveNorm decoder norm relative to its greatest from which a feature is alive
   */
  public record Crosscoder(
      double aliveNorm, BirthCheck.Rules birthCheck, RelativeNorms.Rules relativeNorms)
      implements Serializable {
    public Crosscoder {
      new Problems()
          .check(
              aliveNorm > 0 && aliveNorm <= 1,
              "alive-norm",
              "must be above 0 and at most 1, got %s",
              aliveNorm)
          .raise();
    }
  }

  /** What is looked at to see features form. */
  public record Formation(int tracks, int positions, int randomTokens) implements Serializable {
    public Formation {
      new Problems()
          .between("tracks", tracks, 0, 1_000_000)
          .between("positions", positions, 2, 1000)
          .between("random-tokens", randomTokens, 2, 100_000)
          .raise();
    }
  }

  /**
   * Which rows are read again at every checkpoint.
   *
   * @param rows top examples of each track; 0 for none
   * @param dictionariesPerScan series that share one reading of a shard
   */
  public record Readings(int rows, @Operational int dictionariesPerScan) implements Serializable {
    public Readings {
      new Problems()
          .between("rows", rows, 0, 1000)
          .between("dictionaries-per-scan", dictionariesPerScan, 1, 1000)
          .raise();
    }
  }
}
