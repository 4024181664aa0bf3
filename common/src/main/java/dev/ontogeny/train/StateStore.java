package dev.ontogeny.train;

import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.run.Json;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * States of training runs, so that a killed task goes on where it was. The tensors are written
 * first, under a fresh name; then one small file that points to them replaces its predecessor. A
 * state that is found is whole.
 */
final class StateStore {
  private final Folder folder;
  private final String path;

  StateStore(Folder folder, String path) {
    this.folder = folder;
    this.path = path;
  }

  /**
   * Of one dictionary.
   *
   * @param step steps done
   * @param kernel of {@link dev.ontogeny.kernel.TrainingKernel#state}
   */
  record State(long step, Map<String, float[]> kernel, List<LogRow> log, LogRow.Sums sums) {}

  private record Pointer(long step, String tensors, List<LogRow> log, LogRow.Sums sums) {}

  /** What was saved last. */
  Optional<State> load(String id) throws IOException {
    Optional<Pointer> pointer = pointer(id);
    if (pointer.isEmpty()) {
      return Optional.empty();
    }
    Map<String, float[]> kernel = read(folder, pointer.get().tensors());
    return Optional.of(
        new State(pointer.get().step(), kernel, pointer.get().log(), pointer.get().sums()));
  }

  /** Tensors of a file by name. */
  static Map<String, float[]> read(Folder folder, String file) throws IOException {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    try (InputStream in = new BufferedInputStream(folder.open(file), 1 << 20)) {
      Safetensors.read(in, folder.resolve(file))
          .forEach((name, tensor) -> tensors.put(name, tensor.values()));
    }
    return tensors;
  }

  /** A file of such tensors. */
  static void write(Folder folder, String file, Map<String, float[]> tensors) throws IOException {
    Map<String, Tensor> map = new LinkedHashMap<>();
    tensors.forEach((name, values) -> map.put(name, Tensor.vector(values)));
    try (OutputStream out = new BufferedOutputStream(folder.create(file), 1 << 20)) {
      Safetensors.write(map, Map.of(), out);
    }
  }

  void save(String id, State state) throws IOException {
    Optional<Pointer> before = pointer(id);
    String tensors =
        path + "/" + id + "-" + state.step() + "-" + UUID.randomUUID() + ".safetensors";
    write(folder, tensors, state.kernel());
    folder.replaceText(
        pointerPath(id), Json.line(new Pointer(state.step(), tensors, state.log(), state.sums())));
    if (before.isPresent()) {
      folder.delete(before.get().tensors());
    }
  }

  /** Forgets a dictionary that is finished. */
  void clear(String id) throws IOException {
    Optional<Pointer> last = pointer(id);
    folder.delete(pointerPath(id));
    if (last.isPresent()) {
      folder.delete(last.get().tensors());
    }
  }

  private Optional<Pointer> pointer(String id) throws IOException {
    try {
      String text = folder.readText(pointerPath(id));
      return Optional.of(Json.read(text, Pointer.class, folder.resolve(pointerPath(id))));
    } catch (FileNotFoundException none) {
      return Optional.empty();
    }
  }

  private String pointerPath(String id) {
    return path + "/" + id + ".json";
  }
}
