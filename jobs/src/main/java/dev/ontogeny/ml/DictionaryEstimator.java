package dev.ontogeny.ml;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Pipeline;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.spark.SparkRuntime;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * Fits a dictionary to the rows of a DataFrame by the very jobs of the command line. Spark writes
 * the vectors as a capture into {@link #workingFolder}, {@code shard} makes a shuffled dataset of
 * them there, {@code train} trains on it in a task of an executor, and the folder is deleted
 * afterwards. So memory is bounded as theirs is, whatever the number of rows; the disk holds the
 * vectors twice, four bytes a number, and the driver the finished dictionary.
 *
 * <p>The same rows, parameters and seed give the same bytes, however the rows are ordered and
 * partitioned. A row that holds no vector of finite floats, or one of another length, is a {@link
 * Failure} of kind data that names the column and tells the row by what else stands in it.
 *
 * @param <M> what it fits
 * @param <E> itself
 */
public abstract class DictionaryEstimator<
        M extends DictionaryModel<M>, E extends DictionaryEstimator<M, E>>
    extends Estimator<M> implements DefaultParamsWritable {
  private final String uid;
  private final Param<String> type;
  private final IntParam width;
  private final IntParam k;
  private final Param<String> outputCol;
  private final LongParam seed;
  private final LongParam tokens;
  private final DoubleParam epochs;
  private final IntParam batch;
  private final DoubleParam learningRate;
  private final DoubleParam heldOutShare;
  private final Param<String> kernel;
  private final Param<String> settings;
  private final Param<String> workingFolder;

  DictionaryEstimator(String uid, List<String> types) {
    this.uid = uid;
    type =
        new Param<>(
            this,
            "type",
            "type of the dictionary: " + String.join(", ", types),
            ParamValidators.inArray(types));
    width = new IntParam(this, "width", "number of latents F", ParamValidators.gtEq(1));
    k =
        new IntParam(
            this,
            "k",
            "latents that fire on a row, of types that have a k",
            ParamValidators.gtEq(1));
    outputCol = DictionaryParams.outputCol(this);
    seed = new LongParam(this, "seed", "decides initial directions and the order of rows");
    tokens =
        new LongParam(
            this,
            "tokens",
            "rows that it is trained on; rows are seen again when there are fewer",
            ParamValidators.gtEq(1));
    epochs =
        new DoubleParam(
            this,
            "epochs",
            "how often every row is trained on, in place of tokens",
            ParamValidators.gt(0));
    batch = new IntParam(this, "batch", "rows of an optimiser step", ParamValidators.gtEq(2));
    learningRate =
        new DoubleParam(
            this,
            "learningRate",
            "learning rate at width 16384; it goes with one over the root of the width",
            ParamValidators.gt(0));
    heldOutShare =
        new DoubleParam(
            this,
            "heldOutShare",
            "share of the rows that training never sees and quality is told of",
            ParamValidators.inRange(0, 0.9, false, true));
    kernel = DictionaryParams.kernel(this);
    settings =
        new Param<>(
            this,
            "settings",
            "any other setting of shard and train, as in a pipeline file: train { training { warm-up = 0.05 } }");
    workingFolder =
        new Param<>(
            this,
            "workingFolder",
            "where rows and dictionary lie during a fit: a folder that all executors reach; empty for the session's checkpoint directory or, in one process, Java's folder for temporary files");
    setDefault(type, types.get(0));
    setDefault(width, 4096);
    setDefault(k, 32);
    setDefault(outputCol, DictionaryParams.OUTPUT);
    setDefault(seed, 0L);
    setDefault(tokens, 4_000_000L);
    setDefault(batch, 512);
    setDefault(learningRate, 8e-4);
    setDefault(heldOutShare, 0.1);
    setDefault(kernel, DictionaryParams.KERNEL);
    setDefault(settings, "");
    setDefault(workingFolder, "");
  }

  @Override
  public String uid() {
    return uid;
  }

  /** One of the types that train by {@code ontogeny train}; keys beside k go into settings. */
  public Param<String> type() {
    return type;
  }

  public String getType() {
    return getOrDefault(type);
  }

  public E setType(String value) {
    return with(type, value);
  }

  /** F, the number of latents. */
  public IntParam width() {
    return width;
  }

  public int getWidth() {
    return (Integer) getOrDefault(width);
  }

  public E setWidth(int value) {
    return with(width, value);
  }

  /** Latents that fire on a row, in the mean where the type chooses over a batch. */
  public IntParam k() {
    return k;
  }

  public int getK() {
    return (Integer) getOrDefault(k);
  }

  public E setK(int value) {
    return with(k, value);
  }

  /** Where the model puts codes. */
  public Param<String> outputCol() {
    return outputCol;
  }

  public String getOutputCol() {
    return getOrDefault(outputCol);
  }

  public E setOutputCol(String value) {
    return with(outputCol, value);
  }

  /** Every random number follows from it. */
  public LongParam seed() {
    return seed;
  }

  public long getSeed() {
    return (Long) getOrDefault(seed);
  }

  public E setSeed(long value) {
    return with(seed, value);
  }

  /** Rows that it is trained on, rounded up to whole batches. */
  public LongParam tokens() {
    return tokens;
  }

  public long getTokens() {
    return (Long) getOrDefault(tokens);
  }

  public E setTokens(long value) {
    return with(tokens, value);
  }

  /** How often every row that is not held out is trained on: this or {@link #tokens}, not both. */
  public DoubleParam epochs() {
    return epochs;
  }

  public double getEpochs() {
    return (Double) getOrDefault(epochs);
  }

  public E setEpochs(double value) {
    return with(epochs, value);
  }

  /** Rows of an optimiser step. */
  public IntParam batch() {
    return batch;
  }

  public int getBatch() {
    return (Integer) getOrDefault(batch);
  }

  public E setBatch(int value) {
    return with(batch, value);
  }

  /** As the setting {@code training.learning-rate} of {@code train}. */
  public DoubleParam learningRate() {
    return learningRate;
  }

  public double getLearningRate() {
    return (Double) getOrDefault(learningRate);
  }

  public E setLearningRate(double value) {
    return with(learningRate, value);
  }

  /** Of shards, of which at least one is held out. */
  public DoubleParam heldOutShare() {
    return heldOutShare;
  }

  public double getHeldOutShare() {
    return (Double) getOrDefault(heldOutShare);
  }

  public E setHeldOutShare(double value) {
    return with(heldOutShare, value);
  }

  /** What does the arithmetic. */
  public Param<String> kernel() {
    return kernel;
  }

  public String getKernel() {
    return getOrDefault(kernel);
  }

  public E setKernel(String value) {
    return with(kernel, value);
  }

  /** A pipeline file's sections {@code shard} and {@code train}, below what parameters say. */
  public Param<String> settings() {
    return settings;
  }

  public String getSettings() {
    return getOrDefault(settings);
  }

  public E setSettings(String value) {
    return with(settings, value);
  }

  /** A local path or one of a store that Spark knows. */
  public Param<String> workingFolder() {
    return workingFolder;
  }

  public String getWorkingFolder() {
    return getOrDefault(workingFolder);
  }

  public E setWorkingFolder(String value) {
    return with(workingFolder, value);
  }

  private <T> E with(Param<T> parameter, T value) {
    set(parameter, value);
    return self();
  }

  abstract E self();

  /** The columns that are read. */
  abstract List<String> inputs();

  /** The parameter that names them. */
  abstract String inputParameter();

  /** Columns that the model adds beside codes. */
  abstract List<String> reconstructions();

  /** How the settings of {@code train} begin: its mode. */
  abstract ObjectNode train();

  abstract M model(HeldDictionary held);

  @Override
  public M fit(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    SparkSession spark = dataset.sparkSession();
    SparkRuntime.requireJavaSerializer(spark.sparkContext().conf());
    try (WorkingFolder work = WorkingFolder.under(getWorkingFolder(), spark, uid)) {
      // All problems of settings are told before the first row is read.
      Pipeline.of(jobs(), said(), pipeline(work, null), getSettings());
      RowsAsCapture rows = RowsAsCapture.of(dataset, inputs(), inputParameter());
      rows.write(
          dataset,
          inputs().stream().map(each -> new RowsAsCapture.Origin(each, 0)).toList(),
          work.place("capture"));
      Manifest sharded = run(work, null, Shard.class, spark);
      requireVarying(sharded.summary(ShardedDataset.Summary.class));
      run(work, sharded, Train.class, spark);
      return copyValues(
          model(HeldDictionary.read(Folder.of(work.place("dictionaries")), null)),
          ParamMap.empty());
    } catch (Exception thrown) {
      throw asFailure(thrown);
    }
  }

  /** What is to be told of it: Spark wraps what a task throws, and says so in a page of text. */
  static RuntimeException asFailure(Exception thrown) {
    return Failure.in(thrown)
        .map(RuntimeException.class::cast)
        .orElseGet(
            () ->
                thrown instanceof RuntimeException unchecked
                    ? unchecked
                    : new IllegalStateException(thrown));
  }

  private static List<Job<?>> jobs() {
    return List.of(new Shard(), new Train());
  }

  private String said() {
    return getClass().getSimpleName() + " " + uid;
  }

  private Manifest run(
      WorkingFolder work, Manifest sharded, Class<? extends Job<?>> job, SparkSession spark) {
    return Pipeline.of(jobs(), said(), pipeline(work, sharded), getSettings()).steps().stream()
        .filter(step -> job.isInstance(step.job()))
        .findFirst()
        .orElseThrow()
        .run(spark)
        .manifest();
  }

  /** A column of which there is nothing to learn would be left out, and be missed in rows later. */
  private void requireVarying(ShardedDataset.Summary summary) {
    for (String each : inputs()) {
      if (summary.isConstant(each, 0)) {
        throw Failure.data(
            "column %s has the same vector in all rows: there is nothing to learn from it", each);
      }
    }
  }

  /**
   * A pipeline of the parameters: those that stand at their defaults give way to settings.
   *
   * @param sharded null until that is done
   */
  private String pipeline(WorkingFolder work, Manifest sharded) {
    ObjectNode pipeline = Json.object();
    pipeline.put("work", work.folder().location());
    ObjectNode shard = pipeline.putObject("shard");
    shard.putArray("input").add(work.place("capture"));
    shard.put("binary-type", "float32");
    ObjectNode train = train();
    pipeline.set("train", train);
    train.put("replicas", 1);
    if (isSet(seed)) {
      shard.put("seed", getSeed());
      train.put("seed", getSeed());
    }
    if (isSet(heldOutShare)) {
      shard.put("held-out-share", getHeldOutShare());
    }
    if (isSet(kernel)) {
      train.put("kernel", getKernel());
    }
    ObjectNode dictionary = train.putArray("dictionaries").addObject();
    dictionary.put("type", getType());
    dictionary.put("width", getWidth());
    boolean hasK = DictionaryTypes.of(getType()).keys().contains("k");
    if (!hasK && isSet(k)) {
      throw Failure.settings(
          "k: dictionaries of type %s have none, their keys are %s: clear it",
          getType(), DictionaryTypes.of(getType()).keys());
    } else if (hasK) {
      dictionary.put("k", getK());
    }
    ObjectNode training = train.putObject("training");
    if (isSet(epochs) && isSet(tokens)) {
      throw Failure.settings("tokens and epochs are both set: clear one of them");
    } else if (isSet(epochs)) {
      training.put("tokens", sharded == null ? 1 : tokensOf(sharded));
    } else if (isSet(tokens)) {
      training.put("tokens", getTokens());
    }
    if (isSet(batch)) {
      training.put("batch", getBatch());
    }
    if (isSet(learningRate)) {
      training.put("learning-rate", getLearningRate());
    }
    return Json.line(pipeline);
  }

  private long tokensOf(Manifest sharded) {
    List<Integer> heldOut = sharded.summary(ShardedDataset.Summary.class).heldOutShards();
    long rows =
        sharded
            .table("tokens")
            .filter(file -> !heldOut.contains(file.shard()))
            .mapToLong(PublishedFile::rows)
            .sum();
    return Math.max(1, (long) Math.ceil(getEpochs() * rows));
  }

  @Override
  public StructType transformSchema(StructType schema) {
    if (inputs().isEmpty() || new LinkedHashSet<>(inputs()).size() < inputs().size()) {
      throw Failure.settings(
          "%s must name columns, each of them once, got %s", inputParameter(), inputs());
    }
    inputs().forEach(each -> VectorInput.of(schema, each, inputParameter()));
    if (!reconstructions().isEmpty() && reconstructions().size() != inputs().size()) {
      throw Failure.settings(
          "reconstructionCols %s must name a column for each of %s %s",
          reconstructions(), inputParameter(), inputs());
    }
    List<String> added = new ArrayList<>(List.of(getOutputCol()));
    added.addAll(reconstructions());
    return DictionaryParams.with(schema, added);
  }

  /** Types that can be trained, the default first. */
  static List<String> trainable() {
    return DictionaryTypes.trainable().stream().map(DictionaryType::key).toList();
  }
}
