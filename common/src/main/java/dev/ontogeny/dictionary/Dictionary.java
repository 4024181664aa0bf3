package dev.ontogeny.dictionary;

import dev.ontogeny.matrix.FloatMatrix;
import java.util.List;

/**
 * A trained dictionary as data. With S sources of widths d_s side by side, D = Σ d_s and F = width:
 * x̃_s = (x_s − inputMean_s) · inputScale_s, pre = (x̃ − decoderBias) · encoder + encoderBias, code
 * = rule(pre), x̂_s = (code · decoder + decoderBias)_s / inputScale_s + inputMean_s.
 *
 * @param type the rule
 * @param sources what it reads, in the order of the columns
 * @param k latents per row, in the mean where the rule chooses over a batch; 0 where it has no k
 * @param encoder W_enc, [D, F]
 * @param encoderBias b_enc, [F]
 * @param decoder W_dec, [F, D]
 * @param decoderBias b_dec, [D], in scaled units
 * @param inputMean [D], in captured units
 * @param inputScale [S]
 * @param threshold [F] where the rule has one, else empty
 */
public record Dictionary(
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

  /** A dictionary whose rule has no threshold. */
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
        k,
        encoder,
        encoderBias,
        decoder,
        decoderBias,
        inputMean,
        inputScale,
        new float[0]);
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
        || threshold.length != (type.hasThreshold() ? width : 0)) {
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
              + ", threshold "
              + threshold.length);
    }
    sources = List.copyOf(sources);
  }

  /** F, the number of latents. */
  public int width() {
    return encoder.columns();
  }

  /** D, the number of input columns over all sources. */
  public int inputs() {
    return encoder.rows();
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
}
