package dev.ontogeny.ml;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import java.util.List;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;

/**
 * One dictionary over several columns of vectors of the same rows, such as an activation at several
 * checkpoints or layers: one code, a decoder for each column. Columns may be of different lengths.
 * Types are those whose decoder norms are free, which for some depends on their keys: {@code relu}
 * of form norm-weighted, {@code jump-relu} with a tanh penalty.
 */
public final class Crosscoder extends DictionaryEstimator<CrosscoderModel, Crosscoder> {
  private final StringArrayParam inputCols;
  private final StringArrayParam reconstructionCols;

  public Crosscoder() {
    this(Identifiable$.MODULE$.randomUID("crosscoder"));
  }

  /** As Spark ML copies and loads it. */
  public Crosscoder(String uid) {
    super(uid, types());
    inputCols = DictionaryParams.inputCols(this);
    reconstructionCols = DictionaryParams.reconstructionCols(this);
    setDefault(inputCols, new String[0]);
    setDefault(reconstructionCols, new String[0]);
  }

  private static List<String> types() {
    return DictionaryTypes.trainable().stream()
        .filter(each -> !each.crosscoders().isEmpty())
        .map(DictionaryType::key)
        .toList();
  }

  /** Which columns are read: vectors, or lists of float or double, each of one length. */
  public StringArrayParam inputCols() {
    return inputCols;
  }

  public String[] getInputCols() {
    return getOrDefault(inputCols);
  }

  public Crosscoder setInputCols(String[] value) {
    set(inputCols, value);
    return this;
  }

  /** Where the model puts reconstructions, one column for each input; none for nowhere. */
  public StringArrayParam reconstructionCols() {
    return reconstructionCols;
  }

  public String[] getReconstructionCols() {
    return getOrDefault(reconstructionCols);
  }

  public Crosscoder setReconstructionCols(String[] value) {
    set(reconstructionCols, value);
    return this;
  }

  @Override
  Crosscoder self() {
    return this;
  }

  @Override
  List<String> inputs() {
    return List.of(getInputCols());
  }

  @Override
  String inputParameter() {
    return "inputCols";
  }

  @Override
  List<String> reconstructions() {
    return List.of(getReconstructionCols());
  }

  @Override
  ObjectNode train() {
    ObjectNode train = Json.object().put("mode", "crosscoder");
    train.putObject("crosscoder").put("across-sites", true);
    return train;
  }

  @Override
  CrosscoderModel model(HeldDictionary held) {
    List<String> sites = held.origins().stream().map(RowsAsCapture.Origin::site).toList();
    CrosscoderModel model = new CrosscoderModel(uid(), held).setParent(this);
    // The dataset has its sites in an order of its own.
    return model.setSources(inputs().stream().mapToInt(sites::indexOf).toArray());
  }

  @Override
  public Crosscoder copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Reads what {@code write} has saved. */
  public static MLReader<Crosscoder> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} has saved. */
  public static Crosscoder load(String path) {
    return read().load(path);
  }
}
