package dev.ontogeny.job.measure;

import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import dev.ontogeny.stats.FeatureBlock;
import java.io.Serializable;
import java.util.List;

/** Settings of {@link Measure}; {@code conf/jobs/measure.conf} says what they mean. */
public record MeasureSettings(
    @Operational String dataset,
    @Operational String dictionaries,
    @Operational String output,
    @Operational @Nullable String continueFrom,
    long seed,
    int topExamples,
    int quantiles,
    int examplesPerQuantile,
    ContextWindow contextWindow,
    int topTokens,
    int maximumVocabulary,
    int maximumLabelValues,
    int maximumLabels,
    Probing probing,
    int replicates,
    int blockRows,
    int featuresPerFile,
    String kernel,
    @Operational int batchRows,
    @Operational int dictionariesPerScan,
    @Operational int checkpointsPerUnit,
    @Operational @Nullable Integer tasks)
    implements Serializable {

  /** Tokens of the same document around an example. */
  public record ContextWindow(int before, int after) implements Serializable {
    public ContextWindow {
      new Problems().between("before", before, 0, 1000).between("after", after, 0, 1000).raise();
    }

    int size() {
      return before + 1 + after;
    }
  }

  /**
   * Sparse probing.
   *
   * @param trainPerClass examples of every value of a label to learn from, at most; 0 for no probes
   * @param testPerClass examples to be tested on
   * @param features numbers of features that a probe looks at
   */
  public record Probing(int trainPerClass, int testPerClass, List<Integer> features)
      implements Serializable {
    public Probing {
      Problems problems =
          new Problems()
              .between("train-per-class", trainPerClass, 0, 1_000_000)
              .between("test-per-class", testPerClass, 1, 1_000_000)
              .check(!features.isEmpty(), "features", "must name at least one number");
      for (int i = 0; i < features.size(); i++) {
        problems
            .between("features", features.get(i), 1, 100)
            .check(
                i == 0 || features.get(i) > features.get(i - 1),
                "features",
                "must ascend, got %s",
                features);
      }
      problems.raise();
      features = List.copyOf(features);
    }

    boolean any() {
      return trainPerClass > 0;
    }

    int mostFeatures() {
      return features.get(features.size() - 1);
    }
  }

  public MeasureSettings {
    new Problems()
        .between("top-examples", topExamples, 1, 10_000)
        .between("quantiles", quantiles, 1, 100)
        .between("examples-per-quantile", examplesPerQuantile, 0, 1000)
        .between("top-tokens", topTokens, 0, 10_000)
        .between("maximum-vocabulary", maximumVocabulary, 1, 1 << 28)
        .between("maximum-label-values", maximumLabelValues, 2, 100_000)
        .between("maximum-labels", maximumLabels, 0, 10_000)
        .between("replicates", replicates, 0, 10_000)
        .between("block-rows", blockRows, 1024, 1 << 22)
        .between("features-per-file", featuresPerFile, 128, 1 << 24)
        .check(
            featuresPerFile % FeatureBlock.FEATURES == 0,
            "features-per-file",
            "must be a multiple of %d, got %d",
            FeatureBlock.FEATURES,
            featuresPerFile)
        .between("batch-rows", batchRows, 16, 1 << 16)
        .between("dictionaries-per-scan", dictionariesPerScan, 1, 10_000)
        .between("checkpoints-per-unit", checkpointsPerUnit, 1, 10_000)
        .atLeast("tasks", tasks == null ? 1 : tasks, 1)
        .raise();
  }

  /** Examples that are sampled per feature for the quantiles. */
  int sampledExamples() {
    return quantiles * examplesPerQuantile;
  }

  /** Examples of every kind per feature. */
  int examples() {
    return topExamples + sampledExamples();
  }
}
