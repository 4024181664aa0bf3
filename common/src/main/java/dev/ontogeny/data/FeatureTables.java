package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.ColumnType;
import java.util.List;

/** The tables of {@code features}: what dictionaries and their features do on a dataset. */
public final class FeatureTables {
  private static final String SILENT = "where it fires on no token";

  public static final TableSchema DICTIONARIES =
      measured("dictionaries")
          .tells(
              "Quality of every dictionary on the data of a checkpoint.",
              "a dictionary on a split of the data of a checkpoint")
          .column(
              "split",
              ColumnType.STRING,
              "",
              "train, which training may have read, or held_out, which it never read")
          .column("rows", ColumnType.LONG, "tokens", "of the split")
          .column(
              "fvu",
              ColumnType.DOUBLE,
              "share",
              "variance unexplained",
              "where the tokens have no variance")
          .column(
              "l0",
              ColumnType.DOUBLE,
              "features",
              "that are not zero on a token",
              "where the split has no tokens")
          .column("dead_share", ColumnType.DOUBLE, "share", "of the features that fire on no token")
          .column(
              "cosine",
              ColumnType.DOUBLE,
              "cosine",
              "mean of a vector and its reconstruction",
              "where no vector has a direction")
          .column(
              "norm_ratio",
              ColumnType.DOUBLE,
              "ratio",
              "mean length of the reconstruction to that of the vector",
              "where no vector has a length")
          .build();

  public static final TableSchema QUALITY =
      measured("quality")
          .tells(
              "Quality of every dictionary by the names of SAEBench's core, as far as it follows from activations.",
              "a dictionary on a split of the data of a checkpoint")
          .absent("where the folder is of a release that did not measure it")
          .column("split", ColumnType.STRING, "", "train or held_out, as in dictionaries")
          .column("rows", ColumnType.LONG, "tokens", "of the split")
          .column(
              "mse",
              ColumnType.DOUBLE,
              "captured units²",
              "mean squared length of a vector less its reconstruction, all columns together")
          .column(
              "explained_variance",
              ColumnType.DOUBLE,
              "",
              "as SAEBench 0.6.0 has it: 1 − mse / (s − (s / d)²), s the mean squared length of a vector of d columns; no share of a variance, and another one where inputs are shifted or scaled: take 1 − fvu of dictionaries",
              "where that is no number")
          .column(
              "explained_variance_legacy",
              ColumnType.DOUBLE,
              "share",
              "mean over tokens of 1 − squared error / squared distance of the vector from the mean that the dictionary subtracts",
              "where the dictionary subtracts no mean, as some that were imported, and where no vector differs from it")
          .column("l2_norm_in", ColumnType.DOUBLE, "captured units", "mean length of a vector")
          .column(
              "l2_norm_out", ColumnType.DOUBLE, "captured units", "mean length of a reconstruction")
          .column(
              "relative_reconstruction_bias",
              ColumnType.DOUBLE,
              "ratio",
              "mean squared length of a reconstruction / mean product with its vector: below 1 where reconstructions are too short",
              "where no reconstruction has a part along its vector")
          .column("l1", ColumnType.DOUBLE, "scaled units", "mean sum of the codes of a token")
          .build();

  public static final TableSchema FEATURES =
      measured("features")
          .tells("Every feature at every checkpoint, over all shards.", "a feature at a checkpoint")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("count", ColumnType.LONG, "tokens", "on which it fires: its code is not zero")
          .column("firing_rate", ColumnType.DOUBLE, "share", "of the tokens on which it fires")
          .column("mean", ColumnType.DOUBLE, "scaled units", "of its codes where it fires", SILENT)
          .column(
              "variance", ColumnType.DOUBLE, "scaled units²", "of its codes where it fires", SILENT)
          .column("maximum", ColumnType.DOUBLE, "scaled units", "its greatest code", SILENT)
          .column("q10", ColumnType.DOUBLE, "scaled units", "10 % quantile where it fires", SILENT)
          .column("q50", ColumnType.DOUBLE, "scaled units", "median where it fires", SILENT)
          .column("q90", ColumnType.DOUBLE, "scaled units", "90 % quantile where it fires", SILENT)
          .column("q99", ColumnType.DOUBLE, "scaled units", "99 % quantile where it fires", SILENT)
          .column("decoder_norm", ColumnType.DOUBLE, "scaled units", "length of what it writes")
          .column("encoder_norm", ColumnType.DOUBLE, "", "length of what it reads")
          .column(
              "nearest_feature",
              ColumnType.INT,
              "",
              "the other feature of the nearest decoder direction",
              "where there is no other with a direction")
          .column(
              "nearest_cosine",
              ColumnType.DOUBLE,
              "cosine",
              "of the two directions",
              "where there is no other with a direction")
          .build();

