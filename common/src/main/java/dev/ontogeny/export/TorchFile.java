package dev.ontogeny.export;

import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.run.Failure;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * Reads what {@code torch.save} wrote of a dictionary of tensors. Nothing in it is executed: {@link
 * TensorPickle} knows the few things that such a file is made of and refuses all others. The file
 * is copied to this machine's temporary folder meanwhile, since its list of contents stands at its
 * end.
 */
final class TorchFile {
  private static final String CONVERT =
      "open it in Python and write its tensors again: torch.save(module.state_dict(), 'ae.pt') of PyTorch 1.6 or later";

  private TorchFile() {}

  /** All tensors of a file. */
  static PeerTensors read(Folder folder, String file) throws IOException {
    String origin = folder.resolve(file);
    Path copy = Files.createTempFile("ontogeny-", ".pt");
    try {
      try (InputStream in = folder.open(file)) {
        Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
      }
      try (ZipFile zip = new ZipFile(copy.toFile())) {
        return new PeerTensors(origin, tensors(zip, origin));
      }
    } catch (FileNotFoundException e) {
      throw Failure.data("%s does not exist", origin).causedBy(e);
    } catch (ZipException e) {
      throw Failure.data(
              "%s is no archive of PyTorch, or is cut off (%s): %s",
              origin, e.getMessage(), CONVERT)
          .causedBy(e);
    } catch (EOFException e) {
      throw Failure.data("%s is cut off: %s ends too early", origin, e.getMessage()).causedBy(e);
    } finally {
      Files.deleteIfExists(copy);
    }
  }

  private static Map<String, Tensor> tensors(ZipFile zip, String origin) throws IOException {
    ZipEntry pickle =
        zip.stream()
            .filter(each -> each.getName().matches("[^/]+/data\\.pkl"))
            .findFirst()
            .orElseThrow(() -> Failure.data("%s holds no tensors of PyTorch: %s", origin, CONVERT));
    String name = pickle.getName().substring(0, pickle.getName().indexOf('/'));
    requireLittleEndian(zip, name, origin);
    Map<String, TensorPickle.Place> places;
    try (InputStream in = new BufferedInputStream(zip.getInputStream(pickle))) {
      places = TensorPickle.read(in, origin, CONVERT);
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<String, TensorPickle.Place> each : places.entrySet()) {
      tensors.put(
          each.getKey(), tensor(zip, name, each.getValue(), origin + ": tensor " + each.getKey()));
    }
    return tensors;
  }

  private static void requireLittleEndian(ZipFile zip, String name, String origin)
      throws IOException {
    ZipEntry order = zip.getEntry(name + "/byteorder");
    if (order == null) {
      // Older ones do not say it, and were written by machines of today.
      return;
    }
    try (InputStream in = zip.getInputStream(order)) {
      String said = new String(in.readNBytes(16), StandardCharsets.UTF_8);
      if (!said.equals("little")) {
        throw Failure.data(
            "%s has numbers in the order of bytes '%s', little can be read", origin, said);
      }
    }
  }

  private static Tensor tensor(ZipFile zip, String name, TensorPickle.Place place, String what)
      throws IOException {
    ZipEntry entry = zip.getEntry(name + "/data/" + place.key());
    if (entry == null) {
      throw Failure.data("%s: the archive lacks its numbers, data/%s", what, place.key());
    }
    long stored = entry.getSize() / place.type().bytes();
    if (stored > Integer.MAX_VALUE - 8 || place.last() >= stored) {
      throw Failure.data(
          "%s: its shape and strides reach to number %d of the %d that are stored",
          what, place.last(), stored);
    }
    float[] storage;
    try (InputStream in = new BufferedInputStream(zip.getInputStream(entry), 1 << 20)) {
      storage = NumberStream.read(in, place.type(), (int) stored, what);
    }
    return new Tensor(
        place.shape(), place.isWhole(storage.length) ? storage : gather(place, storage));
  }

  /** Numbers of a view: those of a matrix that was turned stand as they stood before. */
  private static float[] gather(TensorPickle.Place place, float[] storage) {
    int[] shape = place.shape();
    float[] values = new float[(int) PeerTensors.count(shape)];
    int[] index = new int[shape.length];
    for (int i = 0; i < values.length; i++) {
      long at = place.offset();
      for (int axis = 0; axis < shape.length; axis++) {
        at += (long) index[axis] * place.strides()[axis];
      }
      values[i] = storage[(int) at];
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        if (++index[axis] < shape[axis]) {
          break;
        }
        index[axis] = 0;
      }
    }
    return values;
  }
}
