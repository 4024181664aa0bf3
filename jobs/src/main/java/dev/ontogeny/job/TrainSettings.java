package dev.ontogeny.job;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.kernel.TopKTraining;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.train.Schedule;
import java.io.Serializable;
import java.util.HashSet;
import java.util.List;

/** Settings of {@link Train}; {@code conf/jobs/train.conf} explains them. */
record TrainSettings(
    @Operational String dataset,
    @Operational String output,
    @Operational @Nullable String continueFrom,
    long seed,
    List<String> sites,
    List<Long> checkpoints,
    Mode mode,
    int replicas,
    ReplicasBy replicasBy,
    List<Specification> dictionaries,
    Training training,
    String kernel,
    boolean recordRates,
    @Operational @Nullable Integer bundle,
    @Operational double stateSeconds)
    implements Serializable {

  TrainSettings {
    Problems problems =
        new Problems()
            .atLeast("replicas", replicas, 1)
            .check(!dictionaries.isEmpty(), "dictionaries", "must name at least one")
            .check(
                new HashSet<>(dictionaries).size() == dictionaries.size(),
                "dictionaries",
                "must differ from one another, got %s",
                dictionaries)
            .check(
                new HashSet<>(checkpoints).size() == checkpoints.size(),
                "checkpoints",
                "must differ from one another, got %s",
                checkpoints)
            .oneOf("kernel", kernel, "auto", "cpu", "nd4j", "reference")
            .atLeast("state-seconds", stateSeconds, 0);
    if (bundle != null) {
      problems.atLeast("bundle", bundle, 1);
    }
    problems.raise();
  }

  /** How the checkpoints of a series hang together. */
  enum Mode {
    CHAIN,
    INDEPENDENT;

    @JsonValue
    String key() {
      return SettingsReader.constantName(this);
    }
  }

  /** What makes replicas differ. */
  enum ReplicasBy {
    SEED,
    SHARDS;

    @JsonValue
    String key() {
      return SettingsReader.constantName(this);
    }
  }

  /** Types that can be trained. */
  enum Type {
    TOP_K;

    @JsonValue
    String key() {
      return SettingsReader.constantName(this);
    }
  }

  /** A dictionary of the grid. */
  record Specification(Type type, int width, int k) implements Serializable {
    Specification {
      new Problems().atLeast("width", width, 1).between("k", k, 1, Math.max(1, width)).raise();
    }

    /** Part of the names of its dictionaries. */
    String label() {
      return type.key() + "-w" + width + "-k" + k;
    }
  }

  /** How each is trained. */
  record Training(
      int batch,
      long tokens,
      long linkTokens,
      double learningRate,
      double linkRate,
      double warmUp,
      double decay,
      long deadWindow,
      @Nullable Integer auxiliaryK,
      double auxiliaryCoefficient,
      double firstDecay,
      double secondDecay,
      double epsilon,
      double gradientClip)
      implements Serializable {
    Training {
      Problems problems =
          new Problems()
              .atLeast("batch", batch, 2)
              .atLeast("tokens", (double) tokens, 1)
              .atLeast("link-tokens", (double) linkTokens, 1)
              .check(learningRate > 0, "learning-rate", "must be positive, got %s", learningRate)
              .check(linkRate > 0, "link-rate", "must be positive, got %s", linkRate)
              .between("warm-up", warmUp, 0, 1)
              .between("decay", decay, 0, 1)
              .atLeast("dead-window", (double) deadWindow, 1)
              .atLeast("auxiliary-coefficient", auxiliaryCoefficient, 0)
              .check(
                  firstDecay >= 0 && firstDecay < 1,
                  "first-decay",
                  "must be in [0, 1), got %s",
                  firstDecay)
              .check(
                  secondDecay >= 0 && secondDecay < 1,
                  "second-decay",
                  "must be in [0, 1), got %s",
                  secondDecay)
              .check(epsilon > 0, "epsilon", "must be positive, got %s", epsilon)
              .atLeast("gradient-clip", gradientClip, 0);
      if (auxiliaryK != null) {
        problems.atLeast("auxiliary-k", auxiliaryK, 0);
      }
      problems.raise();
    }

    /** For a site of that width. */
    TopKTraining of(Specification specification, int inputs) {
      int wanted = auxiliaryK == null ? Math.max(1, inputs / 2) : auxiliaryK;
      return new TopKTraining(
          specification.width(),
          specification.k(),
          auxiliaryCoefficient == 0 ? 0 : Math.min(wanted, specification.width()),
          auxiliaryCoefficient,
          deadWindow,
          firstDecay,
          secondDecay,
          epsilon,
          gradientClip);
    }

    Schedule schedule(Specification specification, boolean link) {
      double rate = Schedule.law(learningRate, specification.width());
      return new Schedule(link ? rate * linkRate : rate, warmUp, decay);
    }

    long steps(boolean link) {
      long rows = link ? linkTokens : tokens;
      return (rows + batch - 1) / batch;
    }
  }
}
