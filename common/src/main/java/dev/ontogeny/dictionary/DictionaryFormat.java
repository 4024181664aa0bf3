package dev.ontogeny.dictionary;

import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.FurtherTensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code dictionary.safetensors}: the tensors of the data contract under their names, with a probe
 * batch.
 */
public final class DictionaryFormat {
  /** What the header's metadata calls it. */
  static final String NAME = "ontogeny";

  private DictionaryFormat() {}

  /**
   * A small batch with its codes and reconstruction, by which any reader checks its own arithmetic.
   *
   * @param input [n, D], captured units
   * @param code [n, F]
   * @param reconstruction [n, D], captured units
   */
  public record Probe(FloatMatrix input, FloatMatrix code, FloatMatrix reconstruction) {}

  /** Writes tensors and probe; does not close. */
  public static void write(Dictionary dictionary, Probe probe, OutputStream out)
      throws IOException {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("W_enc", tensor(dictionary.encoder()));
    tensors.put("b_enc", Tensor.vector(dictionary.encoderBias()));
    tensors.put("W_dec", tensor(dictionary.decoder()));
    tensors.put("b_dec", Tensor.vector(dictionary.decoderBias()));
    tensors.put("input_mean", Tensor.vector(dictionary.inputMean()));
    tensors.put("input_scale", Tensor.vector(dictionary.inputScale()));
    for (FurtherTensor tensor : dictionary.type().activation().tensors()) {
      tensors.put(
          tensor.name(),
          new Tensor(
              tensor.shape(dictionary.width(), dictionary.inputs()),
              dictionary.further().get(tensor.name())));
    }
    tensors.put("probe_input", tensor(probe.input()));
    tensors.put("probe_code", tensor(probe.code()));
    tensors.put("probe_reconstruction", tensor(probe.reconstruction()));
    Safetensors.write(
        tensors,
        Map.of("format", NAME, "version", Integer.toString(DictionaryMetadata.VERSION)),
        out);
  }

  /** The dictionary that {@code metadata} describes, out of its tensors. */
  public static Dictionary read(DictionaryMetadata metadata, InputStream in, String origin)
      throws IOException {
    Map<String, Tensor> tensors = Safetensors.read(in, origin);
    Map<String, float[]> further = new LinkedHashMap<>();
    for (FurtherTensor tensor : metadata.type().activation().tensors()) {
      String name = tensor.name();
      further.put(name, named(tensors, name, tensor.axes().size(), origin).values());
    }
    FloatMatrix encoder = matrix(tensors, "W_enc", origin);
    if (encoder.columns() != metadata.width()) {
      throw Failure.data(
          "%s has %d latents (W_enc), its dictionary.json says %d",
          origin, encoder.columns(), metadata.width());
    }
    try {
      return new Dictionary(
          metadata.type(),
          metadata.sources(),
          metadata.target(),
          metadata.k(),
          encoder,
          vector(tensors, "b_enc", origin),
          matrix(tensors, "W_dec", origin),
          vector(tensors, "b_dec", origin),
          vector(tensors, "input_mean", origin),
          vector(tensors, "input_scale", origin),
          further);
    } catch (IllegalArgumentException e) {
      throw Failure.data("%s: %s", origin, e.getMessage()).causedBy(e);
    }
  }

  private static Tensor tensor(FloatMatrix matrix) {
    return Tensor.matrix(matrix.rows(), matrix.columns(), matrix.values());
  }

  private static FloatMatrix matrix(Map<String, Tensor> tensors, String name, String origin) {
    Tensor tensor = named(tensors, name, 2, origin);
    return new FloatMatrix(tensor.shape()[0], tensor.shape()[1], tensor.values());
  }

  private static float[] vector(Map<String, Tensor> tensors, String name, String origin) {
    return named(tensors, name, 1, origin).values();
  }

  private static Tensor named(
      Map<String, Tensor> tensors, String name, int dimensions, String origin) {
    Tensor tensor = tensors.get(name);
    if (tensor == null || tensor.shape().length != dimensions) {
      throw Failure.data(
          "%s needs a tensor %s of %d dimensions, it has %s",
          origin, name, dimensions, tensors.keySet());
    }
    return tensor;
  }
}
