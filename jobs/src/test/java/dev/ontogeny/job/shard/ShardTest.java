package dev.ontogeny.job.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.CaptureFixture.Row;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.ReportFixture;
import dev.ontogeny.job.TestSpark;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ShardTest {
  private static final int DOCUMENTS = 20;
  private static final int POSITIONS = 30;
  private static final int WIDTH = 9;
  private static final List<Long> CHECKPOINTS = List.of(0L, 16L, 400L);

  private static SparkSession spark;

  @TempDir private Path folder;

  @BeforeAll
  static void open() {
    spark = ReportFixture.spark();
  }

  @AfterAll
  static void close() throws IOException {
    spark.close();
  }

  @AfterEach
  void settle() throws InterruptedException {
    TestSpark.settle(spark);
  }

  @ParameterizedTest
  @EnumSource
  void everyCapturedRowStandsOnceInTheOrderOfItsHash(Form form) throws IOException {
    for (long checkpoint : CHECKPOINTS) {
      write("a", checkpoint, form, rows(checkpoint));
    }
    var number = form.binaryNumbers().number();
    Job.Result result =
        run(
            "width=" + WIDTH,
            "shards=3",
            "binary-type=" + (number == null ? "null" : number.key()));
    assertThat(result.alreadyDone()).isFalse();
    ShardedDataset dataset = ShardedDataset.open(Folder.of(result.output()));
    assertThat(dataset.summary().rows()).isEqualTo(DOCUMENTS * POSITIONS);
    assertThat(dataset.summary().sites())
        .containsExactly(new ShardedDataset.Site("a", WIDTH, CHECKPOINTS, form.vectorType()));
    assertThat(dataset.summary().heldOutShards()).hasSize(1);
    assertThat(dataset.summary().dropped()).isEmpty();
    TokenOrder order = TokenOrder.of(0, 3);
    Map<List<Object>, Row> expected = new HashMap<>();
    rows(16).forEach(row -> expected.put(List.of(row.document(), row.position()), row));
    for (int shard = 0; shard < 3; shard++) {
      List<Object[]> tokens = tokens(dataset, shard);
      List<float[]> vectors = vectors(dataset, 16, shard);
      assertThat(vectors).hasSameSizeAs(tokens);
      long previous = 0;
      for (int i = 0; i < tokens.size(); i++) {
        long document = (Long) tokens.get(i)[0];
        int position = (Integer) tokens.get(i)[1];
        long hash = order.hash(document, position);
        assertThat(order.shard(hash)).isEqualTo(shard);
        assertThat(Long.compareUnsigned(previous, hash)).isLessThanOrEqualTo(0);
        previous = hash;
        Row row = expected.remove(List.of(document, position));
        assertThat(tokens.get(i))
            .containsExactly(document, position, row.tokenId(), row.token(), row.label());
        assertThat(vectors.get(i)).containsExactly(row.vector());
      }
    }
    assertThat(expected).isEmpty();
  }

  @Test
  void bytesDependOnNothingButSeedAndCapture() throws IOException {
    for (long checkpoint : CHECKPOINTS) {
      write("a", checkpoint, Form.HALF_LIST, rows(checkpoint));
      write("b", checkpoint, Form.FLOAT_LIST, rows(checkpoint + 1));
    }
    Map<String, String> once = checksums(run("shards=4", "output=" + folder.resolve("one")));
    Map<String, String> again =
        checksums(
            run(
                "shards=4",
                "output=" + folder.resolve("two"),
                "slice-bytes=64KiB",
                "split-bytes=64KiB",
                "moment-bytes=0"));
    assertThat(again).isEqualTo(once);
    assertThat(once).hasSize(4 * (1 + 6) + 6 + 1);
    Map<String, String> other =
        checksums(run("shards=4", "output=" + folder.resolve("three"), "seed=1"));
    assertThat(other.get("tokens 0 null null")).isNotEqualTo(once.get("tokens 0 null null"));
  }

  @Test
  void momentsAreThoseOfAllRows() throws IOException {
    write("a", 5, Form.FLOAT_LIST, rows(5));
    Job.Result result = run("geometric-median-rows=50");
    ShardedDataset dataset = ShardedDataset.open(Folder.of(result.output()));
    Moments moments = dataset.moments("a", 5);
    int n = DOCUMENTS * POSITIONS;
    double[] mean = new double[WIDTH];
    for (Row row : rows(5)) {
      for (int i = 0; i < WIDTH; i++) {
        mean[i] += row.vector()[i] / (double) n;
      }
    }
    double[] covariance = new double[WIDTH * WIDTH];
    for (Row row : rows(5)) {
      for (int i = 0; i < WIDTH * WIDTH; i++) {
        covariance[i] +=
            (row.vector()[i / WIDTH] - mean[i / WIDTH])
                * (row.vector()[i % WIDTH] - mean[i % WIDTH])
                / n;
      }
    }
    assertThat(moments.rows()).isEqualTo(n);
    assertThat(moments.mean()).containsExactly(mean, within(1e-6));
    assertThat(moments.covariance()).containsExactly(covariance, within(1e-6));
    assertThat(moments.geometricMedian()).hasSize(WIDTH);
    PublishedFile file = result.manifest().table("moments").findFirst().orElseThrow();
    try (TableReader reader =
        TableReader.open(dataset.folder(), file.path(), "norm_lower", "norm_count")) {
      Object[] row = reader.next();
      assertThat((double[]) row[0]).isSorted().hasSameSizeAs((long[]) row[1]);
      assertThat(Arrays.stream((long[]) row[1]).sum()).isEqualTo(n);
    }
  }

  @Test
  void aPublishedDatasetIsLeftAloneAndACutOffRunDoesOnlyWhatIsMissing() throws IOException {
    write("a", 5, Form.FLOAT_LIST, rows(5));
    Path output = folder.resolve("dataset");
    // A file where the moments' folder should be: the run fails after its shards.
    Files.createDirectories(output.resolve("_progress"));
    Files.writeString(output.resolve("_progress/x"), "");
    Files.writeString(output.resolve("moments"), "");
    assertThatThrownBy(() -> run()).hasMessageContaining("moments");
    assertThat(output.resolve("_manifest.json")).doesNotExist();
    List<String> before = names(output.resolve("tokens"));
    assertThat(before).hasSize(10);
    Files.delete(output.resolve("moments"));
    Job.Result resumed = run();
    assertThat(resumed.alreadyDone()).isFalse();
    assertThat(names(output.resolve("tokens"))).isEqualTo(before);
    assertThat(output.resolve("_progress")).doesNotExist();
    assertThat(checksums(resumed))
        .isEqualTo(checksums(run("output=" + folder.resolve("undisturbed"))));
    assertThat(run().alreadyDone()).isTrue();
    assertThatThrownBy(() -> run("seed=7"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("already holds dataset of other settings");
  }

  /** Of rows whose shards are there already nothing is wanted: the others keep their own tokens. */
  @Test
  void aRunThatWasCutOffAmongItsShardsGoesOn() throws IOException {
    for (long checkpoint : CHECKPOINTS) {
      write("a", checkpoint, Form.HALF_LIST, rows(checkpoint));
    }
    Path output = folder.resolve("dataset");
    Files.createDirectories(output.resolve("_progress"));
    Files.writeString(output.resolve("_progress/x"), "");
    Files.writeString(output.resolve("moments"), "");
    assertThatThrownBy(() -> run("shards=4")).hasMessageContaining("moments");
    Files.delete(output.resolve("moments"));
    try (Stream<Path> files = Files.walk(output.resolve("_progress"))) {
      List<Path> records =
          files
              .filter(file -> file.getFileName().toString().matches("unit-shard-0000[13].*json"))
              .toList();
      assertThat(records).hasSize(2);
      for (Path record : records) {
        Files.delete(record);
      }
    }
    assertThat(checksums(run("shards=4")))
        .isEqualTo(checksums(run("shards=4", "output=" + folder.resolve("undisturbed"))));
  }

  /** Rows of a source that is not wanted stand between those of one that is. */
  @Test
  void someOfTheSourcesOfAFile() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < DOCUMENTS * POSITIONS; i++) {
      for (long checkpoint : CHECKPOINTS) {
        rows.add(rows(checkpoint).get(i));
      }
    }
    IdentityHashMap<Row, Long> checkpointOf = new IdentityHashMap<>();
    for (int i = 0; i < rows.size(); i++) {
      checkpointOf.put(rows.get(i), CHECKPOINTS.get(i % CHECKPOINTS.size()));
    }
    Path together = folder.resolve("together/all.parquet");
    CaptureFixture.write(
        together,
        CaptureFixture.schema(
            Form.HALF_LIST, 0, "required binary site (STRING); required int64 checkpoint;"),
        Form.HALF_LIST,
        Encoding.usual(),
        rows,
        (group, row) -> {
          group.append("site", "a");
          group.append("checkpoint", checkpointOf.get(row));
        });
    for (long checkpoint : CHECKPOINTS) {
      write("a", checkpoint, Form.HALF_LIST, rows(checkpoint));
    }
    for (String wanted : List.of("[16]", "[0, 400]", "[0, 16, 400]")) {
      Map<String, String> of =
          checksums(
              run(
                  "input=" + folder.resolve("together"),
                  "checkpoints=" + wanted,
                  "output=" + folder.resolve("of-" + wanted)));
      Map<String, String> apart =
          checksums(run("checkpoints=" + wanted, "output=" + folder.resolve("apart-" + wanted)));
      // What tells of the files of the capture differs.
      of.keySet().removeIf(file -> file.startsWith("capture"));
      apart.keySet().removeIf(file -> file.startsWith("capture"));
      assertThat(of).as(wanted).isEqualTo(apart);
    }
  }

  @Test
  void faultsEndTheRunWithFileRowAndKey() throws IOException {
    String at = "document 4, position 2 (site a, checkpoint 16)";
    faulty(row -> changed(row, new float[3]));
    assertThatThrownBy(() -> run())
        .satisfies(
            thrown -> assertThat(Failure.in(thrown)).get().extracting("kind").hasToString("DATA"))
        .hasMessageContaining("site=a/checkpoint=16/part-0.parquet, row 122: " + at)
        .hasMessageContaining("has a vector of 3 numbers, its site's have 9");
    float[] nan = new float[WIDTH];
    nan[4] = Float.NaN;
    faulty(row -> changed(row, nan));
    assertThatThrownBy(() -> run())
        .hasMessageContaining("part-0.parquet, row 122: " + at + " has a NaN in its vector")
        .hasMessageContaining("rules.nan=drop");
    float[] infinite = new float[WIDTH];
    infinite[8] = Float.NEGATIVE_INFINITY;
    faulty(row -> changed(row, infinite));
    assertThatThrownBy(() -> run())
        .hasMessageContaining(at + " has an infinite number in its vector");
    faulty(
        row ->
            new Row(
                row.document(),
                row.position(),
                row.tokenId() + 1,
                row.token(),
                row.label(),
                row.loss(),
                row.vector()));
    assertThatThrownBy(() -> run())
        .hasMessageContaining("row 122: " + at + ": token id 9, but 8 in ")
        .hasMessageContaining("checkpoint=0/part-0.parquet, row 122");
    faulty(row -> null);
    assertThatThrownBy(() -> run())
        .hasMessageContaining("document 4, position 2 is missing at site a, checkpoint 16, but ")
        .hasMessageContaining("checkpoint=0/part-0.parquet, row 122 has it");
    List<Row> twice = new ArrayList<>(rows(16));
    twice.add(twice.get(122));
    write("a", 16, Form.FLOAT_LIST, twice);
    assertThatThrownBy(() -> run())
        .hasMessageContaining("part-0.parquet, row 600: " + at + " stands twice, first in ")
        .hasMessageContaining("part-0.parquet, row 122");
    assertThat(folder.resolve("dataset/_manifest.json")).doesNotExist();
  }

  @Test
  void faultsMayBeDroppedAndAreCountedAndListed() throws IOException {
    float[] nan = new float[WIDTH];
    nan[0] = Float.NaN;
    List<Row> rows = new ArrayList<>(rows(16));
    rows.set(100, changed(rows.get(100), nan));
    rows.set(101, changed(rows.get(101), new float[WIDTH + 1]));
    rows.add(rows.get(102));
    rows.remove(103);
    for (long checkpoint : CHECKPOINTS) {
      write("a", checkpoint, Form.FLOAT_LIST, checkpoint == 16 ? rows : rows(checkpoint));
    }
    Job.Result result =
        run(
            "rules.nan=drop",
            "rules.width=drop",
            "rules.duplicate=drop",
            "rules.missing=drop",
            "skip-first-positions=1");
    ShardedDataset dataset = ShardedDataset.open(Folder.of(result.output()));
    assertThat(dataset.summary().dropped())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "position",
                (long) DOCUMENTS,
                "nan",
                1L,
                "width",
                1L,
                "missing",
                1L,
                "duplicate",
                1L));
    assertThat(dataset.summary().rows()).isEqualTo(DOCUMENTS * (POSITIONS - 1) - 3);
    Map<String, Object[]> rejects = new TreeMap<>();
    for (PublishedFile file : result.manifest().table("rejects").toList()) {
      try (TableReader reader = TableReader.open(dataset.folder(), file.path())) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          rejects.put((String) row[4], row);
        }
      }
    }
    assertThat(rejects).containsOnlyKeys("duplicate", "missing", "nan", "width");
    assertThat(rejects.get("nan")).startsWith(3L, 10, "a", 16L, "nan");
    assertThat(rejects.get("width")[5].toString())
        .startsWith("has a vector of 10 numbers, its site's have 9 in ");
    assertThat(rejects.get("missing")).startsWith(3L, 13, "a", 16L);
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      for (long checkpoint : CHECKPOINTS) {
        assertThat(vectors(dataset, checkpoint, shard)).hasSize((int) dataset.rows(shard));
      }
    }
  }

  @Test
  void outlierNormsAreFilteredAtEverySource() throws IOException {
    faulty(
        row -> {
          float[] large = row.vector().clone();
          Arrays.fill(large, 100);
          return changed(row, large);
        });
    Job.Result result = run("maximum-norm-ratio=10");
    ShardedDataset dataset = ShardedDataset.open(Folder.of(result.output()));
    assertThat(dataset.summary().dropped()).containsExactly(Map.entry("norm", 1L));
    assertThat(dataset.summary().rows()).isEqualTo(DOCUMENTS * POSITIONS - 1);
    assertThat(result.manifest().table("rejects")).isEmpty();
  }

  @Test
  void aCheckpointThatASiteLacksIsNamed() throws IOException {
    for (long checkpoint : CHECKPOINTS) {
      write("a", checkpoint, Form.FLOAT_LIST, rows(checkpoint));
    }
    write("b", 0, Form.FLOAT_LIST, rows(1));
    write("b", 400, Form.FLOAT_LIST, rows(2));
    assertThatThrownBy(() -> run())
        .isInstanceOf(Failure.class)
        .hasMessageContaining("site b has no rows at checkpoint 16; it has [0, 400]");
    assertThatThrownBy(() -> run("sites=[a]", "checkpoints=[0, 17]"))
        .hasMessageContaining("site a has no rows at checkpoint 17; it has [0, 16, 400]");
    assertThatThrownBy(() -> run("sites=[c]"))
        .hasMessageContaining("the capture has no site c (setting sites); it has [a, b]");
    ShardedDataset dataset = ShardedDataset.open(Folder.of(run("checkpoints=[0, 400]").output()));
    assertThat(dataset.summary().sites())
        .extracting(ShardedDataset.Site::checkpoints)
        .containsExactly(List.of(0L, 400L), List.of(0L, 400L));
  }

  @Test
  void textDocumentsGradientsAndColumnsInsteadOfPartitions() throws IOException {
    Path file = folder.resolve("capture/all.parquet");
    List<Row> rows = new ArrayList<>();
    for (long checkpoint : CHECKPOINTS) {
      for (Row row : rows(checkpoint)) {
        rows.add(
            new Row(
                row.document() + 1000 * checkpoint,
                row.position(),
                row.tokenId(),
                row.token(),
                row.label(),
                row.position() == 3 ? Float.NaN : row.loss(),
                row.vector()));
      }
    }
    CaptureFixture.write(
        file,
        CaptureFixture.schema(
            Form.HALF_LIST,
            WIDTH,
            "required binary doc (STRING); required binary hook (STRING); required int64 step;"
                + "optional group grad (LIST) { repeated group list { optional fixed_len_byte_array(2) element (FLOAT16); } }"),
        Form.HALF_LIST,
        Encoding.usual(),
        rows,
        (group, row) -> {
          group.append("doc", "Ω" + row.document() % 1000);
          group.append("hook", "blocks.0/mlp");
          group.append("step", row.document() / 1000);
          float[] gradient = new float[WIDTH];
          gradient[0] = row.position();
          CaptureFixture.append(group, "grad", Form.HALF_LIST, gradient);
        });
    Job.Result result =
        run(
            "columns.document=doc",
            "columns.site=hook",
            "columns.checkpoint=step",
            "columns.gradient=grad");
    ShardedDataset dataset = ShardedDataset.open(Folder.of(result.output()));
    assertThat(dataset.summary().sites())
        .containsExactly(
            new ShardedDataset.Site("blocks.0/mlp", WIDTH, CHECKPOINTS, VectorType.FLOAT16));
    long seen = 0;
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      List<Object[]> tokens = tokens(dataset, shard);
      seen += tokens.size();
      FloatMatrix gradients = FloatMatrix.zeros(Math.max(1, tokens.size()), WIDTH);
      try (VectorReader reader = dataset.gradients("blocks.0/mlp", 400, shard)) {
        assertThat(reader.read(gradients)).isEqualTo(tokens.size());
      }
      for (int i = 0; i < tokens.size(); i++) {
        assertThat(tokens.get(i)[0].toString()).startsWith("Ω");
        assertThat(gradients.values()[i * WIDTH])
            .isEqualTo(((Integer) tokens.get(i)[1]).floatValue());
      }
      losses(dataset, result.manifest(), shard, tokens);
    }
    assertThat(seen).isEqualTo(DOCUMENTS * POSITIONS);
  }

  private static void losses(
      ShardedDataset dataset, Manifest manifest, int shard, List<Object[]> tokens)
      throws IOException {
    PublishedFile file =
        manifest
            .table("vectors")
            .filter(each -> each.shard() == shard && each.checkpoint() == 16)
            .findFirst()
            .orElseThrow();
    try (TableReader reader = TableReader.open(dataset.folder(), file.path(), "loss")) {
      for (Object[] token : tokens) {
        int position = (Integer) token[1];
        assertThat(reader.next()[0]).isEqualTo(position == 3 ? null : (Object) (position / 8f));
      }
    }
  }

  @Test
  void thePlanStatesRowsBytesTasksAndMemory() throws IOException {
    for (long checkpoint : CHECKPOINTS) {
      write("a", checkpoint, Form.HALF_LIST, rows(checkpoint));
    }
    Map<String, String> lines = new Shard().plan(spark, settings()).lines();
    assertThat(lines.get("rows")).isEqualTo("1800 of the capture, 600 tokens");
    assertThat(lines.get("site a")).isEqualTo("width 9, float16, checkpoints [0, 16, 400]");
    assertThat(lines.get("tasks"))
        .isEqualTo("1 that read, 10 shards of 1 slices, 3 that merge moments");
    assertThat(lines)
        .containsKeys("capture", "bytes", "memory per task", "floating-point operations");
    assertThat(folder.resolve("dataset")).doesNotExist();
  }

  /** Writes all checkpoints; the row of document 4, position 2 at checkpoint 16 is changed. */
  private void faulty(java.util.function.UnaryOperator<Row> change) throws IOException {
    for (long checkpoint : CHECKPOINTS) {
      List<Row> rows = new ArrayList<>(rows(checkpoint));
      if (checkpoint == 16) {
        int index = 4 * POSITIONS + 2;
        Row changed = change.apply(rows.get(index));
        if (changed == null) {
          rows.remove(index);
        } else {
          rows.set(index, changed);
        }
      }
      write("a", checkpoint, Form.FLOAT_LIST, rows);
    }
  }

  private static Row changed(Row row, float[] vector) {
    return new Row(
        row.document(),
        row.position(),
        row.tokenId(),
        row.token(),
        row.label(),
        row.loss(),
        vector);
  }

  private static List<Row> rows(long checkpoint) {
    return CaptureFixture.rows(DOCUMENTS, POSITIONS, WIDTH, checkpoint);
  }

  private void write(String site, long checkpoint, Form form, List<Row> rows) throws IOException {
    Path file = folder.resolve("capture/site=" + site + "/checkpoint=" + checkpoint);
    if (Files.exists(file)) {
      try (Stream<Path> files = Files.list(file)) {
        for (Path each : files.toList()) {
          Files.delete(each);
        }
      }
    }
    CaptureFixture.write(
        folder.resolve("capture"), site, checkpoint, form, Encoding.usual(), WIDTH, rows);
  }

  private ShardSettings settings(String... assignments) {
    List<String> all = new ArrayList<>();
    all.add("input=" + folder.resolve("capture"));
    all.add("output=" + folder.resolve("dataset"));
    all.addAll(List.of(assignments));
    return SettingsReader.read(ShardSettings.class, "shard", null, all);
  }

  private Job.Result run(String... assignments) {
    return new Shard().run(spark, settings(assignments));
  }

  private static Map<String, String> checksums(Job.Result result) {
    Map<String, String> checksums = new TreeMap<>();
    for (PublishedFile file : result.manifest().files()) {
      checksums.put(
          file.table() + " " + file.shard() + " " + file.site() + " " + file.checkpoint(),
          file.sha256());
    }
    return checksums;
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    }
  }

  private static List<Object[]> tokens(ShardedDataset dataset, int shard) throws IOException {
    List<Object[]> tokens = new ArrayList<>();
    try (TableReader reader =
        TableReader.open(
            dataset.folder(),
            dataset.tokensFile(shard).path(),
            "document",
            "position",
            "token_id",
            "token",
            "label_parity")) {
      for (Object[] row = reader.next(); row != null; row = reader.next()) {
        tokens.add(row);
      }
    }
    return tokens;
  }

  private static List<float[]> vectors(ShardedDataset dataset, long checkpoint, int shard)
      throws IOException {
    List<float[]> vectors = new ArrayList<>();
    FloatMatrix block = FloatMatrix.zeros(7, WIDTH);
    try (VectorReader reader = dataset.vectors("a", checkpoint, shard)) {
      for (int read = reader.read(block); read > 0; read = reader.read(block)) {
        for (int i = 0; i < read; i++) {
          vectors.add(Arrays.copyOfRange(block.values(), i * WIDTH, (i + 1) * WIDTH));
        }
      }
    }
    return vectors;
  }
}
