package dev.ontogeny.ml;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.run.Json;
import java.util.List;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;

/**
 * A sparse dictionary (sparse autoencoder) of one column of vectors, of any type that {@code
 * ontogeny train} knows.
 *
 * <pre>{@code
 * SparseDictionaryModel model =
 *     new SparseDictionary().setInputCol("features").setWidth(1024).setK(16).setEpochs(10).fit(rows);
 * Dataset<Row> codes = model.transform(rows);
 * }</pre>
 */
public final class SparseDictionary
    extends DictionaryEstimator<SparseDictionaryModel, SparseDictionary> {
  private final Param<String> inputCol;
  private final Param<String> reconstructionCol;

  public SparseDictionary() {
    this(Identifiable$.MODULE$.randomUID("sparseDictionary"));
  }

  /** As Spark ML copies and loads it. */
  public SparseDictionary(String uid) {
    super(uid, trainable());
    inputCol = DictionaryParams.inputCol(this);
    reconstructionCol = DictionaryParams.reconstructionCol(this);
    setDefault(inputCol, DictionaryParams.INPUT);
    setDefault(reconstructionCol, "");
  }

  /** Which column is read: vectors, or lists of float or double, all of one length. */
  public Param<String> inputCol() {
    return inputCol;
  }

  public String getInputCol() {
    return getOrDefault(inputCol);
  }

  public SparseDictionary setInputCol(String value) {
    set(inputCol, value);
    return this;
  }

  /** Where the model puts reconstructions, vectors in the units of the input; empty for nowhere. */
  public Param<String> reconstructionCol() {
    return reconstructionCol;
  }

  public String getReconstructionCol() {
    return getOrDefault(reconstructionCol);
  }

  public SparseDictionary setReconstructionCol(String value) {
    set(reconstructionCol, value);
    return this;
  }

  @Override
  SparseDictionary self() {
    return this;
  }

  @Override
  List<String> inputs() {
    return List.of(getInputCol());
  }

  @Override
  String inputParameter() {
    return "inputCol";
  }

  @Override
  List<String> reconstructions() {
    return getReconstructionCol().isEmpty() ? List.of() : List.of(getReconstructionCol());
  }

  @Override
  ObjectNode train() {
    return Json.object().put("mode", "independent");
  }

  @Override
  SparseDictionaryModel model(HeldDictionary held) {
    return new SparseDictionaryModel(uid(), held).setParent(this);
  }

  @Override
  public SparseDictionary copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Reads what {@code write} has saved. */
  public static MLReader<SparseDictionary> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} has saved. */
  public static SparseDictionary load(String path) {
    return read().load(path);
  }
}
