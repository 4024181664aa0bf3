package dev.ontogeny.export;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Target;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A dictionary that reads activations as they were captured: pre = (x − inputBias) · encoder +
 * encoderBias, code = rule of the type, x̂ = code · decoder + decoderBias. Codes are those of the
 * dictionary that it was folded out of; the others' units are captured ones. R columns are read and
 * W columns are written, the same ones but for a transcoder.
 *
 * @param type the rule
 * @param target whether it writes what it reads
 * @param k latents of a row, 0 where the rule has none
 * @param widths of the sources that it reads, side by side
 * @param encoder [R, F]
 * @param inputBias [R]
 * @param encoderBias [F]
 * @param decoder [F, W]
 * @param decoderBias [W]
 * @param threshold [F] where the rule compares with one, else empty
 */
public record PlainDictionary(
    DictionaryType type,
    Target target,
    int k,
    List<Integer> widths,
    FloatMatrix encoder,
    float[] inputBias,
    float[] encoderBias,
    FloatMatrix decoder,
    float[] decoderBias,
    float[] threshold) {

  /**
   * Folds centring and scaling into the weights. With inputs centred by m and scaled by s: encoder
   * = s · W_enc, decoder = W_dec / s, decoderBias = b_dec / s + m, and so is inputBias. Where m is
   * zero and s is one, all numbers stay as they are, bit by bit.
   *
   * @throws IllegalArgumentException for a type that is gated by source: its norms are those of
   *     scaled units
   */
  public static PlainDictionary folded(Dictionary dictionary) {
    if (dictionary.type().activation().bySource()) {
      throw new IllegalArgumentException(dictionary.type() + " is no plain rule");
    }
    int inputs = dictionary.inputs();
    int width = dictionary.width();
    int read = dictionary.readColumns();
    int written = dictionary.reconstructedColumns();
    float[] scale = dictionary.columnScale();
    float[] bias = new float[inputs];
    for (int column = 0; column < inputs; column++) {
      float mean = dictionary.inputMean()[column];
      float own = dictionary.decoderBias()[column] / scale[column];
      // Zero is not added: it would turn a negative zero.
      bias[column] =
          mean == 0
              ? own
              : (float) (dictionary.decoderBias()[column] / (double) scale[column] + mean);
    }
    FloatMatrix encoder = FloatMatrix.zeros(read, width);
    for (int row = 0; row < read; row++) {
      for (int latent = 0; latent < width; latent++) {
        encoder.values()[row * width + latent] = dictionary.encoder().at(row, latent) * scale[row];
      }
    }
    FloatMatrix decoder = FloatMatrix.zeros(width, written);
    for (int latent = 0; latent < width; latent++) {
      for (int column = 0; column < written; column++) {
        int from = inputs - written + column;
        decoder.values()[latent * written + column] =
            dictionary.decoder().at(latent, from) / scale[from];
      }
    }
    return new PlainDictionary(
        dictionary.type(),
        dictionary.target(),
        dictionary.k(),
        dictionary.readSources().stream().map(Source::width).toList(),
        encoder,
        Arrays.copyOf(bias, read),
        dictionary.encoderBias(),
        decoder,
        Arrays.copyOfRange(bias, inputs - written, inputs),
        dictionary.threshold());
  }

  /** F, the number of latents. */
  public int width() {
    return encoder.columns();
  }

  /** R, how many columns are read. */
  public int read() {
    return encoder.rows();
  }

  /** W, how many columns are written. */
  public int written() {
    return decoder.columns();
  }

  /** Whether what is subtracted before encoding is what is added after decoding. */
  public boolean subtractsDecoderBias() {
    return Arrays.equals(inputBias, decoderBias);
  }

  /**
   * The same with an inputBias of zero: encoderBias − inputBias · encoder, added up in doubles. For
   * formats whose encoders read inputs as they are.
   */
  public PlainDictionary absorbed() {
    return rebased(new float[read()]);
  }

  /** The same with another inputBias, for which the encoderBias makes up. */
  private PlainDictionary rebased(float[] other) {
    if (Arrays.equals(inputBias, other)) {
      return this;
    }
    float[] bias = new float[width()];
    double[] sums = new double[width()];
    for (int row = 0; row < read(); row++) {
      double difference = (double) other[row] - inputBias[row];
      for (int latent = 0; latent < sums.length; latent++) {
        sums[latent] += difference * encoder.at(row, latent);
      }
    }
    for (int latent = 0; latent < bias.length; latent++) {
      bias[latent] = (float) (encoderBias[latent] + sums[latent]);
    }
    return new PlainDictionary(
        type, target, k, widths, encoder, other, bias, decoder, decoderBias, threshold);
  }

  /**
   * The same reconstructions by decoder rows of unit norm, n being what it was: encoder · n,
   * encoderBias · n, threshold · n, and codes are n times as large. None of the norms is zero.
   * Where codes of different latents are compared, it is another rule: that of codes times norms.
   */
  PlainDictionary ofUnitRows() {
    int width = width();
    FloatMatrix longer = FloatMatrix.zeros(read(), width);
    FloatMatrix unit = FloatMatrix.zeros(width, written());
    float[] bias = new float[width];
    float[] bars = new float[threshold.length];
    for (int latent = 0; latent < width; latent++) {
      double norm = decoder.norm(latent);
      bias[latent] = (float) (encoderBias[latent] * norm);
      if (bars.length > 0) {
        bars[latent] = (float) (threshold[latent] * norm);
      }
      for (int row = 0; row < read(); row++) {
        longer.values()[row * width + latent] = (float) (encoder.at(row, latent) * norm);
      }
      for (int column = 0; column < written(); column++) {
        unit.values()[latent * written() + column] = (float) (decoder.at(latent, column) / norm);
      }
    }
    return new PlainDictionary(
        type, target, k, widths, longer, inputBias, bias, unit, decoderBias, bars);
  }

  /**
   * As a dictionary of ours. With scales of one bit by bit the same numbers where {@link
   * #subtractsDecoderBias}, and of a transcoder; where inputs were not centred encoderBias makes up
   * for what the decoder's bias is taken away for.
   *
   * @param sources what is read and written, as {@link Dictionary} has them
   * @param scale of each of them, ones for a transcoder: codes stay as they are
   */
  public Dictionary dictionary(List<Source> sources, float[] scale) {
    if (target == Target.TRANSCODER) {
      return transcoder(sources);
    }
    PlainDictionary tied = subtractsDecoderBias() ? this : rebased(decoderBias);
    int width = width();
    float[] ofColumn = new float[read()];
    int at = 0;
    for (int s = 0; s < sources.size(); s++) {
      Arrays.fill(ofColumn, at, at + sources.get(s).width(), scale[s]);
      at += sources.get(s).width();
    }
    FloatMatrix scaledEncoder = FloatMatrix.zeros(read(), width);
    FloatMatrix scaledDecoder = FloatMatrix.zeros(width, read());
    float[] scaledBias = new float[read()];
    for (int column = 0; column < read(); column++) {
      scaledBias[column] = decoderBias[column] * ofColumn[column];
      for (int latent = 0; latent < width; latent++) {
        scaledEncoder.values()[column * width + latent] =
            encoder.at(column, latent) / ofColumn[column];
        scaledDecoder.values()[latent * read() + column] =
            decoder.at(latent, column) * ofColumn[column];
      }
    }
    return new Dictionary(
        type,
        sources,
        target,
        k,
        scaledEncoder,
        tied.encoderBias,
        scaledDecoder,
        scaledBias,
        new float[read()],
        scale,
        further());
  }

  /** What is read is centred by inputBias; everything else of the two sources is zero. */
  private Dictionary transcoder(List<Source> sources) {
    int read = read();
    int inputs = read + written();
    int width = width();
    FloatMatrix wideEncoder = FloatMatrix.zeros(inputs, width);
    System.arraycopy(encoder.values(), 0, wideEncoder.values(), 0, read * width);
    FloatMatrix wideDecoder = FloatMatrix.zeros(width, inputs);
    for (int latent = 0; latent < width; latent++) {
      System.arraycopy(
          decoder.values(),
          latent * written(),
          wideDecoder.values(),
          latent * inputs + read,
          written());
    }
    float[] bias = new float[inputs];
    System.arraycopy(decoderBias, 0, bias, read, written());
    return new Dictionary(
        type,
        sources,
        target,
        k,
        wideEncoder,
        encoderBias,
        wideDecoder,
        bias,
        Arrays.copyOf(inputBias, inputs),
        new float[] {1, 1},
        further());
  }

  private Map<String, float[]> further() {
    return threshold.length == 0 ? Map.of() : Map.of(FurtherTensor.THRESHOLD.name(), threshold);
  }
}
