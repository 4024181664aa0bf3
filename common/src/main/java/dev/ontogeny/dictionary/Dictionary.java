package dev.ontogeny.dictionary;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Target;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A trained dictionary as data. With S sources of widths d_s side by side, D = Σ d_s and F = width:
 * x̃_s = (x_s − inputMean_s) · inputScale_s, pre = (x̃ − decoderBias) · encoder + encoderBias, code
 * = rule(pre), x̂_s = (code · decoder + decoderBias)_s / inputScale_s + inputMean_s. Where the type
 * is gated by source, x̂_s comes from the part of the code that is above {@link #sourceThreshold}.
 * Of a transcoder the same holds with zeros: in the rows of {@code encoder} that belong to the
 * source that it reconstructs, and in the columns of {@code decoder} and {@code decoderBias} that
 * belong to the one that it reads.
 *
 * @param type the rule
 * @param sources what it reads and reconstructs, in the order of the columns
 * @param target which of them it reads and which it reconstructs
 * @param k latents per row, in the mean where the rule chooses over a batch; 0 where it has no k
 * @param encoder W_enc, [D, F]
 * @param encoderBias b_enc, [F]
 * @param decoder W_dec, [F, D]
 * @param decoderBias b_dec, [D], in scaled units
 * @param inputMean [D], in captured units
 * @param inputScale [S]
 * @param further the tensors that the type has beside, by name
 */
public record Dictionary(
    DictionaryType type,
    List<Source> sources,
    Target target,
    int k,
    FloatMatrix encoder,
    float[] encoderBias,
    FloatMatrix decoder,
    float[] decoderBias,
    float[] inputMean,
    float[] inputScale,
    Map<String, float[]> further) {

  /** An autoencoder of a type without further tensors. */
  public Dictionary(
      DictionaryType type,
      List<Source> sources,
      int k,
      FloatMatrix encoder,
      float[] encoderBias,
      FloatMatrix decoder,
      float[] decoderBias,
      float[] inputMean,
      float[] inputScale) {
    this(
        type,
        sources,
        Target.AUTOENCODER,
        k,
        encoder,
        encoderBias,
        decoder,
        decoderBias,
        inputMean,
        inputScale,
        Map.of());
  }

  /**
   * An autoencoder whose type may compare with a threshold.
   *
   * @param threshold [F] where it does, else empty
   */
  public Dictionary(
      DictionaryType type,
      List<Source> sources,
      int k,
      FloatMatrix encoder,
      float[] encoderBias,
      FloatMatrix decoder,
      float[] decoderBias,
      float[] inputMean,
      float[] inputScale,
      float[] threshold) {
    this(
        type,
        sources,
        Target.AUTOENCODER,
        k,
        encoder,
        encoderBias,
        decoder,
        decoderBias,
        inputMean,
        inputScale,
        threshold.length == 0 ? Map.of() : Map.of(FurtherTensor.THRESHOLD.name(), threshold));
  }

  public Dictionary {
    int columns = sources.stream().mapToInt(Source::width).sum();
    int width = encoder.columns();
    if (encoder.rows() != columns
        || decoder.rows() != width
        || decoder.columns() != columns
        || encoderBias.length != width
        || decoderBias.length != columns
        || inputMean.length != columns
        || inputScale.length != sources.size()
        || !fit(type, further, width, columns)) {
      throw new IllegalArgumentException(
          "tensors do not fit together: sources "
              + columns
              + ", W_enc "
              + encoder
              + ", W_dec "
              + decoder
              + ", b_enc "
              + encoderBias.length
              + ", b_dec "
              + decoderBias.length
              + ", further "
              + further.keySet()
              + " for type "
              + type);
    }
    sources = List.copyOf(sources);
    further = Map.copyOf(further);
    if (target == Target.TRANSCODER) {
      requireZeros(sources, encoder, decoder, decoderBias);
    }
  }

  /** A transcoder is one only if it neither reads its target nor reconstructs what it reads. */
  private static void requireZeros(
      List<Source> sources, FloatMatrix encoder, FloatMatrix decoder, float[] decoderBias) {
    if (sources.size() != 2) {
      throw new IllegalArgumentException(
          "a transcoder has two sources, one that is read and one that is reconstructed, got "
              + sources);
    }
    int read = sources.get(0).width();
    boolean zeros = true;
    for (int row = read; row < encoder.rows(); row++) {
      for (int latent = 0; latent < encoder.columns(); latent++) {
        zeros &= encoder.at(row, latent) == 0;
      }
    }
    for (int column = 0; column < read; column++) {
      zeros &= decoderBias[column] == 0;
      for (int latent = 0; latent < decoder.rows(); latent++) {
        zeros &= decoder.at(latent, column) == 0;
      }
    }
    if (!zeros) {
      throw new IllegalArgumentException(
          "a transcoder from "
              + sources.get(0)
              + " to "
              + sources.get(1)
              + " reads its target or reconstructs what it reads: W_enc, W_dec and b_dec must be zero there");
    }
  }

  private static boolean fit(
      DictionaryType type, Map<String, float[]> further, int width, int columns) {
    Map<String, Integer> wanted = new LinkedHashMap<>();
    for (FurtherTensor tensor : type.activation().tensors()) {
      int size = 1;
      for (int length : tensor.shape(width, columns)) {
        size *= length;
      }
      wanted.put(tensor.name(), size);
    }
    return wanted.keySet().equals(further.keySet())
        && wanted.entrySet().stream()
            .allMatch(each -> further.get(each.getKey()).length == each.getValue());
  }

  /** What a pre-activation has to exceed, [F]; empty where the type compares with nothing. */
  public float[] threshold() {
    return further.getOrDefault(FurtherTensor.THRESHOLD.name(), new float[0]);
  }

  /** F, the number of latents. */
  public int width() {
    return encoder.columns();
  }

  /** D, the number of columns over all sources. */
  public int inputs() {
    return encoder.rows();
  }

  /** How many columns are read: the first ones, all of an autoencoder. */
  public int readColumns() {
    return readSources().stream().mapToInt(Source::width).sum();
  }

  /** How many columns are reconstructed: the last ones, all of an autoencoder. */
  public int reconstructedColumns() {
    return reconstructedSources().stream().mapToInt(Source::width).sum();
  }

  /** The numbers of the sources that are reconstructed. */
  public List<Integer> reconstructed() {
    return target.reconstructed(sources.size());
  }

  /** Those sources. */
  public List<Source> reconstructedSources() {
    return target.reconstructed(sources);
  }

  /**
   * The source that is read for one that is reconstructed, by their numbers: itself, or of a
   * transcoder the other. Its rows of W_enc are the encoders of the features there.
   */
  public int readFor(int source) {
    return target.read(sources.size()).get(reconstructed().indexOf(source));
  }

  /** The sources that are read. */
  public List<Source> readSources() {
    return target.read(sources);
  }

  /** The scale of every input column: {@link #inputScale} of its source, [D]. */
  public float[] columnScale() {
    float[] scale = new float[inputs()];
    int at = 0;
    for (int s = 0; s < sources.size(); s++) {
      for (int i = 0; i < sources.get(s).width(); i++) {
        scale[at++] = inputScale[s];
      }
    }
    return scale;
  }

  /**
   * What a pre-activation has to exceed to fire, [F], where no k of the row decides: where the type
   * is gated by source, the lowest {@link #sourceThreshold}. Computed at every call.
   */
  public float[] firingThreshold() {
    if (!type.activation().bySource()) {
      return threshold().length > 0 ? threshold().clone() : new float[width()];
    }
    float[] lowest = sourceThreshold(0);
    for (int s = 1; s < sources.size(); s++) {
      float[] bars = sourceThreshold(s);
      for (int latent = 0; latent < lowest.length; latent++) {
        lowest[latent] = Math.min(lowest[latent], bars[latent]);
      }
    }
    return lowest;
  }

  /**
   * The bars of a source's gates, [F]: θ / ‖d^s‖, infinite where the norm is zero. A latent counts
   * at the source where its code is above. Computed at every call.
   *
   * @param source its place in {@link #sources}
   * @return null where the type has no gates by source: then what fires counts everywhere
   */
  public float[] sourceThreshold(int source) {
    if (!type.activation().bySource()) {
      return null;
    }
    int[] columns = sourceColumns();
    float[] threshold = threshold();
    float[] bars = new float[width()];
    for (int latent = 0; latent < bars.length; latent++) {
      double squares = 0;
      for (int i = columns[source]; i < columns[source + 1]; i++) {
        squares += (double) decoder.at(latent, i) * decoder.at(latent, i);
      }
      bars[latent] =
          squares > 0 ? (float) (threshold[latent] / Math.sqrt(squares)) : Float.POSITIVE_INFINITY;
    }
    return bars;
  }

  /** Where the columns of each source begin, and D at the end, [S + 1]. */
  public int[] sourceColumns() {
    int[] first = new int[sources.size() + 1];
    for (int s = 0; s < sources.size(); s++) {
      first[s + 1] = first[s] + sources.get(s).width();
    }
    return first;
  }

  /** The decoder of one source, [F, d_s]. */
  public FloatMatrix decoderOf(int source) {
    int[] columns = sourceColumns();
    int own = columns[source + 1] - columns[source];
    if (own == inputs()) {
      return decoder;
    }
    FloatMatrix part = FloatMatrix.zeros(width(), own);
    for (int latent = 0; latent < width(); latent++) {
      System.arraycopy(
          decoder.values(), latent * inputs() + columns[source], part.values(), latent * own, own);
    }
    return part;
  }
}
