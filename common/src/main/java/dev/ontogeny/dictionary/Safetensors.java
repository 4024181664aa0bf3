package dev.ontogeny.dictionary;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * The safetensors container, fp32 tensors only: eight bytes little-endian header length, a JSON
 * header padded with spaces to a multiple of eight, then the tensors' bytes in the header's order
 * without gaps.
 */
public final class Safetensors {
  private static final int CHUNK_FLOATS = 1 << 16;

  /** A longer tensor is believed to be one once so much of it was there. */
  private static final int FIRST_FLOATS = 1 << 20;

  private Safetensors() {}

  /** A tensor of {@code shape}, row-major. */
  public record Tensor(int[] shape, float[] values) {
    public Tensor {
      long size = Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact);
      if (size != values.length) {
        throw new IllegalArgumentException(
            "shape " + Arrays.toString(shape) + " does not hold " + values.length + " values");
      }
    }

    public static Tensor vector(float[] values) {
      return new Tensor(new int[] {values.length}, values);
    }

    public static Tensor matrix(int rows, int columns, float[] values) {
      return new Tensor(new int[] {rows, columns}, values);
    }
  }

  /** Writes the tensors in the map's order; does not close. */
  public static void write(
      Map<String, Tensor> tensors, Map<String, String> metadata, OutputStream out)
      throws IOException {
    ObjectNode header = Json.object();
    if (!metadata.isEmpty()) {
      ObjectNode node = header.putObject("__metadata__");
      // In order of the keys: the order of other maps may differ from one JVM to the next.
      new TreeMap<>(metadata).forEach(node::put);
    }
    long offset = 0;
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      ObjectNode node = header.putObject(entry.getKey());
      node.put("dtype", "F32");
      node.set("shape", Json.tree(entry.getValue().shape()));
      long end = offset + 4L * entry.getValue().values().length;
      node.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] text = Json.line(header).getBytes(StandardCharsets.UTF_8);
    byte[] padded = Arrays.copyOf(text, (text.length + 7) / 8 * 8);
    Arrays.fill(padded, text.length, padded.length, (byte) ' ');
    out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(padded.length).array());
    out.write(padded);
    for (Tensor tensor : tensors.values()) {
      writeFloats(tensor.values(), out);
    }
  }

  /** Reads every tensor; {@code origin} names the file in errors. */
  public static Map<String, Tensor> read(InputStream in, String origin) throws IOException {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, TensorHeader.Place> each :
          TensorHeader.read(in, origin).tensors().entrySet()) {
        TensorHeader.Place place = each.getValue();
        tensors.put(each.getKey(), new Tensor(place.shape(), readFloats(in, place.values())));
      }
    } catch (EOFException e) {
      throw Failure.data("%s ends before its tensors do: it is cut off", origin).causedBy(e);
    }
    return tensors;
  }

  private static void writeFloats(float[] values, OutputStream out) throws IOException {
    ByteBuffer buffer =
        ByteBuffer.allocate(4 * Math.min(CHUNK_FLOATS, Math.max(1, values.length)))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < values.length; at += CHUNK_FLOATS) {
      int count = Math.min(CHUNK_FLOATS, values.length - at);
      buffer.clear();
      buffer.asFloatBuffer().put(values, at, count);
      out.write(buffer.array(), 0, 4 * count);
    }
  }

  /** Memory: as much as the stream has, whatever the header says. */
  private static float[] readFloats(InputStream in, int count) throws IOException {
    float[] values = new float[Math.min(count, FIRST_FLOATS)];
    ByteBuffer buffer =
        ByteBuffer.allocate(4 * Math.min(CHUNK_FLOATS, Math.max(1, count)))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < count; ) {
      if (at == values.length) {
        values = Arrays.copyOf(values, (int) Math.min(count, 16L * at));
      }
      int size = Math.min(CHUNK_FLOATS, values.length - at);
      if (in.readNBytes(buffer.array(), 0, 4 * size) < 4 * size) {
        throw new EOFException("a tensor");
      }
      buffer.clear();
      buffer.asFloatBuffer().get(values, at, size);
      at += size;
    }
    return values;
  }
}