  public static final TableSchema HISTOGRAMS =
      measured("histograms")
          .tells(
              "Codes of every feature in bins that grow with the code.",
              "a feature at a checkpoint that fires there")
          .absent("where no feature fires")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("lower", ColumnType.DOUBLES, "scaled units", "lower edges of the bins")
          .column("count", ColumnType.LONGS, "tokens", "per bin")
          .build();

  public static final TableSchema EXAMPLES =
      measured("examples")
          .tells(
              "Tokens on which features fire: the strongest, and a sample over the quantiles.",
              "a token on which a feature fires")
          .absent("where no feature fires")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("kind", ColumnType.STRING, "", "top, or quantile")
          .column(
              "rank",
              ColumnType.INT,
              "",
              "of top ones from 0 on, the strongest first; of others the number of the quantile")
          .column("document", ColumnType.CAPTURED, "", "the text it stands in, a string or long")
          .column("position", ColumnType.INT, "", "its place within the document")
          .column(
              "token",
              ColumnType.STRING,
              "",
              "its text, or its id where it has no text",
              "where the capture has neither")
          .column("value", ColumnType.DOUBLE, "scaled units", "code of the feature there")
          .column(
              "context_start",
              ColumnType.INT,
              "",
              "place within the document of the first token of the context")
          .column(
              "context_tokens",
              ColumnType.STRINGS,
              "",
              "texts of the tokens around it and of itself, null where the capture has none")
          .column(
              "context_values",
              ColumnType.FLOATS,
              "scaled units",
              "codes of the feature on each of them")
          .column("shard", ColumnType.INT, "", "of the dataset in which the token lies")
          .column("row", ColumnType.INT, "", "its place in that shard, from 0 on")
          .build();

  public static final TableSchema LABELS =
      measured("labels")
          .tells(
              "How well features tell labels of the capture, over the tokens that have the label.",
              "a feature at a checkpoint and a value of a label")
          .absent("where the capture has no labels, and where no feature fires on them")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("label", ColumnType.STRING, "", "column of the capture")
          .column("value", ColumnType.STRING, "", "of the label")
          .column("count", ColumnType.LONG, "tokens", "of this value on which the feature fires")
          .column(
              "precision",
              ColumnType.DOUBLE,
              "share",
              "of the tokens on which it fires, those of this value")
          .column(
              "recall",
              ColumnType.DOUBLE,
              "share",
              "of the tokens of this value, those on which it fires")
          .column("f1", ColumnType.DOUBLE, "share", "harmonic mean of precision and recall")
          .build();

  public static final TableSchema TOP_TOKENS =
      measured("top_tokens")
          .tells(
              "Tokens that features fire on most often.", "a feature at a checkpoint and a token")
          .absent(
              "where the capture has no tokens, where top-tokens is 0, and where no feature fires")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("rank", ColumnType.INT, "", "from 0 on, the most frequent first")
          .column("token", ColumnType.STRING, "", "its text, or its id where it has no text")
          .column(
              "token_id",
              ColumnType.LONG,
              "",
              "the tokenizer's number",
              "where the capture has none")
          .column("count", ColumnType.LONG, "tokens", "like it on which the feature fires")
          .build();

  public static final TableSchema OVERLAPS =
      TableSchema.named("overlaps")
          .tells(
              "Sets of tokens that features of chains and crosscoders fire on at neighbouring checkpoints, by exact counts.",
              "a feature at two neighbouring checkpoints")
          .absent("for independent dictionaries, and for a single checkpoint")
          .column("series", ColumnType.STRING, "", "of the dictionaries")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column("checkpoint_previous", ColumnType.LONG, "step", "the earlier training step")
          .column("checkpoint", ColumnType.LONG, "step", "the later training step")
          .column("both", ColumnType.LONG, "tokens", "on which it fires at both")
          .column("count_previous", ColumnType.LONG, "tokens", "on which it fires at the earlier")
          .column("count", ColumnType.LONG, "tokens", "on which it fires at the later")
          .build();

