package dev.ontogeny.job.measure;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.job.BenchmarkDataset;
import dev.ontogeny.job.DictionaryFixture;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.stats.FeatureBlock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * How fast the job is, beside the kernel that only encodes the same rows from memory, and beside
 * the SQL that reduces the same codes. Kernel and job take turns, medians are told. Not part of the
 * tests; it prints, and asserts nothing. A folder in place of the temporary one keeps what was made
 * for the next time.
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=MeasureBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.rows=262144 -Dontogeny.features=8192 -Dontogeny.width=512 -Dontogeny.k=32
 * }</pre>
 */
class MeasureBenchmark {
  private static final int ROWS = Integer.getInteger("ontogeny.rows", 1 << 18);
  private static final int FEATURES = Integer.getInteger("ontogeny.features", 8192);
  private static final int WIDTH = Integer.getInteger("ontogeny.width", 512);
  private static final int K = Integer.getInteger("ontogeny.k", 32);
  private static final int TURNS = Integer.getInteger("ontogeny.turns", 3);
  private static final int CORES = 2;
  private static final int BATCH = 4096;

  private static final String EXPLODED =
      """
      (SELECT row, document, position, token, label_topic, label_coin, code.feature, code.value
       FROM codes LATERAL VIEW explode(arrays_zip(feature, value)) AS code)
      """;

  /** What measure publishes of features, as a user would write it, table by table. */
  private enum Query {
    SUMS(
        "sums and quantiles",
        """
        SELECT feature, count(*), avg(value), variance(value), max(value),
               percentile_approx(value, array(0.1, 0.5, 0.9, 0.99))
        FROM %s GROUP BY feature
        """),
    HISTOGRAMS(
        "histograms",
        """
        SELECT feature, floor(8 * log2(value)), count(*) FROM %s
        GROUP BY feature, floor(8 * log2(value))
        """),
    TOKENS(
        "top tokens",
        """
        SELECT * FROM
          (SELECT *, row_number() OVER (PARTITION BY feature ORDER BY n DESC, token) AS rank
           FROM (SELECT feature, token, count(*) AS n FROM %s GROUP BY feature, token))
        WHERE rank <= 10
        """),
    LABELS(
        "labels",
        """
        SELECT * FROM
          (SELECT *, row_number() OVER (PARTITION BY feature ORDER BY 2 * n / (fires + rows) DESC) AS rank
           FROM (SELECT *, sum(n) OVER (PARTITION BY feature, label) AS fires
                 FROM (SELECT feature, label, label_value, count(*) AS n
                       FROM %s LATERAL VIEW stack(2, 'topic', label_topic, 'coin', label_coin)
                         AS label, label_value
                       GROUP BY feature, label, label_value))
           JOIN (SELECT label, label_value, count(*) AS rows
                 FROM codes LATERAL VIEW stack(2, 'topic', label_topic, 'coin', label_coin)
                   AS label, label_value
                 GROUP BY label, label_value) USING (label, label_value))
        WHERE rank <= 5
        """),
    EXAMPLES(
        "examples with their contexts",
        """
        WITH kept AS
          (SELECT * FROM
            (SELECT *, row_number() OVER (PARTITION BY feature ORDER BY value DESC, row) AS top,
                    row_number() OVER (PARTITION BY feature ORDER BY xxhash64(row, feature)) AS sampled
             FROM %s)
           WHERE top <= 20 OR sampled <= 25),
        asked AS
          (SELECT kept.document, kept.feature, kept.row AS example, place AS position
           FROM kept LATERAL VIEW explode(sequence(position - 10, position + 5)) AS place)
        SELECT example, asked.feature,
               sort_array(collect_list(struct(asked.position, codes.token,
                 element_at(map_from_arrays(codes.feature, codes.value), asked.feature))))
        FROM asked JOIN codes
          ON asked.document = codes.document AND asked.position = codes.position
        GROUP BY example, asked.feature
        """);

    final String what;
    final String text;

    Query(String what, String text) {
      this.what = what;
      this.text = text.formatted(EXPLODED);
    }
  }

  private Path folder;

