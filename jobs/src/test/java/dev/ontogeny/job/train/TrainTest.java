package dev.ontogeny.job.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.JumpRelu;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TrainTest {
  @TempDir static Path folder;
  private static SparkSession spark;

  @BeforeAll
  static void start() throws IOException {
    spark = TestSpark.local(2).getOrCreate();
    PlantedActivations planted = new PlantedActivations(PlantedActivations.Plan.of(5, 12, 16, 6));
    DatasetFixture.publish(Folder.of(folder.resolve("dataset").toString()), planted, 40, 5);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static TrainSettings settings(String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dataset=" + folder.resolve("dataset"),
                "output=" + folder.resolve(output),
                "dictionaries=[{type=top-k,width=24,k=3}]",
                "checkpoints=[0,100]",
                "training.batch=128",
                "training.tokens=2000",
                "training.link-tokens=1000",
                "training.learning-rate=1e-4"));
    assignments.addAll(List.of(more));
    return SettingsReader.read(TrainSettings.class, "train", null, assignments);
  }

  private static Map<String, String> checksums(Manifest manifest) {
    return manifest.files().stream()
        .collect(
            Collectors.toMap(
                PublishedFile::path, PublishedFile::sha256, (a, b) -> a, TreeMap::new));
  }

  private static DictionaryMetadata metadata(String output, String id) throws IOException {
    Path file = folder.resolve(output).resolve(id).resolve("dictionary.json");
    return Json.read(Files.readString(file), DictionaryMetadata.class, id);
  }

  private static Dictionary dictionary(String output, String id) throws IOException {
    Path file = folder.resolve(output).resolve(id).resolve("dictionary.safetensors");
    try (InputStream in = Files.newInputStream(file)) {
      return DictionaryFormat.read(metadata(output, id), in, id);
    }
  }

  private static final String BATCH_TOP_K = "dictionaries=[{type=batch-top-k,width=24,k=3}]";

  private static final String FAMILY = "chain-blocks.0.hook_resid_post-top-k-w24-k3";

  @Test
  void aChainIsPublishedOnceAndInTheSameBytesHoweverItIsBundled() throws IOException {
    Train train = new Train();
    Job.Result first = train.run(spark, settings("chain"));
    assertThat(first.alreadyDone()).isFalse();
    Manifest manifest = first.manifest();
    assertThat(manifest.files().stream().map(PublishedFile::path))
        .contains(
            FAMILY + "-r0-c0/dictionary.json",
            FAMILY + "-r1-c100/dictionary.safetensors",
            FAMILY + "-r1-c0/training_log.parquet")
        .hasSize(12);
    assertThat(manifest.provenance().kernel()).startsWith("cpu (");
    DictionaryMetadata link = metadata("chain", FAMILY + "-r1-c100");
    assertThat(link.family()).isEqualTo(FAMILY);
    assertThat(link.series()).isEqualTo(FAMILY + "-r1");
    assertThat(link.parent()).isEqualTo(FAMILY + "-r1-c0");
    assertThat(link.seriesIndex()).isEqualTo(1);
    assertThat(link.training().tokens()).isEqualTo(1024);
    assertThat(link.quality().fvu()).isBetween(0.0, 0.9);
    assertThat(link.quality().l0()).isCloseTo(3, within(0.5));

    Job.Result again = train.run(spark, settings("chain"));
    assertThat(again.alreadyDone()).isTrue();
    Job.Result bundled = train.run(spark, settings("bundled", "bundle=2", "state-seconds=0"));
    assertThat(bundled.manifest().identity()).isEqualTo(manifest.identity());
    assertThat(checksums(bundled.manifest())).isEqualTo(checksums(manifest));
    assertThat(Files.exists(folder.resolve("bundled").resolve("_progress"))).isFalse();
    // A link goes on from its parent, so its directions stay near; replicas have their own.
    Dictionary parent = dictionary("chain", FAMILY + "-r1-c0");
    Dictionary child = dictionary("chain", FAMILY + "-r1-c100");
    Dictionary other = dictionary("chain", FAMILY + "-r0-c0");
    assertThat(cosine(parent, child)).isGreaterThan(0.95);
    assertThat(Math.abs(cosine(parent, other))).isLessThan(0.3);
  }

  /** Mean cosine of equal indices. */
  private static double cosine(Dictionary a, Dictionary b) {
    double sum = 0;
    for (int i = 0; i < a.decoder().rows() * a.decoder().columns(); i++) {
      sum += a.decoder().values()[i] * b.decoder().values()[i];
    }
    return sum / a.width();
  }

  @Test
  void aNewCheckpointCostsOnlyItsLink() {
    Train train = new Train();
    Manifest before = train.run(spark, settings("two")).manifest();
    TrainSettings three =
        settings("three", "checkpoints=[0,100,200]", "continue-from=" + folder.resolve("two"));
    assertThat(train.plan(spark, three).lines())
        .containsEntry("dictionaries", "6 (2 to train, 4 from " + folder.resolve("two") + ")")
        .containsEntry("rows", "2,048 to train on");
    Job.Result extended = train.run(spark, three);
    assertThat(extended.lines().get(0))
        .startsWith("6 dictionaries, 4 of them taken from elsewhere, 0 failed");
    assertThat(checksums(extended.manifest())).containsAllEntriesOf(checksums(before));
    Manifest scratch = train.run(spark, settings("scratch", "checkpoints=[0,100,200]")).manifest();
    assertThat(scratch.identity()).isEqualTo(extended.manifest().identity());
    assertThat(checksums(scratch)).isEqualTo(checksums(extended.manifest()));
    // Other settings are other dictionaries: nothing is taken.
    TrainSettings other =
        settings("other", "training.tokens=3000", "continue-from=" + folder.resolve("two"));
    assertThat(train.plan(spark, other).lines().get("dictionaries")).startsWith("4 (4 to train");
  }

  @Test
  void independentsByShardsReadDisjointRows() throws IOException {
    Job.Result result =
        new Train().run(spark, settings("independent", "mode=independent", "replicas-by=shards"));
    String id = FAMILY.replace("chain-", "independent-") + "-r1-c100";
    DictionaryMetadata metadata = metadata("independent", id);
    assertThat(metadata.series()).isNull();
    assertThat(metadata.parent()).isNull();
    assertThat(metadata.training().tokens()).isEqualTo(2048);
    assertThat(result.manifest().files()).hasSize(12);
    TrainPlan plan =
        TrainPlan.of(
            dev.ontogeny.data.ShardedDataset.open(Folder.of(folder.resolve("dataset").toString())),
            settings("any", "replicas-by=shards"));
    assertThat(plan.lanes().stream().map(TrainPlan.Lane::shards))
        .containsExactly(List.of(0, 2), List.of(1, 3));
  }

  /** Each type trains, is published with its tensors, and goes on as a chain. */
  @Test
  void everyTypeIsPublished() throws IOException {
    String grid =
        "dictionaries=[{type=batch-top-k,width=24,k=3},{type=jump-relu,width=24},"
            + "{type=jump-relu,width=24,penalty=target-l0,target=3,coefficient=1},"
            + "{type=relu,width=24,coefficient=0.5},{type=relu,width=24,form=unit-norm},"
            + "{type=top-k,width=24,k=3,multi-k=8}]";
    Job.Result result =
        new Train()
            .run(
                spark,
                settings(
                    "types",
                    grid,
                    "replicas=1",
                    "types.jump-relu.bandwidth=1",
                    "training.learning-rate=2e-4"));
    assertThat(result.lines().get(0)).startsWith("12 dictionaries, 0 of them taken");
    String site = "chain-blocks.0.hook_resid_post-";
    Dictionary batch = dictionary("types", site + "batch-top-k-w24-k3-r0-c100");
    assertThat(batch.threshold()).hasSize(24);
    assertThat(batch.threshold()[0]).isPositive().isEqualTo(batch.threshold()[23]);
    DictionaryMetadata described = metadata("types", site + "batch-top-k-w24-k3-r0-c100");
    assertThat(described.rule()).contains("pre where pre > threshold");
    assertThat(described.quality().l0()).isBetween(1.5, 4.5);
    Dictionary jump =
        dictionary(
            "types", site + "jump-relu-w24-penalty-target-l0-coefficient1.0-target3.0-r0-c0");
    assertThat(jump.k()).isZero();
    for (float threshold : jump.threshold()) {
      assertThat(threshold).isPositive();
    }
    assertThat(
            metadata("types", site + "jump-relu-w24-r0-c0")
                .training()
                .settings()
                .path("specification")
                .path("sparsity")
                .path("bandwidth")
                .asDouble())
        .isEqualTo(1);
    Dictionary relu = dictionary("types", site + "relu-w24-coefficient0.5-r0-c100");
    assertThat(relu.threshold()).isEmpty();
    assertThat(metadata("types", site + "relu-w24-form-unit-norm-r0-c100").parent())
        .isEqualTo(site + "relu-w24-form-unit-norm-r0-c0");
  }

  /** One dictionary over all checkpoints, with a decoder for each. */
  @Test
  void crosscodersReadAllCheckpointsAtOnce() throws IOException {
    Train train = new Train();
    String grid = "dictionaries=[{type=batch-top-k,width=24,k=3}]";
    TrainSettings settings =
        settings(
            "crosscoder",
            grid,
            "mode=crosscoder",
            "crosscoder.weights=novelty",
            "checkpoints=[0,100,500]");
    assertThat(train.plan(spark, settings).lines())
        .containsEntry("dictionaries", "2, all to train");
    Job.Result result = train.run(spark, settings);
    assertThat(result.manifest().files()).hasSize(8);
    String id = "crosscoder-blocks.0.hook_resid_post-batch-top-k-w24-k3-novelty-r1";
    DictionaryMetadata metadata = metadata("crosscoder", id);
    assertThat(metadata.series()).isEqualTo(id);
    assertThat(metadata.sources().stream().map(each -> each.checkpoint()))
        .containsExactly(0L, 100L, 500L);
    assertThat(metadata.training().settings().path("specification").path("source_weights").size())
        .isEqualTo(3);
    Dictionary dictionary = dictionary("crosscoder", id);
    assertThat(dictionary.inputs()).isEqualTo(36);
    assertThat(dictionary.inputScale()).hasSize(3);
    assertThat(metadata.quality().fvu()).isBetween(0.0, 0.95);
    try (TableReader norms =
        TableReader.open(
            Folder.of(folder.resolve("crosscoder").toString()),
            id + "/decoder_norms.parquet",
            "feature",
            "checkpoint",
            "norm",
            "relative_norm",
            "cosine_peak")) {
      for (int row = 0; row < 24 * 3; row++) {
        Object[] read = norms.next();
        assertThat(read[0]).isEqualTo(row / 3);
        assertThat(read[1]).isEqualTo(List.of(0L, 100L, 500L).get(row % 3));
        double squares = 0;
        for (int i = 0; i < 12; i++) {
          squares += Math.pow(dictionary.decoder().at(row / 3, 12 * (row % 3) + i), 2);
        }
        assertThat((double) read[2]).isCloseTo(Math.sqrt(squares), within(1e-9));
        assertThat((double) read[3]).isBetween(0.0, 1.0);
        assertThat((double) read[4]).isBetween(-1.0001, 1.0001);
        if ((double) read[3] == 1) {
          assertThat((double) read[4]).isCloseTo(1, within(1e-9));
        }
      }
      assertThat(norms.next()).isNull();
    }
  }

  /** What a reader of the files does by their rule, in plain loops. */
  @Test
  void crosscodersGatedBySourceSayHowTheyAreRead() throws IOException {
    TrainSettings settings =
        settings(
            "gated",
            "dictionaries=[{type=jump-relu,width=24,coefficient=0.1},"
                + "{type=jump-relu,width=24,gate=shared}]",
            "mode=crosscoder",
            "replicas=1",
            "checkpoints=[0,100,500]");
    new Train().run(spark, settings);
    String family = "crosscoder-blocks.0.hook_resid_post-jump-relu-w24-";
    assertThat(metadata("gated", family + "gate-shared-r0").type()).isEqualTo(JumpRelu.TYPE);
    String id = family + "coefficient0.1-r0";
    DictionaryMetadata metadata = metadata("gated", id);
    assertThat(metadata.type()).isEqualTo(JumpRelu.BY_SOURCE);
    assertThat(metadata.rule())
        .contains("code_s = pre where pre * norm(W_dec_s) > threshold")
        .contains("probe_code = pre where any code_s is not zero");
    assertThat(metadata.quality().sourceL0()).hasSize(3);
    assertThat(metadata.quality().l0())
        .isGreaterThanOrEqualTo(Collections.max(metadata.quality().sourceL0()));
    Map<String, Safetensors.Tensor> tensors;
    try (InputStream in =
        Files.newInputStream(folder.resolve("gated").resolve(id + "/dictionary.safetensors"))) {
      tensors = Safetensors.read(in, id);
    }
    float[] decoder = tensors.get("W_dec").values();
    float[] codes = tensors.get("probe_code").values();
    float[] back = tensors.get("probe_reconstruction").values();
    int closed = 0;
    for (int row = 0; row < codes.length / 24; row++) {
      double[] sum = new double[36];
      for (int latent = 0; latent < 24; latent++) {
        float code = codes[24 * row + latent];
        for (int s = 0; s < 3; s++) {
          double squares = 0;
          for (int i = 12 * s; i < 12 * s + 12; i++) {
            squares += Math.pow(decoder[36 * latent + i], 2);
          }
          boolean open = code * Math.sqrt(squares) > tensors.get("threshold").values()[latent];
          closed += code > 0 && !open ? 1 : 0;
          for (int i = 12 * s; i < 12 * s + 12 && open; i++) {
            sum[i] += code * decoder[36 * latent + i];
          }
        }
      }
      for (int i = 0; i < 36; i++) {
        double expected =
            (sum[i] + tensors.get("b_dec").values()[i])
                    / tensors.get("input_scale").values()[i / 12]
                + tensors.get("input_mean").values()[i];
        assertThat((double) back[36 * row + i]).isCloseTo(expected, within(1e-3));
      }
    }
    assertThat(closed).as("codes that do not count everywhere").isPositive();
  }

  @Test
  void crosscodersNeedNormsThatAreFree() {
    assertThatThrownBy(() -> settings("x", "mode=crosscoder"))
        .hasMessageContaining("dictionaries.0 must be of a kind whose decoder norms are free")
        .hasMessageContaining("got top-k-w24-k3");
  }

  /** What came later is not said where it says nothing, so that folders are what they were. */
  @Test
  void withoutTargetsNothingIsSaidOfThem() {
    assertThat(Identity.resultSettings(settings("x")).has("targets")).isFalse();
    ObjectNode with = Identity.resultSettings(settings("x", "targets={a=b}"));
    assertThat(with.get("targets")).isEqualTo(Json.object().put("a", "b"));
  }

  @Test
  void targetsThatCannotBeMetSayWhy() {
    assertThatThrownBy(() -> settings("x", "targets={a=a,b=c,d=c}", "sites=[a,b]"))
        .hasMessageContaining("targets.a must be another site, got itself")
        .hasMessageContaining(
            "targets.d must be a site that is no other's target, got c, which [b] has");
    assertThatThrownBy(() -> settings("x", "targets={a=b}", "sites=[b,c]"))
        .hasMessageContaining("targets.a must be one of the sites that are trained, [b, c]");
    assertThatThrownBy(() -> settings("x", "targets={a=b}", "mode=crosscoder", BATCH_TOP_K))
        .hasMessageContaining("targets must be empty with mode crosscoder")
        .hasMessageContaining("a cross-layer transcoder is another thing")
        .hasMessageContaining("take mode chain or independent, got a → b");
    assertThatThrownBy(() -> settings("x", "targets={ blocks.0.in = out }"))
        .hasMessageContaining("'targets.blocks' must be a text")
        .hasMessageContaining("names with dots stand in quotes");
    assertThatThrownBy(() -> settings("x", "targets=[a]"))
        .hasMessageContaining("'targets' must be an object with its keys in braces");
    Train train = new Train();
    String site = "\"blocks.0.hook_resid_post\"";
    assertThatThrownBy(() -> train.plan(spark, settings("x", "targets={" + site + "=nowhere}")))
        .hasMessageContaining("targets.blocks.0.hook_resid_post: dataset ")
        .hasMessageEndingWith(" has no site nowhere; it has [blocks.0.hook_resid_post]");
    assertThatThrownBy(() -> train.plan(spark, settings("x", "targets={nowhere=" + site + "}")))
        .hasMessageContaining("targets.nowhere: dataset ")
        .hasMessageEndingWith(" has no such site; it has [blocks.0.hook_resid_post]");
  }

  @Test
  void keysBelongToTypes() {
    assertThatThrownBy(() -> settings("x", "dictionaries=[{type=top-k,width=24,bandwidth=1}]"))
        .hasMessageContaining(
            "dictionaries.0.bandwidth does not belong to type top-k, which has width, k, initial-k, multi-k, multi-weight")
        .hasMessageContaining("dictionaries.0.k is required for type top-k");
    assertThatThrownBy(
            () ->
                settings(
                    "x",
                    "dictionaries=[{type=top-k,width=24,k=3,multi-k=30},{type=jump-relu,width=8,target=0}]"))
        .hasMessageContaining(
            "dictionaries.0.width must be at least as many latents as fire on a row, 30, got 24")
        .hasMessageContaining("dictionaries.1.target must be positive, got 0");
    assertThatThrownBy(() -> settings("x", "dictionaries=[{type=gated,width=24}]"))
        .hasMessageContaining(
            "must be one of " + String.join(", ", DictionaryTypes.offeredKeys()) + ", got gated");
  }

  @Test
  void allThatDivergesIsOneFailureWithItsReason() {
    assertThatThrownBy(
            () -> new Train().run(spark, settings("diverged", "training.learning-rate=1e30")))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("no dictionary could be trained")
        .hasMessageContaining("at step");
    assertThat(Files.exists(folder.resolve("diverged").resolve("_manifest.json"))).isFalse();
  }

  @Test
  void settingsThatCannotBeMetSayWhy() {
    Train train = new Train();
    assertThatThrownBy(() -> train.plan(spark, settings("x", "checkpoints=[100,150]")))
        .hasMessageContaining("no checkpoint 150 of site blocks.0.hook_resid_post; it has [0, 100");
    assertThatThrownBy(() -> train.plan(spark, settings("x", "sites=[nowhere]")))
        .hasMessageContaining("has no site nowhere; it has [blocks.0.hook_resid_post]");
    assertThatThrownBy(() -> train.plan(spark, settings("x", "replicas=9", "replicas-by=shards")))
        .hasMessageContaining("replicas 9 by shards need as many shards to train on");
    assertThatThrownBy(() -> settings("x", "training.epsilon=0", "training.decay=2"))
        .hasMessageContaining("training.epsilon must be positive, got 0")
        .hasMessageContaining("training.decay must be between 0 and 1, got 2");
    assertThatThrownBy(() -> settings("x", "dictionaries=[]", "replicas=0"))
        .hasMessageContaining("dictionaries must name at least one")
        .hasMessageContaining("replicas must be at least 1, got 0");
  }
}
