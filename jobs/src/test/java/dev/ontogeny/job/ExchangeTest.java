package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.SettingsReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Trained dictionaries go out in every format and come in again, and the line goes on with them.
 */
class ExchangeTest {
  private static final String SITE = DatasetFixture.SITE;

  @TempDir private static Path folder;

  private static SparkSession spark;

  @BeforeAll
  static void train() throws IOException {
    spark = TestSpark.local(2).getOrCreate();
    PlantedActivations planted = new PlantedActivations(PlantedActivations.Plan.of(5, 12, 16, 6));
    DatasetFixture.publish(Folder.of(at("dataset")), planted, 40, 5);
    trained(
        "singles",
        "mode=independent",
        "dictionaries=[{type=top-k,width=24,k=3},{type=batch-top-k,width=24,k=3},{type=jump-relu,width=24},{type=relu,width=24}]");
    trained("chain", "mode=chain", "dictionaries=[{type=top-k,width=24,k=3}]");
    trained(
        "crosscoders",
        "mode=crosscoder",
        "dictionaries=[{type=batch-top-k,width=24,k=3},{type=jump-relu,width=24,penalty=tanh}]");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static void trained(String output, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "dataset=" + at("dataset"),
                "checkpoints=[0,100]",
                "replicas=1",
                "training.batch=128",
                "training.tokens=2000",
                "training.link-tokens=1000"));
    all.addAll(List.of(more));
    run("train", output, all);
  }

  private static String at(String name) {
    return folder.resolve(name).toString();
  }

  /** A job as the command line runs it. */
  private static Job.Result run(String job, String output, List<String> assignments) {
    List<String> all = new ArrayList<>(assignments);
    all.add("output=" + at(output));
    return Main.jobs().stream()
        .filter(each -> each.name().equals(job))
        .map(each -> run(each, all))
        .findFirst()
        .orElseThrow();
  }

  private static <S extends Record> Job.Result run(Job<S> job, List<String> assignments) {
    return job.run(spark, SettingsReader.read(job.settingsType(), job.name(), null, assignments));
  }

  private static Job.Result export(String from, String format, String... more) {
    List<String> all = new ArrayList<>(List.of("dictionaries=" + at(from), "format=" + format));
    all.addAll(List.of(more));
    return run("export", from + "-" + format, all);
  }

  private static Job.Result imported(String from, String format, String output, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "dataset=" + at("dataset"), "input=" + at(from), "format=" + format, "kernel=cpu"));
    all.addAll(List.of(more));
    return run("import", output, all);
  }

  /** Quality on the held-out rows is that of before: codes and reconstructions are. */
  @Test
  void everyFormatThereAndBack() throws IOException {
    for (String format : PeerFormats.keys()) {
      String only =
          format.equals("sparsify") ? "only=[" + ids("singles", "top-k") + "]" : "only=[]";
      Job.Result out = export("singles", format, only);
      assertThat(out.alreadyDone()).isFalse();
      assertThat(out.manifest().kind()).isEqualTo("export");
      assertThat(export("singles", format, only).alreadyDone()).isTrue();
      Job.Result in = imported("singles-" + format, format, "back-" + format, named(out));
      DictionaryFolder back = DictionaryFolder.open(Folder.of(at("back-" + format)));
      assertThat(back.dictionaries()).hasSize(format.equals("sparsify") ? 2 : 8);
      for (DictionaryMetadata each : back.dictionaries()) {
        DictionaryMetadata before = original(each);
        assertThat(each.quality().fvu())
            .as(format + " " + each.id())
            .isCloseTo(before.quality().fvu(), within(1e-4));
        assertThat(each.quality().l0()).isCloseTo(before.quality().l0(), within(0.01));
        assertThat(each.series()).isNull();
      }
      assertThat(in.lines()).anySatisfy(line -> assertThat(line).contains("held-out fvu 0."));
      assertThat(imported("singles-" + format, format, "back-" + format, named(out)).alreadyDone())
          .isTrue();
    }
  }

  /** Each under the name of its own family: what a batch decided may come in as JumpReLU. */
  private static String named(Job.Result exported) {
    return exported.manifest().files().stream()
        .map(PublishedFile::dictionary)
        .distinct()
        .map(id -> "{path=\"%s\",name=%s}".formatted(id, id.replaceFirst("-r0-c\\d+$", "")))
        .collect(Collectors.joining(",", "dictionaries=[", "]"));
  }

  /** The one of the same rule and checkpoint that went out. */
  private static DictionaryMetadata original(DictionaryMetadata imported) {
    String id = Json.tree(imported.training().settings()).path("imported").path("path").asText();
    return DictionaryFolder.open(Folder.of(at("singles"))).dictionaries().stream()
        .filter(each -> each.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  private static String ids(String output, String type) {
    return String.join(
        ",",
        DictionaryFolder.open(Folder.of(at(output))).dictionaries().stream()
            .filter(each -> each.type().key().equals(type))
            .map(DictionaryMetadata::id)
            .toList());
  }

  /** What came in goes out and in again in the same bytes: nothing is left to fold. */
  @Test
  void aSecondRoundChangesNoByte() throws IOException {
    export("chain", "saelens");
    imported("chain-saelens", "saelens", "first", "chain=true");
    run("export", "first-again", List.of("dictionaries=" + at("first"), "format=saelens"));
    imported("first-again", "saelens", "second", "chain=true");
    DictionaryFolder first = DictionaryFolder.open(Folder.of(at("first")));
    assertThat(first.dictionaries()).hasSize(2);
    for (DictionaryMetadata each : first.dictionaries()) {
      assertThat(
              Files.readAllBytes(folder.resolve("second/" + each.id() + "/dictionary.safetensors")))
          .isEqualTo(
              Files.readAllBytes(folder.resolve("first/" + each.id() + "/dictionary.safetensors")));
      assertThat(each.series()).isEqualTo("imported-" + SITE + "-top-k-w24-r0");
    }
    assertThat(first.dictionaries().get(1).parent()).isEqualTo(first.dictionaries().get(0).id());
  }

  /** Several of one checkpoint each become a series, and the line goes on to its pages. */
  @Test
  void theLineGoesOnWithWhatCameIn() throws IOException {
    run("export", "theirs", List.of("dictionaries=" + at("singles"), "format=dictionary-learning"));
    String top = ids("singles", "top-k").split(",")[0];
    String next = ids("singles", "top-k").split(",")[1];
    imported(
        "theirs",
        "dictionary-learning",
        "line-dictionaries",
        "dictionaries=[{path=\"%s\",name=theirs},{path=\"%s\",name=theirs,replica=0}]"
            .formatted(top, next));
    List<String> inputs =
        List.of("dataset=" + at("dataset"), "dictionaries=" + at("line-dictionaries"));
    run("measure", "line-features", inputs);
    List<String> more = new ArrayList<>(inputs);
    more.add("features=" + at("line-features"));
    Job.Result evolved = run("evolve", "line-evolution", more);
    assertThat(evolved.manifest().table("events")).isNotEmpty();
    more.add("evolution=" + at("line-evolution"));
    run("report", "line-report", more);
    assertThat(folder.resolve("line-report/index.html")).exists();
    assertThat(DictionaryFolder.open(Folder.of(at("line-dictionaries"))).dictionaries())
        .extracting(DictionaryMetadata::id)
        .containsExactly("theirs-r0-c0", "theirs-r0-c100");
  }

  @Test
  void aCrosscoderGoesWholeWhereTheFormatHasSuchAndElseInSlices() throws IOException {
    String shared = ids("crosscoders", "batch-top-k");
    export("crosscoders", "safetensors", "only=[" + shared + "]");
    imported("crosscoders-safetensors", "safetensors", "back-crosscoder");
    DictionaryFolder back = DictionaryFolder.open(Folder.of(at("back-crosscoder")));
    DictionaryMetadata metadata = back.dictionaries().get(0);
    Dictionary before = DictionaryFolder.read(Folder.of(at("crosscoders")), shared);
    Dictionary after = DictionaryFolder.read(back.folder(), metadata);
    assertThat(metadata.crosscoder()).isTrue();
    assertThat(metadata.series()).isEqualTo(metadata.id());
    assertThat(after.inputScale()).containsExactly(before.inputScale());
    assertThat(back.folder().list("")).contains(metadata.id() + "/decoder_norms.parquet");

    assertThatThrownBy(() -> export("crosscoders", "saelens"))
        .isInstanceOfSatisfying(
            Failure.class, failure -> assertThat(failure.kind()).isEqualTo(FailureKind.SETTINGS))
        .hasMessageContaining("format saelens cannot say 2 of what is to be written")
        .hasMessageContaining("set crosscoders = slices");
    Job.Result slices = export("crosscoders", "saelens", "crosscoders=slices");
    assertThat(slices.manifest().files().stream().map(PublishedFile::path))
        .hasSize(8)
        .contains(shared + "-c0/cfg.json", shared + "-c100/sae_weights.safetensors");
  }

  @Test
  void whatDoesNotFitTheDatasetIsSaid() throws IOException {
    export("chain", "sparsify");
    String first = ids("chain", "top-k").split(",")[0];
    refused(
        FailureKind.SETTINGS,
        "is of site elsewhere, which dataset",
        "dictionaries=[{path=\"%s\",site=elsewhere}]".formatted(first));
    refused(
        FailureKind.SETTINGS,
        "is of checkpoint 7, of which dataset",
        "dictionaries=[{path=\"%s\",checkpoint=7}]".formatted(first));
    refused(
        FailureKind.SETTINGS,
        "would both be imported-",
        "dictionaries=[{path=\"%s\",checkpoint=0},{path=\"%s\",checkpoint=0}]"
            .formatted(first, ids("chain", "top-k").split(",")[1]));
    refused(FailureKind.DATA, "nothing/cfg.json does not exist", "dictionaries=[{path=nothing}]");
    refused(FailureKind.DATA, "leads out of", "dictionaries=[{path=\"../chain\"}]");
    assertThatThrownBy(() -> imported("dataset", "sparsify", "nowhere"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("holds no dictionary of format sparsify");
    assertThatThrownBy(() -> export("chain", "saelens", "only=[chian]"))
        .hasMessageContaining("only: ")
        .hasMessageContaining("has no dictionary 'chian'");
  }

  private static void refused(FailureKind kind, String words, String dictionaries) {
    assertThatThrownBy(() -> imported("chain-sparsify", "sparsify", "refused", dictionaries))
        .satisfies(
            thrown -> {
              Failure failure = Failure.in(thrown).orElseThrow();
              assertThat(failure.kind()).isEqualTo(kind);
              assertThat(failure).hasMessageContaining(words);
            });
    assertThat(folder.resolve("refused")).doesNotExist();
  }

  /** The format is an option, as people expect of such a command. */
  @Test
  void theFormatIsAnOption() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream error = new ByteArrayOutputStream();
    Terminal terminal =
        new Terminal(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(error, true, StandardCharsets.UTF_8),
            false,
            100);
    assertThat(Main.run(Main.jobs(), terminal, "export", "--help")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("--format=FORMAT", "saelens: SAELens 6", "crosscoders = whole");
    String[] wrong = {
      "export", "--format", "keras", "--set", "dictionaries=here", "--output", "there"
    };
    assertThat(Main.run(Main.jobs(), terminal, wrong)).isEqualTo(2);
    assertThat(error.toString(StandardCharsets.UTF_8))
        .contains("format must be one of saelens, dictionary-learning", "got 'keras'");
  }
}