  public static final TableSchema BOOTSTRAP =
      measured("bootstrap")
          .tells(
              "Statistics of dictionaries with replicates of a Poisson bootstrap by document.",
              "a statistic of a dictionary at a checkpoint")
          .column("statistic", ColumnType.STRING, "", "its name")
          .column(
              "value",
              ColumnType.DOUBLE,
              "of the statistic",
              "over all documents",
              "where the tokens do not tell it")
          .column(
              "replicates",
              ColumnType.DOUBLES,
              "of the statistic",
              "the same with documents drawn anew")
          .build();

  public static final TableSchema LATENT_SCALING =
      measured("latent_scaling")
          .tells(
              "How much of a crosscoder's feature there is at a checkpoint where it fires, along its direction at the nearest checkpoint where it has one: near 0, it is absent.",
              "a feature at a checkpoint that fires there")
          .absent("for dictionaries of one source, and where no feature fires")
          .column("feature", ColumnType.INT, "", "number of the feature")
          .column(
              "direction_checkpoint",
              ColumnType.LONG,
              "step",
              "the nearest checkpoint where its decoder is at least half of its greatest, whose direction is looked along")
          .column(
              "beta_error",
              ColumnType.DOUBLE,
              "ratio",
              "in the error with its own contribution added back: near 0 it is absent; near 1 with a short decoder, the decoder shrank and the feature is there",
              "where it has no direction anywhere")
          .column(
              "beta_reconstruction",
              ColumnType.DOUBLE,
              "ratio",
              "in the reconstruction",
              "where it has no direction anywhere")
          .column(
              "beta_own",
              ColumnType.DOUBLE,
              "ratio",
              "its own contribution to both; what else is in the reconstruction is larger by one where other features stand for it",
              "where it has no direction anywhere")
          .build();

  public static final TableSchema GEOMETRY =
      TableSchema.named("geometry")
          .tells(
              "How many dimensions the vectors of a site fill at a checkpoint, and how alike they are, whatever the dictionaries.",
              "a statistic of a site at a checkpoint that a dictionary reads")
          .absent("for folders that were made before it was measured")
          .column("site", ColumnType.STRING, "", "where in the network")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column(
              "statistic",
              ColumnType.STRING,
              "",
              "effective_rank: e to the entropy of the shares of variance along the principal axes, from 1 to the width; participation_ratio: (Σλ)² / Σλ² of the variances λ along them; top_share: the greatest share; anisotropy: the mean cosine of two tokens' vectors, over all pairs")
          .column(
              "value",
              ColumnType.DOUBLE,
              "dimensions, share or cosine",
              "over all tokens",
              "where the vectors do not vary, and for the cosine where no two have a length")
          .column(
              "lower",
              ColumnType.DOUBLE,
              "of the value",
              "lower end of its 90 % band over documents, by a jackknife of 64 groups",
              "where the value is, where there are too few documents, and for statistics of the variance beyond 2048 dimensions")
          .column(
              "upper",
              ColumnType.DOUBLE,
              "of the value",
              "upper end of its band",
              "where the lower end is")
          .column(
              "rows", ColumnType.LONG, "tokens", "that count: for the cosine, those with a length")
          .build();

  public static final TableSchema LOSS_EFFECTS =
      TableSchema.named("loss_effects")
          .tells(
              "How much of the network's loss hangs on a site at a checkpoint, to first order, from the captured gradients.",
              "a site at a checkpoint that a dictionary reads, over all tokens or over those of a value of a label")
          .absent("for datasets without gradients")
          .column("site", ColumnType.STRING, "", "where in the network")
          .column("checkpoint", ColumnType.LONG, "step", "training step of the network")
          .column("label", ColumnType.STRING, "", "name of a label", "where it is about all tokens")
          .column(
              "value", ColumnType.STRING, "", "value of the label", "where it is about all tokens")
          .column(
              "effect",
              ColumnType.DOUBLE,
              "units of the loss",
              "by how much the loss would rise, to first order and in the mean over these tokens, if the vector of one were replaced by the mean over all tokens: −gradient · (vector − mean)",
              "where there are no such tokens")
          .column(
              "lower",
              ColumnType.DOUBLE,
              "units of the loss",
              "lower end of its 90 % band over documents, by a jackknife of 64 groups",
              "where there are too few documents")
          .column(
              "upper",
              ColumnType.DOUBLE,
              "units of the loss",
              "upper end of its band",
              "where the lower end is")
          .column(
              "gradient_norm",
              ColumnType.DOUBLE,
              "units of the loss per captured unit",
              "mean length of the gradients",
              "where the effect is")
          .column("rows", ColumnType.LONG, "tokens", "of these")
          .build();

