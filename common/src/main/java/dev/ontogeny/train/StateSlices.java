package dev.ontogeny.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A kernel's state cut into parts of about as many latents each: part p of a tensor that has values
 * for each of F latents begins at latent ⌊F·p/parts⌋. Tensors that have none are all in part 0.
 *
 * @param width F
 */
record StateSlices(int width, int parts) {
  /** A part of every tensor, some of them empty. */
  Map<String, float[]> part(Map<String, float[]> state, int part) {
    Map<String, float[]> slice = new LinkedHashMap<>();
    state.forEach(
        (name, values) ->
            slice.put(
                name, Arrays.copyOfRange(values, start(values, part), start(values, part + 1))));
    return slice;
  }

  private int start(float[] values, int part) {
    if (values.length % width != 0) {
      return part == 0 ? 0 : values.length;
    }
    return values.length / width * (int) ((long) width * part / parts);
  }

  /** The tensors again. */
  static Map<String, float[]> join(List<Map<String, float[]>> slices) {
    Map<String, float[]> state = new LinkedHashMap<>();
    for (String name : slices.get(0).keySet()) {
      List<float[]> pieces = new ArrayList<>();
      slices.forEach(slice -> pieces.add(slice.get(name)));
      float[] whole = new float[pieces.stream().mapToInt(each -> each.length).sum()];
      int at = 0;
      for (float[] piece : pieces) {
        System.arraycopy(piece, 0, whole, at, piece.length);
        at += piece.length;
      }
      state.put(name, whole);
    }
    return state;
  }
}
