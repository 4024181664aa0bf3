package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.job.train.TrainSettings;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.train.HeldOut;
import dev.ontogeny.train.InitialDictionary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A crosscoder over checkpoints of planted features, and the same over one checkpoint more. */
class GrowingCrosscoderTest {
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(11, 24, 24, 7));
  private static final int WIDTH = 40;
  private static final String ID = "crosscoder-" + DatasetFixture.SITE + "-batch-top-k-w40-k4-r0";
  private static final String HAD = "checkpoints=[0,100,200]";
  private static final String GROWN = "checkpoints=[0,100,200,300]";

  @TempDir private static Path folder;
  private static SparkSession spark;
  private static ShardedDataset dataset;

  @BeforeAll
  static void trainTheFirst() throws IOException {
    spark = TestSpark.flaky(2).getOrCreate();
    dataset = DatasetFixture.publish(at("dataset"), PLANTED, 120, 5);
    train("had", HAD);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Folder at(String name) {
    return Folder.of(folder.resolve(name).toString());
  }

  private static TrainSettings settings(String output, String... more) {
    List<String> assignments =
        new ArrayList<>(
            List.of(
                "dataset=" + at("dataset"),
                "output=" + at(output),
                "mode=crosscoder",
                "replicas=1",
                "dictionaries=[{type=batch-top-k,width=" + WIDTH + ",k=4}]",
                "training.batch=128",
                "training.tokens=200000",
                "training.link-tokens=100000",
                "training.dead-window=20000",
                "training.learning-rate=5e-4"));
    assignments.addAll(List.of(more));
    return SettingsReader.read(TrainSettings.class, "train", null, assignments);
  }

  private static Job.Result train(String output, String... more) {
    return new Train().run(spark, settings(output, more));
  }

  private static String from(String name) {
    return "continue-from=" + at(name);
  }

  private static Map<String, String> checksums(Job.Result result) {
    return result.manifest().files().stream()
        .collect(
            Collectors.toMap(
                PublishedFile::path, PublishedFile::sha256, (a, b) -> a, TreeMap::new));
  }

  private static DictionaryMetadata metadata(String output) {
    return DictionaryFolder.metadata(at(output), ID + "/dictionary.json");
  }

  private static List<Moments> moments(List<Source> sources) throws IOException {
    List<Moments> moments = new ArrayList<>();
    for (Source source : sources) {
      moments.add(dataset.moments(source.site(), source.checkpoint()));
    }
    return moments;
  }

  private static Quality heldOut(Dictionary dictionary) throws IOException {
    return HeldOut.evaluate(
            dataset,
            dataset.summary().heldOutShards(),
            dictionary,
            Kernels.provider("reference", 1))
        .quality();
  }

  /** Cosine of a latent's decoders in one source of two crosscoders. */
  private static double cosine(Dictionary a, Dictionary b, int latent, int source) {
    double product = 0;
    double first = 0;
    double second = 0;
    int width = a.sources().get(source).width();
    for (int i = source * width; i < (source + 1) * width; i++) {
      product += (double) a.decoder().at(latent, i) * b.decoder().at(latent, i);
      first += Math.pow(a.decoder().at(latent, i), 2);
      second += Math.pow(b.decoder().at(latent, i), 2);
    }
    return product / Math.sqrt(first * second);
  }

  /** Latents that fire on held-out rows. */
  private static int[] firing(Dictionary dictionary) throws IOException {
    BitSet firing = new BitSet();
    SparseCodes codes = new SparseCodes(dictionary.width());
    for (int shard : dataset.summary().heldOutShards()) {
      FloatMatrix rows = FloatMatrix.zeros((int) dataset.rows(shard), dictionary.inputs());
      try (SourceRows vectors = new SourceRows(dataset, dictionary.sources(), shard);
          EncodingKernel kernel =
              Kernels.provider("reference", 1).encoding(dictionary, rows.rows())) {
        vectors.read(rows, 0, rows.rows());
        kernel.encode(rows, codes);
      }
      for (int i = 0; i < codes.size(); i++) {
        firing.set(codes.indices()[i]);
      }
    }
    return firing.stream().toArray();
  }

  private static double firstLoggedFvu(String output) throws IOException {
    try (TableReader log =
        TableReader.open(at(output), ID + "/training_log.parquet", "step", "fvu")) {
      return (Double) log.next()[1];
    }
  }

  @Test
  void itGoesOnWithWhatItHad() throws IOException {
    Dictionary had = DictionaryFolder.read(at("had"), ID);
    List<Source> sources = new ArrayList<>(had.sources());
    sources.add(new Source(DatasetFixture.SITE, 300, 24));
    Dictionary start = InitialDictionary.grown(had, sources, moments(sources));
    Quality before = metadata("had").quality();
    Quality atFirst = heldOut(start);
    for (int s = 0; s < 3; s++) {
      assertThat(atFirst.sourceFvu().get(s)).isCloseTo(before.sourceFvu().get(s), within(1e-6));
    }
    Job.Result result = train("grown", GROWN, from("had"));
    train("random", GROWN);
    // Means over the first steps.
    assertThat(firstLoggedFvu("grown")).isLessThan(0.5 * firstLoggedFvu("random"));
    Dictionary grown = DictionaryFolder.read(at("grown"), ID);
    Quality quality = metadata("grown").quality();
    for (int s = 0; s < 3; s++) {
      assertThat(quality.sourceFvu().get(s)).isLessThan(1.2 * before.sourceFvu().get(s));
    }
    assertThat(quality.sourceFvu().get(3)).isLessThan(0.1 * atFirst.sourceFvu().get(3));
    int alive = 0;
    int kept = 0;
    for (int latent : firing(had)) {
      for (int s = 0; s < 3; s++) {
        if (norm(had, latent, s) > 0.2) {
          alive++;
          kept += cosine(had, grown, latent, s) >= 0.9 ? 1 : 0;
        }
      }
    }
    assertThat(alive).isGreaterThan(40);
    assertThat(kept).isGreaterThan(9 * alive / 10);

    DictionaryMetadata metadata = metadata("grown");
    assertThat(metadata.parent()).isEqualTo(ID);
    assertThat(metadata.parentLink()).isEqualTo(metadata("had").link());
    assertThat(metadata.training().tokens()).isEqualTo(100_096);
    assertThat(metadata("random").parent()).isNull();
    assertThat(result.lines())
        .contains(
            ID
                + " starts from the weights that it had over 3 of its 4 sources in "
                + at("had")
                + " (link "
                + metadata("had").link().substring(0, 12)
                + ")");
    assertThat(result.manifest().inputs())
        .extracting(each -> each.kind())
        .containsExactly("dataset", "dictionaries");
    assertThat(result.manifest().identity()).isNotEqualTo(Manifest.read(at("random")).identity());
    assertThat(train("grown", GROWN, from("had")).alreadyDone()).isTrue();
  }

  private static double norm(Dictionary dictionary, int latent, int source) {
    double squares = 0;
    int width = dictionary.sources().get(source).width();
    for (int i = source * width; i < (source + 1) * width; i++) {
      squares += Math.pow(dictionary.decoder().at(latent, i), 2);
    }
    return Math.sqrt(squares);
  }

  /** States are saved after every step; the first run cannot write what it trained. */
  @Test
  void aRunThatIsCutOffGoesOnToTheSameBytes() {
    String[] all = {GROWN, from("had"), "training.link-tokens=3000"};
    Job.Result undisturbed = train("undisturbed", all);
    String[] flaky = {
      GROWN,
      from("had"),
      "training.link-tokens=3000",
      "output=flaky:" + folder.resolve("cut"),
      "state-seconds=0"
    };
    FlakyFileSystem.fail(
        FlakyFileSystem.Operation.CREATE,
        ID + "/dictionary.safetensors",
        () -> new IOException("no space left"));
    try {
      assertThatThrownBy(() -> train("cut", flaky)).hasMessageContaining("no space left");
    } finally {
      FlakyFileSystem.heal();
    }
    assertThat(Files.exists(folder.resolve("cut").resolve("_progress"))).isTrue();
    Job.Result again = train("cut", flaky);
    assertThat(again.manifest().identity()).isEqualTo(undisturbed.manifest().identity());
    assertThat(checksums(again)).isEqualTo(checksums(undisturbed));
  }

  @Test
  void whatIsUnchangedIsTaken() {
    Job.Result same = train("same", HAD, from("had"));
    assertThat(same.lines().get(0)).startsWith("1 dictionaries, 1 of them taken from elsewhere");
    assertThat(same.manifest().identity()).isEqualTo(Manifest.read(at("had")).identity());
    // One that started from weights is known by them, and so are its successors.
    String few = "training.link-tokens=1000";
    train("second", GROWN, from("had"), few);
    Job.Result taken = train("second-again", GROWN, from("second"), few);
    assertThat(taken.lines()).hasSize(1);
    assertThat(taken.lines().get(0)).startsWith("1 dictionaries, 1 of them taken from elsewhere");
    assertThat(metadata("second-again")).isEqualTo(metadata("second"));
    assertThat(taken.manifest().identity()).isNotEqualTo(Manifest.read(at("second")).identity());
    train("third", "checkpoints=[0,100,200,300,600]", from("second"), few);
    assertThat(metadata("third").parentLink()).isEqualTo(metadata("second").link());
  }

  @Test
  void whatDoesNotFitIsNotTakenAndTheReasonIsTold() {
    assertThat(weights(GROWN, "dictionaries=[{type=batch-top-k,width=41,k=4}]"))
        .contains(
            "w41-k4-r0 starts from random weights: " + at("had") + " holds none of this name");
    assertThat(weights("checkpoints=[0,200,300]"))
        .contains("at checkpoint 100, which is none of its sources here");
    assertThat(weights(GROWN, "training.batch=64"))
        .contains(
            "holds it of other settings: batch is 128 there and 64 here, steps is 1563 there and 3125 here");
    assertThat(weights(GROWN, "types.batch-top-k.threshold-decay=0.5"))
        .contains("specification.sparsity.threshold-decay is 0.95 there and 0.5 here");
    assertThat(weights(GROWN, "seed=1"))
        .contains("holds it of other rows or shards, or of another seed, kernel or build");
    train("late", "checkpoints=[100,200]", "training.tokens=1000");
    assertThat(weights(GROWN, from("late"), "training.tokens=1000"))
        .contains("holds it over no checkpoint of site " + DatasetFixture.SITE + " up to 0");
    assertThat(weights(GROWN))
        .isEqualTo(
            ID
                + " starts from the weights that it had over 3 of its 4 sources in "
                + at("had")
                + " (link "
                + metadata("had").link().substring(0, 12)
                + ")");
    // Nothing was taken, so it is the one that starts at random.
    Job.Result anew = train("anew", HAD, "seed=1", "training.tokens=1000", from("had"));
    Job.Result random = train("at-random", HAD, "seed=1", "training.tokens=1000");
    assertThat(anew.lines()).anyMatch(line -> line.contains("starts from random weights"));
    assertThat(anew.manifest().identity()).isEqualTo(random.manifest().identity());
    assertThat(checksums(anew)).isEqualTo(checksums(random));
  }

  /** What the plan says of the weights. */
  private static String weights(String... more) {
    List<String> all = new ArrayList<>(List.of(from("had")));
    all.addAll(List.of(more));
    return new Train()
        .plan(spark, settings("planned", all.toArray(String[]::new)))
        .lines()
        .get("weights");
  }

  /** Thresholds and gates are those of the published rule. */
  @Test
  void gatedBySourceItKeepsItsCode() throws IOException {
    String gated = "dictionaries=[{type=jump-relu,width=40,coefficient=0.1}]";
    String id = "crosscoder-" + DatasetFixture.SITE + "-jump-relu-w40-coefficient0.1-r0";
    train("gated", HAD, gated, "training.tokens=20000");
    Dictionary had = DictionaryFolder.read(at("gated"), id);
    List<Source> sources = new ArrayList<>(had.sources());
    sources.add(new Source(DatasetFixture.SITE, 300, 24));
    Quality before = heldOut(had);
    Quality after = heldOut(InitialDictionary.grown(had, sources, moments(sources)));
    assertThat(after.sourceL0().subList(0, 3)).isEqualTo(before.sourceL0());
    for (int s = 0; s < 3; s++) {
      assertThat(after.sourceFvu().get(s)).isCloseTo(before.sourceFvu().get(s), within(1e-6));
    }
    train(
        "gated-grown",
        GROWN,
        gated,
        "training.tokens=20000",
        "training.link-tokens=2000",
        from("gated"));
    assertThat(DictionaryFolder.metadata(at("gated-grown"), id + "/dictionary.json").parent())
        .isEqualTo(id);
  }
}