  public static final TableSchema PROBES =
      measured("probes")
          .tells(
              "How well a few features tell the values of labels, by logistic regression on examples that were set aside for the test: sparse probing.",
              "a probe of a dictionary at a checkpoint: a value of a label, a method and a number of features")
          .absent(
              "where the capture has no labels, where train-per-class is 0, and where no value of a label has 20 examples to learn from and 10 to be tested on, half of them of the value")
          .column("label", ColumnType.STRING, "", "column of the capture")
          .column("value", ColumnType.STRING, "", "that is told from the label's others")
          .column(
              "kind",
              ColumnType.STRING,
              "",
              "what an example is: document, the mean code over its tokens; or token, where the label varies within documents")
          .column(
              "method",
              ColumnType.STRING,
              "",
              "sparse_probing, as SAEBench's: C is 1, half the sum of squared weights; or sparse_probing_sae_probes, as sae-probes': sum of absolute weights, C by cross-validation")
          .column("k", ColumnType.INT, "features", "that the probe may look at")
          .column(
              "features",
              ColumnType.LONGS,
              "",
              "that it looks at: those whose means differ most between the value and the others, the first first; fewer than k where no more differ")
          .column(
              "test_accuracy",
              ColumnType.DOUBLE,
              "share",
              "of the test's examples that it tells rightly; one half is chance")
          .column(
              "test_auc",
              ColumnType.DOUBLE,
              "share",
              "of pairs of a positive and a negative example that it puts in the right order")
          .column("test_f1", ColumnType.DOUBLE, "share", "mean F1 of both sides")
          .column("c", ColumnType.DOUBLE, "", "weight of the loss against the penalty")
          .column(
              "train_examples",
              ColumnType.LONG,
              "examples",
              "that it learned from, half of them of the value")
          .column(
              "test_examples",
              ColumnType.LONG,
              "examples",
              "that it was tested on, half of them of the value")
          .build();

  public static final TableSchema FEATURE_SPLITS =
      measured("feature_splits")
          .tells(
              "Into how many features the values of labels are split: probes look at one feature more each, as long as their F1 rises by more than 0.03.",
              "a value of a label that is probed, in a dictionary at a checkpoint")
          .absent("where there are no probes, and where no feature has a greater mean for a value")
          .column("label", ColumnType.STRING, "", "column of the capture")
          .column("value", ColumnType.STRING, "", "that is told from the label's others")
          .column(
              "kind", ColumnType.STRING, "", "what an example is: document or token, as in probes")
          .column(
              "splits",
              ColumnType.INT,
              "features",
              "beside the first; 0 for a value that one feature stands for")
          .column(
              "features",
              ColumnType.LONGS,
              "",
              "the first and those beside it, by how much their mean is above that of the others")
          .column(
              "f1",
              ColumnType.DOUBLES,
              "share",
              "F1 of the value with the first feature, with two and so on; the last one may be that which rose too little")
          .build();

  private static final List<TableSchema> ALL =
      List.of(
          DICTIONARIES,
          QUALITY,
          FEATURES,
          HISTOGRAMS,
          EXAMPLES,
          LABELS,
          TOP_TOKENS,
          OVERLAPS,
          BOOTSTRAP,
          LATENT_SCALING,
          GEOMETRY,
          LOSS_EFFECTS,
          PROBES,
          FEATURE_SPLITS);

  private FeatureTables() {}

  /**
   * All of them.
   *
   * @param documents the type of the documents of the dataset
   */
  public static List<TableSchema> all(ColumnType documents) {
    return ALL.stream().map(each -> each.asCaptured(documents, List.of())).toList();
  }

  private static TableSchema.Builder measured(String name) {
    return TableSchema.named(name)
        .column("dictionary", ColumnType.STRING, "", "id of the dictionary")
        .column("site", ColumnType.STRING, "", "where in the network it was measured")
        .column("checkpoint", ColumnType.LONG, "step", "training step that it was measured on");
  }
}
