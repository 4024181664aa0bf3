package dev.ontogeny.job.demo;

import dev.ontogeny.demo.ModularAddition;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import java.io.Serializable;

/** Settings of {@link Demo}; {@code conf/jobs/demo.conf} explains each. */
public record DemoSettings(
    @Operational @Nullable String output,
    long seed,
    Planted planted,
    Addition addition,
    double confidence)
    implements Serializable {

  public DemoSettings {
    new Problems().between("confidence", confidence, 0, 1).raise();
  }

  /** Activations with known features. */
  public record Planted(
      int width,
      int features,
      int checkpoints,
      double activePerToken,
      int documents,
      int documentLength,
      Dictionaries dictionaries)
      implements Serializable {
    public Planted {
      new Problems()
          .atLeast("width", width, 2)
          .atLeast("features", features, 8)
          .between("checkpoints", checkpoints, 6, 1000)
          .check(
              activePerToken > 0 && activePerToken <= features / 4.0,
              "active-per-token",
              "must be above 0 and at most a quarter of the features, got %s",
              activePerToken)
          .atLeast("documents", documents, 2)
          .atLeast("document-length", documentLength, 1)
          .raise();
    }

    PlantedActivations.Plan plan(long seed) {
      PlantedActivations.Plan usual =
          PlantedActivations.Plan.of(seed, width, features, checkpoints);
      return new PlantedActivations.Plan(
          seed,
          width,
          features,
          usual.checkpoints(),
          activePerToken,
          usual.rateExponent(),
          usual.pairShare(),
          usual.pairProbability(),
          usual.rotationDegrees(),
          usual.noise(),
          documentLength);
    }
  }

  /** A network that learns to add. */
  public record Addition(
      int modulus,
      int hidden,
      double trainShare,
      double learningRate,
      double weightDecay,
      int epochs,
      int captures,
      double formedAt,
      Dictionaries dictionaries)
      implements Serializable {
    public Addition {
      new Problems()
          .between("captures", captures, 2, 1000)
          .atLeast("epochs", epochs, captures - 1)
          .check(formedAt > 1, "formed-at", "must be above 1, got %s", formedAt)
          .raise();
      // The network checks its own settings; so a wrong one is told before anything starts.
      var unused =
          new ModularAddition.Settings(0, modulus, hidden, trainShare, learningRate, weightDecay);
    }

    ModularAddition.Settings network(long seed) {
      return new ModularAddition.Settings(
          seed, modulus, hidden, trainShare, learningRate, weightDecay);
    }

    /** The epoch of a capture, from 0 on. */
    int epoch(int capture) {
      return (int) Math.round(capture * (double) epochs / (captures - 1));
    }
  }

  /** How dictionaries are trained on a capture: a chain. */
  public record Dictionaries(
      int replicas,
      int width,
      int k,
      int batch,
      long tokens,
      long linkTokens,
      double learningRate,
      long deadWindow)
      implements Serializable {}
}
