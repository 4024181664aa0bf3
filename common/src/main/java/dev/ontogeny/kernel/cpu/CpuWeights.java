package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is learnt. Weights lie by latent, [F, D], encoder and decoder alike. {@code dictionary} is
 * the one that training began with, for all that does not change.
 */
final class CpuWeights {
  final Dictionary dictionary;
  final int inputs;
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
    inputs = initial.inputs();
    width = initial.width();
    encoder = new CpuParameter("encoder", Transposition.of(initial.encoder()), optimiser);
    encoderBias = new CpuParameter("encoder_bias", initial.encoderBias().clone(), optimiser);
    decoder =
        new CpuParameter(
            "decoder", Arrays.copyOf(initial.decoder().values(), width * inputs), optimiser);
    decoderBias = new CpuParameter("decoder_bias", initial.decoderBias().clone(), optimiser);
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
    int at = latent * inputs;
    for (Source source : dictionary.sources()) {
      norm += (float) Math.sqrt(loops.dot(values, at, values, at, source.width()));
      at += source.width();
    }
    return norm;
  }

  /** Gives a row of a matrix of the decoder's shape unit norm, if it has any. */
  void normalise(float[] matrix, int at) {
    float squares = loops.dot(matrix, at, matrix, at, inputs);
    if (squares > 0) {
      loops.multiply((float) (1 / Math.sqrt(squares)), matrix, at, inputs);
    }
  }

  /** Adam on the latents {@code first … first + size}, and a decoder back to unit norm. */
  void update(int first, int size, float factor, float keep, float average, AdamStep adam) {
    for (int latent = first; latent < first + size; latent++) {
      int at = latent * inputs;
      encoder.update(loops, at, inputs, factor, keep, adam);
      encoder.average(loops, at, inputs, average);
      decoder.update(loops, at, inputs, factor, keep, adam);
      if (unitDecoder) {
        normalise(decoder.values, at);
      }
      decoder.average(loops, at, inputs, average);
    }
    encoderBias.update(loops, first, size, factor, 1, adam);
    encoderBias.average(loops, first, size, average);
  }

  /** The gradients of the last batch by tensor; encoder and decoder by latent, [F, D]. */
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
        normalise(rows, latent * inputs);
      }
    }
    return new Dictionary(
        dictionary.type(),
        dictionary.sources(),
        dictionary.k(),
        new FloatMatrix(
            inputs, width, Transposition.of(new FloatMatrix(width, inputs, encoder.result()))),
        encoderBias.result(),
        new FloatMatrix(width, inputs, rows),
        decoderBias.result(),
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
