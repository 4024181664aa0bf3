package dev.ontogeny.export;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Json;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What several formats write alike. */
final class PeerFiles {
  private PeerFiles() {}

  /** Tensors in the map's order; PyTorch's own readers want to be told that they are PyTorch's. */
  static PublishedFile safetensors(Folder folder, String file, Map<String, Tensor> tensors)
      throws IOException {
    return folder.write(
        file,
        null,
        out -> {
          OutputStream buffered = new BufferedOutputStream(out, 1 << 20);
          Safetensors.write(tensors, Map.of("format", "pt"), buffered);
          buffered.flush();
        });
  }

  static PublishedFile json(Folder folder, String file, JsonNode node) throws IOException {
    byte[] text = Json.pretty(node).getBytes(StandardCharsets.UTF_8);
    return folder.write(file, null, out -> out.write(text));
  }

  static Tensor tensor(FloatMatrix matrix) {
    return Tensor.matrix(matrix.rows(), matrix.columns(), matrix.values());
  }
}
