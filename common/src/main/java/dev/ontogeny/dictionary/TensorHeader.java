package dev.ontogeny.dictionary;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FormatVersion;
import dev.ontogeny.run.Json;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What a safetensors file says of its tensors, checked: they are fp32, lie one after the other, and
 * have as many bytes as their shapes need. That the file is as long is seen when they are read.
 *
 * @param dataStart where the bytes of the tensors begin in the file
 * @param tensors by name, in the order in which they lie
 */
public record TensorHeader(long dataStart, Map<String, Place> tensors) {
  /** Of the format's own definition. */
  private static final long LONGEST = 100_000_000;

  private static final String METADATA = "__metadata__";

  /**
   * Where a tensor lies.
   *
   * @param shape its axes, none negative
   * @param start its first byte, from {@link #dataStart} on
   * @param values how many numbers it has
   */
  public record Place(int[] shape, long start, int values) {}

  /**
   * How a safetensors file begins.
   *
   * @param json places of tensors by name, and metadata
   * @param length bytes of that, which eight others precede
   */
  public record Beginning(JsonNode json, long length) {}

  /**
   * Reads the beginning of a safetensors file of anybody's, up to the first tensor, as it is.
   *
   * @throws Failure of data that names {@code origin}, if it is no such file
   * @throws EOFException if it is cut off
   */
  public static Beginning beginning(InputStream in, String origin) throws IOException {
    byte[] size = in.readNBytes(Long.BYTES);
    if (size.length < Long.BYTES) {
      throw new EOFException("the length of the header");
    }
    long length = ByteBuffer.wrap(size).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 2 || length > LONGEST) {
      throw Failure.data(
          "%s is no safetensors file: its header would be %d bytes long", origin, length);
    }
    byte[] text = in.readNBytes((int) length);
    if (text.length < length) {
      throw new EOFException("the header");
    }
    JsonNode header = Json.read(new String(text, StandardCharsets.UTF_8), JsonNode.class, origin);
    if (!header.isObject()) {
      throw Failure.data("%s is no safetensors file: its header is no object", origin);
    }
    return new Beginning(header, length);
  }

  /**
   * Reads the beginning of a file, up to the first tensor. Memory: as much as there is of it.
   *
   * @throws Failure of data that names {@code origin}, if it is no such file, or is of a version
   *     that this build does not read
   * @throws EOFException if it is cut off
   */
  public static TensorHeader read(InputStream in, String origin) throws IOException {
    Beginning beginning = beginning(in, origin);
    JsonNode header = beginning.json;
    JsonNode metadata = header.path(METADATA);
    if (metadata.path("format").asText().equals(DictionaryFormat.NAME)) {
      FormatVersion.Check.require(origin, metadata.path("version"), DictionaryMetadata.VERSION);
    }
    Map<String, Place> tensors = new LinkedHashMap<>();
    long offset = 0;
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      if (!entry.getKey().equals(METADATA)) {
        Place place = place(entry.getKey(), entry.getValue(), offset, origin);
        tensors.put(entry.getKey(), place);
        offset += (long) Float.BYTES * place.values();
      }
    }
    return new TensorHeader(Long.BYTES + beginning.length, tensors);
  }

  private static Place place(String name, JsonNode said, long offset, String origin) {
    JsonNode axes = said.path("shape");
    JsonNode offsets = said.path("data_offsets");
    int[] shape =
        IntStream.range(0, axes.size())
            .map(axis -> axes.path(axis).canConvertToInt() ? axes.path(axis).intValue() : -1)
            .toArray();
    long values = values(shape);
    if (!said.path("dtype").asText().equals("F32")
        || !axes.isArray()
        || values < 0
        || offsets.path(0).asLong(-1) != offset
        || offsets.path(1).asLong(-1) != offset + Float.BYTES * values) {
      throw Failure.data(
          "%s: tensor %s should be F32, begin at byte %d and have four bytes for each number of its shape, its header says %s",
          origin, name, offset, said);
    }
    return new Place(shape, offset, (int) values);
  }

  /** How many numbers a tensor of a shape has; -1 where they are more than an array holds. */
  private static long values(int[] shape) {
    if (Arrays.stream(shape).anyMatch(axis -> axis < 0)) {
      return -1;
    }
    long values = 1;
    for (int axis : shape) {
      values *= axis;
      if (values > Integer.MAX_VALUE - 8) {
        return -1;
      }
    }
    return values;
  }
}
