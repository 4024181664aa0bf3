package dev.ontogeny.job.train;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.train.Schedule;
import dev.ontogeny.train.Weighting;
import dev.ontogeny.type.DictionarySettings;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.TypeDefaults;
import dev.ontogeny.type.TypeSettings;
import java.io.Serializable;
import java.util.HashSet;
import java.util.List;

/** Settings of {@link Train}; {@code conf/jobs/train.conf} explains them. */
public record TrainSettings(
    @Operational String dataset,
    @Operational String output,
    @Operational @Nullable String continueFrom,
    long seed,
    List<String> sites,
    List<Long> checkpoints,
    Mode mode,
    Crosscoder crosscoder,
    int replicas,
    ReplicasBy replicasBy,
    List<DictionarySettings> dictionaries,
    TypeDefaults types,
    Training training,
    String kernel,
    boolean recordRates,
    @Operational @Nullable Integer bundle,
    @Operational double stateSeconds)
    implements Serializable {

  public TrainSettings {
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
    for (int i = 0; i < dictionaries.size(); i++) {
      DictionarySettings each = dictionaries.get(i);
      // Where the width of a site does not matter, any will do.
      TypeDefaults defaults = types;
      problems.alsoOf("dictionaries." + i + ".", () -> training.of(each.with(defaults), each, 2));
      problems.check(
          mode != Mode.CROSSCODER || each.hasFreeNorms(types),
          "dictionaries." + i,
          "must be of a kind whose decoder norms are free, since they are what a crosscoder is about: %s, got %s",
          DictionaryTypes.crosscoders(),
          each.label());
    }
    problems.raise();
    // What other types would have decides nothing here.
    types = types.only(dictionaries.stream().map(DictionarySettings::type).toList());
  }

  /** How the checkpoints of a series hang together. */
  public enum Mode {
    CHAIN,
    INDEPENDENT,
    CROSSCODER;

    @JsonValue
    String key() {
      return SettingsReader.constantName(this);
    }
  }

  /**
   * Of mode crosscoder.
   *
   * @param acrossSites one for all sites together instead of one for each
   * @param weights of its sources in the loss
   */
  public record Crosscoder(boolean acrossSites, Weighting weights) implements Serializable {}

  /** What makes replicas differ. */
  public enum ReplicasBy {
    SEED,
    SHARDS;

    @JsonValue
    String key() {
      return SettingsReader.constantName(this);
    }
  }

  /** How each is trained. */
  public record Training(
      int batch,
      long tokens,
      long linkTokens,
      double learningRate,
      double linkRate,
      double warmUp,
      double decay,
      double sparsityWarmUp,
      double annealing,
      long deadWindow,
      @Nullable Integer auxiliaryK,
      double auxiliaryCoefficient,
      double firstDecay,
      double secondDecay,
      double epsilon,
      double gradientClip,
      double weightDecay,
      double averageDecay)
      implements Serializable {
    public Training {
      Problems problems =
          new Problems()
              .atLeast("batch", batch, 2)
              .atLeast("tokens", (double) tokens, 1)
              .atLeast("link-tokens", (double) linkTokens, 1)
              .check(linkRate > 0, "link-rate", "must be positive, got %s", linkRate)
              .atLeast("dead-window", (double) deadWindow, 1)
              .atLeast("auxiliary-coefficient", auxiliaryCoefficient, 0)
              .alsoOf(
                  "", () -> new Schedule(learningRate, warmUp, decay, sparsityWarmUp, annealing))
              .alsoOf(
                  "",
                  () ->
                      new Optimiser(
                          firstDecay,
                          secondDecay,
                          epsilon,
                          gradientClip,
                          weightDecay,
                          averageDecay));
      if (auxiliaryK != null) {
        problems.atLeast("auxiliary-k", auxiliaryK, 0);
      }
      problems.raise();
    }

    /** For a site of that width. The recipes for L1 have no auxiliary loss. */
    TrainingSpecification of(TypeSettings type, DictionarySettings dictionary, int inputs) {
      int wanted = auxiliaryK == null ? Math.max(1, inputs / 2) : auxiliaryK;
      double coefficient = type.auxiliary() ? auxiliaryCoefficient : 0;
      return new TrainingSpecification(
          dictionary.width(),
          type,
          coefficient == 0 ? 0 : Math.min(wanted, dictionary.width()),
          coefficient,
          deadWindow,
          new Optimiser(firstDecay, secondDecay, epsilon, gradientClip, weightDecay, averageDecay));
    }

    Schedule schedule(DictionarySettings dictionary, boolean link) {
      double rate = Schedule.law(learningRate, dictionary.width());
      // A link goes on where k and penalty were at the end.
      return new Schedule(
          link ? rate * linkRate : rate,
          warmUp,
          decay,
          link ? 0 : sparsityWarmUp,
          link ? 0 : annealing);
    }

    long steps(boolean link) {
      long rows = link ? linkTokens : tokens;
      return (rows + batch - 1) / batch;
    }
  }
}
