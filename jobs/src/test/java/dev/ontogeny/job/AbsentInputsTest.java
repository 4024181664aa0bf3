package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.typesafe.config.ConfigFactory;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.PublicationFixture;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.PublishedTables;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedActivations.Token;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.io.api.Binary;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The whole line on captures that lack what they may lack, in every mode, down to the pages in a
 * browser: everything is published, nowhere stands a number that is none, and views that have
 * nothing to show say so.
 */
class AbsentInputsTest {
  private static final int DOCUMENTS = 24;
  private static final int LENGTH = 8;
  private static final Set<String> ALL =
      Set.of("token", "token_id", "loss", "gradient", "label_topic", "label_coin");

  @TempDir static Path browsers;

  private static SparkSession spark;
  private static Browser browser;

  @TempDir private Path folder;

  @BeforeAll
  static void open() throws Exception {
    spark = ReportFixture.spark();
    Optional<Path> program = Browser.program();
    if (program.isPresent()) {
      browser = Browser.start(program.get(), Files.createDirectories(browsers.resolve("one")));
    }
  }

  @AfterAll
  static void close() throws Exception {
    spark.close();
    if (browser != null) {
      browser.close();
    }
  }

  /**
   * A capture and what is made of it.
   *
   * @param absent columns that it lacks
   * @param odd what else is odd about it
   */
  record Line(
      Set<String> absent, String mode, int replicas, int checkpoints, int sites, String odd) {}

  static Stream<Line> lines() {
    Set<String> labels = Set.of("label_topic", "label_coin");
    Set<String> losses = Set.of("loss", "gradient");
    return Stream.of(
        new Line(ALL, "chain", 2, 3, 1, ""),
        new Line(ALL, "independent", 1, 2, 2, ""),
        new Line(ALL, "crosscoder", 2, 3, 1, ""),
        new Line(labels, "chain", 1, 1, 1, ""),
        new Line(labels, "crosscoder", 1, 2, 2, ""),
        new Line(labels, "independent", 2, 4, 1, ""),
        new Line(Set.of("token"), "chain", 1, 2, 1, ""),
        new Line(Set.of("token_id"), "independent", 1, 3, 1, ""),
        new Line(Set.of("token", "token_id"), "crosscoder", 1, 1, 1, ""),
        new Line(losses, "chain", 2, 2, 1, "tokens null on some rows"),
        new Line(Set.of(), "independent", 1, 2, 1, "documents of one token"),
        new Line(ALL, "chain", 2, 2, 1, "nothing fires"),
        new Line(losses, "independent", 1, 3, 1, "nothing fires"),
        new Line(losses, "chain", 1, 2, 1, "half characters"),
        new Line(ALL, "chain", 2, 3, 2, "a site that begins with zeros"),
        new Line(losses, "crosscoder", 1, 3, 2, "a site that begins with zeros"),
        new Line(losses, "chain", 1, 2, 3, "names of sites"),
        new Line(losses, "crosscoder", 1, 2, 3, "names of sites"));
  }

  /** Names that no folder can have, two of which would be the same as folders, and a long one. */
  private static String site(Line line, int number) {
    return line.odd().equals("names of sites")
        ? List.of(
                "module:vit.layers.0 é \"日本\" <i>'",
                "module/vit.layers.0 é \"日本\" <i>'",
                "blocks." + "x".repeat(200))
            .get(number)
        : "blocks." + number + ".hook";
  }