  @Test
  void besideTheKernelAndBesideSql(@TempDir Path folder) throws Exception {
    this.folder = folder;
    try (SparkSession spark = BenchmarkDataset.session(folder, CORES)) {
      ShardedDataset dataset = BenchmarkDataset.of(spark, folder, ROWS, WIDTH);
      if (!path("dictionaries").exists("_manifest.json")) {
        DictionaryFixture.publish(
            path("dictionaries"), dataset, BenchmarkDataset.SITE, FEATURES, K, 0);
      }
      List<DictionaryMetadata> dictionaries =
          DictionaryFolder.open(path("dictionaries")).dictionaries();
      long rows = dataset.summary().rows();
      long scanned = rows * dictionaries.size();
      kernel(dataset, dictionaries.get(0));
      job(spark, "warm-up");
      double[] kernel = new double[TURNS];
      double[] job = new double[TURNS];
      double[] share = new double[TURNS];
      double[] processorShare = new double[TURNS];
      double[] processorBeyond = new double[TURNS];
      for (int turn = 0; turn < TURNS; turn++) {
        double kernelUsed = 0;
        for (DictionaryMetadata each : dictionaries) {
          double[] seconds = kernel(dataset, each);
          kernel[turn] += seconds[0];
          kernelUsed += seconds[1];
        }
        double used = BenchmarkDataset.processorSeconds();
        job[turn] = job(spark, "turn-" + turn);
        used = BenchmarkDataset.processorSeconds() - used;
        share[turn] = kernel[turn] / job[turn];
        processorShare[turn] = kernelUsed / used;
        processorBeyond[turn] = (used - kernelUsed) / dictionaries.size();
        say("kernel alone", scanned, kernel[turn], kernelUsed);
        say("measure", scanned, job[turn], used);
      }
      writeCodes(dataset, dictionaries.get(0));
      sql(spark, Query.SUMS);
      double sums = 0;
      double all = 0;
      double allUsed = 0;
      for (Query query : Query.values()) {
        double before = BenchmarkDataset.processorSeconds();
        double seconds = sql(spark, query);
        double used = BenchmarkDataset.processorSeconds() - before;
        say("SQL: " + query.what, rows, seconds, used);
        sums += query == Query.SUMS ? seconds : 0;
        all += seconds;
        allUsed += used;
      }
      say("SQL: all", rows, all, allUsed);
      double beyondKernel =
          (BenchmarkDataset.median(job) - BenchmarkDataset.median(kernel)) / dictionaries.size();
      System.out.printf(
          Locale.ROOT,
          """
          measure reaches %.0f %% of the kernel's rate, %.0f %% by processor time (medians of %d turns)
          besides encoding it takes %.2f s per %d rows: SQL takes %.1f times that for sums and quantiles, %.1f times for \
          the tables of features, examples, tokens and labels, %.1f times by processor time
          SQL's time against that of measure with its encoding: %.1f and %.1f times
          """,
          100 * BenchmarkDataset.median(share),
          100 * BenchmarkDataset.median(processorShare),
          TURNS,
          beyondKernel,
          rows,
          sums / beyondKernel,
          all / beyondKernel,
          allUsed / BenchmarkDataset.median(processorBeyond),
          sums * dictionaries.size() / BenchmarkDataset.median(job),
          all * dictionaries.size() / BenchmarkDataset.median(job));
    }
  }

  private Folder path(String name) {
    return Folder.of(folder.resolve(name).toString());
  }

  private static void say(String what, long rows, double seconds, double processorSeconds) {
    System.out.printf(
        Locale.ROOT,
        "%-36s %8.2f s %10.0f rows/s, processor %8.2f s%n",
        what,
        seconds,
        rows / seconds,
        processorSeconds);
  }

  private double job(SparkSession spark, String output) {
    MeasureSettings settings =
        SettingsReader.read(
            MeasureSettings.class,
            "measure",
            null,
            List.of(
                "dataset=" + folder.resolve("dataset"),
                "dictionaries=" + folder.resolve("dictionaries"),
                // As many tasks as keep all cores at work, as a unit of many checkpoints has them.
                "features-per-file="
                    + FeatureBlock.FEATURES * FeatureBlock.blocks(FEATURES / CORES),
                "output=" + folder.resolve(output + "-" + System.nanoTime())));
    long start = System.nanoTime();
    new Measure().run(spark, settings);
    return (System.nanoTime() - start) / 1e9;
  }

