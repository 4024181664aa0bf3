package dev.ontogeny.job.train;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.run.AbsentWhenEmpty;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.train.Rounds;
import dev.ontogeny.train.Schedule;
import dev.ontogeny.train.Weighting;
import dev.ontogeny.type.DictionarySettings;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.Target;
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
    @AbsentWhenEmpty Targets targets,
    Crosscoder crosscoder,
    int replicas,
    ReplicasBy replicasBy,
    @AbsentWhenEmpty ConsensusRules consensus,
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
            .check(
                consensus.isEmpty() || replicas > 1,
                "consensus",
                "must be empty with one replica, since it is what several agree on: set replicas to 2 or more, got %d",
                replicas)
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
            .oneOf("kernel", kernel, "auto", "cpu", "cuda", "nd4j", "reference")
            .atLeast("state-seconds", stateSeconds, 0);
    if (bundle != null) {
      problems
          .atLeast("bundle", bundle, 1)
          .check(
              training.rounds() == null,
              "bundle",
              "must be null with training.rounds, whose workers train one dictionary each, got %s",
              bundle);
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
      problems.check(
          targets.isEmpty() || each.canHave(Target.TRANSCODER, types),
          "dictionaries." + i,
          "must be of a type that can reconstruct another site than it reads, since targets has %s: type %s cannot (%s)",
          targets,
          each.type(),
          each.label());
    }
    problems.check(
        mode != Mode.CROSSCODER || targets.isEmpty(),
        "targets",
        "must be empty with mode crosscoder, whose one code reconstructs all that it reads (a cross-layer transcoder is another thing, and not to be had here): take mode chain or independent, got %s",
        targets);
    for (String site : targets.sites()) {
      problems.check(
          sites.isEmpty() || sites.contains(site),
          "targets." + site,
          "must be one of the sites that are trained, %s",
          sites);
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
      double averageDecay,
      @AbsentWhenEmpty @Nullable Rounds rounds)
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
      if (rounds != null) {
        problems.check(
            rounds.isOff() || batch >= 2 * rounds.workers(),
            "batch",
            "must be at least two rows for each of the rounds.workers, %d, got %d",
            rounds.workers(),
            batch);
      }
      problems.raise();
      // What is one stream has the identity that it had before there were rounds.
      rounds = rounds == null || rounds.isOff() ? null : rounds;
    }

    /** For a site of that width. The recipes for L1 have no auxiliary loss. */
    TrainingSpecification of(TypeSettings type, DictionarySettings dictionary, int inputs) {
      new Problems()
          .check(
              rounds == null || type.resampledAfter() == 0,
              "resample-tokens",
              "must be 0 with training.rounds, since every worker would start dead latents again in directions of its own, got %d",
              type.resampledAfter())
          .raise();
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

    /** Of a dictionary of that width; a link is one that starts from another's weights. */
    Schedule schedule(int width, boolean link) {
      double rate = Schedule.law(learningRate, width) * workerRate();
      // A link goes on where k and penalty were at the end.
      return new Schedule(
          link ? rate * linkRate : rate,
          warmUp,
          decay,
          link ? 0 : sparsityWarmUp,
          link ? 0 : annealing);
    }

    /**
     * What the learning rate of a worker's step is multiplied by: the root of the workers. Where
     * noise is most of a gradient Adam's steps are as long whatever the batch, so that the mean of
     * several workers' is shorter, by that root, than one on all their rows (the square root rule
     * of Malladi et al., arXiv 2205.10287).
     */
    private double workerRate() {
      return rounds == null ? 1 : Math.sqrt(rounds.workers());
    }

    /** Rows of a step of each worker: what all of them step on together is a batch. */
    int workerBatch() {
      return rounds == null ? batch : (batch + rounds.workers() - 1) / rounds.workers();
    }

    /** Steps, which all workers make at the same time where there are several. */
    long steps(boolean link) {
      long rows = link ? linkTokens : tokens;
      long together = (long) workerBatch() * (rounds == null ? 1 : rounds.workers());
      return (rows + together - 1) / together;
    }
  }
}
