package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Selection.AboveThreshold;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What is learnt, source by source, with the norms and bars that it has now. */
final class DeviceWeights {
  /** Beside a norm that is divided by. */
  private static final double TINY = 1e-30;

  final Dictionary initial;
  final int width;
  final boolean unitDecoder;

  /** Whether a latent counts or not at each source by itself. */
  final boolean bySource;

  final List<DeviceSource> sources = new ArrayList<>();
  final DeviceParameter encoderBias;

  /** [1, F]; null where no thresholds are learnt. */
  final DeviceParameter logThreshold;

  DeviceWeights(TrainingSpecification specification, Dictionary initial) {
    this.initial = initial;
    width = initial.width();
    unitDecoder = specification.unitDecoder(initial);
    bySource = initial.type().activation().bySource();
    boolean averaged = specification.optimiser().averageDecay() > 0;
    List<Integer> reconstructed = initial.reconstructed();
    int from = 0;
    for (int s = 0; s < initial.sources().size(); s++) {
      int columns = initial.sources().get(s).width();
      int place = reconstructed.indexOf(s);
      float weight = place < 0 ? 0 : 1;
      if (place >= 0 && !specification.sourceWeights().isEmpty()) {
        weight = specification.sourceWeights().get(place).floatValue();
      }
      boolean read = from < initial.readColumns();
      sources.add(new DeviceSource(initial, from, columns, read, weight, averaged));
      from += columns;
    }
    encoderBias = new DeviceParameter(DeviceMatrix.row(initial.encoderBias()), averaged);
    if (specification.type().selection() instanceof AboveThreshold) {
      float[] logarithms = new float[width];
      for (int latent = 0; latent < width; latent++) {
        logarithms[latent] = (float) Math.log(initial.threshold()[latent]);
      }
      logThreshold = new DeviceParameter(DeviceMatrix.row(logarithms), averaged);
    } else {
      logThreshold = null;
    }
  }

  /** Those that are reconstructed. */
  List<DeviceSource> reconstructed() {
    return sources.stream().filter(DeviceSource::reconstructed).toList();
  }

  /** What a code counts for or not as a whole: all that is reconstructed, or each source of it. */
  List<List<DeviceSource>> parts() {
    return bySource ? reconstructed().stream().map(List::of).toList() : List.of(reconstructed());
  }

  /** All that is learnt. */
  List<DeviceParameter> parameters() {
    List<DeviceParameter> all = new ArrayList<>(List.of(encoderBias));
    for (DeviceSource source : sources) {
      if (source.read()) {
        all.add(source.encoder);
      }
      if (source.reconstructed()) {
        all.add(source.decoder);
        all.add(source.bias);
      }
    }
    if (logThreshold != null) {
      all.add(logThreshold);
    }
    return all;
  }

  /** Both matrices of all sources. */
  List<DeviceParameter> matrices() {
    List<DeviceParameter> all = new ArrayList<>();
    for (DeviceSource source : sources) {
      if (source.read()) {
        all.add(source.encoder);
      }
      if (source.reconstructed()) {
        all.add(source.decoder);
      }
    }
    return all;
  }

  /** θ where it is learnt, else 0, [1, F]. */
  INDArray threshold() {
    return logThreshold == null
        ? Nd4j.zeros(1, width)
        // In place, as all functions of one array there.
        : Nd4j.math().exp(logThreshold.values.dup());
  }

  /** What pre-activations are multiplied by before they are compared with θ, [1, F]; null for 1. */
  INDArray gateScale(List<DeviceSource> part) {
    return bySource ? row(part.get(0).norms()) : null;
  }

  /** What a code has to exceed to count for a part, [1, F]. */
  INDArray bars(List<DeviceSource> part) {
    INDArray threshold = threshold();
    INDArray scale = gateScale(part);
    if (scale == null) {
      return threshold;
    }
    INDArray absent = DeviceMatrix.step(scale.dup()).rsubi(1).muli(Float.MAX_VALUE / 2);
    return threshold.divi(scale.addi(TINY)).addi(absent);
  }

  /** ‖d‖: the norms of a latent's row of W_dec, summed over some sources, [1, F]. */
  INDArray norm(List<DeviceSource> over) {
    INDArray sum = null;
    for (DeviceSource source : over) {
      sum = sum == null ? source.norms() : sum.addi(source.norms());
    }
    return row(sum);
  }

  /** Adds ∂‖d‖/∂d times a factor of each latent, [1, F], to gradients of W_dec. */
  static void addToNorm(List<DeviceSource> part, INDArray factor) {
    INDArray column = factor.reshape(factor.length(), 1);
    for (DeviceSource source : part) {
      DeviceParameter decoder = source.decoder;
      // Where there is no norm its values are zeros as well.
      INDArray ofValue = column.div(source.norms().addi(TINY));
      decoder.spare.assign(decoder.values).muliColumnVector(ofValue);
      decoder.gradient.addi(decoder.spare);
    }
  }

  /** Takes from the gradient of each row of W_dec what is parallel to it. */
  void removeParallel() {
    INDArray along = null;
    for (DeviceSource source : reconstructed()) {
      DeviceParameter decoder = source.decoder;
      INDArray own = decoder.spare.assign(decoder.gradient).muli(decoder.values).sum(true, 1);
      along = along == null ? own : along.addi(own);
    }
    for (DeviceSource source : reconstructed()) {
      DeviceParameter decoder = source.decoder;
      decoder.spare.assign(decoder.values).muliColumnVector(along);
      decoder.gradient.subi(decoder.spare);
    }
  }