  private double sql(SparkSession spark, Query query) {
    spark
        .read()
        .parquet(folder.resolve("codes.parquet").toString())
        .createOrReplaceTempView("codes");
    long start = System.nanoTime();
    spark.sql(query.text).write().format("noop").mode("overwrite").save();
    return (System.nanoTime() - start) / 1e9;
  }

  /** Takes codes of a batch. */
  private interface CodesConsumer {
    void take(SparseCodes codes, int rows) throws IOException;
  }

  /**
   * Seconds by the clock and of the processor to encode all rows with a dictionary on all cores,
   * without the time of reading.
   */
  private static double[] kernel(ShardedDataset dataset, DictionaryMetadata dictionary)
      throws Exception {
    return encode(dataset, dictionary, (codes, rows) -> {});
  }

  private static double[] encode(
      ShardedDataset dataset, DictionaryMetadata metadata, CodesConsumer into) throws IOException {
    Dictionary dictionary = read(dataset, metadata);
    long checkpoint = dictionary.sources().get(0).checkpoint();
    double[] seconds = new double[2];
    SparseCodes codes = new SparseCodes(dictionary.width());
    FloatMatrix batch = FloatMatrix.zeros(BATCH, dictionary.inputs());
    KernelProvider provider = Kernels.provider("auto", CORES);
    try (EncodingKernel kernel = provider.encoding(dictionary, BATCH)) {
      for (int shard = 0; shard < dataset.summary().shards(); shard++) {
        try (VectorReader reader = dataset.vectors(BenchmarkDataset.SITE, checkpoint, shard)) {
          for (int read = reader.read(batch); read > 0; read = reader.read(batch)) {
            double used = BenchmarkDataset.processorSeconds();
            long start = System.nanoTime();
            kernel.encode(batch.firstRows(read), codes);
            seconds[0] += (System.nanoTime() - start) / 1e9;
            seconds[1] += BenchmarkDataset.processorSeconds() - used;
            into.take(codes, read);
          }
        }
      }
    }
    return seconds;
  }

  private static Dictionary read(ShardedDataset dataset, DictionaryMetadata metadata)
      throws IOException {
    Path beside = Path.of(dataset.folder().toString()).resolveSibling("dictionaries");
    return DictionaryFolder.read(Folder.of(beside.toString()), metadata.id());
  }

  private void writeCodes(ShardedDataset dataset, DictionaryMetadata dictionary)
      throws IOException {
    TableSchema schema =
        TableSchema.named("codes")
            .with(ColumnType.LONG, "row", "document")
            .with(ColumnType.INT, "position")
            .with(ColumnType.STRING, "token", "label_topic", "label_coin")
            .with(ColumnType.LONGS, "feature")
            .with(ColumnType.FLOATS, "value")
            .build();
    List<Object[]> tokens = new ArrayList<>();
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      try (TableReader reader =
          TableReader.open(
              dataset.folder(),
              dataset.tokensFile(shard).path(),
              "document",
              "position",
              "token",
              "label_topic",
              "label_coin")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          tokens.add(row);
        }
      }
    }
    try (TableWriter writer =
        TableWriter.open(Folder.of(folder.toString()), "codes.parquet", schema)) {
      long[] row = new long[1];
      encode(
          dataset,
          dictionary,
          (codes, rows) -> {
            for (int r = 0; r < rows; r++, row[0]++) {
              write(writer, codes, r, row[0], tokens.get((int) row[0]));
            }
          });
      writer.finish();
    }
  }

  private static void write(TableWriter writer, SparseCodes codes, int r, long row, Object[] token)
      throws IOException {
    int from = codes.starts()[r];
    int to = codes.starts()[r + 1];
    long[] features = new long[to - from];
    float[] values = new float[to - from];
    for (int i = from; i < to; i++) {
      features[i - from] = codes.indices()[i];
      values[i - from] = codes.values()[i];
    }
    writer.write(row, token[0], token[1], token[2], token[3], token[4], features, values);
  }
}
