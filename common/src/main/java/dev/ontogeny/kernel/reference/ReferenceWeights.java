package dev.ontogeny.kernel.reference;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.type.Selection.AboveThreshold;
import dev.ontogeny.type.TypeSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is learnt, W_enc as [D, F] and W_dec as [F, D], with norms and bars as they are now. */
final class ReferenceWeights {
  final Dictionary initial;
  final int inputs;
  final int width;
  final boolean unitDecoder;
  final Parameter encoder;
  final Parameter encoderBias;
  final Parameter decoder;
  final Parameter decoderBias;

  /** Of learnt thresholds; without latents otherwise. */
  final Parameter logThreshold;

  /** What a code counts for or not as a whole: all columns, or those of each source. */
  final List<Part> parts = new ArrayList<>();

  /** Columns from … to. */
  record Part(int from, int to) {}

  ReferenceWeights(TypeSettings type, Dictionary initial) {
    this.initial = initial;
    inputs = initial.inputs();
    width = initial.width();
    unitDecoder = type.unitDecoder(initial.reconstructed().size());
    encoder = new Parameter(initial.encoder().values());
    encoderBias = new Parameter(initial.encoderBias());
    decoder = new Parameter(initial.decoder().values());
    decoderBias = new Parameter(initial.decoderBias());
    float[] logarithms = new float[type.selection() instanceof AboveThreshold ? width : 0];
    for (int latent = 0; latent < logarithms.length; latent++) {
      logarithms[latent] = (float) Math.log(initial.threshold()[latent]);
    }
    logThreshold = new Parameter(logarithms);
    if (initial.type().activation().bySource()) {
      int from = 0;
      for (Source source : initial.sources()) {
        parts.add(new Part(from, from + source.width()));
        from += source.width();
      }
    } else {
      parts.add(new Part(0, inputs));
    }
  }

  /** By the tensors' names. */
  Map<String, Parameter> parameters() {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    parameters.put("W_enc", encoder);
    parameters.put("b_enc", encoderBias);
    parameters.put("W_dec", decoder);
    parameters.put("b_dec", decoderBias);
    parameters.put("log_threshold", logThreshold);
    return parameters;
  }

  boolean learnsThresholds() {
    return logThreshold.values.length > 0;
  }

  /** θ where it is learnt, else 0. */
  float threshold(int latent) {
    return learnsThresholds() ? (float) Math.exp(logThreshold.values[latent]) : 0;
  }

  /** What a code has to exceed to count for a part, [parts, F]. */
  float[][] bars() {
    float[][] bars = new float[parts.size()][width];
    for (int p = 0; p < parts.size(); p++) {
      for (int latent = 0; latent < width; latent++) {
        double scale = gateScale(parts.get(p), latent);
        bars[p][latent] = scale > 0 ? (float) (threshold(latent) / scale) : Float.POSITIVE_INFINITY;
      }
    }
    return bars;
  }

  /** What pre-activations are multiplied by before they are compared with θ. */
  double gateScale(Part part, int latent) {
    return initial.type().activation().bySource()
        ? sourceNorm(latent * inputs + part.from, part.to - part.from)
        : 1;
  }

  /** ‖d‖: the norm of a latent's row of W_dec, summed over the sources. */
  double norm(int latent) {
    double norm = 0;
    int at = latent * inputs;
    for (Source source : initial.sources()) {
      norm += sourceNorm(at, source.width());
      at += source.width();
    }
    return norm;
  }

  private double sourceNorm(int at, int count) {
    double squares = 0;
    for (int i = at; i < at + count; i++) {
      squares += (double) decoder.values[i] * decoder.values[i];
    }
    return Math.sqrt(squares);
  }

  /** ‖d‖ as a penalty has it: over the sources of a part, summed. */
  double paidNorm(Part part, int latent) {
    return initial.type().activation().bySource() ? gateScale(part, latent) : norm(latent);
  }

  /** Adds ∂‖d‖/∂d times a factor to a part of the gradient of a latent's row of W_dec. */
  void addToNorm(Part part, int latent, double factor) {
    int from = 0;
    for (Source source : initial.sources()) {
      double norm = sourceNorm(latent * inputs + from, source.width());
      int end = from + source.width();
      for (int i = from; i < end && from >= part.from && end <= part.to && norm > 0; i++) {
        int at = latent * inputs + i;
        decoder.gradient[at] += factor * decoder.values[at] / norm;
      }
      from = end;
    }
  }

  /** Takes from the gradient of each row of W_dec what is parallel to it. */
  void removeParallel() {
    for (int latent = 0; latent < width; latent++) {
      double along = 0;
      for (int i = 0; i < inputs; i++) {
        int at = latent * inputs + i;
        along += decoder.gradient[at] * decoder.values[at];
      }
      for (int i = 0; i < inputs; i++) {
        int at = latent * inputs + i;
        decoder.gradient[at] -= along * decoder.values[at];
      }
    }
  }

  /** Gives rows of a matrix of the decoder's shape unit norm. */
  void normalise(float[] rows) {
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        double value = rows[latent * inputs + i];
        squares += value * value;
      }
      for (int i = 0; i < inputs && squares > 0; i++) {
        rows[latent * inputs + i] /= (float) Math.sqrt(squares);
      }
    }
  }
}