  /** Gives rows of W_dec unit norm. */
  void normalise() {
    INDArray squares = null;
    for (DeviceSource source : reconstructed()) {
      INDArray own = source.norms();
      own.muli(own);
      squares = squares == null ? own : squares.addi(own);
    }
    INDArray norms = Nd4j.math().sqrt(squares).addi(TINY);
    for (DeviceSource source : reconstructed()) {
      source.decoder.values.diviColumnVector(norms);
    }
  }

  /** After the optimiser. */
  void average(Optimiser optimiser, long steps) {
    float keep = optimiser.averageDecay(steps);
    parameters().forEach(parameter -> parameter.average(keep));
  }

  private static INDArray row(INDArray column) {
    return column.reshape(1, column.length());
  }

  /**
   * What each parameter has of something, by tensor in the shapes of a dictionary, zeros where a
   * source has none.
   */
  Map<String, float[]> tensors(Function<DeviceParameter, INDArray> which) {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    int inputs = initial.inputs();
    float[] encoder = new float[inputs * width];
    float[] decoder = new float[width * inputs];
    float[] bias = new float[inputs];
    for (DeviceSource source : sources) {
      if (source.read()) {
        float[] its = DeviceMatrix.values(which.apply(source.encoder));
        System.arraycopy(its, 0, encoder, source.from * width, its.length);
      }
      if (source.reconstructed()) {
        float[] its = DeviceMatrix.values(which.apply(source.decoder));
        for (int latent = 0; latent < width; latent++) {
          System.arraycopy(
              its, latent * source.columns, decoder, latent * inputs + source.from, source.columns);
        }
        float[] ofBias = DeviceMatrix.values(which.apply(source.bias));
        System.arraycopy(ofBias, 0, bias, source.from, source.columns);
      }
    }
    tensors.put("W_enc", encoder);
    tensors.put("b_enc", DeviceMatrix.values(which.apply(encoderBias)));
    tensors.put("W_dec", decoder);
    tensors.put("b_dec", bias);
    if (logThreshold != null) {
      tensors.put("log_threshold", DeviceMatrix.values(which.apply(logThreshold)));
    }
    return tensors;
  }

  /** Takes over what {@link #tensors} told. */
  void assign(Map<String, float[]> tensors, Function<DeviceParameter, INDArray> which) {
    int inputs = initial.inputs();
    for (DeviceSource source : sources) {
      if (source.read()) {
        DeviceMatrix.assign(
            which.apply(source.encoder),
            Arrays.copyOfRange(
                tensors.get("W_enc"), source.from * width, (source.from + source.columns) * width));
      }
      if (source.reconstructed()) {
        FloatMatrix decoder = new FloatMatrix(width, inputs, tensors.get("W_dec"));
        DeviceMatrix.assign(
            which.apply(source.decoder), decoder.columns(source.from, source.columns));
        DeviceMatrix.assign(
            which.apply(source.bias),
            Arrays.copyOfRange(tensors.get("b_dec"), source.from, source.from + source.columns));
      }
    }
    DeviceMatrix.assign(which.apply(encoderBias), tensors.get("b_enc"));
    if (logThreshold != null) {
      DeviceMatrix.assign(which.apply(logThreshold), tensors.get("log_threshold"));
    }
  }

  /**
   * The dictionary as it is now.
   *
   * @param running the threshold of those that are not learnt
   */
  Dictionary snapshot(float running) {
    Map<String, float[]> tensors = tensors(DeviceParameter::result);
    FloatMatrix decoder = new FloatMatrix(width, initial.inputs(), tensors.get("W_dec"));
    if (unitDecoder) {
      for (int latent = 0; latent < width; latent++) {
        double norm = norm(decoder, latent);
        for (int i = 0; i < initial.inputs() && norm > 0; i++) {
          decoder.values()[latent * initial.inputs() + i] /= (float) norm;
        }
      }
    }
    Map<String, float[]> further = new LinkedHashMap<>();
    for (FurtherTensor tensor : initial.type().activation().tensors()) {
      further.put(tensor.name(), threshold(tensors, running));
    }
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.target(),
        initial.k(),
        new FloatMatrix(initial.inputs(), width, tensors.get("W_enc")),
        tensors.get("b_enc"),
        decoder,
        tensors.get("b_dec"),
        initial.inputMean(),
        initial.inputScale(),
        further);
  }

  /** θ as it is published: learnt, or the running one, which is compared times ‖d‖. */
  private float[] threshold(Map<String, float[]> tensors, float running) {
    float[] threshold = new float[width];
    float[] norms =
        logThreshold != null || unitDecoder ? null : DeviceMatrix.values(norm(reconstructed()));
    for (int latent = 0; latent < width; latent++) {
      threshold[latent] =
          logThreshold != null
              ? (float) Math.exp(tensors.get("log_threshold")[latent])
              : norms == null ? running : running / norms[latent];
    }
    return threshold;
  }

  private static double norm(FloatMatrix matrix, int row) {
    double squares = 0;
    for (int i = 0; i < matrix.columns(); i++) {
      squares += (double) matrix.at(row, i) * matrix.at(row, i);
    }
    return Math.sqrt(squares);
  }

  void close() {
    sources.forEach(DeviceSource::close);
    encoderBias.close();
    if (logThreshold != null) {
      logThreshold.close();
    }
  }
}
