package dev.ontogeny.ml;

import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.Matrix;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsReader$;
import org.apache.spark.ml.util.DefaultParamsWriter$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.reflect.ClassTag$;

/**
 * A trained dictionary as a model of Spark ML: {@link #transform} adds codes, and reconstructions
 * if they are wanted, to every row. It lives in the driver's memory as models of MLlib do, in the
 * bytes of its published files (8 · D · F for the most part, and at most 2 GiB a file), and goes to
 * executors as a broadcast. A saved model has, beside Spark ML's {@code metadata}, a folder {@code
 * dictionaries} as {@code ontogeny train} publishes it, which all commands read.
 */
public abstract class DictionaryModel<M extends DictionaryModel<M>> extends Model<M>
    implements MLWritable {
  private static final String FOLDER = "dictionaries";

  private final String uid;
  private final HeldDictionary held;
  private final Param<String> outputCol;
  private final Param<String> kernel;

  DictionaryModel(String uid, HeldDictionary held) {
    this.uid = uid;
    this.held = held;
    this.outputCol = DictionaryParams.outputCol(this);
    this.kernel = DictionaryParams.kernel(this);
    setDefault(outputCol, DictionaryParams.OUTPUT);
    setDefault(kernel, DictionaryParams.KERNEL);
  }

  @Override
  public String uid() {
    return uid;
  }

  /** Where codes go: {@link SQLDataTypes#VectorType}, sparse vectors as long as the width. */
  public Param<String> outputCol() {
    return outputCol;
  }

  public String getOutputCol() {
    return getOrDefault(outputCol);
  }

  public M setOutputCol(String value) {
    set(outputCol, value);
    return self();
  }

  /** Which kernel does the arithmetic, as the setting {@code kernel} of {@code train} says it. */
  public Param<String> kernel() {
    return kernel;
  }

  public String getKernel() {
    return getOrDefault(kernel);
  }

  public M setKernel(String value) {
    set(kernel, value);
    return self();
  }

  /** The columns that are read, one for each source that the dictionary reads, in their order. */
  abstract List<String> inputs();

  /** The parameter that names them. */
  abstract String inputParameter();

  /**
   * Where reconstructions go, one column for each source that is reconstructed, in their order;
   * none if they are not wanted.
   */
  abstract List<String> reconstructions();

  abstract M self();

  final HeldDictionary held() {
    return held;
  }

  /** The id of the dictionary, as its files and tables have it. */
  public final String id() {
    return held.metadata().id();
  }

  /** The type, such as {@code top-k}. */
  public final String type() {
    return held.metadata().type().key();
  }

  /** F, the number of latents. */
  public final int width() {
    return held.metadata().width();
  }

  /** Share of the variance of the held-out rows that is not reconstructed. */
  public final double heldOutFvu() {
    return held.metadata().quality().fvu();
  }

  /** Latents that fire on a held-out row, in the mean. */
  public final double heldOutL0() {
    return held.metadata().quality().l0();
  }

  /** Share of latents that fire on none of the held-out rows. */
  public final double heldOutDeadShare() {
    return held.metadata().quality().deadShare();
  }

  /** How a code follows from an input, in one sentence with the tensors' names. */
  public final String rule() {
    return held.metadata().rule();
  }

  /** W_dec, [F, D] in scaled units: row i is what feature i stands for. */
  public final Matrix decoder() {
    Dictionary dictionary = held.dictionary();
    int rows = dictionary.width();
    int columns = dictionary.inputs();
    double[] values = new double[Math.multiplyExact(rows, columns)];
    for (int i = 0; i < values.length; i++) {
      values[i] = dictionary.decoder().values()[i];
    }
    return new DenseMatrix(rows, columns, values, true);
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType schema = transformSchema(dataset.schema());
    List<VectorInput> columns = new ArrayList<>();
    for (String column : inputs()) {
      columns.add(VectorInput.of(dataset.schema(), column, inputParameter()));
    }
    EncodeRows encoding =
        new EncodeRows(
            dataset
                .sparkSession()
                .sparkContext()
                .broadcast(held, ClassTag$.MODULE$.apply(HeldDictionary.class)),
            columns,
            !reconstructions().isEmpty(),
            getKernel());
    return dataset.toDF().mapPartitions(encoding, Encoders.row(schema));
  }

  @Override
  public StructType transformSchema(StructType schema) {
    DictionaryMetadata metadata = held.metadata();
    List<Source> read = metadata.target().read(metadata.sources());
    if (inputs().size() != read.size()) {
      throw Failure.settings(
          "%s %s: the dictionary reads %d sources, %s, and needs a column for each",
          inputParameter(), inputs(), read.size(), read);
    }
    if (!reconstructions().isEmpty()
        && reconstructions().size() != metadata.reconstructedSources().size()) {
      throw Failure.settings(
          "reconstructionCols %s: the dictionary reconstructs %s, and needs a column for each",
          reconstructions(), metadata.reconstructedSources());
    }
    inputs().forEach(each -> VectorInput.of(schema, each, inputParameter()));
    List<String> added = new ArrayList<>(List.of(getOutputCol()));
    added.addAll(reconstructions());
    return DictionaryParams.with(schema, added);
  }

  @Override
  public MLWriter write() {
    return new Writer(this);
  }

  /** Saves parameters as Spark ML does, and the dictionary's folder beside them. */
  private static final class Writer extends MLWriter {
    private final DictionaryModel<?> model;

    Writer(DictionaryModel<?> model) {
      this.model = model;
    }

    @Override
    public void saveImpl(String path) {
      DefaultParamsWriter$.MODULE$.saveMetadata(model, path, sparkSession());
      model.held.write(Folder.of(path + "/" + FOLDER));
    }
  }

  /** Reads what {@link Writer} has saved. */
  abstract static class Reader<M extends DictionaryModel<M>> extends MLReader<M> {
    private final Class<M> type;

    Reader(Class<M> type) {
      this.type = type;
    }

    abstract M model(String uid, HeldDictionary held);

    @Override
    public M load(String path) {
      DefaultParamsReader.Metadata metadata =
          DefaultParamsReader$.MODULE$.loadMetadata(path, sparkSession(), type.getName());
      M model = model(metadata.uid(), HeldDictionary.read(Folder.of(path + "/" + FOLDER), null));
      metadata.getAndSetParams(model, Option.empty());
      return model;
    }
  }
}
