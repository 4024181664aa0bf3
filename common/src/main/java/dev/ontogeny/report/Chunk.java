package dev.ontogeny.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Data as a script: {@code ontogeny.chunk("name", value);}. Browsers refuse to fetch files from
 * {@code file://} but do run scripts from there. Texts come from outside, so a script is ASCII
 * alone, with every other character, control characters, lone surrogates and {@code < > & '} as
 * escapes: no charset, no surrounding markup and no right-to-left mark can change what it says.
 */
public final class Chunk {
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

  static {
    JSON.setCharacterEscapes(new MarkupEscapes());
  }

  private Chunk() {}

  /** JSON that is already written: it goes into a chunk as it is. */
  public record Verbatim(String json) {}

  /** The bytes of a chunk's file. */
  public static byte[] script(String name, Object value) {
    return ("ontogeny.chunk(" + json(name) + "," + json(value) + ");\n")
        .getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * A value as JSON: texts, numbers, truth values, primitive arrays, lists, maps in their own
   * order, {@link PageTable}, {@link JsonNode}s and {@link Verbatim}. Numbers that are not finite
   * become null, whole ones lose their fraction, and every other one is written so that it reads
   * back as the same number.
   */
  public static String json(Object value) {
    StringWriter text = new StringWriter();
    try (JsonGenerator out = JSON.createGenerator(text)) {
      write(out, value);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  private static void write(JsonGenerator out, Object value) throws IOException {
    if (value == null) {
      out.writeNull();
    } else if (value instanceof CharSequence text) {
      out.writeString(text.toString());
    } else if (value instanceof Verbatim verbatim) {
      out.writeRawValue(verbatim.json());
    } else if (value instanceof Double number) {
      writeNumber(out, number, Double.toString(number));
    } else if (value instanceof Float number) {
      writeNumber(out, number, Float.toString(number));
    } else if (value instanceof Number number) {
      out.writeNumber(number.longValue());
    } else if (value instanceof Boolean truth) {
      out.writeBoolean(truth);
    } else if (value instanceof PageTable rows) {
      write(out, rows.asMap());
    } else if (value instanceof Map<?, ?> map) {
      out.writeStartObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.writeFieldName(String.valueOf(entry.getKey()));
        write(out, entry.getValue());
      }
      out.writeEndObject();
    } else if (value instanceof JsonNode node) {
      writeNode(out, node);
    } else {
      writeSequence(out, value);
    }
  }

  private static void writeSequence(JsonGenerator out, Object value) throws IOException {
    out.writeStartArray();
    if (value instanceof Iterable<?> elements) {
      for (Object element : elements) {
        write(out, element);
      }
    } else if (value instanceof Object[] elements) {
      for (Object element : elements) {
        write(out, element);
      }
    } else if (value instanceof double[] elements) {
      for (double element : elements) {
        write(out, element);
      }
    } else if (value instanceof float[] elements) {
      for (float element : elements) {
        write(out, element);
      }
    } else if (value instanceof long[] elements) {
      for (long element : elements) {
        write(out, element);
      }
    } else {
      throw new IllegalArgumentException("no JSON for a " + value.getClass().getName());
    }
    out.writeEndArray();
  }

  private static void writeNode(JsonGenerator out, JsonNode node) throws IOException {
    if (node.isObject()) {
      out.writeStartObject();
      for (Map.Entry<String, JsonNode> field : node.properties()) {
        out.writeFieldName(field.getKey());
        writeNode(out, field.getValue());
      }
      out.writeEndObject();
    } else if (node.isArray()) {
      out.writeStartArray();
      for (JsonNode element : node) {
        writeNode(out, element);
      }
      out.writeEndArray();
    } else if (node.isFloatingPointNumber()) {
      write(out, node.doubleValue());
    } else if (node.isNumber()) {
      out.writeNumber(node.longValue());
    } else if (node.isBoolean()) {
      out.writeBoolean(node.booleanValue());
    } else if (node.isNull()) {
      out.writeNull();
    } else {
      out.writeString(node.asText());
    }
  }

  private static void writeNumber(JsonGenerator out, double value, String text) throws IOException {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      out.writeNull();
    } else if (value == Math.rint(value) && Math.abs(value) < 1L << 53) {
      out.writeNumber((long) value);
    } else {
      out.writeRawValue(text);
    }
  }

  /** What could end a script or an attribute, should a chunk ever be put inside a page. */
  private static final class MarkupEscapes extends CharacterEscapes {
    private static final long serialVersionUID = 1;

    private final int[] escapes = CharacterEscapes.standardAsciiEscapesForJSON();

    MarkupEscapes() {
      for (char each : new char[] {'<', '>', '&', '\'', 0x7f}) {
        escapes[each] = CharacterEscapes.ESCAPE_STANDARD;
      }
    }

    @Override
    public int[] getEscapeCodesForAscii() {
      return escapes;
    }

    @Override
    public SerializableString getEscapeSequence(int character) {
      return null;
    }
  }
}
