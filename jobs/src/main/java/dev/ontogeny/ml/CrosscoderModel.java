package dev.ontogeny.ml;

import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.Matrix;
import org.apache.spark.ml.param.IntArrayParam;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;

/** What {@link Crosscoder} fits: a dictionary that reads several columns of vectors. */
public final class CrosscoderModel extends DictionaryModel<CrosscoderModel> {
  private final StringArrayParam inputCols;
  private final StringArrayParam reconstructionCols;
  private final IntArrayParam sources;

  CrosscoderModel(String uid, HeldDictionary held) {
    super(uid, held);
    inputCols = DictionaryParams.inputCols(this);
    reconstructionCols = DictionaryParams.reconstructionCols(this);
    sources =
        new IntArrayParam(
            this,
            "sources",
            "for each of inputCols, which source of the dictionary it is, from 0 on");
    setDefault(
        inputCols, held.origins().stream().map(CrosscoderModel::column).toArray(String[]::new));
    setDefault(reconstructionCols, new String[0]);
    setDefault(sources, IntStream.range(0, held.origins().size()).toArray());
  }

  private static String column(RowsAsCapture.Origin origin) {
    return origin.site() + "@" + origin.checkpoint();
  }

  /**
   * A crosscoder that {@code ontogeny train} has published. Its {@code inputCols} are called {@code
   * site@checkpoint} until they are set.
   *
   * @param folder the published folder
   * @param id of the dictionary in it
   */
  public static CrosscoderModel ofFolder(String folder, String id) {
    return new CrosscoderModel(
        Identifiable$.MODULE$.randomUID("crosscoder"), HeldDictionary.read(Folder.of(folder), id));
  }

  /** Which columns are read, one for each source. */
  public StringArrayParam inputCols() {
    return inputCols;
  }

  public String[] getInputCols() {
    return getOrDefault(inputCols);
  }

  public CrosscoderModel setInputCols(String[] value) {
    set(inputCols, value);
    return this;
  }

  /** Where reconstructions go, one column for each input; none for nowhere. */
  public StringArrayParam reconstructionCols() {
    return reconstructionCols;
  }

  public String[] getReconstructionCols() {
    return getOrDefault(reconstructionCols);
  }

  public CrosscoderModel setReconstructionCols(String[] value) {
    set(reconstructionCols, value);
    return this;
  }

  /** Which source of the dictionary each input column is; set by the fit. */
  public IntArrayParam sources() {
    return sources;
  }

  public int[] getSources() {
    return getOrDefault(sources);
  }

  CrosscoderModel setSources(int[] value) {
    set(sources, value);
    return this;
  }

  /**
   * The decoder of one input column, [F, d] in scaled units: row i is what feature i stands for
   * there, and its norm tells how present it is.
   *
   * @param input place in {@code inputCols}, from 0 on
   */
  public Matrix decoderOf(int input) {
    Dictionary dictionary = held().dictionary();
    FloatMatrix decoder = dictionary.decoderOf(getSources()[input]);
    double[] values = new double[decoder.rows() * decoder.columns()];
    Arrays.setAll(values, i -> decoder.values()[i]);
    return new DenseMatrix(decoder.rows(), decoder.columns(), values, true);
  }

  @Override
  List<String> inputs() {
    return bySource(getInputCols());
  }

  @Override
  String inputParameter() {
    return "inputCols";
  }

  @Override
  List<String> reconstructions() {
    return bySource(getReconstructionCols());
  }

  /** Columns in the order of sources; as they are where they are not as many. */
  private List<String> bySource(String[] columns) {
    int[] order = getSources();
    if (columns.length != order.length) {
      return List.of(columns);
    }
    String[] sorted = new String[columns.length];
    for (int i = 0; i < columns.length; i++) {
      sorted[order[i]] = columns[i];
    }
    return List.of(sorted);
  }

  @Override
  CrosscoderModel self() {
    return this;
  }

  @Override
  public CrosscoderModel copy(ParamMap extra) {
    return copyValues(new CrosscoderModel(uid(), held()), extra).setParent(parent());
  }

  /** Reads what {@code write} has saved. */
  public static MLReader<CrosscoderModel> read() {
    return new Reader<>(CrosscoderModel.class) {
      @Override
      CrosscoderModel model(String uid, HeldDictionary held) {
        return new CrosscoderModel(uid, held);
      }
    };
  }

  /** Reads what {@code save} has saved. */
  public static CrosscoderModel load(String path) {
    return read().load(path);
  }
}
