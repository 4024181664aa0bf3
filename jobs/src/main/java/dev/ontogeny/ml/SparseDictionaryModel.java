package dev.ontogeny.ml;

import dev.ontogeny.data.Folder;
import dev.ontogeny.run.Failure;
import java.util.List;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;

/** What {@link SparseDictionary} fits: a dictionary that reads one column of vectors. */
public final class SparseDictionaryModel extends DictionaryModel<SparseDictionaryModel> {
  private final Param<String> inputCol;
  private final Param<String> reconstructionCol;

  SparseDictionaryModel(String uid, HeldDictionary held) {
    super(uid, held);
    inputCol = DictionaryParams.inputCol(this);
    reconstructionCol = DictionaryParams.reconstructionCol(this);
    setDefault(inputCol, DictionaryParams.INPUT);
    setDefault(reconstructionCol, "");
  }

  /**
   * A dictionary that {@code ontogeny train} has published, an autoencoder of one site or a
   * transcoder.
   *
   * @param folder the published folder
   * @param id of the dictionary in it
   * @throws Failure of settings if it reads several sources: that is a {@link CrosscoderModel}
   */
  public static SparseDictionaryModel ofFolder(String folder, String id) {
    HeldDictionary held = HeldDictionary.read(Folder.of(folder), id);
    SparseDictionaryModel model =
        new SparseDictionaryModel(Identifiable$.MODULE$.randomUID("sparseDictionary"), held);
    if (held.metadata().crosscoder()) {
      throw Failure.settings(
          "%s of %s is a crosscoder over %d sources: CrosscoderModel reads it",
          id, folder, held.metadata().sources().size());
    }
    return model;
  }

  /** Which column is read: vectors as long as those that it was fitted to. */
  public Param<String> inputCol() {
    return inputCol;
  }

  public String getInputCol() {
    return getOrDefault(inputCol);
  }

  public SparseDictionaryModel setInputCol(String value) {
    set(inputCol, value);
    return this;
  }

  /** Where reconstructions go, vectors in the units of the input; empty for nowhere. */
  public Param<String> reconstructionCol() {
    return reconstructionCol;
  }

  public String getReconstructionCol() {
    return getOrDefault(reconstructionCol);
  }

  public SparseDictionaryModel setReconstructionCol(String value) {
    set(reconstructionCol, value);
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
  SparseDictionaryModel self() {
    return this;
  }

  @Override
  public SparseDictionaryModel copy(ParamMap extra) {
    return copyValues(new SparseDictionaryModel(uid(), held()), extra).setParent(parent());
  }

  /** Reads what {@code write} has saved. */
  public static MLReader<SparseDictionaryModel> read() {
    return new Reader<>(SparseDictionaryModel.class) {
      @Override
      SparseDictionaryModel model(String uid, HeldDictionary held) {
        return new SparseDictionaryModel(uid, held);
      }
    };
  }

  /** Reads what {@code save} has saved. */
  public static SparseDictionaryModel load(String path) {
    return read().load(path);
  }
}
