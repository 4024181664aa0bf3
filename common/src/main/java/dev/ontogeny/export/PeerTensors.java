package dev.ontogeny.export;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.TensorHeader;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.DoublePredicate;

/**
 * The tensors of a peer's file, asked for by name and shape. Whoever reads a format takes all that
 * he knows and then says so ({@link #nothingElse}): a tensor that nobody took would change what the
 * dictionary does.
 */
final class PeerTensors {
  /** For an axis of any length. */
  static final int ANY = -1;

  private final String origin;
  private final Map<String, Tensor> tensors;
  private final Set<String> taken = new HashSet<>();

  PeerTensors(String origin, Map<String, Tensor> tensors) {
    this.origin = origin;
    this.tensors = tensors;
  }

  /** Reads a safetensors file of float32, float16, bfloat16 or whole numbers. */
  static PeerTensors ofSafetensors(Folder folder, String file) throws IOException {
    String origin = folder.resolve(file);
    try (InputStream in = new BufferedInputStream(folder.open(file), 1 << 20)) {
      return new PeerTensors(origin, read(in, origin));
    } catch (FileNotFoundException e) {
      throw Failure.data("%s does not exist", origin).causedBy(e);
    } catch (EOFException e) {
      throw Failure.data("%s is cut off: it ends before its tensors do", origin).causedBy(e);
    }
  }

  /** Where a tensor lies. */
  private record Place(String name, NumberType type, int[] shape, long begin, int count) {}

  private static Map<String, Tensor> read(InputStream in, String origin) throws IOException {
    List<Place> places = new ArrayList<>();
    for (Map.Entry<String, JsonNode> each :
        TensorHeader.beginning(in, origin).json().properties()) {
      if (!each.getKey().equals("__metadata__")) {
        places.add(place(each.getKey(), each.getValue(), origin));
      }
    }
    places.sort(Comparator.comparingLong(Place::begin));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    long at = 0;
    for (Place place : places) {
      if (place.begin() != at) {
        throw Failure.data(
            "%s: tensor %s begins at byte %d, where the one before ends at %d",
            origin, place.name(), place.begin(), at);
      }
      tensors.put(
          place.name(),
          new Tensor(
              place.shape(),
              NumberStream.read(
                  in, place.type(), place.count(), origin + ": tensor " + place.name())));
      at += (long) place.type().bytes() * place.count();
    }
    return tensors;
  }

  private static Place place(String name, JsonNode said, String origin) {
    String dtype = said.path("dtype").asText();
    NumberType type =
        NumberType.ofSafetensors(dtype)
            .orElseThrow(
                () ->
                    Failure.data(
                        "%s: tensor %s is of type %s: %s",
                        origin, name, dtype, NumberType.known()));
    JsonNode axes = said.path("shape");
    int[] shape = new int[axes.size()];
    for (int axis = 0; axis < shape.length; axis++) {
      shape[axis] = axes.path(axis).canConvertToInt() ? axes.path(axis).intValue() : ANY;
    }
    long count = count(shape);
    long begin = said.path("data_offsets").path(0).asLong(-1);
    long end = said.path("data_offsets").path(1).asLong(-1);
    if (!axes.isArray() || count < 0 || begin < 0 || end - begin != count * type.bytes()) {
      throw Failure.data(
          "%s: tensor %s should have %d bytes for each number of its shape, its header says %s",
          origin, name, type.bytes(), said);
    }
    return new Place(name, type, shape, begin, (int) count);
  }

  /** How many numbers a tensor of a shape has; -1 where they are more than an array holds. */
  static long count(int[] shape) {
    long count = 1;
    for (int axis : shape) {
      if (axis < 0) {
        return -1;
      }
      count *= axis;
      if (count > Integer.MAX_VALUE - 8) {
        return -1;
      }
    }
    return count;
  }

  /** The names of all tensors. */
  Set<String> names() {
    return new TreeSet<>(tensors.keySet());
  }

  boolean has(String name) {
    return tensors.containsKey(name);
  }

  /** The length of an axis, for whoever learns sizes from tensors. */
  int axis(String name, int axis, int axes) {
    int[] any = new int[axes];
    Arrays.fill(any, ANY);
    return tensor(name, any).shape()[axis];
  }

  /** A matrix of that shape, all of it finite. */
  FloatMatrix matrix(String name, int rows, int columns) {
    Tensor tensor = finite(name, rows, columns);
    return new FloatMatrix(tensor.shape()[0], tensor.shape()[1], tensor.values());
  }

  /** A vector of that length, all of it finite. */
  float[] vector(String name, int length) {
    return finite(name, length).values();
  }

  /** Any tensor of that shape, all of it finite. */
  float[] values(String name, int... shape) {
    return finite(name, shape).values();
  }

  /** A vector of that length whose numbers may be positive infinity, but not NaN. */
  float[] bars(String name, int length) {
    Tensor tensor = tensor(name, length);
    requireNumbers(name, tensor, value -> Double.isFinite(value) || value > 0);
    return tensor.values();
  }

  /** A vector of that length of logarithms of such numbers: those of zero and infinity as well. */
  float[] logarithms(String name, int length) {
    Tensor tensor = tensor(name, length);
    requireNumbers(name, tensor, value -> !Double.isNaN(value));
    return tensor.values();
  }

  /** A tensor without axes. */
  float scalar(String name) {
    return finite(name).values()[0];
  }

  /** Leaves a tensor aside that changes no code. */
  void pass(String name) {
    taken.add(name);
  }

  /**
   * Says that all tensors are taken that there should be.
   *
   * @param dictionary what they are of, for the error
   */
  void nothingElse(String dictionary) {
    Set<String> others = names();
    others.removeAll(taken);
    if (!others.isEmpty()) {
      throw Failure.data(
          "%s has tensors that %s does not have: %s; without them codes would be others",
          origin, dictionary, others);
    }
  }

  private Tensor finite(String name, int... shape) {
    Tensor tensor = tensor(name, shape);
    requireNumbers(name, tensor, Double::isFinite);
    return tensor;
  }

  private void requireNumbers(String name, Tensor tensor, DoublePredicate usable) {
    float[] values = tensor.values();
    for (int i = 0; i < values.length; i++) {
      if (!usable.test(values[i])) {
        throw Failure.data(
            "%s: tensor %s has %s, at number %d of its shape %s: only finite numbers can be used",
            origin, name, values[i], i, Arrays.toString(tensor.shape()));
      }
    }
  }

  private Tensor tensor(String name, int... shape) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw Failure.data(
          "%s lacks a tensor %s of shape %s; it has %s", origin, name, told(shape), names());
    }
    boolean fits = tensor.shape().length == shape.length;
    for (int axis = 0; fits && axis < shape.length; axis++) {
      fits = shape[axis] == ANY ? tensor.shape()[axis] > 0 : tensor.shape()[axis] == shape[axis];
    }
    if (!fits) {
      throw Failure.data(
          "%s: tensor %s should be of shape %s, it is of %s",
          origin, name, told(shape), Arrays.toString(tensor.shape()));
    }
    taken.add(name);
    return tensor;
  }

  private static String told(int[] shape) {
    return Arrays.toString(shape).replace("-1", "any");
  }
}