  @ParameterizedTest
  @MethodSource("lines")
  void theWholeLine(Line line) throws Exception {
    write(line);
    String types =
        line.mode().equals("crosscoder") ? "type = batch-top-k, k = 2" : "type = top-k, k = 2";
    Pipeline pipeline =
        Pipeline.of(
            Main.jobs(),
            ConfigFactory.parseString(
                "work = "
                    + quoted(folder.resolve("work"))
                    + ", shard { input = "
                    + quoted(folder.resolve("capture"))
                    + ", shards = 4 }, train { mode = "
                    + line.mode()
                    + ", replicas = "
                    + line.replicas()
                    + ", dictionaries = [ { "
                    + types
                    + ", width = 12 } ], training { batch = 64, tokens = 2048, link-tokens = 512, dead-window = 1000 } },"
                    + " measure { top-examples = 4, quantiles = 2, examples-per-quantile = 1, replicates = 8, features-per-file = 128 },"
                    + " evolve { phases { shifts = 20, bootstraps = 20 } }, report {}"),
            "a test");
    for (Pipeline.Step<?> step : pipeline.steps()) {
      Job.Result result = step.run(spark);
      assertThat(result.manifest().files()).isNotEmpty();
      if (step.job().name().equals("train") && line.odd().equals("a site that begins with zeros")) {
        assertThat(result.lines())
            .contains("left out, since the vectors are all the same there: blocks.1.hook at 0");
      }
      if (step.job().name().equals("train") && line.odd().equals("nothing fires")) {
        silence(Folder.of(result.output()));
      }
      if (!step.job().name().equals("report")) {
        assertAsDeclared(Folder.of(result.output()));
      }
      if (step.job().name().equals("measure")) {
        assertLossEffects(result.manifest(), Folder.of(result.output()), line);
      }
    }
    if (browser != null) {
      assertPages(folder.resolve("work/report"), line);
    }
  }

  @Test
  void aBrowserIsThereOrNothingIsSaidOfPages() {
    assertThat(browser != null).isEqualTo(Browser.program().isPresent());
  }

