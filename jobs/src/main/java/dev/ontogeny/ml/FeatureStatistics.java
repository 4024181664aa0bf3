package dev.ontogeny.ml;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Pipeline;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.spark.SparkRuntime;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * What every feature of a model does on the rows of a DataFrame: a DataFrame in, the tables of
 * {@code ontogeny measure} out, published in a folder that all commands read. The rows go the way
 * that those of a fit go (see {@link DictionaryEstimator}): in a working folder as a dataset, and
 * from there through the job itself.
 *
 * <p>With {@link #setDocumentCol} and {@link #setPositionCol} examples have their context, and
 * bootstrap bands are by document; without them each row is a document of its own. Columns {@code
 * token_id}, {@code token} and {@code label_*} are taken as a capture's are, for examples, top
 * tokens and what features detect.
 *
 * <pre>{@code
 * Dataset<Row> features =
 *     new FeatureStatistics(model, "/data/features").setDocumentCol("text").setPositionCol("place").of(rows);
 * }</pre>
 */
public final class FeatureStatistics {
  private final DictionaryModel<?> model;
  private final String output;
  private String documentCol;
  private String positionCol;
  private String settings = "";
  private String workingFolder = "";

  /**
   * Statistics of a model's features.
   *
   * @param output where to publish: an empty or absent folder
   */
  public FeatureStatistics(DictionaryModel<?> model, String output) {
    this.model = model;
    this.output = output;
  }

  /**
   * The column that tells which text a row belongs to, a text or long; needs a position as well.
   */
  public FeatureStatistics setDocumentCol(String value) {
    documentCol = value;
    return this;
  }

  /** The column with the place of a row within its text, an int. */
  public FeatureStatistics setPositionCol(String value) {
    positionCol = value;
    return this;
  }

  /** Sections {@code shard} and {@code measure} of a pipeline file, over their defaults. */
  public FeatureStatistics setSettings(String value) {
    settings = value;
    return this;
  }

  /** Where the rows lie meanwhile, as {@link DictionaryEstimator#workingFolder} has it. */
  public FeatureStatistics setWorkingFolder(String value) {
    workingFolder = value;
    return this;
  }

  /**
   * Measures and publishes.
   *
   * @return the table {@code features}: a row for each feature
   * @throws Failure of settings if columns are missing or the folder holds something else; of data
   *     if a row holds no vector of the model's length
   */
  public Dataset<Row> of(Dataset<?> rows) {
    if ((documentCol == null) != (positionCol == null)) {
      throw Failure.settings(
          "documentCol and positionCol go together: one is set and the other is not");
    }
    if (model.inputs().size() != model.held().origins().size()) {
      throw Failure.settings(
          "%s is a transcoder, and only its input is a column here: measure it by the command",
          model.id());
    }
    SparkSession spark = rows.sparkSession();
    SparkRuntime.requireJavaSerializer(spark.sparkContext().conf());
    StructType schema = rows.schema();
    for (String column :
        Stream.of(documentCol, positionCol).filter(each -> each != null).toList()) {
      if (!Arrays.asList(schema.fieldNames()).contains(column)) {
        throw Failure.settings(
            "'%s' is no column: there are %s", column, Arrays.asList(schema.fieldNames()));
      }
    }
    List<String> further =
        Stream.of(schema.fieldNames())
            .filter(
                each ->
                    each.equals("token") || each.equals("token_id") || each.startsWith("label_"))
            .toList();
    try (WorkingFolder work = WorkingFolder.under(workingFolder, spark, "featureStatistics")) {
      Pipeline pipeline = Pipeline.of(jobs(), "FeatureStatistics", pipeline(work), settings);
      RowsAsCapture.of(
              rows, model.inputs(), model.inputParameter(), documentCol, positionCol, further)
          .write(rows, model.held().origins(), work.place("capture"));
      model.held().write(Folder.of(work.place("dictionaries")));
      pipeline.steps().forEach(step -> step.run(spark));
    } catch (Exception thrown) {
      throw DictionaryEstimator.asFailure(thrown);
    }
    return table(spark, "features");
  }

  /**
   * A table of what was published.
   *
   * @param name such as {@code examples} or {@code labels}
   * @throws Failure of settings if there is no such table
   */
  public Dataset<Row> table(SparkSession spark, String name) {
    Folder folder = Folder.of(output);
    Manifest manifest = Manifest.read(folder, "features");
    String[] files =
        manifest.table(name).map(file -> folder.resolve(file.path())).toArray(String[]::new);
    if (files.length == 0) {
      throw Failure.settings(
          "%s has no table '%s': it has %s",
          folder,
          name,
          manifest.files().stream()
              .map(PublishedFile::table)
              .filter(each -> each != null)
              .distinct()
              .sorted()
              .toList());
    }
    return spark.read().parquet(files);
  }

  private static List<Job<?>> jobs() {
    return List.of(new Shard(), new Measure());
  }

  private String pipeline(WorkingFolder work) {
    ObjectNode pipeline = Json.object();
    pipeline.put("work", work.folder().location());
    ObjectNode shard = pipeline.putObject("shard");
    shard.putArray("input").add(work.place("capture"));
    shard.put("binary-type", "float32");
    pipeline.putObject("measure").put("output", output);
    return Json.line(pipeline);
  }
}
