package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.Transposition;
import dev.ontogeny.type.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is learnt. Weights lie by latent: the encoder as [F, inputs], the decoder as [F, outputs].
 * Of what a transcoder does not read or does not reconstruct nothing is here. {@code dictionary} is
 * the one that training began with, for all that does not change.
 */
final class CpuWeights {
  final Dictionary dictionary;

  /** Columns that the encoder reads. */
  final int inputs;

  /** Columns that the decoder writes. */
  final int outputs;

  /** The sources of these. */
  final List<Source> sources;

  final int width;

  /** Whether the rows of the decoder keep unit norm. */
  final boolean unitDecoder;

  final CpuParameter encoder;
  final CpuParameter encoderBias;
  final CpuParameter decoder;
  final CpuParameter decoderBias;

  /** Those that only some types have, in the order in which they are asked for. */
  private final List<CpuParameter> further = new ArrayList<>();

  private final Loops loops;
  private final Optimiser optimiser;

  CpuWeights(Loops loops, Optimiser optimiser, Dictionary initial, boolean unitDecoder) {
    this.loops = loops;
    this.optimiser = optimiser;
    this.dictionary = initial;
    this.unitDecoder = unitDecoder;
    inputs = initial.readColumns();
    outputs = initial.reconstructedColumns();
    sources = initial.reconstructedSources();
    width = initial.width();
    encoder =
        new CpuParameter(
            "encoder", Transposition.of(initial.encoder().firstRows(inputs)), optimiser);
    encoderBias = new CpuParameter("encoder_bias", initial.encoderBias().clone(), optimiser);
    float[] rows = initial.decoder().values();
    decoder =
        new CpuParameter(
            "decoder",
            moved(rows, initial.inputs(), firstOutput(), outputs, 0, outputs),
            optimiser);
    decoderBias =
        new CpuParameter(
            "decoder_bias",
            Arrays.copyOfRange(initial.decoderBias(), firstOutput(), initial.inputs()),
            optimiser);
  }

  /** The first of the columns that are reconstructed, among those of all sources. */
  private int firstOutput() {
    return dictionary.inputs() - outputs;
  }

  /**
   * Some columns of a matrix of F rows as columns of another, zeros beside them.
   *
   * @param stride columns of the one
   * @param from the first of those that are moved
   * @param columns of the other
   * @param to where they go
   */
  private float[] moved(float[] rows, int stride, int from, int columns, int to, int count) {
    float[] result = new float[Math.multiplyExact(width, columns)];
    for (int latent = 0; latent < width; latent++) {
      System.arraycopy(rows, latent * stride + from, result, latent * columns + to, count);
    }
    return result;
  }

  /** Whether b_dec is subtracted from what the encoder reads, so that it gets a gradient there. */
  boolean centresInputs() {
    return dictionary.target() == Target.AUTOENCODER;
  }

  /** One more parameter, which belongs to whoever asks. */
  CpuParameter further(String name, float[] values) {
    CpuParameter parameter = new CpuParameter(name, values, optimiser);
    further.add(parameter);
    return parameter;
  }

  private List<CpuParameter> all() {
    List<CpuParameter> all = new ArrayList<>(List.of(encoder, encoderBias, decoder, decoderBias));
    all.addAll(further);
    return all;
  }

  /** ‖d‖: the norm of a latent's row of W_dec, summed over the sources. */
  float norm(int latent) {
    float[] values = decoder.values;
    float norm = 0;
    int at = latent * outputs;
    // By number: an iterator for every latent would be what steps allocate most.
    for (int s = 0; s < sources.size(); s++) {
      int columns = sources.get(s).width();
      norm += (float) Math.sqrt(loops.dot(values, at, values, at, columns));
      at += columns;
    }
    return norm;
  }

  /** Gives some columns of a row unit norm, if they have any. */
  void normalise(float[] matrix, int at, int columns) {
    float squares = loops.dot(matrix, at, matrix, at, columns);
    if (squares > 0) {
      loops.multiply((float) (1 / Math.sqrt(squares)), matrix, at, columns);
    }
  }

  /** Adam on the latents {@code first … first + size}, and a decoder back to unit norm. */
  void update(int first, int size, float factor, float keep, float average, AdamStep adam) {
    for (int latent = first; latent < first + size; latent++) {
      int at = latent * inputs;
      encoder.update(loops, at, inputs, factor, keep, adam);
      encoder.average(loops, at, inputs, average);
      at = latent * outputs;
      decoder.update(loops, at, outputs, factor, keep, adam);
      if (unitDecoder) {
        normalise(decoder.values, at, outputs);
      }
      decoder.average(loops, at, outputs, average);
    }
    encoderBias.update(loops, first, size, factor, 1, adam);
    encoderBias.average(loops, first, size, average);
  }

  /** The gradients of the last batch by tensor; encoder and decoder by latent. */
  Map<String, float[]> gradients() {
    Map<String, float[]> gradients = new LinkedHashMap<>();
    gradients.put("W_enc", encoder.gradient);
    gradients.put("b_enc", encoderBias.gradient);
    gradients.put("W_dec", decoder.gradient);
    gradients.put("b_dec", decoderBias.gradient);
    further.forEach(parameter -> gradients.put(parameter.name(), parameter.gradient));
    return gradients;
  }

  /**
   * The dictionary as it is now.
   *
   * @param tensors those that its type has beside
   */
  Dictionary snapshot(Map<String, float[]> tensors) {
    float[] rows = decoder.result();
    if (unitDecoder) {
      for (int latent = 0; latent < width; latent++) {
        normalise(rows, latent * outputs, outputs);
      }
    }
    int all = dictionary.inputs();
    float[] byInput = Transposition.of(new FloatMatrix(width, inputs, encoder.result()));
    float[] bias = new float[all];
    System.arraycopy(decoderBias.result(), 0, bias, firstOutput(), outputs);
    return new Dictionary(
        dictionary.type(),
        dictionary.sources(),
        dictionary.target(),
        dictionary.k(),
        new FloatMatrix(all, width, Arrays.copyOf(byInput, all * width)),
        encoderBias.result(),
        new FloatMatrix(width, all, moved(rows, outputs, 0, all, firstOutput(), outputs)),
        bias,
        dictionary.inputMean(),
        dictionary.inputScale(),
        tensors);
  }

  void save(Map<String, float[]> state) {
    all().forEach(parameter -> parameter.save(state));
  }

  void restore(Map<String, float[]> state) {
    all().forEach(parameter -> parameter.restore(state));
  }
}