  /**
   * Every table that has to be there is, has the columns that the manifest tells, and is null only
   * where that says so.
   */
  private static void assertAsDeclared(Folder folder) throws IOException {
    Manifest manifest = Manifest.read(folder);
    assertThat(manifest.schema()).as("schema of %s", folder).isNotNull();
    for (TableSchema table : PublishedTables.of(manifest.kind())) {
      if (table.absent().isEmpty()) {
        assertThat(manifest.table(table.name())).as("%s of %s", table.name(), folder).isNotEmpty();
      }
    }
    for (PublishedFile file : manifest.files()) {
      if (!file.path().endsWith(".parquet")) {
        continue;
      }
      TableSchema table = manifest.schema(file.table()).orElseThrow();
      try (TableReader reader = TableReader.open(folder, file.path())) {
        assertThat(reader.columns()).as(file.path()).isEqualTo(table.names());
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          for (int i = 0; i < row.length; i++) {
            TableSchema.Column column = table.columns().get(i);
            assertThat(isNumber(row[i])).as("%s, column %s", file.path(), column.name()).isTrue();
            if (row[i] == null) {
              assertThat(column.absent())
                  .as("%s, column %s", file.path(), column.name())
                  .isNotEmpty();
            } else {
              assertThat(row[i].getClass())
                  .as("%s, column %s", file.path(), column.name())
                  .isEqualTo(of(column.type()));
            }
          }
        }
      }
    }
  }

  /**
   * The gradients of these captures are the vectors themselves, so that their effect is their
   * variance; label values count where there are labels.
   */
  private void assertLossEffects(Manifest manifest, Folder features, Line line) throws IOException {
    List<PublishedFile> files = manifest.table("loss_effects").toList();
    if (line.absent().contains("gradient")) {
      assertThat(files).isEmpty();
      return;
    }
    assertThat(files).isNotEmpty();
    ShardedDataset dataset =
        ShardedDataset.open(Folder.of(folder.resolve("work/dataset").toString()));
    for (PublishedFile file : files) {
      Moments moments = dataset.moments(file.site(), file.checkpoint());
      double variance = moments.meanSquareNorm();
      for (double mean : moments.mean()) {
        variance -= mean * mean;
      }
      Set<Object> labels = new HashSet<>();
      try (TableReader reader = TableReader.open(features, file.path())) {
        Object[] all = reader.next();
        assertThat(all[2]).isNull();
        assertThat((Double) all[4]).isCloseTo(-variance, within(1e-4 * variance));
        assertThat(all[8]).isEqualTo(moments.rows());
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          labels.add(row[2]);
        }
      }
      Set<Object> captured = new HashSet<>(Set.of("label_topic", "label_coin"));
      captured.removeAll(line.absent());
      assertThat(labels).isEqualTo(captured);
    }
  }

  private static Class<?> of(TableSchema.ColumnType type) {
    return switch (type) {
      case STRING -> String.class;
      case LONG -> Long.class;
      case INT -> Integer.class;
      case DOUBLE -> Double.class;
      case FLOAT -> Float.class;
      case BOOLEAN -> Boolean.class;
      case BYTES -> byte[].class;
      case DOUBLES -> double[].class;
      case FLOATS -> float[].class;
      case LONGS -> long[].class;
      case STRINGS -> String[].class;
      case CAPTURED -> throw new AssertionError("a column is not told of what type it is");
    };
  }

  private static boolean isNumber(Object value) {
    if (value instanceof Double number) {
      return Double.isFinite(number);
    } else if (value instanceof Float number) {
      return Float.isFinite(number);
    } else if (value instanceof double[] numbers) {
      for (double number : numbers) {
        if (!Double.isFinite(number)) {
          return false;
        }
      }
    } else if (value instanceof float[] numbers) {
      for (float number : numbers) {
        if (!Float.isFinite(number)) {
          return false;
        }
      }
    }
    return true;
  }

  private static void assertPages(Path report, Line line) throws Exception {
    browser.open(report, "#/features");
    List<String> addresses =
        new ArrayList<>(
            List.of(
                "#/overview",
                "#/formation",
                "#/features",
                "#/lineage",
                "#/compare",
                "#/pareto",
                "#/reference"));
    var links =
        browser.evaluate(
            "[...document.querySelectorAll('a')].map((a) => a.getAttribute('href')).filter((href) => href && href.startsWith('#/feature/')).slice(0, 2)");
    links.forEach(link -> addresses.add(link.asText()));
    for (String address : addresses) {
      browser.open(report, address);
      assertThat(browser.evaluate("document.querySelectorAll('.error').length").asInt())
          .as("%s of %s: %s", address, line, browser.complaints())
          .isZero();
      String text = browser.text("document.querySelector('main').innerText");
      assertThat(text).as("%s of %s", address, line).isNotBlank();
      assertThat(text)
          .as("%s of %s", address, line)
          .doesNotContainPattern("\\b(NaN|undefined|Infinity)\\b");
      assertThat(
              browser
                  .evaluate(
                      "[...document.querySelectorAll('main *')].filter((each) => each.textContent === 'null').length")
                  .asInt())
          .as("%s of %s", address, line)
          .isZero();
    }
    assertThat(browser.complaints()).as(line.toString()).isEmpty();
    if (line.odd().equals("half characters")) {
      browser.open(report, addresses.get(addresses.size() - 1));
      assertThat(browser.text("document.querySelector('main').innerText")).contains("\u4f60\u597d");
    }
    browser.open(report, "#/features");
    String listed = browser.text("document.querySelector('main').innerText");
    assertThat(listed.contains("No label tells these tracks apart"))
        .isEqualTo(line.absent().contains("label_topic") || line.odd().equals("nothing fires"));
    assertThat(listed.contains("The capture has no tokens to show"))
        .isEqualTo(
            line.absent().containsAll(List.of("token", "token_id"))
                || line.odd().equals("nothing fires"));
  }

  /** Publishes the same dictionaries with biases so low that nothing fires. */
  private static void silence(Folder folder) throws IOException {
    Manifest manifest = Manifest.read(folder);
    List<PublishedFile> files = new ArrayList<>();
    for (PublishedFile file : manifest.files()) {
      if (!file.path().endsWith(".safetensors")) {
        files.add(file);
        continue;
      }
      Dictionary dictionary = DictionaryFolder.read(folder, file.dictionary());
      Arrays.fill(dictionary.encoderBias(), -1e9f);
      FloatMatrix probe = FloatMatrix.zeros(1, dictionary.inputs());
      files.add(
          folder
              .write(
                  file.path(),
                  null,
                  out ->
                      DictionaryFormat.write(
                          dictionary,
                          new DictionaryFormat.Probe(
                              probe, FloatMatrix.zeros(1, dictionary.width()), probe),
                          out))
              .ofDictionary(file.dictionary()));
    }
    folder.delete(Manifest.FILE);
    PublicationFixture.publish(
        folder,
        "dictionaries",
        new Silenced(manifest.identity()),
        manifest.inputs(),
        files,
        Map.of());
  }

  /** Decides the identity of the folder. */
  private record Silenced(String from) {}

  private static String quoted(Path path) {
    return "\"" + path + "\"";
  }

  private void write(Line line) throws IOException {
    PlantedActivations planted = new PlantedActivations(PlantedActivations.Plan.of(5, 8, 16, 6));
    int length = line.odd().equals("documents of one token") ? 1 : LENGTH;
    int documents = DOCUMENTS * LENGTH / length;
    StringBuilder schema =
        new StringBuilder(
            "required int64 document; required int32 position; required group activation (LIST) { repeated group list { required float element; } } ");
    column(line, schema, "token_id", "optional int32 token_id; ");
    column(
        line,
        schema,
        "token",
        line.odd().equals("half characters")
            ? "optional binary token; "
            : "optional binary token (STRING); ");
    column(line, schema, "loss", "optional float loss; ");
    column(
        line,
        schema,
        "gradient",
        "optional group gradient (LIST) { repeated group list { required float element; } } ");
    column(line, schema, "label_topic", "optional binary label_topic (STRING); ");
    column(line, schema, "label_coin", "optional boolean label_coin; ");
    for (int site = 0; site < line.sites(); site++) {
      for (int t = 0; t < line.checkpoints(); t++) {
        int checkpoint = t;
        boolean silent = site == 1 && t == 0 && line.odd().equals("a site that begins with zeros");
        CaptureFixture.write(
            folder.resolve(
                "capture/site="
                    + site(line, site).replace("%", "%25").replace("/", "%2F")
                    + "/checkpoint="
                    + planted.plan().checkpoints().get(t)
                    + "/a.parquet"),
            schema.toString(),
            Map.of(),
            documents * length,
            (group, row) ->
                row(
                    line,
                    planted,
                    planted.token(row / length, row % length),
                    row % length,
                    checkpoint,
                    silent,
                    group));
      }
    }
  }

  private static void column(Line line, StringBuilder schema, String name, String declared) {
    if (!line.absent().contains(name)) {
      schema.append(declared);
    }
  }

  private static void row(
      Line line,
      PlantedActivations planted,
      Token token,
      int position,
      int checkpoint,
      boolean silent,
      Group group) {
    float[] vector = new float[planted.plan().width()];
    if (!silent) {
      planted.activation(token, checkpoint, vector);
    }
    group.append("document", token.document());
    group.append("position", position);
    list(group.addGroup("activation"), vector);
    boolean known = !line.odd().equals("tokens null on some rows") || position % 3 > 0;
    if (known && !line.absent().contains("token_id")) {
      group.append("token_id", token.tokenId());
    }
    if (known && !line.absent().contains("token")) {
      byte[] parts = "\u4f60\u597d".getBytes(java.nio.charset.StandardCharsets.UTF_8);
      int from = 2 * (position % 3);
      group.append(
          "token",
          line.odd().equals("half characters")
              ? Binary.fromConstantByteArray(parts, from, 2)
              : Binary.fromString(token.token()));
    }
    if (!line.absent().contains("loss") && position > 0) {
      group.append("loss", position / 4f);
    }
    if (!line.absent().contains("gradient")) {
      list(group.addGroup("gradient"), vector);
    }
    if (!line.absent().contains("label_topic") && position % 2 == 0) {
      group.append("label_topic", String.valueOf(token.labels().get(0)));
    }
    if (!line.absent().contains("label_coin")) {
      group.append("label_coin", position % 4 == 0);
    }
  }

  private static void list(Group list, float[] vector) {
    for (float value : vector) {
      list.addGroup(0).append("element", value);
    }
  }
}
